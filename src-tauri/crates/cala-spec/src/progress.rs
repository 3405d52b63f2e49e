//! How long work tells of itself: the progress of a pull, layer by layer.

use serde::{Deserialize, Serialize};

use crate::Digest;

/// One step forward of a pull. All three faces draw from the same stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub enum PullProgress {
    /// The reference is being looked up at this registry.
    Resolving {
        /// The full reference asked for.
        reference: String,
    },
    /// The manifest is known; these layers make up the image.
    Manifest {
        /// Layers in the order of the manifest.
        layers: Vec<LayerSize>,
    },
    /// Bytes of one layer arrived.
    Downloading {
        /// The layer.
        digest: Digest,
        /// Compressed bytes so far.
        #[cfg_attr(feature = "ts", ts(type = "number"))]
        bytes: u64,
        /// Compressed bytes in all.
        #[cfg_attr(feature = "ts", ts(type = "number"))]
        total: u64,
    },
    /// Nothing has arrived for a while.
    Stalled {
        /// The layer.
        digest: Digest,
        /// For how long, in seconds.
        #[cfg_attr(feature = "ts", ts(type = "number"))]
        seconds: u64,
    },
    /// A download is tried again.
    Retrying {
        /// The layer.
        digest: Digest,
        /// Why, in one line.
        reason: String,
        /// Which attempt begins, from 2.
        attempt: u32,
    },
    /// All bytes are there; the rest of the layer is being unpacked.
    Unpacking {
        /// The layer.
        digest: Digest,
    },
    /// The layer is ready.
    Done {
        /// The layer.
        digest: Digest,
        /// Whether it was there before.
        existed: bool,
    },
    /// The image is recorded under its name.
    Finished {
        /// The image id: the digest of its configuration.
        image_id: Digest,
    },
}

/// A layer and its compressed size in bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct LayerSize {
    /// Digest of the compressed layer.
    pub digest: Digest,
    /// Compressed size in bytes.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub size: u64,
}
