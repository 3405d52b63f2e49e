//! cgroup v2: make, limit, watch, freeze, kill, remove one directory (cgroups(7), cgroup-v2 of the kernel's guide).

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use cala_spec::{Classify, ErrorKind, Hints};

/// Limits of a cgroup; `None` leaves what is, for a new one the kernel's default. `u64::MAX` and infinity are no limit.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Limits {
    /// Bytes of memory (`memory.max`).
    pub memory: Option<u64>,
    /// CPUs, 1.5 is one and a half (`cpu.max`).
    pub cpus: Option<f64>,
    /// Processes and threads (`pids.max`).
    pub pids: Option<u64>,
}

/// One file to be written.
struct Setting {
    controller: &'static str,
    what: &'static str,
    file: &'static str,
    value: String,
}

impl Limits {
    fn settings(&self) -> Vec<Setting> {
        let mut settings = Vec::new();
        if let Some(bytes) = self.memory {
            settings.push(Setting {
                controller: "memory",
                what: "memory",
                file: "memory.max",
                value: number_or_max(bytes),
            });
        }
        if let Some(cpus) = self.cpus {
            settings.push(Setting { controller: "cpu", what: "CPUs", file: "cpu.max", value: cpu_max(cpus) });
        }
        if let Some(pids) = self.pids {
            settings.push(Setting {
                controller: "pids",
                what: "processes",
                file: "pids.max",
                value: number_or_max(pids),
            });
        }
        settings
    }
}

/// Microseconds of CPU in each period of 100 ms; the kernel takes no less than 1 ms.
fn cpu_max(cpus: f64) -> String {
    if cpus.is_infinite() {
        return "max 100000".to_owned();
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped before; `as` saturates"
    )]
    let quota = (cpus * 100_000.0).clamp(1_000.0, 1e15) as u64;
    format!("{quota} 100000")
}

fn number_or_max(number: u64) -> String {
    if number == u64::MAX { "max".to_owned() } else { number.to_string() }
}

/// Hands the controllers of these settings down to the children of a directory.
fn enable(parent: &Path, settings: &[Setting]) -> Result<(), CgroupError> {
    if settings.is_empty() {
        return Ok(());
    }
    let read = |name: &str| std::fs::read_to_string(parent.join(name)).unwrap_or_default();
    let has = |list: &str, controller| list.split_whitespace().any(|word| word == controller);
    let (available, enabled) = (read("cgroup.controllers"), read("cgroup.subtree_control"));
    for setting in settings {
        let controller = setting.controller;
        if has(&enabled, controller) {
            continue;
        }
        let path = parent.join("cgroup.subtree_control");
        // EBUSY: processes in the parent itself forbid it; then it is as good as missing, too.
        if !has(&available, controller) || std::fs::write(&path, format!("+{controller}")).is_err() {
            return Err(CgroupError::MissingController {
                controller,
                what: setting.what,
                parent: parent.into(),
            });
        }
    }
    Ok(())
}

/// Why a cgroup could not be made or used.
#[derive(Debug, thiserror::Error)]
pub enum CgroupError {
    /// A limit needs a controller that is not delegated.
    #[error("cannot limit {what}: controller `{controller}` is not available in `{}`", parent.display())]
    MissingController {
        /// `memory`, `cpu` or `pids`.
        controller: &'static str,
        /// The limit in a person's words.
        what: &'static str,
        /// The directory that should have delegated it.
        parent: PathBuf,
    },
    /// A file or directory operation failed.
    #[error("cannot {act} `{}`", path.display())]
    Io {
        /// `create`, `write`, `read`, `remove`.
        act: &'static str,
        /// Which file.
        path: PathBuf,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
}

impl Classify for CgroupError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::MissingController { .. } => ErrorKind::NotSupported,
            Self::Io { .. } => ErrorKind::Internal,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::MissingController { .. } => "cgroup_controller_missing",
            Self::Io { .. } => "cgroup_failed",
        }
    }

    fn hints(&self) -> Hints {
        match self {
            Self::MissingController { controller, .. } => Hints::from(format!(
                "let systemd delegate it: `systemctl edit user@.service`, [Service] Delegate=cpu memory pids, then log in again (missing: {controller})"
            )),
            Self::Io { .. } => Hints::none(),
        }
    }
}

/// One directory of cgroup v2.
#[derive(Debug)]
pub struct Cgroup {
    path: PathBuf,
    dir: File,
}

impl Cgroup {
    /// Makes the directory (or takes an existing one) and sets its limits; enables the needed controllers in its parent.
    ///
    /// # Errors
    ///
    /// [`CgroupError`].
    pub fn create(path: &Path, limits: &Limits) -> Result<Self, CgroupError> {
        let settings = limits.settings();
        let parent = path.parent().unwrap_or(Path::new("/"));
        enable(parent, &settings)?;
        match std::fs::create_dir(path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(CgroupError::Io { act: "create", path: path.into(), source: error });
            }
            _ => {}
        }
        let cgroup = Self::open(path)?;
        for setting in settings {
            cgroup.write(setting.file, &setting.value)?;
        }
        Ok(cgroup)
    }

    /// Sets other limits while it is in use; enables the needed controllers in its parent.
    ///
    /// # Errors
    ///
    /// [`CgroupError`]; limits before the one that failed are set.
    pub fn set(&self, limits: &Limits) -> Result<(), CgroupError> {
        let settings = limits.settings();
        enable(self.path.parent().unwrap_or(Path::new("/")), &settings)?;
        settings.iter().try_for_each(|setting| self.write(setting.file, &setting.value))
    }

    /// Opens an existing directory.
    ///
    /// # Errors
    ///
    /// [`CgroupError::Io`].
    pub fn open(path: &Path) -> Result<Self, CgroupError> {
        let dir =
            File::open(path).map_err(|source| CgroupError::Io { act: "open", path: path.into(), source })?;
        Ok(Self { path: path.into(), dir })
    }

    /// The directory, for [`Container::cgroup`](crate::Container::cgroup).
    #[must_use]
    pub fn fd(&self) -> std::os::fd::BorrowedFd<'_> {
        std::os::fd::AsFd::as_fd(&self.dir)
    }

    /// Its path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Sends SIGKILL to everything in it (`cgroup.kill`).
    ///
    /// # Errors
    ///
    /// [`CgroupError::Io`].
    pub fn kill(&self) -> Result<(), CgroupError> {
        self.write("cgroup.kill", "1")
    }

    /// Freezes or thaws everything in it (`cgroup.freeze`).
    ///
    /// # Errors
    ///
    /// [`CgroupError::Io`].
    pub fn freeze(&self, frozen: bool) -> Result<(), CgroupError> {
        self.write("cgroup.freeze", if frozen { "1" } else { "0" })
    }

    /// How many processes the kernel killed in it for want of memory (`memory.events`, `oom_kill`); 0 without the
    /// memory controller.
    #[must_use]
    pub fn oom_kills(&self) -> u64 {
        let text = std::fs::read_to_string(self.path.join("memory.events")).unwrap_or_default();
        text.lines().find_map(|line| line.strip_prefix("oom_kill ")).and_then(|n| n.parse().ok()).unwrap_or(0)
    }

    /// Removes it; nothing to do when it is gone.
    ///
    /// # Errors
    ///
    /// [`CgroupError::Io`], EBUSY while processes are in it.
    pub fn remove(&self) -> Result<(), CgroupError> {
        match std::fs::remove_dir(&self.path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                Err(CgroupError::Io { act: "remove", path: self.path.clone(), source })
            }
            _ => Ok(()),
        }
    }

    fn write(&self, name: &str, value: &str) -> Result<(), CgroupError> {
        let path = self.path.join(name);
        std::fs::write(&path, value).map_err(|source| CgroupError::Io { act: "write", path, source })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpus_become_a_share_of_the_period() {
        assert_eq!(cpu_max(1.5), "150000 100000");
        assert_eq!(cpu_max(0.000_1), "1000 100000");
        assert_eq!(cpu_max(f64::INFINITY), "max 100000");
    }

    #[test]
    fn a_missing_controller_is_named() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        std::fs::write(dir.path().join("cgroup.controllers"), "cpu pids").expect("file");
        let limits = Limits { memory: Some(1 << 20), ..Limits::default() };
        let error = Cgroup::create(&dir.path().join("c"), &limits).expect_err("no memory controller");
        assert!(error.to_string().contains("controller `memory` is not available"), "{error}");
        assert!(!dir.path().join("c").exists(), "nothing is left");
        assert!(!error.hints().is_empty());
    }

    #[test]
    fn limits_are_changed_and_lifted() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let group = dir.path().join("c");
        std::fs::create_dir(&group).expect("made");
        for file in ["cgroup.controllers", "cgroup.subtree_control"] {
            std::fs::write(dir.path().join(file), "cpu memory pids").expect("file");
        }
        let cgroup = Cgroup::open(&group).expect("open");
        let read = |file: &str| std::fs::read_to_string(group.join(file)).unwrap_or_default();
        let limits = Limits { memory: Some(1 << 20), cpus: Some(0.5), pids: None };
        cgroup.set(&limits).expect("set");
        assert_eq!(
            (read("memory.max"), read("cpu.max"), read("pids.max")),
            ("1048576".into(), "50000 100000".into(), String::new())
        );
        cgroup
            .set(&Limits { memory: Some(u64::MAX), cpus: Some(f64::INFINITY), pids: Some(u64::MAX) })
            .expect("set");
        assert_eq!(
            (read("memory.max"), read("cpu.max"), read("pids.max")),
            ("max".into(), "max 100000".into(), "max".into())
        );
    }

    #[test]
    fn kills_for_want_of_memory_are_counted() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        std::fs::write(dir.path().join("memory.events"), "low 0\noom 3\noom_kill 2\n").expect("file");
        assert_eq!(Cgroup::open(dir.path()).expect("open").oom_kills(), 2);
    }
}
