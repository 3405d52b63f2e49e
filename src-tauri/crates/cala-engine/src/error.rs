//! Why the engine could not do something.

use std::io;
use std::path::{Path, PathBuf};

use cala_holder::HolderError;
use cala_monitor::MonitorError;
use cala_network::NetworkError;
use cala_registry::RegistryError;
use cala_spec::invalid::InvalidValue;
use cala_spec::{Classify, ErrorKind, Hints};
use cala_store::StoreError;
use cala_store::helper::HelperError;
use cala_userns::UsernsError;

/// An act of the engine that failed. Failures of the rooms below are forwarded as they are.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// A value does not fit its option.
    #[error(transparent)]
    Value(#[from] InvalidValue),
    /// Stored objects.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The program that unpacks and removes.
    #[error(transparent)]
    Helper(#[from] HelperError),
    /// A registry.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// A container's monitor.
    #[error(transparent)]
    Monitor(MonitorError),
    /// A network.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// The holder of a network.
    #[error(transparent)]
    Holder(#[from] HolderError),
    /// User namespaces of this machine.
    #[error(transparent)]
    Userns(#[from] UsernsError),
    /// The source of a bind mount does not exist.
    #[error("statfs {0}: no such file or directory")]
    NoMountSource(String),
    /// `--volumes-from` names no container.
    #[error(
        "looking up container \"{0}\" for volumes-from: no container with name or ID \"{0}\" found: no such container"
    )]
    VolumesFrom(String),
    /// A bind mount would hand the engine itself to the container.
    #[error("mounting `{source_path}` would give the container control over `{socket}`")]
    ControlSocket {
        /// What was to be mounted.
        source_path: String,
        /// The socket or directory that lies in it.
        socket: String,
    },
    /// A limit needs a controller that this user does not have.
    #[error("cannot limit {what}: the cgroup controller `{controller}` is not available to you")]
    MissingController {
        /// `memory`, `cpu` or `pids`.
        controller: &'static str,
        /// What was to be limited.
        what: &'static str,
    },
    /// The container is in another state than the act needs.
    #[error("{message}")]
    WrongState {
        /// What was wanted and what is, with the id, in Podman's words.
        message: String,
        /// What to do.
        remedy: String,
    },
    /// The kernel does not come to an end with freezing a container.
    #[error(
        "container {0} could not be paused: one of its processes waits for a device that does not answer"
    )]
    NotFrozen(String),
    /// The name that a container is to have is another's.
    #[error("renaming container {id}: the name \"{name}\" is in use by {holder}: container already exists")]
    NameTaken {
        /// The container to be renamed.
        id: String,
        /// The name.
        name: String,
        /// Who has it.
        holder: String,
    },
    /// Other containers cannot be without this one.
    #[error(
        "container {id} has dependent containers which must be removed before it: {}: container already exists",
        dependents.join(", ")
    )]
    HasDependents {
        /// The container to be removed.
        id: String,
        /// Ids of the others.
        dependents: Vec<String>,
    },
    /// A port of the host belongs to somebody.
    #[error("{message}")]
    PortInUse {
        /// Which, as the monitor words it too.
        message: String,
        /// Who has it, if known, and what to do.
        remedy: String,
    },
    /// A port of the host may not or cannot be opened.
    #[error("{message}")]
    PortRefused {
        /// Which and why.
        message: String,
        /// What to do.
        remedy: String,
    },
    /// The image is not here and must not be pulled.
    #[error("{0}: image not known")]
    ImageNotHere(String),
    /// A name is not one of the image's.
    #[error("{0}: tag not known")]
    TagNotKnown(String),
    /// The container's command does not exist in its file system.
    #[error("{0}")]
    CommandNotFound(String),
    /// The container's command exists and cannot be executed.
    #[error("{0}")]
    CommandNotExecutable(String),
    /// A file could not be read or written.
    #[error("cannot {act} `{}`", path.display())]
    Io {
        /// What was tried.
        act: &'static str,
        /// With what.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A thread or task of the engine ended before its time.
    #[error("a part of the engine failed: {0}")]
    Internal(String),
}

impl EngineError {
    pub(crate) fn io(act: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Io { act, path: path.to_owned(), source }
    }

    pub(crate) fn invalid(code: &'static str, text: impl Into<String>) -> Self {
        Self::Value(InvalidValue::new(code, text))
    }

    /// Whether the container is not there (any more).
    #[must_use]
    pub fn is_no_such_container(&self) -> bool {
        matches!(self, Self::Store(StoreError::NoSuchContainer(_)))
    }

    fn inner(&self) -> Option<&dyn Classify> {
        Some(match self {
            Self::Value(error) => error,
            Self::Store(error) => error,
            Self::Helper(error) => error,
            Self::Registry(error) => error,
            Self::Monitor(error) => error,
            Self::Network(error) => error,
            Self::Holder(error) => error,
            Self::Userns(error) => error,
            _ => return None,
        })
    }
}

impl From<MonitorError> for EngineError {
    /// The two failures that scripts look for have kinds of their own.
    fn from(error: MonitorError) -> Self {
        match error {
            MonitorError::CommandNotFound { .. } => Self::CommandNotFound(error.to_string()),
            MonitorError::NotExecutable { .. } => Self::CommandNotExecutable(error.to_string()),
            other => Self::Monitor(other),
        }
    }
}

impl Classify for EngineError {
    fn kind(&self) -> ErrorKind {
        if let Some(inner) = self.inner() {
            return inner.kind();
        }
        match self {
            Self::NoMountSource(_) => ErrorKind::InvalidArgument,
            Self::ControlSocket { .. } => ErrorKind::Forbidden,
            Self::NotFrozen(_) => ErrorKind::Unavailable,
            Self::MissingController { .. } => ErrorKind::NotSupported,
            Self::WrongState { .. }
            | Self::PortInUse { .. }
            | Self::NameTaken { .. }
            | Self::HasDependents { .. } => ErrorKind::Conflict,
            Self::PortRefused { .. } => ErrorKind::Forbidden,
            Self::CommandNotFound(_) => ErrorKind::CommandNotFound,
            Self::CommandNotExecutable(_) => ErrorKind::CommandNotExecutable,
            Self::ImageNotHere(_) | Self::TagNotKnown(_) | Self::VolumesFrom(_) => ErrorKind::NotFound,
            _ => ErrorKind::Internal,
        }
    }

    fn code(&self) -> &'static str {
        if let Some(inner) = self.inner() {
            return inner.code();
        }
        match self {
            Self::NoMountSource(_) => "mount_source_missing",
            Self::VolumesFrom(_) => "no_such_container",
            Self::ControlSocket { .. } => "control_socket_refused",
            Self::MissingController { .. } => "cgroup_controller_missing",
            Self::WrongState { .. } => "container_state",
            Self::NotFrozen(_) => "not_frozen",
            Self::NameTaken { .. } => "name_in_use",
            Self::HasDependents { .. } => "container_has_dependents",
            Self::PortInUse { .. } => "port_in_use",
            Self::PortRefused { .. } => "port_refused",
            Self::ImageNotHere(_) => "no_such_image",
            Self::TagNotKnown(_) => "tag_not_known",
            Self::CommandNotFound(_) => "command_not_found",
            Self::CommandNotExecutable(_) => "command_not_executable",
            Self::Io { .. } => "file_failed",
            _ => "internal",
        }
    }

    fn hints(&self) -> Hints {
        if let Some(inner) = self.inner() {
            return inner.hints();
        }
        match self {
            Self::NoMountSource(path) => format!("make it first: mkdir -p {path}").into(),
            Self::ControlSocket { .. } => {
                "if that is what you want, add --security-opt allow=control-sockets".into()
            }
            Self::MissingController { controller, .. } => Hints::from(
                "in a session of ssh or of the console, begin the command with: systemd-run --user --scope --quiet",
            )
            .and(format!(
                "else let systemd hand it to you: sudo systemctl edit user@.service, add the lines [Service] and \
                 Delegate=cpu cpuset io memory pids, then log in again (needed here: {controller})"
            )),
            Self::WrongState { remedy, .. } if !remedy.is_empty() => {
                remedy.clone().into()
            }
            Self::NameTaken { name, .. } => {
                format!("choose another name, or remove that container first: cala rm {name}").into()
            }
            Self::HasDependents { id, .. } => {
                let short = id.get(..12).unwrap_or(id);
                format!("`cala rm --depend {short}` removes them with it").into()
            }
            Self::PortInUse { remedy, .. } | Self::PortRefused { remedy, .. } => remedy.clone().into(),
            Self::CommandNotFound(_) => {
                "the command is looked up in the image, not on this machine; look inside with: cala run --rm -it \
                 --entrypoint sh IMAGE"
                    .into()
            }
            Self::TagNotKnown(_) => "`cala images` lists the names that images have".into(),
            Self::ImageNotHere(name) => format!("`cala pull {name}` fetches it").into(),
            _ => Hints::none(),
        }
    }
}
