//! `images/index.json` and `images/oci-layout`: what makes the directory an OCI image layout for other tools.

use cala_sys::durable;
use serde_json::{Value, json};

use super::ImageRecord;
use crate::store::Store;

impl Store {
    /// Writes `index.json` from the name files. The caller holds the images' lock exclusively. It is derived, so a
    /// failure (a full disk) is only logged: the next change makes it right.
    pub(super) fn write_index(&self) {
        let written = || -> Result<(), crate::error::StoreError> {
            let (records, _) = self.read_records()?;
            let manifests: Vec<Value> = records.iter().filter_map(|record| self.descriptor(record)).collect();
            let index = json!({
                "schemaVersion": 2,
                "mediaType": "application/vnd.oci.image.index.v1+json",
                "manifests": manifests,
            });
            let path = self.path("images/index.json");
            let bytes = serde_json::to_vec(&index).unwrap_or_default();
            durable::write_atomic(&path, &bytes, false)
                .map_err(crate::error::StoreError::io("write", &path))?;
            let layout = self.path("images/oci-layout");
            if !layout.exists() {
                let text = br#"{"imageLayoutVersion":"1.0.0"}"#;
                durable::write_atomic(&layout, text, false)
                    .map_err(crate::error::StoreError::io("write", &layout))?;
            }
            Ok(())
        };
        if let Err(error) = written() {
            tracing::warn!(%error, "index.json could not be written");
        }
    }

    fn descriptor(&self, record: &ImageRecord) -> Option<Value> {
        let size = self.blob_size(&record.manifest)?;
        let mut descriptor = json!({
            "mediaType": self.manifest_media_type(record),
            "digest": record.manifest.as_str(),
            "size": size,
        });
        if let Some(name) = &record.name {
            descriptor["annotations"] = json!({ "org.opencontainers.image.ref.name": name });
        }
        Some(descriptor)
    }

    fn manifest_media_type(&self, record: &ImageRecord) -> String {
        let own = self
            .read_manifest(&record.manifest)
            .ok()
            .and_then(|(manifest, _)| manifest.media_type().as_ref().map(ToString::to_string));
        own.unwrap_or_else(|| "application/vnd.oci.image.manifest.v1+json".to_owned())
    }
}
