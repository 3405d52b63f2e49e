//! Copies of what the image has in a directory: into the tmpfs that will cover it (`tmpcopyup`), into a fresh volume.

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use cala_sys::xattr;
use rustix::fs::{
    AtFlags, Dir, FileType, Gid, Mode, OFlags, Stat, Timespec, Timestamps, Uid, chownat, fchmod, fstat,
    mkdirat, mknodat, openat, readlinkat, statat, symlinkat, utimensat,
};
use rustix::io::Errno;

/// Directories are nested at most this deep; deeper ones are an error.
const MAX_DEPTH: usize = 200;

/// How a directory is opened below another.
const DIRECTORY: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Copies what is in a directory, each entry with owner, mode, times and attributes; everything by descriptor, no link is
/// followed.
pub(crate) fn content(from: impl AsFd, to: impl AsFd) -> io::Result<()> {
    copy_directory(reopen(from.as_fd())?.as_fd(), reopen(to.as_fd())?.as_fd(), 0)
}

/// Gives a directory owner, mode, times and attributes of another.
pub(crate) fn attributes(from: impl AsFd, to: impl AsFd) -> io::Result<()> {
    let (from, to) = (reopen(from.as_fd())?, reopen(to.as_fd())?);
    dress(from.as_fd(), to.as_fd(), &fstat(&from)?)
}

/// Whether a directory has no entry.
pub(crate) fn is_empty(directory: impl AsFd) -> io::Result<bool> {
    for entry in Dir::read_from(reopen(directory.as_fd())?)? {
        if !matches!(entry?.file_name().to_bytes(), b"." | b"..") {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Gives a tree to a user; no link is followed.
pub(crate) fn give(tree: impl AsFd, uid: u32, gid: u32) -> io::Result<()> {
    let top = reopen(tree.as_fd())?;
    give_below(top.as_fd(), uid, gid, 0)?;
    set_owner(top.as_fd(), c"", uid, gid, AtFlags::EMPTY_PATH)
}

fn give_below(directory: BorrowedFd<'_>, uid: u32, gid: u32, depth: usize) -> io::Result<()> {
    for_each(directory, depth, |name| {
        let stat = statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)?;
        if FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
            let inner = openat(directory, name, DIRECTORY, Mode::empty())?;
            give_below(inner.as_fd(), uid, gid, depth + 1)?;
        }
        if (stat.st_uid, stat.st_gid) == (uid, gid) {
            return Ok(());
        }
        set_owner(directory, name, uid, gid, AtFlags::SYMLINK_NOFOLLOW)
    })
}

fn reopen(fd: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    Ok(openat(fd, c".", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?)
}

fn for_each(
    directory: BorrowedFd<'_>,
    depth: usize,
    mut act: impl FnMut(&CStr) -> io::Result<()>,
) -> io::Result<()> {
    if depth > MAX_DEPTH {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    for entry in Dir::read_from(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        if !matches!(name.to_bytes(), b"." | b"..") {
            act(name)?;
        }
    }
    Ok(())
}

fn copy_directory(from: BorrowedFd<'_>, to: BorrowedFd<'_>, depth: usize) -> io::Result<()> {
    for_each(from, depth, |name| copy_entry(from, to, name, depth))
}

fn copy_entry(from: BorrowedFd<'_>, to: BorrowedFd<'_>, name: &CStr, depth: usize) -> io::Result<()> {
    let stat = statat(from, name, AtFlags::SYMLINK_NOFOLLOW)?;
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::Directory => {
            mkdirat(to, name, Mode::RWXU)?;
            let source = openat(from, name, DIRECTORY, Mode::empty())?;
            let target = openat(to, name, DIRECTORY, Mode::empty())?;
            copy_directory(source.as_fd(), target.as_fd(), depth + 1)?;
            dress(source.as_fd(), target.as_fd(), &stat)
        }
        FileType::RegularFile => {
            let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
            let mut source = std::fs::File::from(openat(from, name, flags, Mode::empty())?);
            let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let mut target = std::fs::File::from(openat(to, name, flags, Mode::RUSR | Mode::WUSR)?);
            io::copy(&mut source, &mut target)?;
            dress(source.as_fd(), target.as_fd(), &stat)
        }
        FileType::Symlink => {
            symlinkat(readlinkat(from, name, Vec::new())?, to, name)?;
            own(to, name, &stat, AtFlags::SYMLINK_NOFOLLOW)?;
            Ok(utimensat(to, name, &times(&stat), AtFlags::SYMLINK_NOFOLLOW)?)
        }
        FileType::Fifo => {
            mknodat(to, name, FileType::Fifo, Mode::from_raw_mode(stat.st_mode), 0)?;
            own(to, name, &stat, AtFlags::SYMLINK_NOFOLLOW)
        }
        // Sockets and devices of an image mean nothing in a new place.
        _ => Ok(()),
    }
}

/// The owner before the mode: a change of owner takes set-user-ID away.
fn dress(from: BorrowedFd<'_>, to: BorrowedFd<'_>, stat: &Stat) -> io::Result<()> {
    own(to, c"", stat, AtFlags::EMPTY_PATH)?;
    fchmod(to, Mode::from_raw_mode(stat.st_mode))?;
    for name in xattr::list(from)? {
        let Some(value) = xattr::get(from, &name)? else { continue };
        match xattr::set(to, &name, &value).map_err(|error| error.raw_os_error()) {
            // The file system there does not keep it, or only a greater root may set it.
            Err(Some(code)) if is_refusal(code) => {}
            Err(code) => return Err(io::Error::from_raw_os_error(code.unwrap_or_default())),
            Ok(()) => {}
        }
    }
    Ok(rustix::fs::futimens(to, &times(stat))?)
}

fn is_refusal(code: i32) -> bool {
    [Errno::NOTSUP, Errno::PERM].iter().any(|errno| errno.raw_os_error() == code)
}

fn times(stat: &Stat) -> Timestamps {
    let time = |seconds: i64, nanoseconds: u64| Timespec {
        tv_sec: seconds,
        tv_nsec: i64::try_from(nanoseconds).unwrap_or_default(),
    };
    Timestamps {
        last_access: time(stat.st_atime, stat.st_atime_nsec),
        last_modification: time(stat.st_mtime, stat.st_mtime_nsec),
    }
}

fn own(dir: BorrowedFd<'_>, name: &CStr, stat: &Stat, flags: AtFlags) -> io::Result<()> {
    set_owner(dir, name, stat.st_uid, stat.st_gid, flags)
}

pub(crate) fn set_owner(
    dir: BorrowedFd<'_>,
    name: &CStr,
    uid: u32,
    gid: u32,
    flags: AtFlags,
) -> io::Result<()> {
    Ok(chownat(dir, name, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)), flags)?)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt};

    use super::*;

    #[test]
    fn a_copy_has_modes_times_links_and_attributes_and_leaves_the_target_of_links_alone() {
        let dir = tempfile::tempdir().expect("a directory");
        let (from, to) = (dir.path().join("from"), dir.path().join("to"));
        std::fs::create_dir_all(from.join("sub")).expect("made");
        std::fs::create_dir(&to).expect("made");
        std::fs::write(from.join("sub/file"), "text").expect("written");
        std::fs::set_permissions(from.join("sub/file"), PermissionsExt::from_mode(0o4711)).expect("set");
        std::os::unix::fs::symlink("/nowhere", from.join("link")).expect("linked");
        let file = std::fs::File::open(from.join("sub/file")).expect("open");
        let kept = xattr::set(&file, b"user.cala", b"1").is_ok();
        let old = Timespec { tv_sec: 1_000_000_000, tv_nsec: 5 };
        rustix::fs::futimens(&file, &Timestamps { last_access: old, last_modification: old }).expect("set");
        let open = |path| std::fs::File::open(path).expect("open");
        assert!(is_empty(open(&to)).expect("listed") && !is_empty(open(&from)).expect("listed"));
        content(open(&from), open(&to)).expect("copied");
        let copy = std::fs::metadata(to.join("sub/file")).expect("there");
        assert_eq!((copy.mode() & 0o7777, copy.mtime(), copy.mtime_nsec()), (0o4711, 1_000_000_000, 5));
        assert_eq!(std::fs::read_link(to.join("link")).expect("a link").as_os_str(), "/nowhere");
        if kept {
            let value = xattr::get(open(&to.join("sub/file")), b"user.cala").expect("read");
            assert_eq!(value.as_deref(), Some(&b"1"[..]));
        }
    }
}
