//! OCI image layouts, in a tar or a directory, and `dir:`.

use std::fs::File;
use std::io;
use std::path::Path;

use cala_spec::Digest;
use serde_json::{Value, json};

use super::ArchiveWriter;
use super::tar::TarWriter;
use crate::blobs::MAX_INDEX;
use crate::error::StoreError;
use crate::export::{ExportedBlob, ExportedImage};
use crate::images::ImageRecord;
use crate::read::read_limited;

const LAYOUT: &[u8] = br#"{"imageLayoutVersion":"1.0.0"}"#;
const REF_NAME: &str = "org.opencontainers.image.ref.name";
/// The first line of a `dir:`.
const VERSION: &[u8] = b"Directory Transport Version: 1.1\n";

impl ArchiveWriter<'_> {
    pub(super) fn write_layout_tar(
        &self,
        images: &[(ImageRecord, Vec<String>)],
        mut tar: TarWriter,
    ) -> Result<Vec<Digest>, StoreError> {
        let failed = |error| StoreError::io("write", "the archive")(error);
        let (mut entries, mut written) = (Vec::new(), std::collections::HashSet::new());
        let mut digests = Vec::new();
        for (record, names) in images {
            let image = self.store.export_image(record, &self.options)?;
            for blob in blobs(&image) {
                if written.insert(blob.info().digest.clone()) {
                    let mut file = open(blob)?;
                    tar.file(&path_of(&blob.info().digest), blob.info().size, &mut file).map_err(failed)?;
                }
            }
            if written.insert(image.digest.clone()) {
                tar.bytes(&path_of(&image.digest), &image.manifest).map_err(failed)?;
            }
            entries.extend(descriptors(&image, names));
            digests.push(image.digest);
        }
        tar.bytes("oci-layout", LAYOUT).map_err(failed)?;
        tar.bytes("index.json", &index(entries)).map_err(failed)?;
        tar.finish().map_err(failed)?;
        Ok(digests)
    }

    /// Adds the images to the layout at `path`, which is made when it is not there. Names move to the new ones.
    pub(super) fn write_layout(
        &self,
        images: &[(ImageRecord, Vec<String>)],
        path: &Path,
    ) -> Result<Vec<Digest>, StoreError> {
        let (mut entries, mut digests) = (existing(path)?, Vec::new());
        let place = path.join("blobs/sha256");
        for (record, names) in images {
            let image = self.store.export_image(record, &self.options)?;
            make_directory(&place)?;
            for blob in blobs(&image) {
                copy(blob, &place)?;
            }
            write(&place.join(image.digest.hex()), &image.manifest)?;
            let own = descriptors(&image, names);
            entries.retain(|old| {
                let name =
                    old.pointer("/annotations").and_then(|all| all.get(REF_NAME)).and_then(Value::as_str);
                match name {
                    Some(name) => !names.iter().any(|own| own == name),
                    None => !own.contains(old),
                }
            });
            entries.extend(own);
            digests.push(image.digest);
        }
        write(&path.join("oci-layout"), LAYOUT)?;
        write(&path.join("index.json"), &index(entries))?;
        Ok(digests)
    }

    /// Writes one image as `dir:`.
    pub(super) fn write_dir(
        &self,
        images: &[(ImageRecord, Vec<String>)],
        path: &Path,
    ) -> Result<Vec<Digest>, StoreError> {
        let foreign = path.is_dir()
            && !path.join("version").is_file()
            && std::fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_some());
        if foreign {
            let text = format!("`{}` is not empty and holds no image of `dir:`", path.display());
            return Err(StoreError::ArchiveRefused(text));
        }
        let mut digests = Vec::new();
        for (record, _) in images {
            let image = self.store.export_image(record, &self.options)?;
            make_directory(path)?;
            write(&path.join("version"), VERSION)?;
            for blob in blobs(&image) {
                copy(blob, path)?;
            }
            write(&path.join("manifest.json"), &image.manifest)?;
            digests.push(image.digest);
        }
        Ok(digests)
    }
}

fn blobs(image: &ExportedImage) -> impl Iterator<Item = &ExportedBlob> {
    image.layers.iter().chain([&image.config])
}

fn path_of(digest: &Digest) -> String {
    format!("blobs/{}/{}", digest.algorithm(), digest.hex())
}

/// One entry of the index for each name, one without when there is none.
fn descriptors(image: &ExportedImage, names: &[String]) -> Vec<Value> {
    let mut plain = json!({
        "mediaType": image.media_type,
        "digest": image.digest.as_str(),
        "size": image.manifest.len(),
    });
    if names.is_empty() {
        return vec![plain];
    }
    let named = names.iter().map(|name| {
        plain["annotations"] = json!({ REF_NAME: name });
        plain.clone()
    });
    named.collect()
}

fn index(entries: Vec<Value>) -> Vec<u8> {
    let index = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": entries,
    });
    serde_json::to_vec(&index).unwrap_or_default()
}

/// The entries of a layout that is there; none when nothing is.
fn existing(path: &Path) -> Result<Vec<Value>, StoreError> {
    let file = path.join("index.json");
    let limit = usize::try_from(MAX_INDEX).unwrap_or(usize::MAX);
    match read_limited(&file, limit) {
        Ok(bytes) => {
            let index: Value = serde_json::from_slice(&bytes).unwrap_or_default();
            index.get("manifests").and_then(Value::as_array).cloned().ok_or_else(|| {
                StoreError::InvalidArchive {
                    place: path.display().to_string(),
                    reason: "`index.json` is not that of an OCI image layout".to_owned(),
                }
            })
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(StoreError::io("read", &file)(error)),
    }
}

fn make_directory(path: &Path) -> Result<(), StoreError> {
    std::fs::create_dir_all(path).map_err(StoreError::io("create", path))
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let written = super::beside(path).and_then(|(mut file, temporary)| {
        io::Write::write_all(&mut file, bytes)?;
        std::fs::rename(temporary, path)
    });
    written.map_err(StoreError::io("write", path))
}

fn open(blob: &ExportedBlob) -> Result<File, StoreError> {
    File::open(blob.path()).map_err(StoreError::io("read", blob.path()))
}

/// Copies a blob into a directory under its digits, unless it is there.
fn copy(blob: &ExportedBlob, directory: &Path) -> Result<(), StoreError> {
    let path = directory.join(blob.info().digest.hex());
    if std::fs::metadata(&path).is_ok_and(|meta| meta.len() == blob.info().size) {
        return Ok(());
    }
    let mut from = open(blob)?;
    let copied = super::beside(&path).and_then(|(mut file, temporary)| {
        let done = io::copy(&mut from, &mut file).and_then(|_| std::fs::rename(&temporary, &path));
        if done.is_err() {
            let _ = std::fs::remove_file(&temporary);
        }
        done
    });
    copied.map(drop).map_err(StoreError::io("write", &path))
}
