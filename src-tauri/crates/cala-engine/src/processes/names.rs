//! Names of users and groups: of the container by its own two files, of the host by the host's. The name service is never
//! asked: its modules would be the container's (R6), and files of the container are read within limits (R7).

use std::collections::HashMap;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use cala_sys::openat2::{Mode, OFlags, Root};

/// Bytes of the largest file that is read.
const MAX_FILE: u64 = 1 << 20;

/// Ids of a container, and names of theirs and of the host's.
#[derive(Debug, Default)]
pub(crate) struct Names {
    users: HashMap<u32, String>,
    groups: HashMap<u32, String>,
    host_users: HashMap<u32, String>,
    host_groups: HashMap<u32, String>,
    uid_map: Vec<Extent>,
    gid_map: Vec<Extent>,
    overflow: u32,
}

/// A line of /proc/PID/uid_map, read from outside (user_namespaces(7)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Extent {
    inside: u32,
    outside: u32,
    count: u32,
}

impl Names {
    /// Those of the container whose first process is `init`.
    pub(crate) fn of_container(init: i32) -> Self {
        let root = Root::open(Path::new(&format!("/proc/{init}/root"))).ok();
        let inside = |file: &str| root.as_ref().and_then(|root| read(root, file)).unwrap_or_default();
        let host = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        let map = |file: &str| extents(&host(&format!("/proc/{init}/{file}")));
        Self {
            users: by_id(&inside("etc/passwd")),
            groups: by_id(&inside("etc/group")),
            host_users: by_id(&host("/etc/passwd")),
            host_groups: by_id(&host("/etc/group")),
            uid_map: map("uid_map"),
            gid_map: map("gid_map"),
            overflow: host("/proc/sys/kernel/overflowuid").trim().parse().unwrap_or(65534),
        }
    }

    /// A host uid as the container has it.
    pub(crate) fn uid(&self, host: u32) -> u32 {
        inside(&self.uid_map, host).unwrap_or(self.overflow)
    }

    /// The user's name in the container, or the number.
    pub(crate) fn user(&self, host: u32) -> String {
        named(&self.users, self.uid(host))
    }

    /// The group's name in the container, or the number.
    pub(crate) fn group(&self, host: u32) -> String {
        named(&self.groups, inside(&self.gid_map, host).unwrap_or(self.overflow))
    }

    /// The user's name on the host, or the number.
    pub(crate) fn host_user(&self, host: u32) -> String {
        named(&self.host_users, host)
    }

    /// The group's name on the host, or the number.
    pub(crate) fn host_group(&self, host: u32) -> String {
        named(&self.host_groups, host)
    }
}

fn named(names: &HashMap<u32, String>, id: u32) -> String {
    names.get(&id).cloned().unwrap_or_else(|| id.to_string())
}

fn inside(map: &[Extent], host: u32) -> Option<u32> {
    let extent = map.iter().find(|extent| host >= extent.outside && host - extent.outside < extent.count)?;
    extent.inside.checked_add(host - extent.outside)
}

fn extents(text: &str) -> Vec<Extent> {
    let line = |line: &str| {
        let mut words = line.split_whitespace().map(|word| word.parse().ok());
        Some(Extent { inside: words.next()??, outside: words.next()??, count: words.next()?? })
    };
    text.lines().filter_map(line).collect()
}

/// A regular file of the container: whatever else lies there is as if there were none.
fn read(root: &Root, path: &str) -> Option<String> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = File::from(root.in_root(path, flags, Mode::empty()).ok()?);
    if !file.metadata().ok()?.is_file() {
        return None;
    }
    let mut bytes = Vec::new();
    file.take(MAX_FILE).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// `name:password:id:…` of passwd(5) and group(5); the first name of an id counts. A name with what a terminal would take
/// for a command, or that is not one word, is none.
fn by_id(text: &str) -> HashMap<u32, String> {
    let mut names = HashMap::new();
    for line in text.lines() {
        let mut fields = line.split(':');
        if let (Some(name), Some(_), Some(id)) = (fields.next(), fields.next(), fields.next())
            && let Ok(id) = id.parse()
            && !name.is_empty()
            && !name.chars().any(|c| c.is_control() || c.is_whitespace())
        {
            names.entry(id).or_insert_with(|| name.to_owned());
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_become_names_of_their_side() {
        let names = Names {
            users: by_id("root:x:0:0::/:/bin/sh\nalice:x:1000:1000\nother:x:0:\nbad\x1b[2J:x:5:\nno:x:-1:\n"),
            host_users: by_id("ada:x:1000:1000:::\n"),
            uid_map: extents("         0       1000          1\n         1     100000      65536\n"),
            overflow: 65534,
            ..Names::default()
        };
        assert_eq!((names.uid(1000), names.user(1000).as_str()), (0, "root"));
        assert_eq!((names.uid(100_999), names.user(100_999).as_str()), (1000, "alice"));
        assert_eq!(names.user(100_004), "5", "a name with control characters is none");
        assert_eq!(names.uid(7), 65534, "not mapped");
        assert_eq!((names.host_user(1000).as_str(), names.host_user(100_999).as_str()), ("ada", "100999"));
    }

    #[test]
    fn what_is_no_regular_file_is_as_if_absent() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::open(dir.path()).unwrap();
        assert_eq!(read(&root, "passwd"), None);
        std::fs::write(dir.path().join("secret"), "root:x:0:").unwrap();
        std::os::unix::fs::symlink("secret", dir.path().join("passwd")).unwrap();
        assert_eq!(read(&root, "passwd"), None, "a link is not followed");
        std::fs::create_dir(dir.path().join("group")).unwrap();
        assert_eq!(read(&root, "group"), None);
        assert_eq!(read(&root, "../../secret").as_deref(), Some("root:x:0:"), "never outside");
        rustix::fs::mknodat(
            rustix::fs::CWD,
            dir.path().join("fifo"),
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RUSR,
            0,
        )
        .unwrap();
        assert_eq!(read(&root, "fifo"), None);
    }
}
