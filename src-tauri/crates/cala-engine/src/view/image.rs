//! Images as `images` lists and `image inspect` shows them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::inspect::GraphDriver;

/// One image; the fields of `podman images --format json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(optional_fields))]
pub struct ImageSummary {
    /// The image id without `sha256:`.
    pub id: String,
    /// Always empty: images here have no parent.
    pub parent_id: String,
    /// Full names with tag; empty for a dangling image.
    pub names: Vec<String>,
    /// The same names, under Docker's word.
    pub repo_tags: Vec<String>,
    /// `repository@digest` of each name.
    pub repo_digests: Vec<String>,
    /// Digest of the manifest.
    pub digest: String,
    /// Unpacked size in bytes.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub size: u64,
    /// Bytes of layers that other images use too.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub shared_size: u64,
    /// The same as `Size`.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub virtual_size: u64,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// How many containers use it.
    pub containers: usize,
    /// When it was built, seconds since the Unix epoch.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub created: i64,
    /// When it was built, RFC 3339 in UTC.
    pub created_at: String,
    /// Whether it has no name.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub dangling: bool,
    /// The architecture in Go's words.
    pub arch: String,
    /// The operating system.
    pub os: String,
    /// Ports of EXPOSE as `80/tcp`.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub exposed_ports: Vec<String>,
    /// Why it cannot be used, when its files are damaged.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub damaged: Option<String>,
}

/// Everything known of an image; the fields of `podman image inspect`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct ImageInspect {
    /// The image id without `sha256:`.
    pub id: String,
    /// Digest of the manifest.
    pub digest: String,
    /// Full names with tag.
    pub repo_tags: Vec<String>,
    /// `repository@digest` of each name.
    pub repo_digests: Vec<String>,
    /// Always empty.
    pub parent: String,
    /// The comment of the last history entry.
    pub comment: String,
    /// When it was built, RFC 3339.
    pub created: String,
    /// What containers made of it get.
    pub config: ImageInspectConfig,
    /// Version of the engine that built it; empty when unknown.
    pub version: String,
    /// Who built it.
    pub author: String,
    /// Architecture in Go's words.
    pub architecture: String,
    /// Operating system.
    pub os: String,
    /// Unpacked size in bytes.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub size: u64,
    /// The same as `Size`.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub virtual_size: u64,
    /// Where its layers are.
    pub graph_driver: GraphDriver,
    /// Its layers by the digest of their uncompressed tar.
    #[serde(rename = "RootFS")]
    pub root_fs: RootFs,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Annotations of the manifest.
    pub annotations: BTreeMap<String, String>,
    /// Media type of the manifest.
    pub manifest_type: String,
    /// The user of the image's configuration.
    pub user: String,
    /// How it was built; keys as in the image's configuration.
    pub history: Vec<HistoryEntry>,
    /// Names it has.
    pub names_history: Vec<String>,
}

/// The `Config` of an image; absent fields are left out as Podman does.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(optional_fields))]
pub struct ImageInspectConfig {
    /// The user.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub user: String,
    /// Ports of EXPOSE.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[cfg_attr(feature = "ts", ts(type = "Record<string, object>"))]
    pub exposed_ports: BTreeMap<String, BTreeMap<String, String>>,
    /// Environment as `NAME=value`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<String>,
    /// Entrypoint.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub entrypoint: Vec<String>,
    /// Command.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cmd: Vec<String>,
    /// Paths of VOLUME.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[cfg_attr(feature = "ts", ts(type = "Record<string, object>"))]
    pub volumes: BTreeMap<String, BTreeMap<String, String>>,
    /// Working directory.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub working_dir: String,
    /// Labels.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// The signal that stops it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub stop_signal: String,
}

/// The layers of an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct RootFs {
    /// `layers`.
    #[serde(rename = "Type")]
    pub kind: String,
    /// Diff ids, lowest first.
    pub layers: Vec<String>,
}

/// One step of an image's history, keys as in the OCI image configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(optional_fields))]
pub struct HistoryEntry {
    /// When, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// The instruction.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_by: Option<String>,
    /// Who.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// A remark.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// Whether it made no layer.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub empty_layer: bool,
}

/// What the removal of an image did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct RemovedImage {
    /// Names that were taken away.
    pub untagged: Vec<String>,
    /// Ids of images that are gone, without `sha256:`.
    pub deleted: Vec<String>,
    /// Ids of containers that were removed with it (`--force`).
    pub containers: Vec<String>,
    /// Bytes that the disk got back.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub freed: u64,
}

/// An image that came out of an archive.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct LoadedImage {
    /// Its id without `sha256:`.
    pub id: String,
    /// Names that it got; none when the archive has none for it.
    pub names: Vec<String>,
}

/// A repository that a search found; the fields of `podman search --format json`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct SearchResult {
    /// The registry.
    pub index: String,
    /// Full name.
    pub name: String,
    /// What it says of itself.
    pub description: String,
    /// How many people marked it.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub stars: u64,
    /// `[OK]` when the registry vouches for it.
    pub official: String,
    /// `[OK]` when the registry built it.
    pub automated: String,
    /// Always empty.
    pub tag: String,
}
