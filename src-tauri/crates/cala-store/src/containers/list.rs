//! Listing and finding containers: one readdir(3), two small files each.

use std::ffi::CString;
use std::io;
use std::os::fd::OwnedFd;

use cala_spec::{ContainerConfig, ContainerId, ContainerName, ContainerState};
use rustix::fs::{Mode, OFlags};

use super::settle::MAX_STATE;
use super::{Container, ContainerEntry, DamagedContainer};
use crate::error::StoreError;
use crate::read::{read_at, read_limited};
use crate::store::Store;

/// Largest `container.json` in bytes.
pub(super) const MAX_CONFIG: usize = 4 << 20;

/// Listing takes a few microseconds per file, most of them in the kernel: with hundreds of containers threads pay.
const MAX_THREADS: usize = 4;
/// Containers below which another thread is not worth its start.
const MIN_SHARE: usize = 100;

/// What reading one container gave.
enum Look {
    Sound(Box<ContainerConfig>, ContainerState),
    Damaged(Option<Box<ContainerConfig>>, String),
    Gone,
}

impl Store {
    /// All containers, settled, the oldest first. Damaged ones are entries of their own and spoil nothing.
    ///
    /// # Errors
    /// The directory cannot be listed, or descriptors or memory are exhausted.
    pub fn containers(&self) -> Result<Vec<ContainerEntry>, StoreError> {
        let (directory, ids) = self.container_ids()?;
        let threads = std::thread::available_parallelism().map_or(1, usize::from).min(MAX_THREADS);
        let share = ids.len().div_ceil(threads).max(MIN_SHARE);
        let mut entries = Vec::with_capacity(ids.len());
        std::thread::scope(|scope| {
            let mut shares = ids.chunks(share);
            let first = shares.next().unwrap_or_default();
            let others: Vec<_> = shares.map(|ids| scope.spawn(|| self.entries(&directory, ids))).collect();
            entries.extend(self.entries(&directory, first)?);
            for other in others {
                // A thread that panicked passes its panic on, as if it had happened here.
                entries.extend(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?);
            }
            Ok::<(), StoreError>(())
        })?;
        entries.sort_by(|a, b| (a.created_ns(), a.id()).cmp(&(b.created_ns(), b.id())));
        Ok(entries)
    }

    fn entries(&self, directory: &OwnedFd, ids: &[ContainerId]) -> Result<Vec<ContainerEntry>, StoreError> {
        let mut buffer = Vec::with_capacity(16 << 10);
        let mut entries = Vec::with_capacity(ids.len());
        for id in ids {
            entries.extend(self.entry(directory, id, &mut buffer)?);
        }
        Ok(entries)
    }

    /// One container, settled.
    ///
    /// # Errors
    /// [`StoreError::NoSuchContainer`], [`StoreError::ContainerDamaged`].
    pub fn container(&self, id: &ContainerId) -> Result<Container, StoreError> {
        match self.container_entry(id)? {
            ContainerEntry::Sound(container) => Ok(*container),
            ContainerEntry::Damaged(damaged) => {
                Err(StoreError::ContainerDamaged { id: damaged.id, reason: damaged.reason })
            }
        }
    }

    /// One container, settled, damaged or not.
    ///
    /// # Errors
    /// [`StoreError::NoSuchContainer`]; descriptors or memory are exhausted.
    pub fn container_entry(&self, id: &ContainerId) -> Result<ContainerEntry, StoreError> {
        let directory = self.open_containers()?;
        self.entry(&directory, id, &mut Vec::new())?
            .ok_or_else(|| StoreError::NoSuchContainer(id.to_string()))
    }

    /// The id of the container with this name, this id, or the only one whose id begins so.
    ///
    /// # Errors
    /// [`StoreError::NoSuchContainer`], [`StoreError::AmbiguousContainer`].
    pub fn resolve_container(&self, text: &str) -> Result<ContainerId, StoreError> {
        if let Ok(id) = text.parse::<ContainerId>()
            && self.container_dir(&id).is_dir()
        {
            return Ok(id);
        }
        if let Ok(name) = text.parse::<ContainerName>()
            && let Ok(Some(id)) = self.name_holder(&name)
            && self.container_dir(&id).is_dir()
            && !self.is_called_otherwise(&id, &name)
        {
            return Ok(id);
        }
        let none = || StoreError::NoSuchContainer(text.to_owned());
        if text.is_empty() || !text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(none());
        }
        let (_, ids) = self.container_ids()?;
        let mut fitting: Vec<ContainerId> =
            ids.into_iter().filter(|id| id.as_str().starts_with(text)).collect();
        match fitting.len() {
            0 => Err(none()),
            1 => fitting.pop().ok_or_else(none),
            _ => {
                fitting.sort();
                fitting.truncate(10);
                Err(StoreError::AmbiguousContainer { text: text.to_owned(), candidates: fitting })
            }
        }
    }

    /// The stored configuration of a container.
    ///
    /// # Errors
    /// [`StoreError::NoSuchContainer`], [`StoreError::ContainerDamaged`].
    pub fn read_config(&self, id: &ContainerId) -> Result<ContainerConfig, StoreError> {
        let path = self.container_dir(id).join("container.json");
        let damaged = |reason: String| StoreError::ContainerDamaged { id: id.clone(), reason };
        match read_limited(&path, MAX_CONFIG) {
            Ok(bytes) => parse_config(id, &bytes).map_err(damaged),
            Err(error) if error.kind() == io::ErrorKind::NotFound && !self.container_dir(id).is_dir() => {
                Err(StoreError::NoSuchContainer(id.to_string()))
            }
            Err(error) => Err(damaged(format!("container.json: {error}"))),
        }
    }

    /// Replaces the configuration of a container; its id and name stay. The caller holds the stage lock.
    ///
    /// # Errors
    /// Failed system calls; the old one stays then.
    pub fn replace_config(&self, config: &ContainerConfig) -> Result<(), StoreError> {
        let path = self.container_dir(&config.id).join("container.json");
        let failed = || StoreError::io("write", &path);
        let bytes = serde_json::to_vec(config).map_err(io::Error::from).map_err(failed())?;
        self.with_reserve(|| cala_sys::durable::write_atomic(&path, &bytes, !config.spec.remove))
            .map_err(failed())
    }

    fn open_containers(&self) -> Result<OwnedFd, StoreError> {
        let path = self.path("containers");
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        rustix::fs::open(&path, flags, Mode::empty())
            .map_err(|error| StoreError::io("list", &path)(error.into()))
    }

    pub(super) fn container_ids(&self) -> Result<(OwnedFd, Vec<ContainerId>), StoreError> {
        let failed = |error: rustix::io::Errno| StoreError::io("list", self.path("containers"))(error.into());
        let directory = self.open_containers()?;
        let mut ids = Vec::new();
        for entry in rustix::fs::Dir::read_from(&directory).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            ids.extend(entry.file_name().to_str().ok().and_then(|name| name.parse::<ContainerId>().ok()));
        }
        Ok((directory, ids))
    }

    fn entry(
        &self,
        directory: &OwnedFd,
        id: &ContainerId,
        buffer: &mut Vec<u8>,
    ) -> Result<Option<ContainerEntry>, StoreError> {
        let (config, reason) =
            match look(directory, id, buffer).map_err(StoreError::io("read", self.container_dir(id)))? {
                Look::Sound(config, state) => {
                    let settled = self.settle(&config, state);
                    return Ok(settled.map(|(state, alive)| {
                        ContainerEntry::Sound(Box::new(Container { config: *config, state, alive }))
                    }));
                }
                Look::Damaged(config, reason) => (config, reason),
                Look::Gone => return Ok(None),
            };
        let name = config.as_ref().map(|config| config.name.clone()).or_else(|| self.name_of(id));
        let alive = self.monitor_alive(id);
        Ok(Some(ContainerEntry::Damaged(DamagedContainer { id: id.clone(), name, config, reason, alive })))
    }
}

fn look(directory: &OwnedFd, id: &ContainerId, buffer: &mut Vec<u8>) -> io::Result<Look> {
    let read = |name: &str, buffer: &mut Vec<u8>, limit: usize| -> io::Result<Result<(), String>> {
        let path = CString::new(format!("{id}/{name}"))?;
        match read_at(directory, &path, buffer, limit) {
            Ok(()) => Ok(Ok(())),
            Err(error) if is_exhaustion(&error) => Err(error),
            Err(error) => Ok(Err(format!("{name}: {error}"))),
        }
    };
    let gone = |reason: String, config| -> Look {
        // Removed while we looked, or a file is missing in a directory that is there.
        let there = rustix::fs::accessat(
            directory,
            id.as_str(),
            rustix::fs::Access::EXISTS,
            rustix::fs::AtFlags::empty(),
        );
        if there.is_ok() { Look::Damaged(config, reason) } else { Look::Gone }
    };
    if let Err(reason) = read("container.json", buffer, MAX_CONFIG)? {
        return Ok(gone(reason, None));
    }
    let config = match parse_config(id, buffer) {
        Ok(config) => Box::new(config),
        Err(reason) => return Ok(Look::Damaged(None, reason)),
    };
    if let Err(reason) = read("state.json", buffer, MAX_STATE)? {
        return Ok(gone(reason, Some(config)));
    }
    match serde_json::from_slice(buffer) {
        Ok(state) => Ok(Look::Sound(config, state)),
        Err(error) => Ok(Look::Damaged(Some(config), format!("state.json: {error}"))),
    }
}

fn parse_config(id: &ContainerId, bytes: &[u8]) -> Result<ContainerConfig, String> {
    let config: ContainerConfig =
        serde_json::from_slice(bytes).map_err(|error| format!("container.json: {error}"))?;
    if config.id == *id {
        Ok(config)
    } else {
        Err(format!("container.json: it is of container {}", config.id))
    }
}

/// Nothing about this container: the process or the machine has run out of something.
fn is_exhaustion(error: &io::Error) -> bool {
    use rustix::io::Errno;
    [Errno::MFILE, Errno::NFILE, Errno::NOMEM]
        .iter()
        .any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}
