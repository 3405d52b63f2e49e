//! docker-archive: `manifest.json` is a list of images, each with a configuration and uncompressed layers.

use std::fs::File;
use std::io::Read as _;

use cala_spec::Digest;
use serde::Deserialize;

use super::contents::Contents;
use super::found::{diff_ids, digest_of};
use super::{FoundImage, FoundLayer};
use crate::blobs::{MAX_MANIFEST, StagedBlob};
use crate::error::StoreError;
use crate::export::{self, BlobInfo, ManifestType};

/// Most images of an archive.
const MAX_IMAGES: usize = 1000;

/// An entry of the list.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Item {
    config: String,
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
    #[serde(default)]
    layers: Option<Vec<String>>,
}

/// Whether the document is the list of a docker-archive; that of `dir:` is an object.
pub(super) fn is_list(bytes: &[u8]) -> bool {
    bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[')
}

pub(super) fn images(contents: &mut Contents, list: &[u8]) -> Result<Vec<FoundImage>, StoreError> {
    let items: Vec<Item> = serde_json::from_slice(list)
        .map_err(|error| contents.invalid(format!("`manifest.json`: {error}")))?;
    if items.is_empty() || items.len() > MAX_IMAGES {
        return Err(contents.invalid(format!("`manifest.json` lists {} images", items.len())));
    }
    items.into_iter().map(|item| image(contents, item)).collect()
}

fn image(contents: &mut Contents, item: Item) -> Result<FoundImage, StoreError> {
    let missing = contents.invalid(format!("`{}` is not in it", item.config));
    let config = contents.document(&item.config, MAX_MANIFEST)?.ok_or(missing)?;
    let id = digest_of(&config);
    // Its name is its digest, where it looks like one.
    let stem = item.config.rsplit('/').next().unwrap_or_default();
    if let Ok(expected) = format!("sha256:{}", stem.trim_end_matches(".json")).parse::<Digest>()
        && expected != id
    {
        return Err(StoreError::DigestMismatch { expected, got: id });
    }
    let paths = item.layers.unwrap_or_default();
    let diff_ids = diff_ids(&id, &config, paths.len())?;
    let mut layers = Vec::new();
    for (path, diff_id) in paths.into_iter().zip(&diff_ids) {
        layers.push(layer(contents, path, diff_id)?);
    }
    let blobs: Vec<BlobInfo> = layers.iter().map(|layer| layer.blob.clone()).collect();
    // Docker's own type has no name for layers of zstd.
    let zstd = blobs.iter().any(|blob| blob.media_type.ends_with("zstd"));
    let kind = if zstd { ManifestType::Oci } else { ManifestType::Docker };
    let manifest = export::manifest(kind, &id, config.len() as u64, &blobs);
    let names = item.repo_tags.unwrap_or_default();
    Ok(FoundImage {
        names,
        manifest: (digest_of(&manifest), manifest),
        config: (id, config),
        diff_ids,
        layers,
    })
}

fn layer(contents: &mut Contents, path: String, diff_id: &Digest) -> Result<FoundLayer, StoreError> {
    let missing = contents.invalid(format!("`{path}` is not in it"));
    let file = contents.file(&path)?.ok_or(missing)?;
    let (digest, size) = (file.digest().clone(), file.size());
    let media_type = match beginning(file)? {
        [0x1f, 0x8b, ..] => "application/vnd.docker.image.rootfs.diff.tar.gzip",
        [0x28, 0xb5, 0x2f, 0xfd] => "application/vnd.oci.image.layer.v1.tar+zstd",
        _ if digest != *diff_id && diff_id.algorithm() == "sha256" => {
            return Err(StoreError::DigestMismatch { expected: diff_id.clone(), got: digest });
        }
        _ => "application/vnd.docker.image.rootfs.diff.tar",
    };
    let blob = BlobInfo { media_type: media_type.to_owned(), digest, size };
    Ok(FoundLayer { blob, path })
}

fn beginning(file: &StagedBlob) -> Result<[u8; 4], StoreError> {
    let mut head = Vec::new();
    let read = File::open(file.path()).and_then(|open| open.take(4).read_to_end(&mut head));
    read.map_err(StoreError::io("read", file.path()))?;
    head.resize(4, 0);
    Ok([head[0], head[1], head[2], head[3]])
}
