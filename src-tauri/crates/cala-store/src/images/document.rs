//! Manifests and configurations, read with limits and checked for what an attacker would put in them (security.md R11).

use cala_spec::Digest;
use oci_spec::image::{ImageConfiguration, ImageManifest};
use serde::Deserialize;

use super::ImageRecord;
use crate::blobs::MAX_MANIFEST;
use crate::error::StoreError;
use crate::store::Store;

/// The fields that tell the sorts of documents apart.
#[derive(Debug, Deserialize)]
struct Shape {
    #[serde(rename = "mediaType")]
    media_type: Option<String>,
    layers: Option<serde::de::IgnoredAny>,
    #[serde(rename = "fsLayers")]
    fs_layers: Option<serde::de::IgnoredAny>,
    manifests: Option<serde::de::IgnoredAny>,
}

/// The media types of a manifest and of an index.
const MANIFESTS: [&str; 2] =
    ["application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json"];
const INDEXES: [&str; 2] =
    ["application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json"];

impl Store {
    /// The manifest, verified, at most 4 MiB, and neither an index nor both.
    ///
    /// # Errors
    /// [`StoreError::NoSuchBlob`], [`StoreError::DigestMismatch`], [`StoreError::TooLarge`],
    /// [`StoreError::InvalidDocument`].
    pub fn read_manifest(&self, digest: &Digest) -> Result<(ImageManifest, Vec<u8>), StoreError> {
        let bytes = self.read_blob(digest, MAX_MANIFEST)?;
        let manifest = parse_manifest(digest, None, &bytes)?;
        Ok((manifest, bytes))
    }

    /// The configuration of an image, verified, at most 4 MiB.
    ///
    /// # Errors
    /// As [`Store::read_manifest`].
    pub fn read_image_config(&self, digest: &Digest) -> Result<(ImageConfiguration, Vec<u8>), StoreError> {
        let bytes = self.read_blob(digest, MAX_MANIFEST)?;
        let config = serde_json::from_slice(&bytes).map_err(|error| StoreError::InvalidDocument {
            digest: digest.clone(),
            reason: error.to_string(),
        })?;
        Ok((config, bytes))
    }

    /// The configuration of an image that was recorded.
    ///
    /// # Errors
    /// [`StoreError::ImageDamaged`] says what is wrong.
    pub fn image_config(&self, record: &ImageRecord) -> Result<ImageConfiguration, StoreError> {
        let config = self.read_image_config(&record.image_id);
        config.map(|(config, _)| config).map_err(|error| StoreError::ImageDamaged {
            name: record.shown_name(),
            reason: cala_spec::error::chain(&error),
        })
    }

    /// Checks everything of an image that a container needs: manifest and configuration by digest, layers by presence.
    ///
    /// # Errors
    /// [`StoreError::ImageDamaged`] says what is wrong.
    pub fn verify_image(&self, record: &ImageRecord) -> Result<(), StoreError> {
        let damaged = |reason: String| StoreError::ImageDamaged { name: record.shown_name(), reason };
        self.read_manifest(&record.manifest).map_err(|error| damaged(cala_spec::error::chain(&error)))?;
        self.read_image_config(&record.image_id).map_err(|error| damaged(cala_spec::error::chain(&error)))?;
        match record.layers.iter().find(|layer| !self.layer_diff(&layer.key).is_dir()) {
            Some(layer) => Err(damaged(format!("layer {} is missing", layer.key))),
            None => Ok(()),
        }
    }
}

/// Parses a manifest whose bytes have this digest; `announced` is the media type of its descriptor or of the answer.
///
/// # Errors
/// [`StoreError::InvalidDocument`]: no manifest, an index, both at once, or of another media type than announced.
pub fn parse_manifest(
    digest: &Digest,
    announced: Option<&str>,
    bytes: &[u8],
) -> Result<ImageManifest, StoreError> {
    let invalid = |reason: String| StoreError::InvalidDocument { digest: digest.clone(), reason };
    let shape: Shape = serde_json::from_slice(bytes).map_err(|error| invalid(error.to_string()))?;
    if shape.manifests.is_some() && (shape.layers.is_some() || shape.fs_layers.is_some()) {
        return Err(invalid("it has both `layers` and `manifests`".to_owned()));
    }
    if shape.manifests.is_some() || shape.media_type.as_deref().is_some_and(|t| INDEXES.contains(&t)) {
        return Err(invalid("it is an index, not a manifest".to_owned()));
    }
    if shape.fs_layers.is_some() {
        return Err(invalid("manifests of Docker's schema 1 are not supported".to_owned()));
    }
    if let Some(own) = shape.media_type.as_deref() {
        if !MANIFESTS.contains(&own) {
            return Err(invalid(format!("`{own}` is not the media type of a manifest")));
        }
        if announced.is_some_and(|announced| announced != own) {
            let announced = announced.unwrap_or_default();
            return Err(invalid(format!("it was announced as `{announced}` and says that it is `{own}`")));
        }
    }
    serde_json::from_slice(bytes).map_err(|error| invalid(error.to_string()))
}
