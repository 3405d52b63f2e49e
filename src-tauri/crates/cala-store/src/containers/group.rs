//! The control group of a container whose monitor is gone: nobody else removes it (cgroups(7)).

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::Deserialize;

use crate::read::read_limited;

/// Where cgroup v2 is.
const MOUNT: &str = "/sys/fs/cgroup";

/// Largest `plan.json` in bytes.
const MAX_PLAN: usize = 16 << 20;

/// How long the kernel may take to end what is in the group; a monitor's end takes all of it along.
const PATIENCE: Duration = Duration::from_millis(500);

/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(1);

/// What is of interest in the plan of the last start.
#[derive(Debug, Deserialize)]
struct Plan {
    cgroup: Option<PathBuf>,
}

/// Kills what is in the container's group and removes it. The caller holds the stage lock and knows that no monitor lives.
/// What does not go is left to the container's removal.
pub(super) fn drop_group(container_dir: &Path) {
    let Some(group) = group_of(container_dir) else { return };
    let begun = Instant::now();
    // Of a kernel before 5.14 there is none: then only an empty group goes.
    let _ = fs::write(group.join("cgroup.kill"), "1");
    while !remove(&group) && begun.elapsed() < PATIENCE {
        #[expect(clippy::disallowed_methods, reason = "the end of a process is not told to strangers")]
        std::thread::sleep(PAUSE);
    }
}

/// The group as the last start had it, if it is there and is one of ours.
fn group_of(container_dir: &Path) -> Option<PathBuf> {
    let bytes = read_limited(&container_dir.join("plan.json"), MAX_PLAN).ok()?;
    let group = serde_json::from_slice::<Plan>(&bytes).ok()?.cgroup?;
    let id = container_dir.file_name()?.to_str()?;
    let ours = group.starts_with(MOUNT) && group.file_name()?.to_str()?.ends_with(id);
    (ours && group.join("cgroup.events").exists()).then_some(group)
}

/// Removes the group with those that were made in it; whether it is gone.
fn remove(group: &Path) -> bool {
    for entry in fs::read_dir(group).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove(&entry.path());
        }
    }
    match fs::remove_dir(group) {
        Ok(()) => true,
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    }
}
