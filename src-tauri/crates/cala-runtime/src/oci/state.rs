//! What is kept of a container between commands.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::OciError;

/// `state.json`.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) id: String,
    pub(super) bundle: PathBuf,
    /// Of the first process, in the pid namespace of the /proc that we saw.
    pub(super) pid: i32,
    /// Field 22 of proc_pid_stat(5), so that a pid that was used again is never touched.
    pub(super) start_time: u64,
    pub(super) oci_version: String,
    pub(super) cgroup: Option<PathBuf>,
}

/// A container's directory.
#[derive(Debug)]
pub(super) struct Home {
    pub(super) id: String,
    pub(super) path: PathBuf,
}

impl Home {
    /// Below `--root`, else `$XDG_RUNTIME_DIR/cala/oci`.
    pub(super) fn of(root: Option<&Path>, id: &str) -> Result<Self, OciError> {
        let root = match root {
            Some(root) => root.to_owned(),
            None => std::env::var_os("XDG_RUNTIME_DIR")
                .map(|dir| Path::new(&dir).join("cala/oci"))
                .ok_or_else(|| OciError::Usage("XDG_RUNTIME_DIR is not set: give --root DIR".into()))?,
        };
        Ok(Self { id: id.to_owned(), path: root.join(id) })
    }

    pub(super) fn create(&self) -> Result<(), OciError> {
        use std::os::unix::fs::DirBuilderExt;
        let parent = self.path.parent().unwrap_or(Path::new("/"));
        let mut builder = fs::DirBuilder::new();
        builder
            .mode(0o700)
            .recursive(true)
            .create(parent)
            .map_err(|error| io_error("create", parent, error))?;
        builder.recursive(false).create(&self.path).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => {
                OciError::WrongState { id: self.id.clone(), status: "there already" }
            }
            _ => io_error("create", &self.path, error),
        })
    }

    pub(super) fn write(&self, record: &Record) -> Result<(), OciError> {
        let path = self.path.join("state.json");
        let text = serde_json::to_vec(record)
            .map_err(|source| OciError::Configuration { path: path.clone(), source })?;
        let new = self.path.join("state.json.new");
        fs::write(&new, text)
            .and_then(|()| fs::rename(&new, &path))
            .map_err(|error| io_error("write", &path, error))
    }

    pub(super) fn read(&self) -> Result<Record, OciError> {
        let path = self.path.join("state.json");
        let text = fs::read(&path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => OciError::NoSuchContainer(self.id.clone()),
            _ => io_error("read", &path, error),
        })?;
        serde_json::from_slice(&text).map_err(|source| OciError::Configuration { path, source })
    }

    /// Removes the directory with what we put there, nothing else.
    pub(super) fn remove(&self) -> Result<(), OciError> {
        for name in ["state.json", "state.json.new", "start", "report"] {
            let _ = fs::remove_file(self.path.join(name));
        }
        fs::remove_dir(&self.path).map_err(|error| io_error("remove", &self.path, error))
    }

    /// `created` until its start was asked for, `running` while its process lives, then `stopped`.
    pub(super) fn status(&self, record: &Record) -> &'static str {
        if start_time(record.pid) != Some(record.start_time) {
            "stopped"
        } else if self.path.join("start").exists() {
            "created"
        } else {
            "running"
        }
    }
}

/// When a process was started, in clock ticks since boot; `None` when there is none or only its zombie.
pub(super) fn start_time(pid: i32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name may contain anything, so count from its closing parenthesis: the third field comes next.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    match fields.first() {
        Some(&"Z" | &"X") | None => None,
        Some(_) => fields.get(19)?.parse().ok(),
    }
}

pub(super) fn io_error(act: &'static str, path: &Path, source: io::Error) -> OciError {
    OciError::Io { act, path: path.to_owned(), source }
}
