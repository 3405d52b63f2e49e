//! Where containers' control groups can be made: a directory of cgroup v2 that is ours to write (cgroups(7), "Cgroups
//! delegation"). Only looks; the monitor makes the group and sets its limits.

use std::fs;
use std::io::{Read as _, Seek as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use cala_spec::container::Resources;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Access, access};

use crate::EngineError;

/// Where cgroup v2 is mounted when it is the machine's only hierarchy.
const MOUNT: &str = "/sys/fs/cgroup";

/// Limit of processes where nobody asked for one.
const DEFAULT_PIDS: i64 = 2048;

/// The directory below which containers get their groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Delegation {
    parent: PathBuf,
    /// Controllers that limits can be set with.
    controllers: Vec<String>,
}

impl Delegation {
    /// The best place: where all controllers for limits work, else where groups can be made at all.
    pub(crate) fn find() -> Option<Self> {
        let own = fs::read_to_string("/proc/self/cgroup").ok()?;
        Self::find_below(Path::new(MOUNT), &own)
    }

    fn find_below(mount: &Path, own: &str) -> Option<Self> {
        // Only the unified hierarchy has this file at its root.
        if !mount.join("cgroup.controllers").exists() {
            return None;
        }
        let path = own.lines().find_map(|line| line.strip_prefix("0::/"))?;
        if path.split('/').any(|part| part == "..") {
            return None;
        }
        let found: Vec<Self> = mount
            .join(path)
            .ancestors()
            .take_while(|dir| dir.starts_with(mount))
            .filter_map(Self::at)
            .collect();
        let most = found.iter().map(|place| place.controllers.len()).max()?;
        found.into_iter().find(|place| place.controllers.len() == most)
    }

    /// The directory as a place for groups; `None` when it is not ours to write.
    fn at(dir: &Path) -> Option<Self> {
        let writable = |path: &Path| access(path, Access::WRITE_OK).is_ok();
        if !writable(dir) || !writable(&dir.join("cgroup.procs")) {
            return None;
        }
        let words = |file: &str| -> Vec<String> {
            let text = fs::read_to_string(dir.join(file)).unwrap_or_default();
            text.split_whitespace().map(str::to_owned).collect()
        };
        let enabled = words("cgroup.subtree_control");
        // A group with processes of its own cannot pass controllers on (except the machine's root, which has no events).
        let can_enable = words("cgroup.procs").is_empty() || !dir.join("cgroup.events").exists();
        let controllers = words("cgroup.controllers")
            .into_iter()
            .filter(|name| can_enable || enabled.contains(name))
            .collect();
        Some(Self { parent: dir.to_owned(), controllers })
    }

    /// The group of a container.
    pub(crate) fn group(&self, id: &str) -> PathBuf {
        self.parent.join(format!("cala-{id}"))
    }

    /// Limit of processes where nobody asked for one and it can be set.
    pub(crate) fn default_pids(&self) -> Option<i64> {
        self.has("pids").then_some(DEFAULT_PIDS)
    }

    fn has(&self, controller: &str) -> bool {
        self.controllers.iter().any(|name| name == controller)
    }
}

/// Whether anything is asked for that needs a controller; looking for the place costs two dozen system calls.
pub(crate) fn limits_asked(wish: &Resources) -> bool {
    limits(wish).iter().any(|(_, _, asked)| *asked)
}

/// Controllers, what each of them limits, and whether that is asked for.
fn limits(wish: &Resources) -> [(&'static str, &'static str, bool); 3] {
    [
        ("memory", "memory", wish.memory.is_some()),
        ("cpu", "CPU time", wish.cpus.is_some()),
        ("pids", "processes", wish.pids_limit.is_some_and(|limit| limit > 0)),
    ]
}

/// Refuses limits that cannot be set here.
///
/// # Errors
/// [`EngineError::MissingController`] naming the controller, or an invalid number of CPUs.
pub(crate) fn check(wish: &Resources, place: Option<&Delegation>) -> Result<(), EngineError> {
    for (controller, what, asked) in limits(wish) {
        if asked && !place.is_some_and(|place| place.has(controller)) {
            return Err(EngineError::MissingController { controller, what });
        }
    }
    Ok(())
}

/// Waits until all processes of a group are frozen, as its `cgroup.events` says; false when that takes longer than the
/// limit. A group that is gone has nothing that runs.
pub(crate) fn await_frozen(group: &Path, limit: Duration) -> bool {
    let Ok(mut file) = fs::File::open(group.join("cgroup.events")) else { return true };
    let deadline = Instant::now() + limit;
    loop {
        let mut text = String::new();
        // A change of the file is told as an exceptional condition after it was read.
        let read = file.rewind().and_then(|()| file.read_to_string(&mut text));
        if read.is_err() || text.lines().any(|line| line == "frozen 1") {
            return true;
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return false;
        }
        let left = Timespec::try_from(left).ok();
        // An error but an interruption would come again at once; the deadline ends that.
        let _ = poll(&mut [PollFd::new(&file, PollFlags::PRI)], left.as_ref());
    }
}

/// Version of the control groups (`v1` also for a mixed machine) and the controllers that Cala may use.
pub(crate) fn facts() -> (&'static str, Vec<String>) {
    if !Path::new(MOUNT).join("cgroup.controllers").exists() {
        return ("v1", Vec::new());
    }
    ("v2", Delegation::find().map(|place| place.controllers).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use cala_spec::ByteSize;

    use super::*;

    fn tree(groups: &[(&str, &str, &str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("a directory");
        for (path, controllers, enabled, procs) in groups {
            let dir = root.path().join(path);
            fs::create_dir_all(&dir).expect("made");
            for (file, text) in [
                ("cgroup.controllers", controllers),
                ("cgroup.subtree_control", enabled),
                ("cgroup.procs", procs),
                ("cgroup.events", &"populated 1"),
            ] {
                fs::write(dir.join(file), text).expect("written");
            }
        }
        root
    }

    #[test]
    fn the_nearest_place_with_the_most_controllers_is_taken() {
        let root = tree(&[
            ("", "cpu memory pids", "cpu memory pids", ""),
            ("app", "memory pids", "", ""),
            ("app/leaf", "memory pids", "", "4711"),
        ]);
        let found = Delegation::find_below(root.path(), "0::/app/leaf\n").expect("there is one");
        assert_eq!(found.parent, root.path());
        let only = tree(&[("", "", "", ""), ("leaf", "", "", "4711")]);
        let found = Delegation::find_below(only.path(), "0::/leaf\n").expect("there is one");
        assert_eq!(found.parent, only.path().join("leaf"));
        assert_eq!(found.default_pids(), None);
    }

    #[test]
    fn outside_of_the_tree_and_without_v2_there_is_none() {
        let root = tree(&[("", "", "", "")]);
        assert_eq!(Delegation::find_below(root.path(), "0::/../other\n"), None);
        assert_eq!(Delegation::find_below(root.path(), "1:name=systemd:/\n"), None);
        assert_eq!(Delegation::find_below(&root.path().join("nope"), "0::/\n"), None);
    }

    #[test]
    fn a_limit_without_its_controller_is_refused_by_name() {
        let place = Delegation { parent: "/x".into(), controllers: vec!["pids".into()] };
        let memory = Resources { memory: Some(ByteSize(1 << 20)), ..Resources::default() };
        let error = check(&memory, Some(&place)).expect_err("no memory controller");
        assert!(error.to_string().contains("`memory`"), "{error}");
        let pids = Resources { pids_limit: Some(10), ..Resources::default() };
        assert!(check(&pids, Some(&place)).is_ok() && check(&pids, None).is_err());
        let unlimited = Resources { pids_limit: Some(-1), ..Resources::default() };
        assert!(check(&unlimited, None).is_ok() && !limits_asked(&unlimited));
        assert!(limits_asked(&pids) && limits_asked(&memory) && !limits_asked(&Resources::default()));
    }
}
