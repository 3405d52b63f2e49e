//! /dev of a container: nodes bound from the host's, links, the console.
//!
//! Rule R3: nothing of the image is used. The host's nodes are opened by us and checked by their numbers; they are
//! attached to files that we made in our own tmpfs.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use cala_sys::mount::{self, Attributes};
use oci_spec::runtime::{LinuxDevice, LinuxDeviceType};
use rustix::fs::{CWD, FileType, Mode, OFlags, fstat, major, minor, open, openat, symlinkat};
use rustix::io::Errno;

use crate::StartError;
use crate::error::Step;
use crate::resolve::{self, Missing};

/// Nodes that every container has: name, major and minor number (the kernel's devices.txt).
const NODES: [(&str, u32, u32); 6] =
    [("null", 1, 3), ("zero", 1, 5), ("full", 1, 7), ("random", 1, 8), ("urandom", 1, 9), ("tty", 5, 0)];

/// Links that every container has (runtime spec, config-linux).
const LINKS: [(&str, &str); 6] = [
    ("fd", "/proc/self/fd"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"),
    ("core", "/proc/kcore"),
    ("ptmx", "pts/ptmx"),
];

/// Fills a fresh tmpfs.
pub(crate) fn populate(dev: BorrowedFd<'_>) -> Result<(), StartError> {
    for (name, major, minor) in NODES {
        let path = Path::new("/dev").join(name);
        match host_node(&path, FileType::CharacterDevice, major, minor) {
            Ok(node) => {
                let place = create_file(dev, name).step(|| format!("create `/dev/{name}`"))?;
                attach_node(&node, &place).step(|| format!("bind `/dev/{name}`"))?;
            }
            // A host that is a container itself may lack some; nothing works without /dev/null.
            Err(Errno::NOENT) if name != "null" => {}
            Err(error) => return Err(StartError::step(format!("open the host's `/dev/{name}`"), error)),
        }
    }
    for (name, target) in LINKS {
        symlinkat(target, dev, name).step(|| format!("link `/dev/{name}`"))?;
    }
    Ok(())
}

/// Binds the devices that the configuration lists, from the same path of the host.
pub(crate) fn add(root: BorrowedFd<'_>, devices: &[LinuxDevice]) -> Result<(), StartError> {
    for device in devices {
        let path = device.path();
        let what = || format!("add device `{}`", path.display());
        let kind = match device.typ() {
            LinuxDeviceType::B => FileType::BlockDevice,
            LinuxDeviceType::C | LinuxDeviceType::U => FileType::CharacterDevice,
            LinuxDeviceType::P | LinuxDeviceType::A => {
                return Err(StartError::Refused(format!(
                    "device `{}` is neither block nor character",
                    path.display()
                )));
            }
        };
        let numbers = (u32::try_from(device.major()), u32::try_from(device.minor()));
        let (Ok(major), Ok(minor)) = numbers else {
            return Err(StartError::Refused(format!("device `{}` has impossible numbers", path.display())));
        };
        let node = host_node(path, kind, major, minor).step(what)?;
        let (place, _) = resolve::open_or_create(root, path, Missing::File).step(what)?;
        attach_node(&node, &place).step(what)?;
    }
    Ok(())
}

/// The host's /dev/null, certainly (rule R3): for masks.
pub(crate) fn host_null() -> Result<OwnedFd, StartError> {
    host_node(Path::new("/dev/null"), FileType::CharacterDevice, 1, 3)
        .step(|| "open the host's `/dev/null`".into())
}

/// Opens a node of the host and makes sure that it is what it is called.
fn host_node(path: &Path, kind: FileType, wanted_major: u32, wanted_minor: u32) -> Result<OwnedFd, Errno> {
    let node = open(path, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())?;
    let stat = fstat(&node)?;
    let is_it = FileType::from_raw_mode(stat.st_mode) == kind
        && (major(stat.st_rdev), minor(stat.st_rdev)) == (wanted_major, wanted_minor);
    if is_it { Ok(node) } else { Err(Errno::NODEV) }
}

/// Attaches a copy of what `source` refers to.
pub(crate) fn attach_copy(source: impl AsFd, place: impl AsFd) -> std::io::Result<()> {
    mount::attach(mount::clone_tree(source.as_fd(), Path::new(""), false)?, place)
}

/// Attaches a copy of a node of the host's: of its mount only the device may be used.
pub(crate) fn attach_node(node: impl AsFd, place: impl AsFd) -> std::io::Result<()> {
    let tree = mount::clone_tree(node.as_fd(), Path::new(""), false)?;
    mount::set_attributes(&tree, false, Attributes::NOSUID | Attributes::NOEXEC, Attributes::NONE, None)?;
    mount::attach(tree, place)
}

fn create_file(dir: BorrowedFd<'_>, name: &str) -> Result<OwnedFd, Errno> {
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    openat(dir, name, flags, Mode::from_raw_mode(0o666))
}

/// A terminal of the container's devpts: its master and its slave, found by descriptor and never by name.
///
/// `root` is the container's root, or that of a running container for `exec`, where anything may have been mounted
/// over /dev since: so type and numbers are checked.
pub(crate) fn open_terminal(
    root: BorrowedFd<'_>,
    size: Option<(u16, u16)>,
) -> Result<(OwnedFd, OwnedFd), StartError> {
    use rustix::pty::{OpenptFlags, ioctl_tiocgptpeer, unlockpt};
    let what = || "open a terminal in `/dev/pts`".to_owned();
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::NONBLOCK;
    let path = resolve::open_without_links(root, Path::new("/dev/pts/ptmx"), OFlags::PATH).step(what)?;
    let stat = fstat(&path).step(what)?;
    let file_system = rustix::fs::fstatfs(&path).step(what)?.f_type;
    let is_it = FileType::from_raw_mode(stat.st_mode) == FileType::CharacterDevice
        && (major(stat.st_rdev), minor(stat.st_rdev)) == (5, 2)
        && i128::from(file_system) == DEVPTS_SUPER_MAGIC;
    if !is_it {
        return Err(StartError::Refused(
            "`/dev/pts/ptmx` of the container is not a terminal multiplexer".into(),
        ));
    }
    let master = resolve::open_without_links(root, Path::new("/dev/pts/ptmx"), flags).step(what)?;
    if fstat(&master).step(what)?.st_ino != stat.st_ino {
        return Err(StartError::Refused("`/dev/pts/ptmx` of the container was replaced".into()));
    }
    rustix::fs::fcntl_setfl(&master, OFlags::RDWR).step(what)?;
    unlockpt(&master).step(what)?;
    let slave = ioctl_tiocgptpeer(&master, OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)
        .step(what)?;
    if let Some((rows, columns)) = size {
        let size = rustix::termios::Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        rustix::termios::tcsetwinsize(&master, size).step(|| "set the terminal's size".into())?;
    }
    Ok((master, slave))
}

/// statfs(2).
const DEVPTS_SUPER_MAGIC: i128 = 0x1cd1;

/// Binds the terminal to /dev/console (rule R3: by descriptor).
pub(crate) fn bind_console(root: BorrowedFd<'_>, slave: &OwnedFd) -> Result<(), StartError> {
    let what = || "bind the terminal to `/dev/console`".to_owned();
    let dev =
        resolve::open_without_links(root, Path::new("/dev"), OFlags::PATH | OFlags::DIRECTORY).step(what)?;
    let place = match create_file(dev.as_fd(), "console") {
        Err(Errno::EXIST) => {
            openat(&dev, "console", OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())
        }
        other => other,
    }
    .step(what)?;
    if FileType::from_raw_mode(fstat(&place).step(what)?.st_mode) == FileType::Symlink {
        return Err(StartError::Refused("`/dev/console` of the image is a symbolic link".into()));
    }
    attach_copy(slave, &place).step(what)
}

/// A tree of the host's, for what cannot be mounted anew.
pub(crate) fn host_tree(path: &str) -> std::io::Result<OwnedFd> {
    mount::clone_tree(CWD, Path::new(path), true)
}
