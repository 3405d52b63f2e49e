//! A tree of files put into another one, entry by entry, as tar(1) extracts over what is there.
//!
//! Both sides are walked by descriptors and no link is followed on either, so that nothing that a container does in the
//! meantime leads anywhere else (security.md R1). What is on one side only is moved whole by rename(2); directories that are
//! on both sides are merged; for anything else the new one takes the place of the old one.

use std::collections::BTreeSet;
use std::ffi::CString;
use std::io;
use std::os::fd::OwnedFd;

use cala_sys::remove_tree::remove_tree;
use rustix::fs::{Dir, Mode, OFlags, RenameFlags};
use rustix::io::Errno;

use super::attributes::Attributes;
use super::tree::{Found, look};
use super::{Options, Summary, UnpackError};

/// Directories that are on both sides, one in the other.
const MAX_DEPTH: usize = 256;

const DIRECTORY: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// A directory that is on both sides.
struct Level {
    path: Vec<u8>,
    from: OwnedFd,
    to: OwnedFd,
    /// Of `from`, before its entries were moved out of it.
    attributes: Attributes,
    waiting: Vec<CString>,
}

/// Moves everything in `from` into `to`. Directories of `implicit` keep the attributes that they have in `to`.
///
/// # Errors
///
/// The file system refuses; what was moved before stays moved.
pub fn merge(
    from: OwnedFd,
    to: OwnedFd,
    implicit: &BTreeSet<Vec<u8>>,
    options: &Options,
) -> Result<(), UnpackError> {
    let mut levels = vec![level(Vec::new(), from, to)?];
    while let Some(top) = levels.last_mut() {
        let Some(name) = top.waiting.pop() else {
            let done = levels.pop();
            done.map_or(Ok(()), |done| adopt(&done, implicit, options))?;
            continue;
        };
        let path = joined(&top.path, name.as_bytes());
        if let Some(both) = take(top, &name, &path)? {
            if levels.len() >= MAX_DEPTH {
                return Err(UnpackError::hostile(&path, "too many directories one in the other"));
            }
            levels.push(both);
        }
    }
    Ok(())
}

fn level(path: Vec<u8>, from: OwnedFd, to: OwnedFd) -> Result<Level, UnpackError> {
    let failed = |error| UnpackError::file("examine", &path, error);
    let (attributes, waiting) = (Attributes::read(&from).map_err(failed)?, names(&from).map_err(failed)?);
    Ok(Level { path, from, to, attributes, waiting })
}

fn names(directory: &OwnedFd) -> io::Result<Vec<CString>> {
    let mut names = Vec::new();
    for entry in Dir::read_from(directory)? {
        let name = entry?.file_name().to_owned();
        if !matches!(name.to_bytes(), b"." | b"..") {
            names.push(name);
        }
    }
    Ok(names)
}

/// Moves one entry, or returns the directory that is to be merged.
fn take(level: &Level, name: &CString, path: &[u8]) -> Result<Option<Level>, UnpackError> {
    let failed = |error: Errno| UnpackError::file("replace", path, error);
    loop {
        match rustix::fs::renameat_with(&level.from, name, &level.to, name, RenameFlags::NOREPLACE) {
            Ok(()) => return Ok(None),
            Err(Errno::EXIST) => {}
            Err(error) => return Err(failed(error)),
        }
        let new = look(&level.from, name.as_bytes()).map_err(failed)?;
        if new == Found::Directory {
            match rustix::fs::openat(&level.to, name, DIRECTORY, Mode::empty()) {
                Ok(to) => {
                    let from =
                        rustix::fs::openat(&level.from, name, DIRECTORY, Mode::empty()).map_err(failed)?;
                    return self::level(path.to_vec(), from, to).map(Some);
                }
                // A file or a link: it gives way.
                Err(Errno::NOTDIR | Errno::LOOP | Errno::NOENT) => {}
                Err(error) => return Err(failed(error)),
            }
        }
        remove_tree(&level.to, name).map_err(|error| UnpackError::file("replace", path, error))?;
    }
}

/// The directory on the new side gives its attributes.
fn adopt(level: &Level, implicit: &BTreeSet<Vec<u8>>, options: &Options) -> Result<(), UnpackError> {
    if implicit.contains(&level.path) {
        return Ok(());
    }
    let attributes = &level.attributes;
    // The owner is set also when it is root's: the directory was somebody's.
    if !options.single_id
        && let (Ok(uid), Ok(gid)) = (u32::try_from(attributes.uid), u32::try_from(attributes.gid))
    {
        cala_sys::file::set_owner(&level.to, uid, gid)
            .map_err(|error| attributes.owner_failed(&level.path, error))?;
    }
    // No mode that was made equals this one, so that it is set always.
    attributes.apply(&level.to, &level.path, u32::MAX, options, &mut Summary::default())
}

fn joined(above: &[u8], name: &[u8]) -> Vec<u8> {
    if above.is_empty() { name.to_vec() } else { [above, b"/", name].concat() }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt, symlink};
    use std::path::Path;

    use super::*;

    fn open(path: &Path) -> OwnedFd {
        rustix::fs::open(path, DIRECTORY, Mode::empty()).unwrap()
    }

    #[test]
    fn the_new_side_wins_and_links_are_never_followed() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to, outside) =
            (dir.path().join("from"), dir.path().join("to"), dir.path().join("outside"));
        for path in [from.join("both/deep"), from.join("link"), to.join("both/old"), outside.clone()] {
            std::fs::create_dir_all(path).unwrap();
        }
        std::fs::write(from.join("both/deep/file"), "new").unwrap();
        std::fs::write(from.join("link/file"), "new").unwrap();
        std::fs::write(from.join("was-folder"), "new").unwrap();
        std::fs::create_dir_all(to.join("was-folder/x")).unwrap();
        symlink(&outside, to.join("link")).unwrap();
        symlink(outside.join("never"), to.join("both/deep")).unwrap();
        std::fs::set_permissions(from.join("both"), PermissionsExt::from_mode(0o711)).unwrap();
        std::fs::set_permissions(&to, PermissionsExt::from_mode(0o750)).unwrap();
        let old = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
        std::fs::File::open(from.join("both")).unwrap().set_modified(old).unwrap();
        let options = Options { single_id: true, keep_free: 0, plain: true };
        merge(open(&from), open(&to), &BTreeSet::from([Vec::new()]), &options).unwrap();
        for file in ["both/deep/file", "link/file", "was-folder"] {
            assert_eq!(std::fs::read_to_string(to.join(file)).unwrap(), "new", "{file}");
        }
        assert!(to.join("both/old").is_dir());
        assert_eq!(std::fs::metadata(to.join("both")).unwrap().mode() & 0o7777, 0o711);
        assert_eq!(std::fs::metadata(to.join("both")).unwrap().modified().unwrap(), old);
        assert_eq!(std::fs::metadata(&to).unwrap().mode() & 0o7777, 0o750, "it had no entry");
        assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 0);
    }
}
