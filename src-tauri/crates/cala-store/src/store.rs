//! The store: where everything is, and the ways to it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use cala_spec::{ContainerId, Digest, Event};

use crate::error::{StoreError, is_no_space};
use crate::{events, root};

/// An open data root with its run root. Cheap to clone; holds no lock and no descriptor.
#[derive(Debug, Clone)]
pub struct Store {
    roots: Arc<Roots>,
}

#[derive(Debug)]
struct Roots {
    data: PathBuf,
    run: PathBuf,
}

impl Store {
    /// Opens the data root `data` and the run root `run`, both absolute; makes what is absent, private to the user.
    ///
    /// # Errors
    /// [`StoreError::RefusedRoot`] for the home directory, `/`, a directory of somebody else or with foreign entries;
    /// [`StoreError::NewerFormat`]; failed system calls.
    pub fn open(data: &Path, run: &Path) -> Result<Self, StoreError> {
        root::open_data(data)?;
        root::open_run(run)?;
        Ok(Self { roots: Arc::new(Roots { data: data.to_owned(), run: run.to_owned() }) })
    }

    /// The data root.
    #[must_use]
    pub fn data(&self) -> &Path {
        &self.roots.data
    }

    /// The run root.
    #[must_use]
    pub fn run(&self) -> &Path {
        &self.roots.run
    }

    /// `containers/<id>` of the data root.
    #[must_use]
    pub fn container_dir(&self, id: &ContainerId) -> PathBuf {
        self.data().join("containers").join(id.as_str())
    }

    /// `containers/<id>` of the run root: the monitor's socket.
    #[must_use]
    pub fn run_dir(&self, id: &ContainerId) -> PathBuf {
        self.run().join("containers").join(id.as_str())
    }

    /// The file that holds a container's name.
    #[must_use]
    pub fn name_file(&self, name: &cala_spec::ContainerName) -> PathBuf {
        self.data().join("names/containers").join(name.as_str())
    }

    /// The directory of the event log.
    #[must_use]
    pub fn events_dir(&self) -> PathBuf {
        self.data().join("events")
    }

    /// The `diff` directory of an unpacked layer.
    #[must_use]
    pub fn layer_diff(&self, key: &str) -> PathBuf {
        self.data().join("layers").join(key).join("diff")
    }

    /// Where the blob is or would be.
    #[must_use]
    pub fn blob_path(&self, digest: &Digest) -> PathBuf {
        self.data().join("images/blobs").join(digest.algorithm()).join(digest.hex())
    }

    /// A path below the data root.
    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.data().join(below)
    }

    /// Appends an event; a failure is only logged: what happened has happened.
    pub fn record_event(&self, event: &Event) {
        if let Err(error) = events::append_event(&self.events_dir(), event) {
            tracing::warn!(%error, action = event.action, "an event could not be recorded");
        }
    }

    /// Runs an act that frees space; when the disk is full, again without the reserve.
    pub(crate) fn with_reserve<T>(&self, act: impl Fn() -> io::Result<T>) -> io::Result<T> {
        match act() {
            Err(error) if is_no_space(&error) => {
                root::release_reserve(self.data());
                act()
            }
            done => done,
        }
    }

    /// Fills the reserve again after a removal.
    pub(crate) fn keep_reserve(&self) {
        root::keep_reserve(self.data());
    }
}

/// Nanoseconds since the Unix epoch.
#[must_use]
pub fn now_ns() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_nanos()).unwrap_or(i64::MAX)
}

/// 32 random bytes of the kernel.
///
/// # Errors
/// The kernel gives none (getrandom(2)).
pub fn random_bytes() -> Result<[u8; 32], StoreError> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| StoreError::Io {
        act: "read",
        path: PathBuf::from("/dev/urandom"),
        source: io::Error::other(error.to_string()),
    })?;
    Ok(bytes)
}

/// A fresh container id.
///
/// # Errors
/// As [`random_bytes`].
pub fn new_container_id() -> Result<ContainerId, StoreError> {
    random_bytes().map(ContainerId::from_random)
}
