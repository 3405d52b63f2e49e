//! `tmpcopyup`: what the image has in a directory is copied into the tmpfs that will cover it.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use rustix::fs::{
    AtFlags, Dir, FileType, Gid, Mode, OFlags, Stat, Uid, chownat, fchmod, fstat, mkdirat, openat,
    readlinkat, statat, symlinkat,
};

/// Directories are nested at most this deep; deeper ones are an error.
const MAX_DEPTH: usize = 64;

/// Copies directories, regular files and links with owner and mode; everything by descriptor, no link is followed.
pub(crate) fn copy(from: impl AsFd, to: impl AsFd) -> io::Result<()> {
    let stat = fstat(&from)?;
    let to_root = reopen(to.as_fd())?;
    copy_directory(&reopen(from.as_fd())?, &to_root, 0)?;
    own(to_root.as_fd(), c"", &stat, AtFlags::EMPTY_PATH)?;
    Ok(fchmod(&to_root, Mode::from_raw_mode(stat.st_mode))?)
}

fn reopen(fd: BorrowedFd<'_>) -> io::Result<std::os::fd::OwnedFd> {
    Ok(openat(fd, c".", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?)
}

fn copy_directory(from: impl AsFd, to: impl AsFd, depth: usize) -> io::Result<()> {
    if depth > MAX_DEPTH {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    for entry in Dir::read_from(&from)? {
        let entry = entry?;
        let name = entry.file_name();
        if name == c"." || name == c".." {
            continue;
        }
        copy_entry(from.as_fd(), to.as_fd(), name, depth)?;
    }
    Ok(())
}

fn copy_entry(
    from: BorrowedFd<'_>,
    to: BorrowedFd<'_>,
    name: &std::ffi::CStr,
    depth: usize,
) -> io::Result<()> {
    const DIRECTORY: OFlags =
        OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
    let stat = statat(from, name, AtFlags::SYMLINK_NOFOLLOW)?;
    let mode = Mode::from_raw_mode(stat.st_mode);
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::Directory => {
            mkdirat(to, name, Mode::RWXU)?;
            let inner = openat(to, name, DIRECTORY, Mode::empty())?;
            copy_directory(openat(from, name, DIRECTORY, Mode::empty())?, &inner, depth + 1)?;
            own(inner.as_fd(), c"", &stat, AtFlags::EMPTY_PATH)?;
            fchmod(&inner, mode)?;
        }
        FileType::RegularFile => {
            let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
            let mut source = std::fs::File::from(openat(from, name, flags, Mode::empty())?);
            let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let mut target = std::fs::File::from(openat(to, name, flags, Mode::RUSR | Mode::WUSR)?);
            io::copy(&mut source, &mut target)?;
            own(target.as_fd(), c"", &stat, AtFlags::EMPTY_PATH)?;
            fchmod(&target, mode)?;
        }
        FileType::Symlink => {
            symlinkat(readlinkat(from, name, Vec::new())?, to, name)?;
            own(to, name, &stat, AtFlags::SYMLINK_NOFOLLOW)?;
        }
        // Sockets, pipes and devices of an image mean nothing in a fresh tmpfs.
        _ => {}
    }
    Ok(())
}

fn own(dir: BorrowedFd<'_>, name: &std::ffi::CStr, stat: &Stat, flags: AtFlags) -> io::Result<()> {
    Ok(chownat(dir, name, Some(Uid::from_raw(stat.st_uid)), Some(Gid::from_raw(stat.st_gid)), flags)?)
}
