//! The mounts of the configuration, in its order.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use cala_sys::clone::CloneFlags;
use cala_sys::mount::{self, Attributes, FsContext, Propagation};
use oci_spec::runtime::Mount;
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, fchmod, fstat, fstatfs, openat};
use rustix::io::Errno;

use crate::error::Step;
use crate::options::Options;
use crate::resolve::{self, Missing};
use crate::rootfs::{Overlay, Writable};
use crate::{IdMapPlan, StartError, copy_up, devices};

/// statfs(2).
const PROC_SUPER_MAGIC: i128 = 0x9fa0;

/// Files of /proc that may be covered by a bind: what describes the machine to programs (lxcfs provides them).
const COVERABLE: [&str; 8] = [
    "/proc/cpuinfo",
    "/proc/diskstats",
    "/proc/loadavg",
    "/proc/meminfo",
    "/proc/slabinfo",
    "/proc/stat",
    "/proc/swaps",
    "/proc/uptime",
];

/// What mounting needs to know.
pub(crate) struct Mounter<'a> {
    /// The container's root.
    pub(crate) root: BorrowedFd<'a>,
    /// A proc of the container's pid namespace that is attached nowhere yet (rule R2).
    pub(crate) proc: Option<OwnedFd>,
    /// Namespaces that the container does not share.
    pub(crate) own: CloneFlags,
    /// Its ids.
    pub(crate) id_map: Option<&'a IdMapPlan>,
    /// Its user, when a mount is to belong to it.
    pub(crate) user: Option<(u32, u32)>,
}

impl Mounter<'_> {
    /// Mounts one entry.
    pub(crate) fn mount(&mut self, entry: &Mount) -> Result<(), StartError> {
        let options = Options::parse(entry.options().as_deref().unwrap_or_default());
        let kind = match entry.typ().as_deref() {
            _ if options.bind.is_some() => "bind",
            None | Some("none") => "bind",
            Some(kind) => kind,
        };
        let destination = destination(entry)?;
        let tree = self.tree(kind, entry, &options)?;
        let (place, made) = self.place(&destination, kind, &tree)?;
        let what = || format!("mount `{kind}` on `{}`", destination.display());
        if kind == "tmpfs" {
            let covered = (!made).then_some(&place);
            self.fill_tmpfs(&tree, covered, &options).step(what)?;
        }
        mount::attach(&tree, &place).step(what)?;
        if destination == Path::new("/dev") && kind == "tmpfs" {
            devices::populate(tree.as_fd())?;
        }
        Ok(())
    }

    /// As crun does: the mode of the directory that it covers, unless another is asked for, and the content when asked
    /// for; it belongs to root, or to whom the options say.
    fn fill_tmpfs(&self, tree: &OwnedFd, covered: Option<&OwnedFd>, options: &Options) -> io::Result<()> {
        if let Some(place) = covered {
            if options.copy_up {
                copy_up::content(place, tree)?;
            }
            if !options.data.iter().any(|(key, _)| key == "mode") {
                let top = openat(tree, c".", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
                fchmod(top, Mode::from_raw_mode(fstat(place)?.st_mode))?;
            }
        }
        if let (true, Some((uid, gid))) = (options.chown, self.user) {
            copy_up::set_owner(tree.as_fd(), c"", uid, gid, AtFlags::EMPTY_PATH)?;
        }
        if options.set.union(options.recursive_set).contains(Attributes::RDONLY) {
            mount::set_attributes(tree, false, Attributes::RDONLY, Attributes::NONE, None)?;
        }
        Ok(())
    }

    /// The mount, attached nowhere yet.
    fn tree(&mut self, kind: &str, entry: &Mount, options: &Options) -> Result<OwnedFd, StartError> {
        let what = || format!("make `{kind}` for `{}`", entry.destination().display());
        match kind {
            "bind" => bind(entry, options),
            "overlay" if !options.lower.is_empty() => overlay(options),
            "proc" => match self.proc.take() {
                Some(tree) => Ok(tree),
                None => proc(self.own).step(what),
            },
            "sysfs" => sysfs(self.own, options).step(what),
            "cgroup" | "cgroup2" => cgroup(self.own, options).step(what),
            "devpts" => self.devpts(options).step(what),
            _ => {
                let source = entry.source().as_deref().and_then(Path::to_str).unwrap_or(kind);
                file_system(kind, source, options, &options.data).step(what)
            }
        }
    }

    /// Terminals of the container's own; their group is 5 (tty) where that exists.
    fn devpts(&self, options: &Options) -> io::Result<OwnedFd> {
        let unmapped =
            |value: &str| value.parse().is_ok_and(|gid| self.id_map.is_some_and(|map| !map.has_gid(gid)));
        let data: Vec<_> = options
            .data
            .iter()
            .filter(|(key, value)| !(key == "gid" && value.as_deref().is_some_and(unmapped)))
            .cloned()
            .collect();
        file_system("devpts", "devpts", options, &data)
    }

    /// Where to attach: resolved once below the root (rule R1), made when missing, which the flag tells.
    fn place(&self, destination: &Path, kind: &str, tree: &OwnedFd) -> Result<(OwnedFd, bool), StartError> {
        let shown = destination.display();
        let is_directory = is_directory(tree).step(|| format!("look at what is mounted on `{shown}`"))?;
        if ["/dev", "/proc", "/sys"].iter().any(|path| destination == Path::new(path)) {
            return self.system_place(destination, kind, tree).map(|place| (place, false));
        }
        let missing = if is_directory { Missing::Directory } else { Missing::File };
        let (place, made) =
            resolve::open_or_create(self.root, destination, missing).step(|| format!("create `{shown}`"))?;
        if is_procfs(&place).step(|| format!("look at `{shown}`"))?
            && !(kind == "bind" && COVERABLE.iter().any(|path| destination == Path::new(path)))
        {
            return Err(StartError::Refused(format!("cannot mount on `{shown}`: it is inside /proc")));
        }
        Ok((place, made))
    }

    /// Rule R3: a directory of the image itself, not a link that points elsewhere; and nothing but proc on /proc.
    fn system_place(&self, destination: &Path, kind: &str, tree: &OwnedFd) -> Result<OwnedFd, StartError> {
        let shown = destination.display();
        if destination == Path::new("/proc") && !is_procfs(tree).step(|| "look at `/proc`".into())? {
            return Err(StartError::Refused(format!(
                "cannot mount `{kind}` on `/proc`: only proc belongs there"
            )));
        }
        let open = || resolve::open_without_links(self.root, destination, OFlags::PATH | OFlags::DIRECTORY);
        let found = match open() {
            Err(Errno::NOENT) => {
                resolve::open_or_create(self.root, destination, Missing::Directory)
                    .step(|| format!("create `{shown}`"))?;
                open()
            }
            other => other,
        };
        match found {
            Err(Errno::LOOP | Errno::NOTDIR) => Err(StartError::Refused(format!(
                "`{shown}` of the image is not a directory but a link or file: refused, it could lead elsewhere"
            ))),
            other => other.step(|| format!("open `{shown}`")),
        }
    }
}

/// The destination as an absolute path without `.` and `..`.
fn destination(entry: &Mount) -> Result<PathBuf, StartError> {
    use std::path::Component;
    let mut path = PathBuf::from("/");
    for component in entry.destination().components() {
        match component {
            Component::Normal(name) => path.push(name),
            Component::ParentDir => {
                path.pop();
            }
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
        }
    }
    if path == Path::new("/") {
        return Err(StartError::Refused("cannot mount on `/` of the container".into()));
    }
    Ok(path)
}

fn bind(entry: &Mount, options: &Options) -> Result<OwnedFd, StartError> {
    let source = entry.source().as_deref().unwrap_or(Path::new(""));
    if !source.is_absolute() {
        return Err(StartError::Refused(format!(
            "bind source `{}` is not an absolute path",
            source.display()
        )));
    }
    let what = || format!("bind `{}`", source.display());
    let recursive = options.bind.unwrap_or(true);
    let tree = match &options.subpath {
        None => mount::clone_tree(CWD, source, recursive).step(what)?,
        Some(path) => {
            let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
            let top = openat(CWD, source, flags, Mode::empty()).step(what)?;
            part(&top, path, source, recursive)?
        }
    };
    let (propagation, deep) = options.propagation.unwrap_or((Propagation::Private, true));
    mount::set_attributes(&tree, deep && recursive, Attributes::NONE, Attributes::NONE, Some(propagation))
        .step(what)?;
    // Read-only means all of it: a mount below the source would stay writable else.
    let mut deep_set = options.recursive_set;
    if options.set.contains(Attributes::RDONLY) && recursive {
        deep_set = deep_set.union(Attributes::RDONLY);
    }
    change(&tree, true, deep_set, options.recursive_clear).step(what)?;
    change(&tree, false, options.set.without(deep_set), options.clear).step(what)?;
    Ok(tree)
}

/// A copy of what is at `path` in an open directory: links in it never lead out of it (rule R1).
fn part(top: &OwnedFd, path: &Path, shown: &Path, recursive: bool) -> Result<OwnedFd, StartError> {
    let what = || format!("open subpath `{}` of `{}`", path.display(), shown.display());
    match resolve::open_beneath(top.as_fd(), path) {
        Ok(place) => mount::clone_tree(place.as_fd(), Path::new(""), recursive).step(what),
        Err(Errno::XDEV | Errno::LOOP) => Err(StartError::Refused(format!(
            "subpath {:?} is outside of the volume {:?}",
            path.display().to_string(),
            shown.display().to_string()
        ))),
        Err(error) => Err(StartError::step(what(), error)),
    }
}

/// Directories shown as one, and written over. It is mounted beside them first, where the old root still is; what gets into
/// the container is a copy.
fn overlay(options: &Options) -> Result<OwnedFd, StartError> {
    let what = || "mount an overlay".to_owned();
    let parameter = |name: &str| {
        let found = options.data.iter().find(|(key, _)| key == name).and_then(|(_, value)| value.as_deref());
        found.map(PathBuf::from).ok_or_else(|| StartError::Refused(format!("an overlay without {name}")))
    };
    let (upper, work) = (parameter("upperdir")?, parameter("workdir")?);
    let lower: Vec<PathBuf> = options.lower.iter().rev().cloned().collect();
    let overlay = Overlay::open(&lower, Some(&Writable { upper: &upper, work: &work, volatile: true }))?;
    overlay.adopt_top().step(what)?;
    let mounted = overlay.mount(&upper.with_file_name("merged"))?;
    let tree = match &options.subpath {
        Some(path) => part(&mounted, path, Path::new("image"), false)?,
        None => mount::clone_tree(mounted.as_fd(), Path::new(""), false).step(what)?,
    };
    mount::set_attributes(&tree, false, Attributes::NONE, Attributes::NONE, Some(Propagation::Private))
        .step(what)?;
    change(&tree, false, options.set.union(options.recursive_set), options.clear).step(what)?;
    Ok(tree)
}

/// What a more privileged namespace has locked stays: a bind of a read-only mount is read-only.
fn change(tree: &OwnedFd, recursive: bool, set: Attributes, clear: Attributes) -> io::Result<()> {
    if set == Attributes::NONE && clear == Attributes::NONE {
        return Ok(());
    }
    match mount::set_attributes(tree, recursive, set, clear, None) {
        Err(error) if error.raw_os_error() == Some(1) && clear != Attributes::NONE => {
            mount::set_attributes(tree, recursive, set, Attributes::NONE, None)
        }
        other => other,
    }
}

/// A proc of this process's pid namespace, attached nowhere: writes through it cannot be led astray (rule R2).
pub(crate) fn proc(own: CloneFlags) -> io::Result<OwnedFd> {
    if !own.contains(CloneFlags::NEWPID) {
        return private(devices::host_tree("/proc")?, Attributes::NONE);
    }
    let attributes = Attributes::NOSUID | Attributes::NODEV | Attributes::NOEXEC;
    let context = FsContext::open("proc")?;
    context.string("source", "proc")?;
    context.mount(attributes)
}

/// sysfs shows the network namespace's devices: without one of its own only the host's can be shown, read-only.
fn sysfs(own: CloneFlags, options: &Options) -> io::Result<OwnedFd> {
    if own.contains(CloneFlags::NEWNET) {
        match file_system("sysfs", "sysfs", options, &options.data) {
            // Where parts of the host's own sysfs are covered the kernel gives no new one.
            Err(error) if error.raw_os_error() == Some(1) => {}
            other => return other,
        }
    }
    private(devices::host_tree("/sys")?, Attributes::RDONLY | options.set)
}

/// Without a cgroup namespace of its own the host's tree is shown, read-only (CVE-2023-25809).
fn cgroup(own: CloneFlags, options: &Options) -> io::Result<OwnedFd> {
    if own.contains(CloneFlags::NEWCGROUP) {
        return file_system("cgroup2", "cgroup2", options, &[]);
    }
    private(devices::host_tree("/sys/fs/cgroup")?, Attributes::RDONLY | options.set)
}

fn private(tree: OwnedFd, set: Attributes) -> io::Result<OwnedFd> {
    mount::set_attributes(&tree, true, set, Attributes::NONE, Some(Propagation::Private))?;
    Ok(tree)
}

fn file_system(
    kind: &str,
    source: &str,
    options: &Options,
    data: &[(String, Option<String>)],
) -> io::Result<OwnedFd> {
    let context = FsContext::open(kind)?;
    // Only shown, in mountinfo and by df(1).
    context.string("source", source)?;
    for (key, value) in data {
        match value {
            Some(value) => context.string(key, value)?,
            None => context.flag(key)?,
        }
    }
    // A tmpfs is still to be filled: its mount becomes read-only afterwards.
    let read_only = if kind == "tmpfs" { Attributes::RDONLY } else { Attributes::NONE };
    context.mount(options.set.union(options.recursive_set).without(read_only))
}

fn is_directory(fd: impl AsFd) -> Result<bool, Errno> {
    Ok(FileType::from_raw_mode(fstat(fd)?.st_mode) == FileType::Directory)
}

pub(crate) fn is_procfs(fd: impl AsFd) -> Result<bool, Errno> {
    Ok(i128::from(fstatfs(fd)?.f_type) == PROC_SUPER_MAGIC)
}
