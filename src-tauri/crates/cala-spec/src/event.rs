//! Events: what happened to which object, as `cala events` prints and the window follows them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// One line of the event log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Event {
    /// When, in nanoseconds since the Unix epoch.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub time_ns: i64,
    /// `container`, `image`, `volume`, `network`, `system`.
    #[serde(rename = "type")]
    pub kind: EventKind,
    /// Podman's word for what happened: `create`, `start`, `died`, `remove`, `pull`, …
    pub action: String,
    /// The id of the object.
    pub id: String,
    /// The name of the object, empty when it has none.
    #[serde(default)]
    pub name: String,
    /// For containers: the image it was made from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// For `died`: the exit code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// Further facts; the labels of a container, the signal of a `kill`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
}

/// The sort of object an event is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub enum EventKind {
    /// A container.
    Container,
    /// An image.
    Image,
    /// A volume.
    Volume,
    /// A network.
    Network,
    /// Cala itself.
    System,
}
