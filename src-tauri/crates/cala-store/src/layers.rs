//! The directory `layers/`: which layers stand unpacked, under which key.
//!
//! `layers/<key>/diff` is the tree that an overlay mount takes as a lower directory, `layers/<key>/layer.json` tells what
//! it is. A directory gets its name here only when everything below it is on the disk, so whatever is here is whole.
//! The key is the hex of the diff id when the layer is self-contained, else `c-` and the hex of the chain id: a layer
//! without entries for its parent directories must take over what the layers below say about them.

mod group;
mod install;
mod lock;
mod under_way;

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use cala_spec::Digest;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

pub use install::Installer;

use crate::helper::RootAttributes;

/// The largest `layer.json` in bytes.
const MAX_RECORD: u64 = 64 << 10;

/// `layers/<key>/layer.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerRecord {
    /// Digest of the uncompressed tar.
    pub diff_id: Digest,
    /// Chain id, when the layer is kept under it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chain_id: Option<Digest>,
    /// Bytes of the regular files, each inode counted once.
    pub size: u64,
    /// Number of inodes made.
    pub files: u64,
    /// Owner and mode of the root directory, when the layer has an entry for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root: Option<RootAttributes>,
    /// The maps of the user namespace that it was unpacked in.
    #[serde(default)]
    pub id_mapping: IdMapping,
}

/// The maps of the user namespace that a layer was unpacked in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdMapping {
    /// `inside outside count` per line of `uid_map`.
    pub uid: Vec<[u32; 3]>,
    /// `inside outside count` per line of `gid_map`.
    pub gid: Vec<[u32; 3]>,
}

impl IdMapping {
    /// The maps of the user namespace that this process is in.
    ///
    /// # Errors
    ///
    /// They cannot be read from /proc.
    pub fn current() -> io::Result<Self> {
        let read = |path| -> io::Result<Vec<[u32; 3]>> {
            let text = std::fs::read_to_string(path)?;
            Ok(text
                .lines()
                .filter_map(|line| {
                    let numbers: Vec<u32> =
                        line.split_whitespace().filter_map(|word| word.parse().ok()).collect();
                    numbers.try_into().ok()
                })
                .collect())
        };
        Ok(Self { uid: read("/proc/self/uid_map")?, gid: read("/proc/self/gid_map")? })
    }

    /// Whether a single user or group id is mapped.
    #[must_use]
    pub fn is_single(&self) -> bool {
        [&self.uid, &self.gid].into_iter().any(|lines| matches!(lines[..], [[_, _, 1]]))
    }
}

/// A layer that stands unpacked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerInfo {
    /// Name of its directory below `layers/`.
    pub key: String,
    /// Bytes of the regular files, each inode counted once.
    pub size: u64,
    /// The record.
    pub record: LayerRecord,
}

/// The key of a self-contained layer.
#[must_use]
pub fn diff_key(diff_id: &Digest) -> String {
    diff_id.hex().to_owned()
}

/// The key of a layer that depends on those below it.
#[must_use]
pub fn chain_key(chain_id: &Digest) -> String {
    format!("c-{}", chain_id.hex())
}

/// The chain ids of an image's layers, lowest first (OCI image specification, config.md, "Layer ChainID").
#[must_use]
pub fn chain_ids(diff_ids: &[Digest]) -> Vec<Digest> {
    let mut chain: Vec<Digest> = Vec::with_capacity(diff_ids.len());
    for diff_id in diff_ids {
        let next = match chain.last() {
            Some(below) => Digest::sha256(&Sha256::digest(format!("{below} {diff_id}")).into()),
            None => diff_id.clone(),
        };
        chain.push(next);
    }
    chain
}

/// Whether the layer stands in `data`, under either key. A record that cannot be read counts as absent.
#[must_use]
pub fn layer_present(data: &Path, diff_id: &Digest, chain_id: &Digest) -> Option<LayerInfo> {
    [diff_key(diff_id), chain_key(chain_id)].into_iter().find_map(|key| {
        let record = read_record(data, &key)?;
        (record.diff_id == *diff_id).then_some(LayerInfo { key, size: record.size, record })
    })
}

/// The tree of a layer, as an overlay mount takes it.
#[must_use]
pub fn diff_dir(data: &Path, key: &str) -> PathBuf {
    data.join("layers").join(key).join("diff")
}

/// Reads the record of a layer.
#[must_use]
pub fn read_record(data: &Path, key: &str) -> Option<LayerRecord> {
    let file = std::fs::File::open(data.join("layers").join(key).join("layer.json")).ok()?;
    let mut text = Vec::new();
    file.take(MAX_RECORD).read_to_end(&mut text).ok()?;
    serde_json::from_slice(&text).ok()
}
