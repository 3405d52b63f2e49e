//! From the documents of an archive to an image whose parts fit together.

use cala_spec::Digest;
use oci_spec::image::{ImageConfiguration, ImageManifest};
use sha2::{Digest as _, Sha256};

use super::contents::Contents;
use super::{FoundImage, FoundLayer};
use crate::blobs::MAX_MANIFEST;
use crate::error::StoreError;
use crate::export::BlobInfo;

/// The digest of bytes.
pub(super) fn digest_of(bytes: &[u8]) -> Digest {
    Digest::sha256(&Sha256::digest(bytes).into())
}

/// The image of a manifest whose blobs lie where `path_of` says.
pub(super) fn image(
    contents: &mut Contents,
    names: Vec<String>,
    manifest: (Digest, Vec<u8>),
    path_of: &dyn Fn(&Digest) -> String,
) -> Result<FoundImage, StoreError> {
    let parsed: ImageManifest = crate::images::parse_manifest(&manifest.0, None, &manifest.1)?;
    let blob = |descriptor: &oci_spec::image::Descriptor| -> Result<BlobInfo, StoreError> {
        let invalid = |reason: String| StoreError::InvalidDocument { digest: manifest.0.clone(), reason };
        let digest: Digest =
            descriptor.digest().to_string().parse().map_err(|error| invalid(format!("{error}")))?;
        Ok(BlobInfo { media_type: descriptor.media_type().to_string(), digest, size: descriptor.size() })
    };
    let config = blob(parsed.config())?;
    let bytes = contents.verified(&path_of(&config.digest), &config.digest, MAX_MANIFEST)?;
    let mut layers = Vec::new();
    for layer in parsed.layers() {
        let blob = blob(layer)?;
        let path = path_of(&blob.digest);
        let got = contents.expect(&path, &blob.digest)?;
        if got != blob.size {
            return Err(StoreError::SizeMismatch { digest: blob.digest, expected: blob.size, got });
        }
        layers.push(FoundLayer { blob, path });
    }
    let diff_ids = diff_ids(&config.digest, &bytes, layers.len())?;
    Ok(FoundImage { names, manifest, config: (config.digest, bytes), diff_ids, layers })
}

/// The diff ids of a configuration, one for each layer.
pub(super) fn diff_ids(id: &Digest, config: &[u8], layers: usize) -> Result<Vec<Digest>, StoreError> {
    let invalid = |reason: String| StoreError::InvalidDocument { digest: id.clone(), reason };
    let config: ImageConfiguration =
        serde_json::from_slice(config).map_err(|error| invalid(error.to_string()))?;
    let ids = config.rootfs().diff_ids();
    if ids.len() != layers {
        return Err(invalid(format!("it has {} layers, its manifest {layers}", ids.len())));
    }
    ids.iter()
        .map(|text| text.parse().map_err(|error| invalid(format!("rootfs.diff_ids: {error}"))))
        .collect()
}
