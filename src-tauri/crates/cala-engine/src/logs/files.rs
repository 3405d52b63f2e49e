//! The files of a log, oldest first, held open so that rotation does not take them away.

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// More files than any log has.
const MAX_FILES: u32 = 10_000;

/// A file of the log.
#[derive(Debug)]
pub(super) struct LogFile {
    pub(super) file: File,
    inode: u64,
}

impl LogFile {
    fn open(path: &Path) -> io::Result<Option<Self>> {
        match File::open(path) {
            Ok(file) => {
                let inode = file.metadata()?.ino();
                Ok(Some(Self { file, inode }))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) fn len(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }
}

/// Opens all files of a log, oldest first; from the newest on, so that a rotation meanwhile shows one twice (which is
/// noticed) rather than never.
pub(super) fn open_all(path: &Path) -> io::Result<Vec<LogFile>> {
    let mut found: Vec<LogFile> = Vec::new();
    for number in 0..MAX_FILES {
        match LogFile::open(&numbered(path, number))? {
            Some(file) if found.iter().any(|known| known.inode == file.inode) => {}
            Some(file) => found.push(file),
            // A rotation is just moving ctr.log away, or nothing was written yet.
            None if number == 0 => {}
            None => break,
        }
    }
    found.reverse();
    Ok(found)
}

/// The files that came after `last`, oldest first: none unless the log was rotated.
pub(super) fn newer_than(path: &Path, last: &LogFile) -> io::Result<Vec<LogFile>> {
    let current = std::fs::metadata(path);
    if current.is_ok_and(|metadata| metadata.ino() == last.inode) {
        return Ok(Vec::new());
    }
    let mut all = open_all(path)?;
    // When `last` was rotated out of existence, everything there is newer.
    if let Some(place) = all.iter().position(|file| file.inode == last.inode) {
        all.drain(..=place);
    }
    Ok(all)
}

/// Bytes that rotation has dropped since the container was made; the monitor counts them.
pub(super) fn rotated_away(path: &Path) -> u64 {
    let mut name = path.as_os_str().to_owned();
    name.push(".dropped");
    std::fs::read_to_string(name).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0)
}

fn numbered(path: &Path, number: u32) -> PathBuf {
    if number == 0 {
        return path.to_owned();
    }
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{number}"));
    PathBuf::from(name)
}
