//! The OCI image layout (image-layout.md), in an archive or a directory; and `dir:`, one manifest with its blobs beside it.

use cala_spec::{Digest, Platform};
use serde::Deserialize;

use super::FoundImage;
use super::contents::Contents;
use super::found::{digest_of, image};
use crate::blobs::{MAX_INDEX, MAX_MANIFEST};
use crate::error::StoreError;

/// Most images of a layout.
const MAX_IMAGES: usize = 1000;
/// An index in an index, and no further.
const MAX_DEPTH: usize = 2;

/// An index with what is looked at of it.
#[derive(Debug, Deserialize)]
struct Index {
    #[serde(default)]
    manifests: Vec<Entry>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    #[serde(default)]
    media_type: String,
    digest: Digest,
    #[serde(default)]
    platform: Option<EntryPlatform>,
    #[serde(default)]
    annotations: Option<std::collections::BTreeMap<String, String>>,
}

#[derive(Debug, Clone, Deserialize)]
struct EntryPlatform {
    os: String,
    architecture: String,
    #[serde(default)]
    variant: Option<String>,
}

impl Entry {
    fn annotation(&self, key: &str) -> Option<&String> {
        self.annotations.as_ref().and_then(|annotations| annotations.get(key)).filter(|text| !text.is_empty())
    }

    /// What containerd writes is a whole name; the specification's own may be a tag alone.
    fn name(&self) -> Option<String> {
        let keys = ["io.containerd.image.name", "org.opencontainers.image.ref.name"];
        keys.iter().find_map(|key| self.annotation(key)).cloned()
    }

    /// Signatures and attestations of builders stand in indexes beside images.
    fn is_image(&self) -> bool {
        self.annotation("vnd.docker.reference.type").is_none()
    }

    fn is_index(&self) -> bool {
        self.media_type.ends_with("index.v1+json") || self.media_type.ends_with("manifest.list.v2+json")
    }

    fn fits(&self, platform: &Platform) -> bool {
        self.platform.as_ref().is_none_or(|own| {
            let own = Platform {
                os: own.os.clone(),
                architecture: own.architecture.clone(),
                variant: own.variant.clone(),
            };
            platform.accepts(&own)
        })
    }
}

pub(super) fn images(contents: &mut Contents, platform: &Platform) -> Result<Vec<FoundImage>, StoreError> {
    let Some(bytes) = contents.document("index.json", MAX_INDEX)? else {
        return Err(contents.invalid("it has neither `manifest.json` nor `index.json`: no archive of images"));
    };
    let index = parse(contents, "index.json", &bytes)?;
    let mut found = Vec::new();
    for entry in index.manifests.iter().filter(|entry| entry.is_image()) {
        let names = entry.name().into_iter().collect();
        let chosen = if entry.is_index() { below(contents, entry, platform, 1)? } else { entry.clone() };
        let manifest = contents.verified(&path_of(&chosen.digest), &chosen.digest, MAX_MANIFEST)?;
        found.push(image(contents, names, (chosen.digest, manifest), &path_of)?);
        if found.len() > MAX_IMAGES {
            return Err(contents.invalid("it has too many images"));
        }
    }
    if found.is_empty() {
        return Err(contents.invalid("there is no image in it"));
    }
    Ok(found)
}

/// The entry of an index that is for the platform.
fn below(
    contents: &mut Contents,
    entry: &Entry,
    platform: &Platform,
    depth: usize,
) -> Result<Entry, StoreError> {
    let path = path_of(&entry.digest);
    let bytes = contents.verified(&path, &entry.digest, MAX_INDEX)?;
    let index = parse(contents, &path, &bytes)?;
    let chosen = index.manifests.into_iter().find(|entry| entry.is_image() && entry.fits(platform));
    let none = || contents.invalid(format!("there is no image for {platform} in it"));
    let chosen = chosen.ok_or_else(none)?;
    match chosen.is_index() {
        true if depth < MAX_DEPTH => below(contents, &chosen, platform, depth + 1),
        true => Err(contents.invalid("its indexes lead to further ones")),
        false => Ok(chosen),
    }
}

/// The image of a `dir:`.
pub(super) fn image_of_directory(
    contents: &mut Contents,
    manifest: &[u8],
) -> Result<Vec<FoundImage>, StoreError> {
    let path_of = |digest: &Digest| digest.hex().to_owned();
    let digest = digest_of(manifest);
    Ok(vec![image(contents, Vec::new(), (digest, manifest.to_vec()), &path_of)?])
}

fn parse(contents: &Contents, path: &str, bytes: &[u8]) -> Result<Index, StoreError> {
    serde_json::from_slice(bytes).map_err(|error| contents.invalid(format!("`{path}`: {error}")))
}

fn path_of(digest: &Digest) -> String {
    format!("blobs/{}/{}", digest.algorithm(), digest.hex())
}
