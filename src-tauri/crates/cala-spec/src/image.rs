//! Images as they are listed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Digest, Platform};

/// An image as lists show it: one entry per image id, with all its names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct ImageSummary {
    /// The image id: the digest of its configuration.
    pub id: Digest,
    /// Digest of its manifest.
    pub digest: Digest,
    /// Full names with tag, `docker.io/library/alpine:latest`; empty for a dangling image.
    pub names: Vec<String>,
    /// When it was built, nanoseconds since the Unix epoch.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub created_ns: i64,
    /// Unpacked size in bytes of all its layers.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub size: u64,
    /// Bytes of its layers that other images use too.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub shared_size: u64,
    /// How many containers use it.
    pub containers: usize,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Platform.
    pub platform: Platform,
    /// Ports of EXPOSE as `80/tcp`.
    #[serde(default)]
    pub exposed_ports: Vec<String>,
    /// Why it cannot be used, when its files are damaged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub damaged: Option<String>,
}
