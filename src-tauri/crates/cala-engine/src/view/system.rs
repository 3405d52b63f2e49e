//! What `system df`, `system prune` and `system check` tell.

use serde::{Deserialize, Serialize};

/// What Cala keeps occupies.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct DiskUsage {
    /// Images, newest first.
    pub images: Vec<ImageUsage>,
    /// Bytes of all layers, each counted once.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub images_size: u64,
    /// Bytes of the layers that would go with the images that no container uses.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub images_reclaimable: u64,
    /// Bytes of manifests and compressed layers, kept for pushing them unchanged.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub blobs_size: u64,
    /// Containers, oldest first.
    pub containers: Vec<ContainerUsage>,
    /// Volumes, oldest first.
    pub volumes: Vec<VolumeUsage>,
}

/// What an image occupies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct ImageUsage {
    /// Id without `sha256:`.
    pub id: String,
    /// Full names with tag; empty for a dangling one.
    pub names: Vec<String>,
    /// When it was built, nanoseconds since the Unix epoch.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub created_ns: i64,
    /// Bytes of all its layers.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub size: u64,
    /// Bytes of layers that other images have too.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub shared_size: u64,
    /// Containers that need it.
    pub containers: usize,
}

/// What a container occupies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct ContainerUsage {
    /// Id.
    pub id: String,
    /// Name.
    pub name: String,
    /// The image id without `sha256:`.
    pub image_id: String,
    /// The command with its arguments.
    pub command: Vec<String>,
    /// Volumes that it mounts.
    pub volumes: usize,
    /// Bytes that it wrote over its image.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub size: u64,
    /// When it was made, nanoseconds since the Unix epoch.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub created_ns: i64,
    /// Its status, in a word.
    pub status: String,
    /// Whether it runs.
    pub running: bool,
}

/// What a volume occupies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct VolumeUsage {
    /// Name.
    pub name: String,
    /// Containers that mount it.
    pub links: usize,
    /// Bytes in it.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub size: u64,
}

/// What `system prune` removed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct SystemPruned {
    /// Ids.
    pub containers: Vec<String>,
    /// Names.
    pub volumes: Vec<String>,
    /// Ids.
    pub images: Vec<String>,
    /// Names.
    pub networks: Vec<String>,
    /// Bytes that are free now.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub freed: u64,
    /// What could not be removed, each in a line.
    pub failures: Vec<String>,
}

/// One thing that `system check` found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct CheckProblem {
    /// `image`, `layer`, `container`, `volume`, `network`, `secret` or `leftover`.
    pub kind: String,
    /// Which.
    pub id: String,
    /// What is wrong with it.
    pub reason: String,
    /// Whether it was put right or removed.
    pub repaired: bool,
}
