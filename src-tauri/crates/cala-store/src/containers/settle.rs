//! The truth about a container's state: its record, and whether its monitor lives.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use cala_spec::event::EventKind;
use cala_spec::{ContainerConfig, ContainerId, ContainerState, ContainerStatus, Event};
use cala_sys::durable;
use cala_sys::flock::{FileLock, Mode};

use super::{Container, group};
use crate::error::StoreError;
use crate::read::read_limited;
use crate::store::{Store, now_ns};

/// Largest `state.json` in bytes.
pub(super) const MAX_STATE: usize = 64 << 10;
/// Exit code of a container that ended with its monitor: as if by SIGKILL.
const SUPERVISOR_LOST: i32 = 137;

/// Between two looks at a monitor's lock.
const LOCK_PAUSE: Duration = Duration::from_millis(1);

/// Held by whoever starts, settles or removes a container.
#[derive(Debug)]
pub struct StageLock(pub(super) FileLock);

impl StageLock {
    /// The lock file, for handing the lock on to another process.
    #[must_use]
    pub fn file(&self) -> &std::fs::File {
        self.0.file()
    }
}

impl Store {
    /// Waits until nobody else starts, settles or removes the container. Held by `start` until the monitor has written
    /// its first state.
    ///
    /// # Errors
    /// [`StoreError::NoSuchContainer`] when it was removed meanwhile; failed system calls.
    pub fn lock_stage(&self, id: &ContainerId) -> Result<StageLock, StoreError> {
        let directory = self.container_dir(id);
        let gone = || StoreError::NoSuchContainer(id.to_string());
        if !directory.is_dir() {
            return Err(gone());
        }
        let path = directory.join("lock");
        let lock = FileLock::wait(&path, Mode::Exclusive).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => gone(),
            _ => StoreError::io("lock", &path)(error),
        })?;
        // Whoever removed it held the lock while we waited.
        if directory.is_dir() { Ok(StageLock(lock)) } else { Err(gone()) }
    }

    /// Whether the container's monitor lives: asks for its lock and takes nothing.
    #[must_use]
    pub fn monitor_alive(&self, id: &ContainerId) -> bool {
        monitor_holds(&self.container_dir(id).join("lock"))
    }

    /// The container, once its monitor is gone or lives with it: a monitor holds its lock for a moment before its first
    /// state and after its last, and that of a killed `start` until it sees that nobody asks it for anything. The caller
    /// holds the stage, so that no other comes. Waits for at most `limit`.
    ///
    /// # Errors
    /// As [`Store::container`].
    pub fn await_decision(&self, id: &ContainerId, limit: Duration) -> Result<Container, StoreError> {
        let begun = Instant::now();
        loop {
            let container = self.container(id)?;
            if container.alive || !self.monitor_alive(id) || begun.elapsed() >= limit {
                return Ok(container);
            }
            #[expect(
                clippy::disallowed_methods,
                reason = "nothing tells that a lock was dropped but taking it"
            )]
            std::thread::sleep(LOCK_PAUSE);
        }
    }

    /// Reads the state as it was last written. What it says of life is only true together with
    /// [`Store::monitor_alive`]; [`Store::container`] joins the two.
    ///
    /// # Errors
    /// [`StoreError::NoSuchContainer`], [`StoreError::ContainerDamaged`].
    pub fn read_state(&self, id: &ContainerId) -> Result<ContainerState, StoreError> {
        let path = self.container_dir(id).join("state.json");
        let damaged = |reason: String| StoreError::ContainerDamaged { id: id.clone(), reason };
        match read_limited(&path, MAX_STATE) {
            Ok(bytes) => {
                serde_json::from_slice(&bytes).map_err(|error| damaged(format!("state.json: {error}")))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound && !self.container_dir(id).is_dir() => {
                Err(StoreError::NoSuchContainer(id.to_string()))
            }
            Err(error) => Err(damaged(format!("state.json: {error}"))),
        }
    }

    /// Replaces the state.
    ///
    /// # Errors
    /// Failed system calls.
    pub fn write_state(
        &self,
        id: &ContainerId,
        state: &ContainerState,
        durable: bool,
    ) -> Result<(), StoreError> {
        let path = self.container_dir(id).join("state.json");
        let bytes =
            serde_json::to_vec(state).map_err(io::Error::from).map_err(StoreError::io("write", &path))?;
        self.with_reserve(|| durable::write_atomic(&path, &bytes, durable))
            .map_err(StoreError::io("write", &path))
    }

    /// Settles a state that says the container lives: when its monitor is gone it has ended with it. The caller of this
    /// always gets the truth; it is written down (once, with the event `died`) as far as the disk allows.
    ///
    /// Returns the state and whether the monitor lives; `None` when the container was to go at its end and is gone now.
    pub(super) fn settle(
        &self,
        config: &ContainerConfig,
        read: ContainerState,
    ) -> Option<(ContainerState, bool)> {
        if !read.status.is_alive() {
            return Some((read, false));
        }
        let lock = self.container_dir(&config.id).join("lock");
        if monitor_holds(&lock) {
            return Some((read, true));
        }
        // A monitor writes its last state before it lets go of the lock: what is written now is final, unless another
        // command is just starting the container anew.
        let Ok(Some(stage)) = FileLock::try_take(&lock, Mode::Exclusive) else {
            return Some(self.look_again(config, read));
        };
        if monitor_holds(&lock) {
            return Some((self.read_state(&config.id).unwrap_or(read), true));
        }
        let state = self.read_state(&config.id).ok()?;
        if !state.status.is_alive() {
            return Some((state, false));
        }
        self.record_loss(config, state, StageLock(stage))
    }

    fn look_again(&self, config: &ContainerConfig, read: ContainerState) -> (ContainerState, bool) {
        let state = self.read_state(&config.id).unwrap_or(read);
        let alive = state.status.is_alive() && self.monitor_alive(&config.id);
        if state.status.is_alive() && !alive { (lost(state), false) } else { (state, alive) }
    }

    fn record_loss(
        &self,
        config: &ContainerConfig,
        state: ContainerState,
        stage: StageLock,
    ) -> Option<(ContainerState, bool)> {
        let ran = state.status.has_run();
        let state = lost(state);
        group::drop_group(&self.container_dir(&config.id));
        if let Err(error) = self.write_state(&config.id, &state, !config.spec.remove) {
            tracing::warn!(id = %config.id, %error, "the end of a container could not be recorded");
            return Some((state, false));
        }
        if ran {
            self.record_event(&event(config, "died", Some(state.exit_code)));
        }
        if ran && config.spec.remove {
            match self.remove_under(&config.id, Some(&config.name), &stage) {
                Ok(_) => {
                    self.record_event(&event(config, "remove", None));
                    // All of it is deleted with the next removal; a listing does not wait for that.
                    let _ = self.put_anonymous_volumes_aside(config);
                    super::remove_id_file(config);
                    return None;
                }
                Err(error) => {
                    tracing::warn!(id = %config.id, %error, "a container could not be removed at its end")
                }
            }
        }
        Some((state, false))
    }
}

/// Whether a monitor holds the lock file.
pub(super) fn monitor_holds(lock: &Path) -> bool {
    std::fs::File::open(lock).is_ok_and(|file| cala_sys::ofd_lock::is_locked(&file).unwrap_or(false))
}

fn lost(state: ContainerState) -> ContainerState {
    if !state.status.has_run() {
        // It was made ready and never let go: it is again what it was before.
        let status = if state.finished_ns == 0 { ContainerStatus::Created } else { ContainerStatus::Exited };
        return ContainerState { status, pid: 0, monitor_pid: 0, networks: Vec::new(), ..state };
    }
    ContainerState {
        status: ContainerStatus::Exited,
        pid: 0,
        monitor_pid: 0,
        exit_code: SUPERVISOR_LOST,
        finished_ns: now_ns(),
        error: "supervisor lost".to_owned(),
        networks: Vec::new(),
        ..state
    }
}

/// An event of this container, now.
pub(super) fn event(config: &ContainerConfig, action: &str, exit_code: Option<i32>) -> Event {
    let attributes: BTreeMap<String, String> = config.labels.clone();
    Event {
        time_ns: now_ns(),
        kind: EventKind::Container,
        action: action.to_owned(),
        id: config.id.to_string(),
        name: config.name.to_string(),
        image: Some(config.image.clone()),
        exit_code,
        attributes,
    }
}
