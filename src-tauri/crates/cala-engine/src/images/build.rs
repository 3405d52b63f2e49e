//! An image of one new layer, on top of another image or alone: what `commit` and `import` record.

use cala_spec::{Digest, Reference};
use cala_store::helper::UnpackRequest;
use cala_store::{ImageRecord, NewBlob, NewImage};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::{Engine, EngineError, Result};

/// The form of manifest and configuration.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ImageFormat {
    /// The OCI image specification.
    #[default]
    Oci,
    /// Docker's schema 2.
    Docker,
}

/// The layer that is new.
#[derive(Debug)]
pub(super) struct NewLayer {
    /// Its blob, as it will be kept.
    pub(super) blob: NewBlob,
    /// Digest of the blob.
    pub(super) digest: Digest,
    /// Digest of the tar in it.
    pub(super) diff_id: Digest,
    /// Bytes of the blob.
    pub(super) size: u64,
    /// How it is compressed: nothing, `gzip`, `zstd`.
    pub(super) compression: &'static str,
}

/// What lies below the new layer.
#[derive(Debug, Default)]
pub(super) struct Base {
    /// Descriptors of the layers, as the base's manifest has them.
    pub(super) descriptors: Vec<Value>,
    /// Their diff ids.
    pub(super) diff_ids: Vec<Digest>,
    /// Their directories and sizes.
    pub(super) layers: Vec<(String, u64)>,
}

impl ImageFormat {
    fn manifest_type(self) -> &'static str {
        match self {
            Self::Oci => "application/vnd.oci.image.manifest.v1+json",
            Self::Docker => "application/vnd.docker.distribution.manifest.v2+json",
        }
    }

    fn config_type(self) -> &'static str {
        match self {
            Self::Oci => "application/vnd.oci.image.config.v1+json",
            Self::Docker => "application/vnd.docker.container.image.v1+json",
        }
    }

    fn layer_type(self, compression: &str) -> String {
        match (self, compression) {
            (Self::Oci, "") => "application/vnd.oci.image.layer.v1.tar".to_owned(),
            (Self::Oci, compression) => format!("application/vnd.oci.image.layer.v1.tar+{compression}"),
            (Self::Docker, "") => "application/vnd.docker.image.rootfs.diff.tar".to_owned(),
            (Self::Docker, compression) => {
                format!("application/vnd.docker.image.rootfs.diff.tar.{compression}")
            }
        }
    }
}

impl Engine {
    /// Unpacks and stores the new layer, writes configuration and manifest, and last the record that makes the image
    /// visible: killed before, nothing of it is. `config` lacks only `rootfs`.
    pub(super) fn store_image(
        &self,
        name: Option<&Reference>,
        base: Base,
        layer: NewLayer,
        mut config: Value,
        format: ImageFormat,
    ) -> Result<ImageRecord> {
        let store = self.store()?;
        // What is here already and what is about to come is not collected meanwhile.
        let _guard = store.guard_pull()?;
        let request = UnpackRequest {
            media_type: ImageFormat::Oci.layer_type(layer.compression),
            diff_id: layer.diff_id.clone(),
            parent_diff_ids: base.diff_ids.clone(),
            blob: Some(layer.digest.clone()),
        };
        let blob = layer.blob.file().try_clone().and_then(|mut file| {
            std::io::Seek::rewind(&mut file)?;
            Ok(file)
        });
        let blob = blob.map_err(|error| EngineError::Internal(error.to_string()))?;
        let unpacked = self.helper()?.unpack_from(&request, blob)?.wait()?;
        store.adopt_blob(&layer.blob, &layer.digest)?;
        let mut diff_ids: Vec<String> = base.diff_ids.iter().map(ToString::to_string).collect();
        diff_ids.push(layer.diff_id.to_string());
        if let Some(config) = config.as_object_mut() {
            config.insert("rootfs".to_owned(), json!({ "type": "layers", "diff_ids": diff_ids }));
        }
        let (config_digest, config_size) = self.put_json(&config)?;
        let mut descriptors: Vec<Value> =
            base.descriptors.into_iter().map(|descriptor| of_format(descriptor, format)).collect();
        descriptors.push(json!({
            "mediaType": format.layer_type(layer.compression),
            "digest": layer.digest,
            "size": layer.size,
        }));
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": format.manifest_type(),
            "config": { "mediaType": format.config_type(), "digest": config_digest, "size": config_size },
            "layers": descriptors,
        });
        let (manifest, _) = self.put_json(&manifest)?;
        let mut layers = base.layers;
        layers.push((unpacked.key, unpacked.size));
        let image = NewImage { manifest, index: None, layers };
        Ok(match name {
            Some(name) => store.commit_image(name, &image)?,
            None => store.commit_unnamed_image(&image)?,
        })
    }

    /// Stores a document: its digest and its size.
    fn put_json(&self, document: &Value) -> Result<(Digest, usize)> {
        let bytes = serde_json::to_vec(document).map_err(|error| EngineError::Internal(error.to_string()))?;
        let digest = Digest::sha256(&Sha256::digest(&bytes).into());
        self.store()?.put_blob(&digest, &bytes)?;
        Ok((digest, bytes.len()))
    }
}

/// A layer's descriptor in the words of another form; the blob is the same.
fn of_format(mut descriptor: Value, format: ImageFormat) -> Value {
    let kind = descriptor["mediaType"].as_str().unwrap_or_default();
    let compression = ["gzip", "zstd"].into_iter().find(|word| kind.ends_with(word)).unwrap_or_default();
    descriptor["mediaType"] = format.layer_type(compression).into();
    descriptor
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_are_named_as_their_form_names_them() {
        for (kind, oci, docker) in [
            ("application/vnd.oci.image.layer.v1.tar+gzip", "v1.tar+gzip", "diff.tar.gzip"),
            ("application/vnd.docker.image.rootfs.diff.tar.gzip", "v1.tar+gzip", "diff.tar.gzip"),
            ("application/vnd.oci.image.layer.v1.tar+zstd", "v1.tar+zstd", "diff.tar.zstd"),
            ("application/vnd.oci.image.layer.v1.tar", "v1.tar", "diff.tar"),
        ] {
            for (format, end) in [(ImageFormat::Oci, oci), (ImageFormat::Docker, docker)] {
                let named = of_format(json!({ "mediaType": kind, "size": 3 }), format);
                assert!(
                    named["mediaType"].as_str().is_some_and(|name| name.ends_with(end)),
                    "{kind} {named}"
                );
                assert_eq!(named["size"], 3);
            }
        }
    }
}
