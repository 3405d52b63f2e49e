//! Containers: one directory each, `containers/<id>`, and one file for the name, `names/containers/<name>`.
//!
//! A container is there when its directory is; it arrives there whole, by rename, and leaves by rename. Its name is
//! claimed before by linking a file that holds the id. Readers lock nothing. Who changes the stage of a container
//! (start, settle, remove) holds a flock(2) on its file `lock`; its monitor holds an OFD lock on the same file for as
//! long as it lives, which is how everybody knows that it does.

mod claim;
mod depend;
mod group;
mod list;
mod names;
mod remove;
mod rename;
mod settle;
mod sweep;

use cala_spec::{ContainerConfig, ContainerId, ContainerName, ContainerState, ContainerStatus};
pub use claim::ContainerDir;
pub use remove::{remove_id_file, volumes};
pub use settle::StageLock;
pub use sweep::AsideTree;

/// A container whose files can be read.
#[derive(Debug, Clone)]
pub struct Container {
    /// What was stored when it was created.
    pub config: ContainerConfig,
    /// How it is doing, settled: an alive status means that its monitor lives.
    pub state: ContainerState,
    /// Whether its monitor lives. Known only for alive statuses, false otherwise.
    pub alive: bool,
}

/// A container of which something cannot be read; it can only be removed.
#[derive(Debug, Clone)]
pub struct DamagedContainer {
    /// The id: the name of its directory.
    pub id: ContainerId,
    /// Its name, when a file tells it.
    pub name: Option<ContainerName>,
    /// Its configuration, when that is not what is damaged.
    pub config: Option<Box<ContainerConfig>>,
    /// What is wrong, in one line.
    pub reason: String,
    /// Whether its monitor lives.
    pub alive: bool,
}

/// One entry of a listing.
#[derive(Debug, Clone)]
pub enum ContainerEntry {
    /// All is well.
    Sound(Box<Container>),
    /// Something cannot be read.
    Damaged(DamagedContainer),
}

impl ContainerEntry {
    /// The id.
    #[must_use]
    pub fn id(&self) -> &ContainerId {
        match self {
            Self::Sound(container) => &container.config.id,
            Self::Damaged(damaged) => &damaged.id,
        }
    }

    /// The name, when it is known.
    #[must_use]
    pub fn name(&self) -> Option<&ContainerName> {
        match self {
            Self::Sound(container) => Some(&container.config.name),
            Self::Damaged(damaged) => damaged.name.as_ref(),
        }
    }

    /// The status; [`ContainerStatus::Damaged`] when something cannot be read.
    #[must_use]
    pub fn status(&self) -> ContainerStatus {
        match self {
            Self::Sound(container) => container.state.status,
            Self::Damaged(_) => ContainerStatus::Damaged,
        }
    }

    /// The configuration, when it can be read.
    #[must_use]
    pub fn config(&self) -> Option<&ContainerConfig> {
        match self {
            Self::Sound(container) => Some(&container.config),
            Self::Damaged(damaged) => damaged.config.as_deref(),
        }
    }

    /// The container, when all is well.
    #[must_use]
    pub fn sound(&self) -> Option<&Container> {
        match self {
            Self::Sound(container) => Some(container),
            Self::Damaged(_) => None,
        }
    }

    fn created_ns(&self) -> i64 {
        self.config().map_or(0, |config| config.created_ns)
    }
}
