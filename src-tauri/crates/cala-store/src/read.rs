//! Reading small files with a limit: whatever is larger is not what it should be.

use std::ffi::CStr;
use std::io;
use std::os::fd::AsFd;
use std::path::Path;

use rustix::fs::{Mode, OFlags};

/// Flags for files that might be anything: no symbolic link, no blocking on a fifo.
const FLAGS: OFlags = OFlags::RDONLY.union(OFlags::NOFOLLOW).union(OFlags::NONBLOCK).union(OFlags::CLOEXEC);

/// The whole file, at most `limit` bytes.
pub(crate) fn read_limited(path: &Path, limit: usize) -> io::Result<Vec<u8>> {
    let file = rustix::fs::open(path, FLAGS, Mode::empty())?;
    let mut bytes = Vec::new();
    read_all(file, &mut bytes, limit)?;
    Ok(bytes)
}

/// The file `name` below an open directory, into a buffer that is used again and again.
pub(crate) fn read_at(
    directory: impl AsFd,
    name: &CStr,
    buffer: &mut Vec<u8>,
    limit: usize,
) -> io::Result<()> {
    let file = rustix::fs::openat(directory, name, FLAGS, Mode::empty())?;
    read_all(file, buffer, limit)
}

fn read_all(file: impl AsFd, buffer: &mut Vec<u8>, limit: usize) -> io::Result<()> {
    let mut length = 0;
    if buffer.len() < 8192 {
        buffer.resize(8192, 0);
    }
    loop {
        let free = buffer.get_mut(length..).unwrap_or_default();
        let count = rustix::io::retry_on_intr(|| rustix::io::read(&file, &mut *free))?;
        length += count;
        if length > limit {
            buffer.clear();
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("larger than {limit} bytes")));
        }
        // A file that leaves room in the buffer has been read to its end: no further call is needed to know.
        if count == 0 || length < buffer.len() {
            buffer.truncate(length);
            return Ok(());
        }
        buffer.resize(buffer.len() * 2, 0);
    }
}
