//! How an image came to be: its steps and its layers.

use serde::{Deserialize, Serialize};

/// One step of an image's history; the fields of `podman history --format json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct HistoryLayer {
    /// Id of the image that ends with this step, without `sha256:`; `<missing>` when none is here.
    pub id: String,
    /// When, RFC 3339.
    pub created: String,
    /// The instruction.
    #[serde(rename = "CreatedBy")]
    pub created_by: String,
    /// Names of the images whose topmost layer is the one of this step.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub tags: Vec<String>,
    /// Unpacked bytes of the layer that it made; 0 for a step without one.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub size: u64,
    /// A remark.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub comment: String,
}

/// The layers of an image, or what lies upon its topmost one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct ImageTree {
    /// The image id without `sha256:`.
    pub id: String,
    /// Full names with tag.
    pub names: Vec<String>,
    /// Unpacked size in bytes.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub size: u64,
    /// The layers, lowest first; or the topmost one alone, with those above it.
    pub layers: Vec<TreeLayer>,
}

/// A layer in an [`ImageTree`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct TreeLayer {
    /// Chain id without `sha256:`.
    pub id: String,
    /// Unpacked size in bytes.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub size: u64,
    /// Names of the images that it is the topmost layer of.
    pub top_of: Vec<String>,
    /// Layers that lie directly upon it; empty unless they were asked for.
    pub above: Vec<TreeLayer>,
}
