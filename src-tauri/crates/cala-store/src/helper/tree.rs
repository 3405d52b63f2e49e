//! Work on trees below the data root: removing, counting, preparing a container's directories.

use std::collections::HashSet;
use std::ffi::{CString, OsStr};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path, PathBuf};

use cala_spec::{Classify, ErrorKind};
use cala_sys::file;
use cala_sys::openat2::{Mode, OFlags, Root};
use cala_sys::remove_tree::remove_tree;
use rustix::fs::{AtFlags, FileType, RawDir, Stat};
use rustix::io::Errno;

use super::protocol::Usage;
use crate::layers::read_record;

/// Directories open at once while counting; what lies deeper is not counted.
const MAX_DEPTH: usize = 256;

/// Why work on a tree failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum TreeError {
    #[error("`{}` is not inside the data root", path.display())]
    Outside { path: PathBuf },
    #[error("cannot {act} `{}`", path.display())]
    File {
        act: &'static str,
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

impl Classify for TreeError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Outside { .. } => ErrorKind::Forbidden,
            Self::File { source, .. } if source.kind() == io::ErrorKind::NotFound => ErrorKind::NotFound,
            Self::File { .. } => ErrorKind::Internal,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Outside { .. } => "outside_data_root",
            Self::File { .. } => "store_io",
        }
    }
}

/// The data root.
#[derive(Debug)]
pub(super) struct Place {
    data: PathBuf,
    root: Root,
}

impl Place {
    pub(super) fn open(data: &Path) -> io::Result<Self> {
        Ok(Self { data: data.to_path_buf(), root: Root::open(data)? })
    }

    /// Its path.
    pub(super) fn data(&self) -> &Path {
        &self.data
    }

    /// Parent and name of a path strictly below the data root; no link may stand in the parent.
    fn locate(&self, path: &Path) -> Result<(OwnedFd, CString), TreeError> {
        let outside = || TreeError::Outside { path: path.to_path_buf() };
        let below =
            if path.is_absolute() { path.strip_prefix(&self.data).map_err(|_| outside())? } else { path };
        if below.components().any(|component| !matches!(component, Component::Normal(_))) {
            return Err(outside());
        }
        let name = below.file_name().ok_or_else(outside)?;
        let above = below.parent().filter(|above| *above != Path::new("")).unwrap_or(Path::new("."));
        let parent = self.root.beneath(above, OFlags::PATH | OFlags::DIRECTORY, Mode::empty());
        let parent = parent.map_err(|source| failed("open the folder of", path, source))?;
        Ok((parent, CString::new(name.as_bytes()).map_err(|_| outside())?))
    }

    /// A directory below the data root, for reading.
    pub(super) fn open_directory(&self, path: &Path) -> Result<OwnedFd, TreeError> {
        let (parent, name) = self.locate(path)?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        rustix::fs::openat(&parent, &*name, flags, Mode::empty())
            .map_err(|error| failed("open", path, error.into()))
    }

    pub(super) fn remove(&self, path: &Path) -> Result<(), TreeError> {
        match self.locate(path) {
            Ok((parent, name)) => {
                remove_tree(&parent, &name).map_err(|source| failed("remove", path, source))
            }
            Err(TreeError::File { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }

    pub(super) fn change_owner(&self, path: &Path, uid: u32, gid: u32) -> Result<(), TreeError> {
        let (parent, name) = self.locate(path)?;
        file::set_owner_at(&parent, &*name, uid, gid)
            .map_err(|source| failed("change the owner of", path, source))
    }

    pub(super) fn make_container_dirs(&self, path: &Path, layers: &[String]) -> Result<(), TreeError> {
        let (parent, name) = self.locate(path)?;
        let root = layers
            .iter()
            .rev()
            .find_map(|key| safe_key(key).and_then(|key| read_record(&self.data, key)?.root));
        let make = || -> io::Result<()> {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let container = rustix::fs::openat(&parent, &*name, flags, Mode::empty())?;
            for (name, mode) in [(c"upper", 0o755), (c"work", 0o700), (c"merged", 0o755)] {
                match rustix::fs::mkdirat(&container, name, Mode::from_raw_mode(mode)) {
                    Ok(()) | Err(Errno::EXIST) => {}
                    Err(error) => return Err(error.into()),
                }
            }
            let Some(root) = root else { return Ok(()) };
            let upper = rustix::fs::openat(&container, c"upper", flags, Mode::empty())?;
            file::set_owner(&upper, root.uid, root.gid)?;
            rustix::fs::fchmod(&upper, Mode::from_raw_mode(root.mode & 0o7777))?;
            file::set_times(&upper, root.mtime, 0)
        };
        make().map_err(|source| failed("prepare", path, source))
    }

    pub(super) fn usage(&self, path: &Path) -> Result<Usage, TreeError> {
        let (parent, name) = self.locate(path)?;
        let mut count = Count::default();
        count.walk(parent, &name).map_err(|source| failed("examine", path, source))?;
        Ok(count.usage)
    }
}

pub(super) fn failed(act: &'static str, path: &Path, source: io::Error) -> TreeError {
    TreeError::File { act, path: path.to_path_buf(), source }
}

/// A key that is one name and nothing else.
fn safe_key(key: &str) -> Option<&str> {
    let path = Path::new(OsStr::new(key));
    let mut components = path.components();
    (matches!(components.next(), Some(Component::Normal(_))) && components.next().is_none()).then_some(key)
}

#[derive(Debug, Default)]
struct Count {
    usage: Usage,
    seen: HashSet<(u64, u64)>,
}

impl Count {
    fn walk(&mut self, parent: OwnedFd, name: &CString) -> io::Result<()> {
        let stat = rustix::fs::statat(&parent, &**name, AtFlags::SYMLINK_NOFOLLOW)?;
        self.add(&stat);
        if FileType::from_raw_mode(stat.st_mode) != FileType::Directory {
            return Ok(());
        }
        let mut levels = vec![(parent, vec![name.clone()])];
        while let Some((directory, waiting)) = levels.last_mut() {
            let Some(name) = waiting.pop() else {
                levels.pop();
                continue;
            };
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            match rustix::fs::openat(&*directory, &*name, flags, Mode::empty()) {
                Ok(fd) => {
                    let below = self.entries(&fd)?;
                    if levels.len() < MAX_DEPTH {
                        levels.push((fd, below));
                    }
                }
                // Removed meanwhile.
                Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Counts what is in a directory; returns the directories in it.
    fn entries(&mut self, directory: &OwnedFd) -> io::Result<Vec<CString>> {
        let mut buffer = vec![MaybeUninit::uninit(); 32 << 10];
        let mut entries = RawDir::new(directory, &mut buffer);
        let mut below = Vec::new();
        while let Some(entry) = entries.next() {
            let entry = entry?;
            let name = entry.file_name();
            if name == c"." || name == c".." {
                continue;
            }
            let stat = match rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW) {
                Err(Errno::NOENT) => continue,
                other => other?,
            };
            self.add(&stat);
            if FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
                below.push(name.to_owned());
            }
        }
        Ok(below)
    }

    fn add(&mut self, stat: &Stat) {
        let kind = FileType::from_raw_mode(stat.st_mode);
        if kind != FileType::Directory && stat.st_nlink > 1 && !self.seen.insert((stat.st_dev, stat.st_ino)) {
            return;
        }
        self.usage.inodes += 1;
        self.usage.allocated += u64::try_from(stat.st_blocks).unwrap_or_default() * 512;
        if kind == FileType::RegularFile {
            self.usage.size += u64::try_from(stat.st_size).unwrap_or_default();
        }
    }
}
