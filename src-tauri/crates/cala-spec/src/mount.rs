//! Mounts and devices as `-v`, `--mount`, `--tmpfs` and `--device` describe them (podman-run(1)).
//!
//! The grammar is closed: an unknown option is an error that names it, never passed on to the kernel.

mod device;
mod from;
mod long;
mod option;
mod parse;

pub use from::VolumesFrom;

use serde::{Deserialize, Serialize};

use crate::Digest;

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
    /// Further options in mount(8)'s words, checked: `nosuid`, `nodev`, `noexec`, `rbind`, `rprivate`, `size=…`, …; and
    /// [`Mount::OVERLAY`] and [`Mount::SUBPATH`].
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
    /// The files of an image.
    Image {
        /// The image as it was named.
        image: String,
        /// Its id; absent until the container is made.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "ts", ts(skip))]
        id: Option<Digest>,
        /// Keys of its layer directories, lowest first; empty until the container is made.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        #[cfg_attr(feature = "ts", ts(skip))]
        layers: Vec<String>,
    },
    /// Each file or folder of the host that a pattern fits; becomes bind mounts when the container is made.
    Glob {
        /// An absolute path with `*`, `?` and `[…]` in its components.
        pattern: String,
        /// Whether they are mounted in the target, and not each at its own path.
        inside: bool,
    },
    /// Terminals of its own.
    Devpts,
}

impl Mount {
    /// The option that says that a container writes over the source and not into it, until it ends (`:O`).
    pub const OVERLAY: &'static str = "O";
    /// What the option begins with that names a folder or file in a volume or image: `subpath=…`, relative.
    pub const SUBPATH: &'static str = "subpath=";

    /// The folder or file in the source that is mounted instead of all of it.
    #[must_use]
    pub fn subpath(&self) -> Option<&str> {
        self.options.iter().find_map(|option| option.strip_prefix(Self::SUBPATH))
    }

    /// Whether the container writes over the source.
    #[must_use]
    pub fn is_overlay(&self) -> bool {
        self.options.iter().any(|option| option == Self::OVERLAY)
    }
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
