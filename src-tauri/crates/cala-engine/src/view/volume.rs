//! A volume as `volume ls` and `volume inspect` show it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A volume; the fields of `podman volume inspect`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(optional_fields))]
pub struct VolumeInspect {
    /// Its name.
    pub name: String,
    /// `local`.
    pub driver: String,
    /// The directory of its files; for a folder of the host given with `device`, that folder.
    pub mountpoint: String,
    /// When it was made, RFC 3339 in UTC.
    pub created_at: String,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// `local`.
    pub scope: String,
    /// Options of the driver.
    pub options: BTreeMap<String, String>,
    /// Who its top directory is given to, in ids of the container.
    #[serde(rename = "UID", default, skip_serializing_if = "is_zero")]
    pub uid: u32,
    /// The group it is given to.
    #[serde(rename = "GID", default, skip_serializing_if = "is_zero")]
    pub gid: u32,
    /// Whether it was made without a name and goes with its container.
    #[serde(default, skip_serializing_if = "is_false")]
    pub anonymous: bool,
    /// Running containers for which its `type` is mounted now; 0 for a plain volume, as in Podman.
    pub mount_count: u32,
    /// Whether the next container copies into it what its image has there.
    #[serde(default, skip_serializing_if = "is_false")]
    pub needs_copy_up: bool,
    /// Whether the next container's user becomes its owner.
    #[serde(default, skip_serializing_if = "is_false")]
    pub needs_chown: bool,
    /// Always 0: Cala has no numbered locks.
    pub lock_number: u32,
    /// Why nothing else is known of it, when its record is damaged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub damaged: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_false(flag: &bool) -> bool {
    !flag
}
