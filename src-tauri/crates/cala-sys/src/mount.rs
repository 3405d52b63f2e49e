//! The mount API with descriptors: fsopen(2), fsconfig(2), fsmount(2), move_mount(2), open_tree(2),
//! mount_setattr(2), pivot_root(2), umount2(2).

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MoveMountFlags, OpenTreeFlags, UnmountFlags, fsconfig_create,
    fsconfig_set_flag, fsconfig_set_string, fsmount, fsopen, move_mount, open_tree,
};

/// Attributes of a mount (`MOUNT_ATTR_*`, mount_setattr(2)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Attributes(u64);

impl Attributes {
    /// None.
    pub const NONE: Self = Self(0);
    /// Read-only.
    pub const RDONLY: Self = Self(0x1);
    /// Set-user-ID bits and file capabilities have no effect.
    pub const NOSUID: Self = Self(0x2);
    /// Device nodes cannot be opened.
    pub const NODEV: Self = Self(0x4);
    /// Nothing can be executed.
    pub const NOEXEC: Self = Self(0x8);
    /// Access times are not updated.
    pub const NOATIME: Self = Self(0x10);
    /// Access times are always updated.
    pub const STRICTATIME: Self = Self(0x20);
    /// All bits of the field that says how access times are updated; 0 in it is `relatime`.
    pub const ATIME_MASK: Self = Self(0x70);
    /// Access times of directories are not updated.
    pub const NODIRATIME: Self = Self(0x80);
    /// Symbolic links are not followed.
    pub const NOSYMFOLLOW: Self = Self(0x20_0000);

    /// The bits.
    #[must_use]
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// Both.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Without those of `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether all of `other` are in.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl std::ops::BitOr for Attributes {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        self.union(other)
    }
}

/// How mounts propagate to copies of the tree (mount_namespaces(7)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Propagation {
    /// Neither gives nor takes.
    Private,
    /// Takes only.
    Slave,
    /// Gives and takes.
    Shared,
    /// Private, and cannot be bound.
    Unbindable,
}

impl Propagation {
    const fn bits(self) -> u64 {
        match self {
            Self::Private => libc::MS_PRIVATE,
            Self::Slave => libc::MS_SLAVE,
            Self::Shared => libc::MS_SHARED,
            Self::Unbindable => libc::MS_UNBINDABLE,
        }
    }
}

/// A file system that is being configured.
#[derive(Debug)]
pub struct FsContext(OwnedFd);

impl FsContext {
    /// Begins a file system of a type.
    ///
    /// # Errors
    ///
    /// ENODEV for an unknown type, EPERM; fsopen(2).
    pub fn open(fs_type: &str) -> io::Result<Self> {
        Ok(Self(fsopen(fs_type, FsOpenFlags::FSOPEN_CLOEXEC)?))
    }

    /// Sets a parameter without a value.
    ///
    /// # Errors
    ///
    /// EINVAL for an unknown one; fsconfig(2).
    pub fn flag(&self, key: &str) -> io::Result<()> {
        Ok(fsconfig_set_flag(&self.0, key)?)
    }

    /// Sets a parameter; the value has at most 255 bytes.
    ///
    /// # Errors
    ///
    /// EINVAL for an unknown one or a value that is wrong or too long; fsconfig(2).
    pub fn string(&self, key: &str, value: &str) -> io::Result<()> {
        Ok(fsconfig_set_string(&self.0, key, value)?)
    }

    /// Makes the file system and a mount of it that is attached nowhere.
    ///
    /// # Errors
    ///
    /// What the file system says; fsconfig(2), fsmount(2).
    pub fn mount(self, attributes: Attributes) -> io::Result<OwnedFd> {
        fsconfig_create(&self.0)?;
        // The bits that fsmount knows lie below 2^32.
        let bits =
            u32::try_from(attributes.bits()).map_err(|_| io::Error::from_raw_os_error(libc::EINVAL))?;
        let attributes = MountAttrFlags::from_bits_retain(bits);
        Ok(fsmount(&self.0, FsMountFlags::FSMOUNT_CLOEXEC, attributes)?)
    }
}

/// A copy of the mount at `path` (relative to `dir`; empty is `dir` itself) that is attached nowhere.
///
/// # Errors
///
/// open_tree(2): EINVAL when the mount is of another mount namespace.
pub fn clone_tree(dir: BorrowedFd<'_>, path: &Path, recursive: bool) -> io::Result<OwnedFd> {
    let mut flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
    if path.as_os_str().is_empty() {
        flags |= OpenTreeFlags::AT_EMPTY_PATH;
    }
    if recursive {
        flags |= OpenTreeFlags::AT_RECURSIVE;
    }
    Ok(open_tree(dir, path, flags)?)
}

/// Attaches a mount to what `target` refers to: no path is resolved.
///
/// # Errors
///
/// move_mount(2): ENOTDIR when one is a directory and the other is not.
pub fn attach(mount: impl AsFd, target: impl AsFd) -> io::Result<()> {
    let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
    Ok(move_mount(mount, c"", target, c"", flags)?)
}

/// Changes attributes and propagation of a mount, with all below it when `recursive`.
///
/// # Errors
///
/// mount_setattr(2): EPERM for attributes that a more privileged namespace has locked.
pub fn set_attributes(
    mount: impl AsFd,
    recursive: bool,
    set: Attributes,
    clear: Attributes,
    propagation: Option<Propagation>,
) -> io::Result<()> {
    let attr = libc::mount_attr {
        attr_set: set.bits(),
        attr_clr: clear.bits(),
        propagation: propagation.map_or(0, Propagation::bits),
        userns_fd: 0,
    };
    let flags = libc::AT_EMPTY_PATH | if recursive { libc::AT_RECURSIVE } else { 0 };
    let fd = mount.as_fd().as_raw_fd();
    // SAFETY: the path is an empty C string, `attr` is a valid structure of the given size; both outlive the call.
    let result = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            fd,
            c"".as_ptr(),
            flags,
            &raw const attr,
            size_of::<libc::mount_attr>(),
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// mount(2) of a new file system, for kernels whose file system does not know all parameters of [`FsContext`].
///
/// # Errors
///
/// mount(2).
pub fn mount_by_data(fs_type: &str, target: &Path, data: &str) -> io::Result<()> {
    let data = std::ffi::CString::new(data)?;
    Ok(rustix::mount::mount(fs_type, target, fs_type, rustix::mount::MountFlags::empty(), data.as_c_str())?)
}

/// Makes all mounts of this namespace slaves, so that nothing done here reaches the namespace it was copied from.
///
/// # Errors
///
/// mount(2).
pub fn make_all_slave() -> io::Result<()> {
    use rustix::mount::MountPropagationFlags as Flags;
    Ok(rustix::mount::mount_change("/", Flags::DOWNSTREAM | Flags::REC)?)
}

/// Makes `new_root` the root of this mount namespace, drops the old one and goes to the new `/`.
///
/// # Errors
///
/// pivot_root(2), umount2(2).
pub fn switch_root(new_root: impl AsFd) -> io::Result<()> {
    rustix::process::fchdir(new_root)?;
    // The old root ends up on top of the new one at the same place, whence it is detached (pivot_root(2), NOTES).
    rustix::process::pivot_root(c".", c".")?;
    rustix::mount::unmount(c".", UnmountFlags::DETACH)?;
    Ok(rustix::process::chdir(c"/")?)
}
