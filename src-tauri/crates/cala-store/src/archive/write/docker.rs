//! docker-archive: uncompressed layers, configurations, and the list of images last.

use std::collections::HashSet;
use std::io;

use cala_spec::Digest;
use serde_json::{Value, json};

use super::tar::TarWriter;
use crate::blobs::MAX_MANIFEST;
use crate::error::StoreError;
use crate::export::BlobInfo;
use crate::images::ImageRecord;
use crate::store::Store;

/// What fails below the tar's writer.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<Failed> for StoreError {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::Io(error) => StoreError::io("write", "the archive")(error),
            Failed::Store(error) => error,
        }
    }
}

pub(super) fn write(
    store: &Store,
    images: &[(ImageRecord, Vec<String>)],
    mut tar: TarWriter,
) -> Result<(), StoreError> {
    let (mut items, mut written) = (Vec::new(), HashSet::new());
    for (record, names) in images {
        items.push(image(store, record, names, &mut tar, &mut written)?);
    }
    let list = serde_json::to_vec(&items).unwrap_or_default();
    tar.bytes("manifest.json", &list).and_then(|()| tar.finish()).map_err(|error| Failed::Io(error).into())
}

/// Writes what is not written yet of an image; its item of the list.
fn image(
    store: &Store,
    record: &ImageRecord,
    names: &[String],
    tar: &mut TarWriter,
    written: &mut HashSet<Digest>,
) -> Result<Value, StoreError> {
    let (manifest, _) = store.read_manifest(&record.manifest)?;
    let mut layers = Vec::new();
    for (descriptor, layer) in manifest.layers().iter().zip(&record.layers) {
        let invalid = |error| StoreError::InvalidDocument {
            digest: record.manifest.clone(),
            reason: format!("{error}"),
        };
        let digest: Digest = descriptor.digest().to_string().parse().map_err(invalid)?;
        let blob =
            BlobInfo { media_type: descriptor.media_type().to_string(), digest, size: descriptor.size() };
        let name = format!("{}.tar", layer.diff_id.hex());
        if written.insert(layer.diff_id.clone()) {
            write_layer(store, &blob, &layer.diff_id, &name, tar)?;
        }
        layers.push(name);
    }
    let config = format!("{}.json", record.image_id.hex());
    if written.insert(record.image_id.clone()) {
        let bytes = store.read_blob(&record.image_id, MAX_MANIFEST)?;
        tar.bytes(&config, &bytes).map_err(Failed::Io)?;
    }
    // No name is no list, as Docker writes it.
    let tags = if names.is_empty() { Value::Null } else { json!(names) };
    Ok(json!({ "Config": config, "RepoTags": tags, "Layers": layers }))
}

fn write_layer(
    store: &Store,
    blob: &BlobInfo,
    diff_id: &Digest,
    name: &str,
    tar: &mut TarWriter,
) -> Result<(), StoreError> {
    if tar.seekable() {
        let fill = |out: &mut dyn io::Write| Ok(store.decompress_layer(blob, Some(diff_id), out)?);
        return tar.unsized_entry::<Failed>(name, fill).map_err(StoreError::from);
    }
    // A pipe wants the size first.
    let mut stage = store.stage_blob()?;
    store.decompress_layer(blob, Some(diff_id), &mut stage)?;
    let staged = stage.finish();
    let mut file = std::fs::File::open(staged.path()).map_err(Failed::Io)?;
    tar.file(name, staged.size(), &mut file).map_err(|error| Failed::Io(error).into())
}
