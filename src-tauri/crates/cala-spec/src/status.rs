//! The statuses of a container, in Podman's words (`libpod/define/containerstate.go`).

use std::fmt;

/// What a container is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub enum ContainerStatus {
    /// Made and never started.
    Created,
    /// Everything is made and its first process waits to be let go (`cala init`).
    Initialized,
    /// Its first process runs.
    Running,
    /// Its processes are frozen.
    Paused,
    /// Asked to stop and not yet ended.
    Stopping,
    /// Its first process ended, and it is about to be started again (`--restart`).
    Restarting,
    /// Its first process ended.
    Exited,
    /// Is being removed.
    Removing,
    /// Its files are damaged; only removal is possible.
    Damaged,
}

impl ContainerStatus {
    /// The word as Podman prints and filters it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Initialized => "initialized",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Stopping => "stopping",
            Self::Restarting => "restarting",
            Self::Exited => "exited",
            Self::Removing => "removing",
            Self::Damaged => "damaged",
        }
    }

    /// Whether its program was let go and may be alive.
    #[must_use]
    pub fn has_run(self) -> bool {
        matches!(self, Self::Running | Self::Paused | Self::Stopping)
    }

    /// Whether the container has a monitor: processes of it may be alive, or will be again.
    #[must_use]
    pub fn is_alive(self) -> bool {
        matches!(self, Self::Initialized | Self::Restarting) || self.has_run()
    }
}

impl fmt::Display for ContainerStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
