//! Mounts and devices as `-v`, `--mount`, `--tmpfs` and `--device` describe them (podman-run(1)).
//!
//! The grammar is closed: an unknown option is an error that names it, never passed on to the kernel.

mod device;
mod option;
mod parse;

use serde::{Deserialize, Serialize};

/// Something mounted into a container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Mount {
    /// What is mounted.
    pub source: MountSource,
    /// Absolute path inside the container.
    pub target: String,
    /// Read-only.
    #[serde(default)]
    pub read_only: bool,
    /// Further options in mount(8)'s words, checked: `nosuid`, `nodev`, `noexec`, `rbind`, `rprivate`, `size=…`, ….
    #[serde(default)]
    pub options: Vec<String>,
}

/// What is mounted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub enum MountSource {
    /// A path of the host.
    Bind {
        /// Absolute path on the host.
        path: String,
        /// Make the folder when it is absent (Docker's `-v` does, `--mount` does not).
        #[serde(default)]
        create: bool,
    },
    /// A named volume, or an anonymous one when the name is absent.
    Volume {
        /// The volume's name.
        #[serde(default)]
        name: Option<String>,
    },
    /// Memory.
    Tmpfs,
}

/// A device of the host (`--device host[:container[:rwm]]`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct DeviceMapping {
    /// Path on the host.
    pub host: String,
    /// Path in the container.
    pub container: String,
    /// `r`, `w`, `m` in any combination.
    pub permissions: String,
}
