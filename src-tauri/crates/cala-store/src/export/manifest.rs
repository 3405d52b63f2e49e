//! Manifests that are changed or made. Changed are only the fields that have to be.

use cala_spec::Digest;
use cala_spec::invalid::InvalidValue;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::BlobInfo;
use super::compress::CompressionFormat;
use crate::error::StoreError;

const OCI: &str = "application/vnd.oci.image.manifest.v1+json";
const DOCKER: &str = "application/vnd.docker.distribution.manifest.v2+json";
const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";
const OCI_LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
const DOCKER_LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar";

/// The two types of an image's manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ManifestType {
    /// OCI image specification.
    Oci,
    /// Docker's image manifest, version 2 schema 2.
    Docker,
}

impl ManifestType {
    /// Its media type.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Oci => OCI,
            Self::Docker => DOCKER,
        }
    }

    fn config(self) -> &'static str {
        match self {
            Self::Oci => OCI_CONFIG,
            Self::Docker => DOCKER_CONFIG,
        }
    }
}

impl std::str::FromStr for ManifestType {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        match text {
            "oci" => Ok(Self::Oci),
            "v2s2" | "docker" => Ok(Self::Docker),
            "v2s1" => {
                Err(InvalidValue::new("invalid_manifest_type", "manifests of type \"v2s1\" are not written")
                    .allowing("oci or v2s2; registries no longer take v2s1"))
            }
            _ => Err(InvalidValue::new("invalid_manifest_type", format!("unknown manifest type {text:?}"))
                .allowing("oci or v2s2")),
        }
    }
}

/// A manifest made of parts.
pub(crate) fn make(kind: ManifestType, config: &Digest, config_size: u64, layers: &[BlobInfo]) -> Vec<u8> {
    let layers: Vec<Value> = layers.iter().map(descriptor).collect();
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": kind.media_type(),
        "config": { "mediaType": kind.config(), "digest": config.as_str(), "size": config_size },
        "layers": layers,
    });
    serde_json::to_vec(&manifest).unwrap_or_default()
}

fn descriptor(blob: &BlobInfo) -> Value {
    json!({ "mediaType": blob.media_type, "digest": blob.digest.as_str(), "size": blob.size })
}

/// The media type of a layer after it was compressed anew.
pub(super) fn with_compression(media_type: &str, format: CompressionFormat) -> String {
    match (media_type.starts_with("application/vnd.docker."), format) {
        (true, CompressionFormat::Gzip) => format!("{DOCKER_LAYER}.gzip"),
        (false, CompressionFormat::Gzip) => format!("{OCI_LAYER}+gzip"),
        (_, CompressionFormat::Zstd) => format!("{OCI_LAYER}+zstd"),
    }
}

/// A manifest that may be changed.
#[derive(Debug)]
pub(super) struct Draft {
    value: Value,
    kind: ManifestType,
    changed: bool,
    digest: Digest,
}

impl Draft {
    /// A verified manifest.
    pub(super) fn parse(digest: &Digest, bytes: &[u8]) -> Result<Self, StoreError> {
        let value: Value = serde_json::from_slice(bytes).map_err(|error| StoreError::InvalidDocument {
            digest: digest.clone(),
            reason: error.to_string(),
        })?;
        let config = value.pointer("/config/mediaType").and_then(Value::as_str).unwrap_or_default();
        let kind = match value.get("mediaType").and_then(Value::as_str) {
            Some(DOCKER) => ManifestType::Docker,
            None if config == DOCKER_CONFIG => ManifestType::Docker,
            _ => ManifestType::Oci,
        };
        Ok(Self { value, kind, changed: false, digest: digest.clone() })
    }

    pub(super) fn kind(&self) -> ManifestType {
        self.kind
    }

    pub(super) fn config(&self) -> Result<BlobInfo, StoreError> {
        self.blob(self.value.get("config").unwrap_or(&Value::Null))
    }

    pub(super) fn layers(&self) -> Result<Vec<BlobInfo>, StoreError> {
        self.value
            .get("layers")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .map(|l| self.blob(l))
            .collect()
    }

    fn blob(&self, value: &Value) -> Result<BlobInfo, StoreError> {
        let text = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default();
        let digest = text("digest").parse().map_err(|error| StoreError::InvalidDocument {
            digest: self.digest.clone(),
            reason: format!("{error}"),
        })?;
        let size = value.get("size").and_then(Value::as_u64).unwrap_or(0);
        Ok(BlobInfo { media_type: text("mediaType").to_owned(), digest, size })
    }

    /// Puts other layers in, where they are others.
    pub(super) fn set_layers(&mut self, layers: &[&BlobInfo]) {
        let own = self.value.get_mut("layers").and_then(Value::as_array_mut);
        for (own, layer) in own.into_iter().flatten().zip(layers) {
            if own.get("digest").and_then(Value::as_str) != Some(layer.digest.as_str()) {
                *own = descriptor(layer);
                self.changed = true;
            }
        }
    }

    /// Turns it into another type.
    ///
    /// # Errors
    /// [`StoreError::ArchiveRefused`] when that has no word for what is in it.
    pub(super) fn become_type(&mut self, kind: ManifestType) -> Result<(), StoreError> {
        let layers = self.layers()?;
        if kind == ManifestType::Docker && layers.iter().any(|layer| layer.media_type.ends_with("zstd")) {
            let text =
                "manifests of type v2s2 have no layers of zstd: choose the type oci or the compression gzip";
            return Err(StoreError::ArchiveRefused(text.to_owned()));
        }
        if kind == self.kind {
            return Ok(());
        }
        let config = self.config()?;
        if config.media_type != self.kind.config() {
            let text = format!("`{}` is no image that has another type of manifest", config.media_type);
            return Err(StoreError::ArchiveRefused(text));
        }
        let layers: Vec<BlobInfo> = layers
            .into_iter()
            .map(|layer| BlobInfo { media_type: translated(&layer.media_type, kind), ..layer })
            .collect();
        let annotations = self.value.get("annotations").filter(|_| kind == ManifestType::Oci).cloned();
        let bytes = make(kind, &config.digest, config.size, &layers);
        self.value = serde_json::from_slice(&bytes).unwrap_or_default();
        if let (Some(annotations), Some(object)) = (annotations, self.value.as_object_mut()) {
            object.insert("annotations".to_owned(), annotations);
        }
        (self.kind, self.changed) = (kind, true);
        Ok(())
    }

    /// The bytes and their digest: the original ones unless something was changed.
    pub(super) fn finish(self, digest: &Digest, original: Vec<u8>) -> (Vec<u8>, Digest) {
        if !self.changed {
            return (original, digest.clone());
        }
        let bytes = serde_json::to_vec(&self.value).unwrap_or_default();
        let digest = Digest::sha256(&Sha256::digest(&bytes).into());
        (bytes, digest)
    }
}

fn translated(media_type: &str, kind: ManifestType) -> String {
    let gzip = media_type.ends_with("gzip");
    match kind {
        ManifestType::Oci if gzip => format!("{OCI_LAYER}+gzip"),
        ManifestType::Oci if media_type.ends_with("zstd") => format!("{OCI_LAYER}+zstd"),
        ManifestType::Oci => OCI_LAYER.to_owned(),
        ManifestType::Docker if gzip => format!("{DOCKER_LAYER}.gzip"),
        ManifestType::Docker => DOCKER_LAYER.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(media_type: &str) -> BlobInfo {
        BlobInfo { media_type: media_type.to_owned(), digest: Digest::sha256(&[1; 32]), size: 3 }
    }

    fn draft(kind: ManifestType, layers: &[BlobInfo]) -> (Draft, Vec<u8>, Digest) {
        let bytes = make(kind, &Digest::sha256(&[2; 32]), 7, layers);
        let digest = Digest::sha256(&[3; 32]);
        (Draft::parse(&digest, &bytes).expect("a manifest"), bytes, digest)
    }

    #[test]
    fn an_unchanged_manifest_keeps_its_bytes() {
        let (mut draft, bytes, digest) =
            draft(ManifestType::Docker, &[layer("application/vnd.docker.image.rootfs.diff.tar.gzip")]);
        let layers = draft.layers().expect("layers");
        draft.set_layers(&layers.iter().collect::<Vec<_>>());
        draft.become_type(ManifestType::Docker).expect("its own");
        assert_eq!(draft.finish(&digest, bytes.clone()), (bytes, digest));
    }

    #[test]
    fn types_are_translated_both_ways() {
        let docker = "application/vnd.docker.image.rootfs.diff.tar.gzip";
        let (mut changed, bytes, digest) = draft(ManifestType::Docker, &[layer(docker)]);
        changed.become_type(ManifestType::Oci).expect("possible");
        assert_eq!(changed.layers().expect("layers")[0].media_type, format!("{OCI_LAYER}+gzip"));
        assert_eq!(changed.config().expect("a configuration").media_type, OCI_CONFIG);
        changed.become_type(ManifestType::Docker).expect("possible");
        assert_eq!(changed.layers().expect("layers")[0].media_type, docker);
        let (new, new_digest) = changed.finish(&digest, bytes);
        assert_eq!(new_digest, Digest::sha256(&Sha256::digest(&new).into()));
        let (mut zstd, ..) = draft(ManifestType::Oci, &[layer(&format!("{OCI_LAYER}+zstd"))]);
        assert!(zstd.become_type(ManifestType::Docker).is_err());
    }

    #[test]
    fn other_layers_come_in_and_the_rest_stays() {
        let (mut draft, bytes, digest) = draft(ManifestType::Oci, &[layer(OCI_LAYER), layer(OCI_LAYER)]);
        draft.value["annotations"] = json!({ "a": "b" });
        let other = BlobInfo { digest: Digest::sha256(&[9; 32]), ..layer(&format!("{OCI_LAYER}+gzip")) };
        draft.set_layers(&[&layer(OCI_LAYER), &other]);
        let (new, _) = draft.finish(&digest, bytes);
        let value: Value = serde_json::from_slice(&new).expect("JSON");
        assert_eq!(value["annotations"]["a"], "b");
        assert_eq!(value["layers"][1]["digest"], other.digest.as_str());
        assert_eq!(value["layers"][0]["mediaType"], OCI_LAYER);
    }
}
