//! `cp`: which copy two paths mean, as Podman has it (podman-cp(1)).

use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::Path;

use cala_sys::openat2::{OFlags, Root};
use rustix::fs::{FileType, Stat};
use rustix::io::Errno;

use super::place::{self, At, Base, Found, Wish};
use super::request::{CopyRequest, End, FilesDone, View};
use super::tree::{self, Copier, Rules};
use super::view::{self, Access, OF_THE_KERNEL};
use super::{FilesError, get, put};

/// One end of a copy, opened.
pub(super) struct Side {
    pub(super) base: Base,
    pub(super) wish: Wish,
    /// As the person wrote it.
    said: String,
    /// `the host`, `container NAME`.
    place: String,
    /// In a container: whom its files belong to.
    pub(super) owner: (u32, u32),
    container: bool,
}

/// What is copied.
pub(super) struct Source {
    /// Open with `O_PATH`.
    pub(super) fd: OwnedFd,
    pub(super) stat: Stat,
    /// It is the root of a container.
    is_root: bool,
}

/// Where it goes.
enum Target {
    /// Into a directory, under the source's own name or, of a directory, only what is in it.
    Into(OwnedFd),
    /// To a name.
    To(At),
}

/// Copies.
///
/// # Errors
///
/// A path is not there, the two do not go together, or the file system refuses. What was copied before stays.
pub(super) fn copy(
    data: &Path,
    request: &CopyRequest,
    archive: Option<OwnedFd>,
) -> Result<FilesDone, FilesError> {
    let no_archive = || FilesError::Refused("an archive without a descriptor".to_owned());
    match (&request.from, &request.to) {
        (End::Archive, End::Container { .. }) => {
            let to = Side::open(data, &request.to, Access::Write)?;
            put::archive(&to, request, archive.ok_or_else(no_archive)?)
        }
        (_, End::Archive) => {
            let from = Side::open(data, &request.from, Access::Read)?;
            let source = from.source()?;
            let skip = from.skipped(&source)?;
            get::archive(&from, &source, skip, archive.ok_or_else(no_archive)?)
        }
        _ => between(data, request),
    }
}

fn between(data: &Path, request: &CopyRequest) -> Result<FilesDone, FilesError> {
    let from = Side::open(data, &request.from, Access::Read)?;
    let source = from.source()?;
    let to = Side::open(data, &request.to, Access::Write)?;
    let directory = place::kind(&source.stat) == FileType::Directory;
    let (target, missing) = to.target()?;
    if directory && !missing && matches!(target, Target::To(_)) {
        return Err(FilesError::Refused(
            "destination must be a directory when copying a directory".to_owned(),
        ));
    }
    let skip = from.skipped(&source)?;
    let side = if to.container { "copying to container" } else { "copying to host" };
    let owner = match (to.container, request.chown) {
        (false, _) => Some((0, 0)),
        (true, true) => Some(to.owner),
        // What comes out of a container belongs to its user, as in Podman's archive between the two.
        (true, false) => from.container.then_some(from.owner),
    };
    let rules = Rules { owner, overwrite: request.overwrite, side };
    let (top, name) = match target {
        Target::Into(top) if from.wish.content && directory => (top, None),
        Target::Into(top) => (top, Some(name_of(&from.wish.name)?)),
        Target::To(at) => {
            if !directory {
                tree::check(&at, side, request.overwrite)?;
            }
            (at.parent, Some(at.name))
        }
    };
    let mut copier = Copier::new(rules, top);
    match name {
        None => copier.content(source.fd.as_fd(), skip)?,
        Some(name) if directory => copier.directory(source.fd.as_fd(), &name, skip)?,
        Some(name) => copier.single(source.fd.as_fd(), &name)?,
    }
    Ok(FilesDone { warnings: copier.warnings, ..FilesDone::default() })
}

fn name_of(name: &str) -> Result<CString, FilesError> {
    CString::new(name).map_err(|_| FilesError::Refused("a path with a NUL byte".to_owned()))
}

impl Side {
    fn open(data: &Path, end: &End, access: Access) -> Result<Self, FilesError> {
        match end {
            End::Host { path, said } => Ok(Self {
                base: Base::Host,
                wish: Wish::new(path.clone()),
                said: said.clone(),
                place: "the host".to_owned(),
                owner: (0, 0),
                container: false,
            }),
            End::Container { view, path } => Self::container(data, view, path, access),
            End::Archive => Err(FilesError::Refused("one end must be a container".to_owned())),
        }
    }

    fn container(data: &Path, view: &View, said: &str, access: Access) -> Result<Self, FilesError> {
        let path = place::absolute(&view.workdir, said);
        let bind = place::on_bind(&view.binds, &path).filter(|_| view.process.is_none());
        // A stopped container's own tree is only looked at when what is copied lies elsewhere.
        let access = if bind.is_some() { Access::Read } else { access };
        let root = view::open(data, view, access)?;
        let owner = view::owner(view, &root)?;
        let mut side = Self {
            wish: Wish::new(path.clone()),
            base: Base::Below(root),
            said: said.to_owned(),
            place: format!("container {}", view.name),
            owner,
            container: true,
        };
        if let Some((bind, rest)) = bind {
            let (root, path) = below_bind(&bind.source, rest).map_err(|error| side.missing(error))?;
            (side.base, side.wish.path) = (Base::Below(root), path);
        }
        Ok(side)
    }

    pub(super) fn missing(&self, source: io::Error) -> FilesError {
        FilesError::NotFound { path: self.said.clone(), place: self.place.clone(), cause: source }
    }

    pub(super) fn source(&self) -> Result<Source, FilesError> {
        let found = self.base.open(&self.wish.path, OFlags::PATH);
        let fd = found.map_err(|error| self.missing(error))?;
        let stat = rustix::fs::fstat(&fd).map_err(|error| self.missing(error.into()))?;
        let is_root = match &self.base {
            Base::Host => false,
            Base::Below(root) => {
                let root = rustix::fs::fstat(root).map_err(|error| self.missing(error.into()))?;
                (root.st_dev, root.st_ino) == (stat.st_dev, stat.st_ino)
            }
        };
        Ok(Source { fd, stat, is_root })
    }

    /// Names that are left out of a source; a source of the kernel's is refused.
    fn skipped(&self, source: &Source) -> Result<&'static [&'static str], FilesError> {
        if !self.container {
            return Ok(&[]);
        }
        let clean = place::clean(&self.wish.path);
        let first = clean.components().nth(1).map(|part| part.as_os_str().to_owned());
        if OF_THE_KERNEL.iter().any(|name| first.as_deref() == Some(name.as_ref())) || is_proc(source)? {
            return Err(FilesError::Refused(
                "copying from container: copied no items: no such file or directory".to_owned(),
            ));
        }
        Ok(if source.is_root { &OF_THE_KERNEL } else { &[] })
    }

    /// Where something is written; the flag says that nothing is there yet.
    fn target(&self) -> Result<(Target, bool), FilesError> {
        let found = place::destination(&self.base, &self.wish.path);
        match found.map_err(|error| self.missing(error))? {
            Found::Directory(directory) => Ok((Target::Into(directory), false)),
            Found::At(at) => {
                let usable =
                    |stat: &Stat| matches!(place::kind(stat), FileType::RegularFile | FileType::Symlink);
                if !self.container && !at.stat.as_ref().is_none_or(usable) {
                    let path = &self.wish.path;
                    return Err(FilesError::Refused(format!(
                        "invalid destination: {path:?} must be a directory or a regular file"
                    )));
                }
                let missing = at.stat.is_none();
                Ok((Target::To(at), missing))
            }
        }
    }
}

/// statfs(2).
const PROC_SUPER_MAGIC: i128 = 0x9fa0;

fn is_proc(source: &Source) -> Result<bool, FilesError> {
    let stat = rustix::fs::fstatfs(&source.fd);
    let stat = stat.map_err(|error| FilesError::Refused(format!("cannot look at the source: {error}")))?;
    Ok(i128::from(stat.f_type) == PROC_SUPER_MAGIC)
}

/// The root that a path on a mount of a stopped container is resolved below. A mounted file is a name in its folder.
fn below_bind(source: &Path, rest: String) -> io::Result<(Root, String)> {
    match Root::open(source) {
        Err(error) if Errno::from_io_error(&error) == Some(Errno::NOTDIR) => {
            let name = source.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let above = source.parent().unwrap_or(Path::new("/"));
            if rest != "/" {
                return Err(error);
            }
            Ok((Root::open(above)?, format!("/{name}")))
        }
        opened => Ok((opened?, rest)),
    }
}
