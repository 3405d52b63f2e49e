//! Files by descriptor: fchownat(2), utimensat(2), mknod(2), lseek(2), fallocate(2), statvfs(3). No link is followed.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileExt as _;

use rustix::fs::{AtFlags, FileType, Gid, Mode, OFlags, SeekFrom, Timespec, Timestamps, Uid};
use rustix::io::Errno;
use rustix::path::Arg;

/// Owner and group of the file that a descriptor stands for; `O_PATH` is enough, so links and pipes work too.
///
/// # Errors
/// Those of fchownat(2): EINVAL for an id without a mapping in this user namespace.
pub fn set_owner(file: impl AsFd, uid: u32, gid: u32) -> io::Result<()> {
    let (uid, gid) = ids(uid, gid)?;
    Ok(rustix::fs::chownat(file, c"", Some(uid), Some(gid), AtFlags::EMPTY_PATH | AtFlags::SYMLINK_NOFOLLOW)?)
}

/// Owner and group of `name` in a directory; of the link itself when it is one.
///
/// # Errors
/// As [`set_owner`].
pub fn set_owner_at(directory: impl AsFd, name: impl Arg, uid: u32, gid: u32) -> io::Result<()> {
    let (uid, gid) = ids(uid, gid)?;
    Ok(rustix::fs::chownat(directory, name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW)?)
}

/// All ones means "leave it" to the kernel and is therefore never an id.
fn ids(uid: u32, gid: u32) -> io::Result<(Uid, Gid)> {
    if uid == u32::MAX || gid == u32::MAX {
        return Err(Errno::INVAL.into());
    }
    Ok((Uid::from_raw(uid), Gid::from_raw(gid)))
}

fn both(seconds: i64, nanoseconds: u32) -> Timestamps {
    let time = Timespec { tv_sec: seconds, tv_nsec: nanoseconds.into() };
    Timestamps { last_access: time, last_modification: time }
}

/// Times of access and change of an open file, since the Unix epoch.
///
/// # Errors
/// Those of futimens(3).
pub fn set_times(file: impl AsFd, seconds: i64, nanoseconds: u32) -> io::Result<()> {
    Ok(rustix::fs::futimens(file, &both(seconds, nanoseconds))?)
}

/// Times of access and change of `name` in a directory; of the link itself when it is one.
///
/// # Errors
/// Those of utimensat(2).
pub fn set_times_at(directory: impl AsFd, name: impl Arg, seconds: i64, nanoseconds: u32) -> io::Result<()> {
    Ok(rustix::fs::utimensat(directory, name, &both(seconds, nanoseconds), AtFlags::SYMLINK_NOFOLLOW)?)
}

/// Makes the character device 0/0: to overlayfs the mark that a lower file is gone.
///
/// # Errors
/// Those of mknodat(2): EEXIST; EPERM below overlay mounts of a user.
pub fn make_whiteout(directory: impl AsFd, name: impl Arg) -> io::Result<()> {
    Ok(rustix::fs::mknodat(directory, name, FileType::CharacterDevice, Mode::empty(), 0)?)
}

/// Makes a named pipe.
///
/// # Errors
/// Those of mknodat(2).
pub fn make_fifo(directory: impl AsFd, name: impl Arg, mode: u32) -> io::Result<()> {
    Ok(rustix::fs::mknodat(directory, name, FileType::Fifo, Mode::from_raw_mode(mode), 0)?)
}

/// Tells the file system how large the file will become; where it cannot prepare for that, nothing happens.
///
/// # Errors
/// ENOSPC and EDQUOT when there is not enough room.
pub fn preallocate(file: impl AsFd, length: u64) -> io::Result<()> {
    if length == 0 {
        return Ok(());
    }
    match rustix::fs::fallocate(file, rustix::fs::FallocateFlags::KEEP_SIZE, 0, length) {
        Err(error @ (Errno::NOSPC | Errno::DQUOT)) => Err(error.into()),
        _ => Ok(()),
    }
}

/// Bytes and inodes that an unprivileged user may still take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    /// Bytes.
    pub bytes: u64,
    /// Inodes; `u64::MAX` on file systems that do not count them.
    pub inodes: u64,
}

/// What is free on the file system of an open file.
///
/// # Errors
/// Those of fstatvfs(3).
pub fn free_space(file: impl AsFd) -> io::Result<Space> {
    let stat = rustix::fs::fstatvfs(file)?;
    let inodes = if stat.f_files == 0 { u64::MAX } else { stat.f_favail };
    Ok(Space { bytes: stat.f_bavail.saturating_mul(stat.f_frsize), inodes })
}

/// A file without a name in a directory; [`link`] gives it one.
///
/// # Errors
/// Those of open(2): EOPNOTSUPP where the file system cannot.
pub fn unnamed(directory: impl AsFd, mode: u32) -> io::Result<OwnedFd> {
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    Ok(rustix::fs::openat(directory, c".", flags, Mode::from_raw_mode(mode))?)
}

/// Gives an unnamed file its name.
///
/// # Errors
/// Those of linkat(2): EEXIST when the name is taken.
pub fn link(file: impl AsFd, directory: impl AsFd, name: impl Arg) -> io::Result<()> {
    use std::os::fd::AsRawFd as _;
    let path = format!("/proc/self/fd/{}", file.as_fd().as_raw_fd());
    Ok(rustix::fs::linkat(rustix::fs::CWD, path, directory, name, AtFlags::SYMLINK_FOLLOW)?)
}

/// Copies the data of a regular file and keeps its holes. Returns the file's size.
///
/// # Errors
/// Those of reading and writing.
pub fn copy_sparse(from: &std::fs::File, to: &std::fs::File) -> io::Result<u64> {
    let size = from.metadata()?.len();
    to.set_len(size)?;
    let mut buffer = vec![0; 256 << 10];
    let mut at = 0;
    while at < size {
        let start = match rustix::fs::seek(from, SeekFrom::Data(at)) {
            Ok(start) => start,
            Err(Errno::NXIO) => break,
            Err(_) => at,
        };
        let end = rustix::fs::seek(from, SeekFrom::Hole(start)).unwrap_or(size);
        at = start;
        while at < end {
            let want = usize::try_from(end - at).unwrap_or(usize::MAX).min(buffer.len());
            let Some(into) = buffer.get_mut(..want) else { break };
            let count = from.read_at(into, at)?;
            if count == 0 {
                return Ok(size);
            }
            to.write_all_at(buffer.get(..count).unwrap_or_default(), at)?;
            at += count as u64;
        }
    }
    Ok(size)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt as _;

    #[test]
    fn an_unnamed_file_gets_its_name_its_times_and_its_holes() {
        let folder = std::env::temp_dir().join(format!("cala-file-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let directory = std::fs::File::open(&folder).unwrap();
        let source = std::fs::File::create_new(folder.join("source")).unwrap();
        source.set_len(8 << 20).unwrap();
        source.write_all_at(b"data", 4 << 20).unwrap();
        let source = std::fs::File::open(folder.join("source")).unwrap();
        let copy = std::fs::File::from(unnamed(&directory, 0o640).unwrap());
        assert_eq!(copy_sparse(&source, &copy).unwrap(), 8 << 20);
        set_times(&copy, 17, 19).unwrap();
        link(&copy, &directory, c"copy").unwrap();
        let stat = std::fs::metadata(folder.join("copy")).unwrap();
        assert_eq!((stat.mtime(), stat.mtime_nsec(), stat.len()), (17, 19, 8 << 20));
        assert!(stat.blocks() * 512 < 1 << 20, "holes stay holes");
        assert!(free_space(&directory).unwrap().bytes > 0);
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
