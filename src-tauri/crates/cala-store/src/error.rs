//! What can go wrong with stored objects, in Podman's phrases where scripts look for them.

use std::io;
use std::path::{Path, PathBuf};

use cala_spec::reference::InvalidReference;
use cala_spec::{Classify, ContainerId, ContainerName, Digest, ErrorKind, Hints};

/// A failed act on the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The data root or the run root is a place that Cala does not take over.
    #[error("`{}` cannot be Cala's {what}: {reason}", path.display())]
    RefusedRoot {
        /// `data root` or `run root`.
        what: &'static str,
        /// The directory.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// The data root was written by a later Cala.
    #[error("`{}` was written in format {needed}, this version reads format {}", path.display(), crate::root::FORMAT)]
    NewerFormat {
        /// The directory.
        path: PathBuf,
        /// The oldest format that a reader must know.
        needed: u32,
    },
    /// A system call on a file failed.
    #[error("cannot {act} `{}`", path.display())]
    Io {
        /// What was tried: `read`, `write`, ….
        act: &'static str,
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// No container has this name, id or beginning of an id.
    #[error("no container with name or ID \"{0}\" found: no such container")]
    NoSuchContainer(String),
    /// Several ids begin so.
    #[error(
        "more than one result for container name or ID {text}: ambiguous, it could be {}",
        short_list(candidates)
    )]
    AmbiguousContainer {
        /// What was asked for.
        text: String,
        /// The ids.
        candidates: Vec<ContainerId>,
    },
    /// The name belongs to another container.
    #[error(
        "creating container storage: the container name \"{name}\" is already in use by {id}. You have to remove that \
         container to be able to reuse that name: that name is already in use"
    )]
    NameInUse {
        /// The name.
        name: ContainerName,
        /// Who has it.
        id: ContainerId,
    },
    /// The container's monitor is alive.
    #[error(
        "cannot remove container {0} as it is running - running or paused containers cannot be removed without force: \
         container state improper"
    )]
    ContainerRunning(ContainerId),
    /// The container's files are damaged.
    #[error("container {id} is damaged: {reason}")]
    ContainerDamaged {
        /// The container.
        id: ContainerId,
        /// What is wrong.
        reason: String,
    },
    /// The text is no reference.
    #[error(transparent)]
    Reference(#[from] InvalidReference),
    /// No image has this name, digest, id or beginning of an id.
    #[error("{0}: image not known")]
    NoSuchImage(String),
    /// Several images fit.
    #[error("{text}: ambiguous image name or ID, it could be {}", candidates.join(" or "))]
    AmbiguousImage {
        /// What was asked for.
        text: String,
        /// Names or short ids.
        candidates: Vec<String>,
    },
    /// Containers were made from the image.
    #[error(
        "image used by {}: image is in use by a container: consider listing external containers and force-removing image",
        containers.iter().map(ContainerId::as_str).collect::<Vec<_>>().join(", ")
    )]
    ImageInUse {
        /// The image id.
        image: Digest,
        /// Its containers.
        containers: Vec<ContainerId>,
    },
    /// An image was named by its id and has several names.
    #[error(
        "unable to delete image \"{}\" by ID with more than one tag ([{}]): please force removal",
        image.hex(), names.join(" ")
    )]
    ImageHasNames {
        /// The image id.
        image: Digest,
        /// Its names.
        names: Vec<String>,
    },
    /// Files of the image are missing or not what they should be.
    #[error("image {name} is damaged: {reason}")]
    ImageDamaged {
        /// Name or id.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// The blob is not here.
    #[error("blob {0} is not in the store")]
    NoSuchBlob(Digest),
    /// The bytes have another digest than they should.
    #[error("digest mismatch: expected {expected}, got {got}")]
    DigestMismatch {
        /// What was announced.
        expected: Digest,
        /// What the bytes have.
        got: Digest,
    },
    /// There are more or fewer bytes than announced.
    #[error("size mismatch of {digest}: expected {expected} bytes, got {got}")]
    SizeMismatch {
        /// The blob.
        digest: Digest,
        /// What was announced, in bytes.
        expected: u64,
        /// What is there or came, in bytes.
        got: u64,
    },
    /// A document is larger than Cala reads.
    #[error("{what} is larger than {limit} bytes")]
    TooLarge {
        /// The document.
        what: String,
        /// The limit in bytes.
        limit: u64,
    },
    /// A manifest or configuration breaks the specification.
    #[error("invalid manifest or configuration {digest}: {reason}")]
    InvalidDocument {
        /// The document.
        digest: Digest,
        /// What is wrong.
        reason: String,
    },
    /// No volume has this name.
    #[error("no volume with name \"{0}\" found: no such volume")]
    NoSuchVolume(String),
    /// No secret has this name, id or beginning of an id.
    #[error("no secret with name or id \"{0}\": no such secret")]
    NoSuchSecret(String),
    /// Several ids begin so.
    #[error("more than one result secret with prefix {0}: secret is ambiguous")]
    AmbiguousSecret(String),
    /// The name belongs to another secret.
    #[error("{0}: secret name in use")]
    SecretNameInUse(String),
    /// The name belongs to another volume.
    #[error("volume with name {0} already exists: volume already exists")]
    VolumeNameInUse(String),
    /// Containers mount the volume.
    #[error(
        "volume {name} is being used by the following container(s): {}: volume is being used",
        containers.iter().map(ContainerId::as_str).collect::<Vec<_>>().join(", ")
    )]
    VolumeInUse {
        /// Its name.
        name: String,
        /// Its containers.
        containers: Vec<ContainerId>,
    },
    /// The volume's record is damaged.
    #[error("volume {name} is damaged: {reason}")]
    VolumeDamaged {
        /// The volume.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// The text cannot be a volume's name.
    #[error("{0:?}: names must match [a-zA-Z0-9][a-zA-Z0-9_.-]*: invalid argument")]
    InvalidVolumeName(String),
    /// No network has this name, id or beginning of an id.
    #[error("unable to find network with name or ID {0}: network not found")]
    NoSuchNetwork(String),
    /// Several ids begin so.
    #[error("more than one result for network ID {text}: it could be {}", candidates.iter().map(|id| shortened(id)).collect::<Vec<_>>().join(" or "))]
    AmbiguousNetwork {
        /// What was asked for.
        text: String,
        /// The ids.
        candidates: Vec<String>,
    },
    /// The name belongs to another network.
    #[error("network name {0} already used: network already exists")]
    NetworkNameInUse(String),
    /// The network's record is damaged.
    #[error("network {id} is damaged: {reason}")]
    NetworkDamaged {
        /// The network.
        id: String,
        /// What is wrong.
        reason: String,
    },
    /// Containers are in the network.
    #[error(
        "\"{name}\" has associated containers with it. Use -f to forcibly delete containers and pods: network is being \
         used"
    )]
    NetworkInUse {
        /// Its name.
        name: String,
        /// Its containers.
        containers: Vec<ContainerId>,
    },
    /// An archive or directory of images that cannot be read as one.
    #[error("{place}: {reason}")]
    InvalidArchive {
        /// The archive, as a person knows it.
        place: String,
        /// What is wrong with it.
        reason: String,
    },
    /// What is asked for cannot be written in this form.
    #[error("{0}")]
    ArchiveRefused(String),
    /// The network that is there from the start stays.
    #[error("default network {0} cannot be removed")]
    DefaultNetwork(&'static str),
}

fn shortened(id: &str) -> &str {
    id.get(..12).unwrap_or(id)
}

fn short_list(ids: &[ContainerId]) -> String {
    ids.iter().map(ContainerId::short).collect::<Vec<_>>().join(" or ")
}

impl StoreError {
    /// Wraps a failed system call on `path`.
    pub(crate) fn io(act: &'static str, path: impl AsRef<Path>) -> impl FnOnce(io::Error) -> Self {
        let path = path.as_ref().to_owned();
        move |source| Self::Io { act, path, source }
    }

    /// Whether the disk, its inodes or the user's quota are exhausted.
    #[must_use]
    pub fn is_no_space(&self) -> bool {
        matches!(self, Self::Io { source, .. } if is_no_space(source))
    }
}

/// Whether the disk, its inodes or the user's quota are exhausted.
pub(crate) fn is_no_space(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

impl Classify for StoreError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::NoSuchContainer(_)
            | Self::NoSuchImage(_)
            | Self::NoSuchBlob(_)
            | Self::NoSuchVolume(_)
            | Self::NoSuchSecret(_)
            | Self::NoSuchNetwork(_) => ErrorKind::NotFound,
            Self::NameInUse { .. }
            | Self::ContainerRunning(_)
            | Self::ImageInUse { .. }
            | Self::ImageHasNames { .. }
            | Self::NetworkNameInUse(_)
            | Self::NetworkInUse { .. }
            | Self::VolumeNameInUse(_)
            | Self::SecretNameInUse(_)
            | Self::VolumeInUse { .. } => ErrorKind::Conflict,
            Self::RefusedRoot { .. }
            | Self::AmbiguousContainer { .. }
            | Self::AmbiguousImage { .. }
            | Self::AmbiguousNetwork { .. }
            | Self::AmbiguousSecret(_)
            | Self::DefaultNetwork(_)
            | Self::InvalidArchive { .. }
            | Self::ArchiveRefused(_)
            | Self::InvalidVolumeName(_) => ErrorKind::InvalidArgument,
            Self::Reference(error) => error.kind(),
            Self::NewerFormat { .. } => ErrorKind::NotSupported,
            Self::ContainerDamaged { .. }
            | Self::ImageDamaged { .. }
            | Self::NetworkDamaged { .. }
            | Self::VolumeDamaged { .. } => ErrorKind::Unavailable,
            Self::DigestMismatch { .. }
            | Self::SizeMismatch { .. }
            | Self::TooLarge { .. }
            | Self::InvalidDocument { .. } => ErrorKind::Unavailable,
            Self::Io { source, .. } => match source.kind() {
                io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => ErrorKind::Forbidden,
                _ if is_no_space(source) => ErrorKind::Unavailable,
                _ => ErrorKind::Internal,
            },
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::RefusedRoot { .. } => "data_root_refused",
            Self::NewerFormat { .. } => "newer_format",
            Self::Io { source, .. } if is_no_space(source) => "no_space",
            Self::Io { source, .. } if source.kind() == io::ErrorKind::ReadOnlyFilesystem => "read_only_disk",
            Self::Io { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
                "permission_denied"
            }
            Self::Io { .. } => "store_io",
            Self::NoSuchContainer(_) => "no_such_container",
            Self::AmbiguousContainer { .. } => "ambiguous_container",
            Self::NameInUse { .. } => "name_in_use",
            Self::ContainerRunning(_) => "container_running",
            Self::ContainerDamaged { .. } => "container_damaged",
            Self::Reference(error) => error.code(),
            Self::NoSuchImage(_) => "no_such_image",
            Self::AmbiguousImage { .. } => "ambiguous_image",
            Self::ImageInUse { .. } => "image_in_use",
            Self::ImageHasNames { .. } => "image_has_names",
            Self::ImageDamaged { .. } => "image_damaged",
            Self::NoSuchBlob(_) => "no_such_blob",
            Self::DigestMismatch { .. } => "digest_mismatch",
            Self::SizeMismatch { .. } => "size_mismatch",
            Self::TooLarge { .. } => "document_too_large",
            Self::InvalidDocument { .. } => "invalid_document",
            Self::NoSuchVolume(_) => "no_such_volume",
            Self::NoSuchSecret(_) => "no_such_secret",
            Self::AmbiguousSecret(_) => "ambiguous_secret",
            Self::SecretNameInUse(_) => "secret_name_in_use",
            Self::VolumeNameInUse(_) => "volume_name_in_use",
            Self::VolumeInUse { .. } => "volume_in_use",
            Self::VolumeDamaged { .. } => "volume_damaged",
            Self::InvalidVolumeName(_) => "invalid_volume_name",
            Self::NoSuchNetwork(_) => "no_such_network",
            Self::AmbiguousNetwork { .. } => "ambiguous_network",
            Self::NetworkNameInUse(_) => "network_name_in_use",
            Self::NetworkDamaged { .. } => "network_damaged",
            Self::NetworkInUse { .. } => "network_in_use",
            Self::DefaultNetwork(_) => "default_network",
            Self::InvalidArchive { .. } => "archive_invalid",
            Self::ArchiveRefused(_) => "archive_refused",
        }
    }

    fn hints(&self) -> Hints {
        match self {
            Self::RefusedRoot { what: crate::root::RUN, .. } => {
                "let XDG_RUNTIME_DIR name your own directory (as /run/user/UID), or name one with `--runroot`"
                    .into()
            }
            Self::RefusedRoot { .. } => "name an empty or absent directory with `--root`".into(),
            Self::NewerFormat { .. } => "use the version of Cala that wrote it, or another `--root`".into(),
            Self::Io { source, .. } if is_no_space(source) => {
                "free space or inodes: `cala rm`, `cala rmi`, or `df -h` and `df -i` show where they went"
                    .into()
            }
            Self::NoSuchContainer(_) => "`cala ps -a` lists all containers".into(),
            Self::AmbiguousContainer { .. } => "give more digits of the id".into(),
            Self::NameInUse { name, .. } => {
                format!("remove it with `cala rm {name}`, or choose another --name").into()
            }
            Self::ContainerRunning(id) => {
                format!("`cala stop {0}` first, or `cala rm -f {0}`", id.short()).into()
            }
            Self::ContainerDamaged { id, .. } => {
                format!("`cala rm -f {}` removes what is left", id.short()).into()
            }
            Self::Reference(error) => error.hints(),
            Self::NoSuchImage(text) => {
                format!("`cala pull {text}` fetches it, `cala images` lists what is here").into()
            }
            Self::ImageInUse { .. } | Self::ImageHasNames { .. } => {
                "`cala rmi --force` removes it all the same".into()
            }
            Self::ImageDamaged { name, .. } => format!("`cala pull {name}` heals it").into(),
            Self::NoSuchSecret(_) => "`cala secret ls` lists all secrets".into(),
            Self::AmbiguousSecret(_) => "give more digits of the id".into(),
            Self::SecretNameInUse(_) => "--replace puts the new one in its place".into(),
            Self::NoSuchVolume(_) => "`cala volume ls` lists all volumes".into(),
            Self::VolumeNameInUse(name) => {
                format!("use it as it is, or remove it with `cala volume rm {name}`").into()
            }
            Self::VolumeInUse { containers, .. } => {
                let names = containers.iter().map(ContainerId::short).collect::<Vec<_>>().join(" ");
                format!("`cala volume rm --force` removes these containers too: {names}").into()
            }
            Self::VolumeDamaged { name, .. } => {
                format!("its files are in its folder; `cala volume rm {name}` removes it with them").into()
            }
            Self::NoSuchNetwork(_) => "`cala network ls` lists all networks".into(),
            Self::AmbiguousNetwork { .. } => "give more digits of the id".into(),
            Self::NetworkNameInUse(name) => {
                format!("remove it with `cala network rm {name}`, or choose another name").into()
            }
            Self::NetworkDamaged { id, .. } => {
                format!("`cala network rm {}` removes what is left", shortened(id)).into()
            }
            Self::NetworkInUse { containers, .. } => {
                let names = containers.iter().map(ContainerId::short).collect::<Vec<_>>().join(" ");
                format!("`cala network rm --force` removes these containers too: {names}").into()
            }
            Self::InvalidArchive { .. } => {
                "`cala load` reads what `save` of Cala, Podman or Docker writes; a plain tar of files is read by `cala import`"
                    .into()
            }
            Self::DefaultNetwork(_) => "it is where containers are when nothing is said".into(),
            _ => Hints::none(),
        }
    }
}
