//! Paths as a person writes them, found below a root: what is there, or where it would be.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Component, Path, PathBuf};

use cala_sys::openat2::{Mode, OFlags, Root};
use rustix::fs::{AtFlags, FileType, Stat};
use rustix::io::Errno;

use super::request::Bind;

/// Links that are followed at most, as the kernel.
const MAX_LINKS: usize = 40;

/// Where paths are resolved.
#[derive(Debug)]
pub(super) enum Base {
    /// On the host, as usual.
    Host,
    /// Below the root of a container or of what is mounted there.
    Below(Root),
}

impl Base {
    /// Opens a path; links are followed, in a container inside its root.
    pub(super) fn open(&self, path: impl rustix::path::Arg, flags: OFlags) -> io::Result<OwnedFd> {
        match self {
            Self::Host => Ok(rustix::fs::open(path, flags | OFlags::CLOEXEC, Mode::empty())?),
            Self::Below(root) => root.in_root(path, flags, Mode::empty()),
        }
    }
}

/// A path in the form that decides what a copy makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wish {
    /// As it is opened.
    pub(super) path: String,
    /// It ends with `/.`, or is the root: what is in the directory is meant, not the directory.
    pub(super) content: bool,
    /// It ends with a slash: it must be there.
    pub(super) slash: bool,
    /// Its last component.
    pub(super) name: String,
}

impl Wish {
    /// An absolute path.
    pub(super) fn new(path: String) -> Self {
        let last = path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        let clean = clean(&path);
        let name = clean.file_name().map(|name| name.to_string_lossy().into_owned());
        Self {
            content: last == "." || name.is_none(),
            slash: path.ends_with('/'),
            name: name.unwrap_or_default(),
            path,
        }
    }
}

/// A path without `.` and `..`, by its text alone.
pub(super) fn clean(path: &str) -> PathBuf {
    let mut clean = PathBuf::from("/");
    for part in Path::new(path).components() {
        match part {
            Component::Normal(name) => clean.push(name),
            Component::ParentDir => _ = clean.pop(),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
        }
    }
    clean
}

/// A path in a container as an absolute one; relative ones begin at the working directory.
pub(super) fn absolute(workdir: &str, path: &str) -> String {
    if path.starts_with('/') {
        return path.to_owned();
    }
    let mut joined = clean(&format!("{workdir}/{path}")).to_string_lossy().into_owned();
    let last = path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    if last == "." && joined != "/" {
        joined.push_str("/.");
    } else if path.ends_with('/') && joined != "/" {
        joined.push('/');
    }
    joined
}

/// The mount that a path of a stopped container lies in, and the path in it. Of several the deepest.
pub(super) fn on_bind<'a>(binds: &'a [Bind], path: &str) -> Option<(&'a Bind, String)> {
    let whole = clean(path);
    let bind = binds
        .iter()
        .filter(|bind| whole.starts_with(&bind.target))
        .max_by_key(|bind| bind.target.components().count())?;
    let rest = whole.strip_prefix(&bind.target).ok()?.to_string_lossy().into_owned();
    let ending = Wish::new(path.to_owned());
    let tail = if ending.content && !rest.is_empty() {
        "/."
    } else if ending.slash {
        "/"
    } else {
        ""
    };
    Some((bind, format!("/{rest}{tail}")))
}

/// What is at a path.
#[derive(Debug)]
pub(super) enum Found {
    /// A directory.
    Directory(OwnedFd),
    /// Something else, or nothing: its parent and its name there.
    At(At),
}

/// A name in a directory.
#[derive(Debug)]
pub(super) struct At {
    pub(super) parent: OwnedFd,
    pub(super) name: CString,
    /// What stands there; `None` is nothing.
    pub(super) stat: Option<Stat>,
}

/// Finds where something would be written. In a container the last component is followed where it is a link, also into
/// nothing; on the host a link is itself what is replaced.
pub(super) fn destination(base: &Base, path: &str) -> io::Result<Found> {
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        match base.open(&path, OFlags::PATH | OFlags::DIRECTORY) {
            Ok(directory) => return Ok(Found::Directory(directory)),
            Err(error) if matches!(Errno::from_io_error(&error), Some(Errno::NOENT | Errno::NOTDIR)) => {}
            Err(error) => return Err(error),
        }
        if path.ends_with('/') {
            return Err(Errno::NOENT.into());
        }
        let (above, name) = path.rsplit_once('/').unwrap_or(("", &path));
        if matches!(name, "" | "." | "..") {
            return Err(Errno::NOENT.into());
        }
        let above = format!("{above}/");
        let parent = base.open(&above, OFlags::PATH | OFlags::DIRECTORY)?;
        let name = CString::new(name)?;
        let stat = stat_at(&parent, &name)?;
        let link = stat.is_some_and(|stat| kind(&stat) == FileType::Symlink);
        if !link || matches!(base, Base::Host) {
            return Ok(Found::At(At { parent, name, stat }));
        }
        let target = rustix::fs::readlinkat(&parent, &*name, Vec::new())?.into_bytes();
        let target = std::ffi::OsString::from_vec(target).into_string();
        let target = target.map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
        path = if target.starts_with('/') { target } else { format!("{above}{target}") };
    }
    Err(Errno::LOOP.into())
}

/// What stands at a name; `None` is nothing.
pub(super) fn stat_at(parent: impl AsFd, name: &std::ffi::CStr) -> io::Result<Option<Stat>> {
    match rustix::fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(Some(stat)),
        Err(Errno::NOENT) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

pub(super) fn kind(stat: &Stat) -> FileType {
    FileType::from_raw_mode(stat.st_mode)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_path_says_what_is_meant() {
        for (path, content, slash, name) in [
            ("/a/b", false, false, "b"),
            ("/a/b/", false, true, "b"),
            ("/a/b/.", true, false, "b"),
            ("/a/b/./", true, true, "b"),
            ("/", true, true, ""),
            ("/.", true, false, ""),
            ("/a/..", true, false, ""),
            ("/a/b/..", false, false, "a"),
            ("//a", false, false, "a"),
        ] {
            let wish = Wish::new(path.to_owned());
            assert_eq!((wish.content, wish.slash, wish.name.as_str()), (content, slash, name), "{path}");
        }
    }

    #[test]
    fn relative_paths_begin_at_the_working_directory() {
        for (workdir, path, whole) in [
            ("/work", "a", "/work/a"),
            ("/work", "a/", "/work/a/"),
            ("/work", ".", "/work/."),
            ("", "../../a/.", "/a/."),
            ("/", ".", "/"),
            ("/work", "/a/../b", "/a/../b"),
        ] {
            assert_eq!(absolute(workdir, path), whole, "{workdir} {path}");
        }
    }

    #[test]
    fn a_path_belongs_to_the_deepest_mount_above_it() {
        let bind = |source: &str, target: &str| Bind { source: source.into(), target: target.into() };
        let binds = [bind("/s1", "/v"), bind("/s2", "/v/deep")];
        let found = |path: &str| {
            on_bind(&binds, path).map(|(bind, rest)| format!("{} {rest}", bind.source.display()))
        };
        assert_eq!(found("/v/a/b").as_deref(), Some("/s1 /a/b"));
        assert_eq!(found("/v/deep/b/.").as_deref(), Some("/s2 /b/."));
        assert_eq!(found("/v/deep/").as_deref(), Some("/s2 //"));
        assert_eq!(found("/v/deep").as_deref(), Some("/s2 /"));
        assert_eq!(found("/v/deep/../a").as_deref(), Some("/s1 /a"));
        assert_eq!(found("/vv"), None);
    }

    #[test]
    fn links_of_a_container_lead_nowhere_else() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("root");
        std::fs::create_dir_all(root.join("etc")).unwrap();
        std::fs::write(dir.path().join("secret"), "host").unwrap();
        let link = |to: &str, at: &str| std::os::unix::fs::symlink(to, root.join(at)).unwrap();
        link("../../../../../../secret", "up");
        link("/etc/new", "dangling");
        link("/loop", "loop");
        let base = Base::Below(Root::open(&root).unwrap());
        let at = |path: &str| match destination(&base, path) {
            Ok(Found::At(at)) => Ok((at.name.into_string().unwrap(), at.stat.is_some())),
            Ok(Found::Directory(_)) => Ok(("directory".into(), true)),
            Err(error) => Err(error.raw_os_error().unwrap_or_default()),
        };
        assert_eq!(at("/up"), Ok(("secret".into(), false)));
        assert_eq!(at("/dangling"), Ok(("new".into(), false)));
        assert_eq!(at("/etc"), Ok(("directory".into(), true)));
        assert_eq!(at("/loop"), Err(Errno::LOOP.raw_os_error()));
        assert_eq!(at("/missing/x"), Err(Errno::NOENT.raw_os_error()));
        assert_eq!(at("/etc/x/"), Err(Errno::NOENT.raw_os_error()));
    }
}
