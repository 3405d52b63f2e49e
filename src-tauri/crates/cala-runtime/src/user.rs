//! `user[:group]` resolved inside a root file system, by a closed grammar (rule R8) and with limits (rule R7).
//!
//! The files belong to the image or the container: they may be pipes, endless devices, gigabytes, or say that
//! `99999999999` is root. Nothing of the C library's name services is asked.

use std::io::{Read, Write as _};
use std::os::fd::BorrowedFd;
use std::path::Path;

use rustix::fs::{FileType, OFlags, fstat};
use rustix::io::Errno;

use crate::resolve;

/// Bytes of etc/passwd or etc/group at most.
const MAX_FILE: u64 = 1 << 20;

/// Supplementary groups at most (NGROUPS_MAX of limits.h).
const MAX_GROUPS: usize = 65536;

/// Who a process runs as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolvedUser {
    /// User id.
    pub uid: u32,
    /// Primary group id.
    pub gid: u32,
    /// Supplementary groups: the primary one and the memberships, sorted, without duplicates.
    pub groups: Vec<u32>,
    /// Home directory; `/` when nothing says it.
    pub home: String,
}

/// A user that cannot be resolved.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0}")]
pub struct UserError(pub String);

/// An id or a name, nothing else.
#[derive(Debug, PartialEq, Eq)]
enum Word<'a> {
    Id(u32),
    Name(&'a str),
}

/// Resolves `user[:group]` (names or decimal ids; empty is root) against etc/passwd and etc/group below `root`.
///
/// # Errors
///
/// A word outside the grammar, an unknown name, a file that is not a regular file or larger than 1 MiB.
pub fn resolve(root: BorrowedFd<'_>, user: &str) -> Result<ResolvedUser, UserError> {
    let (user_word, group_word) = parse(user)?;
    let passwd = read(root, "etc/passwd")?;
    let line = passwd.lines().filter_map(Passwd::parse).find(|line| match user_word {
        Word::Id(id) => line.uid == id,
        Word::Name(name) => line.name == name,
    });
    let uid = match (&user_word, &line) {
        (Word::Id(id), _) => *id,
        (Word::Name(_), Some(line)) => line.uid,
        (Word::Name(name), None) => {
            return Err(UserError(format!("unable to find user {name}: no matching entries in passwd file")));
        }
    };
    let gid = match group_word {
        Some(Word::Id(id)) => id,
        Some(Word::Name(name)) => group_by_name(&read(root, "etc/group")?, name)?,
        None => line.as_ref().map_or(0, |line| line.gid),
    };
    let mut groups = vec![gid];
    if group_word.is_none()
        && let Some(line) = &line
    {
        groups.extend(memberships(&read(root, "etc/group")?, line.name));
    }
    groups.sort_unstable();
    groups.dedup();
    if groups.len() > MAX_GROUPS {
        return Err(UserError(format!("user {user} is in more than {MAX_GROUPS} groups")));
    }
    let home = line.map(|line| line.home).filter(|home| home.starts_with('/')).unwrap_or("/");
    Ok(ResolvedUser { uid, gid, groups, home: home.to_owned() })
}

/// Resolves groups (names or decimal ids) against etc/group below `root`.
///
/// # Errors
///
/// As [`resolve`]; more than the kernel lets a process be in.
pub(crate) fn groups(root: BorrowedFd<'_>, names: &[String]) -> Result<Vec<u32>, UserError> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    if names.len() > MAX_GROUPS {
        return Err(UserError(format!("more than {MAX_GROUPS} groups")));
    }
    let file = read(root, "etc/group")?;
    let resolve = |name: &String| match word(name) {
        Some(Word::Id(id)) => Ok(id),
        Some(Word::Name(name)) => group_by_name(&file, name),
        None => Err(UserError(format!("invalid group `{}`", name.escape_debug()))),
    };
    names.iter().map(resolve).collect()
}

/// Gives a user that is only a number a line of /etc/passwd, and its group one of /etc/group, as Podman does: many programs
/// insist on a name. Returns the home directory of the line, or nothing when none was added. Only files of the root itself
/// are written, through no link and on no other mount (rule R1).
pub(crate) fn add_number(
    root: BorrowedFd<'_>,
    user: &str,
    found: &ResolvedUser,
    home: &str,
) -> Option<String> {
    let (Word::Id(uid), group) = parse(user).ok().filter(|_| !user.is_empty())? else { return None };
    let passwd = read(root, "etc/passwd").ok()?;
    let group_id = match group {
        None => Some(uid),
        Some(Word::Id(gid)) => Some(gid),
        Some(Word::Name(_)) => None,
    };
    let groups = read(root, "etc/group").unwrap_or_default();
    if let Some(gid) = group_id.filter(|gid| group_lines(&groups).all(|(_, known, _)| known != *gid)) {
        append(root, "etc/group", &groups, &format!("{gid}:x:{gid}:{uid}\n"));
    }
    if passwd.lines().filter_map(Passwd::parse).any(|line| line.uid == uid) {
        return None;
    }
    let home = if home.contains([':', '\n']) { "/" } else { home };
    let line = format!("{uid}:*:{uid}:{}:container user:{home}:/bin/sh\n", found.gid);
    append(root, "etc/passwd", &passwd, &line).then(|| home.to_owned())
}

/// Appends a line to a file whose text is known. A root that cannot be written to is no reason not to start.
fn append(root: BorrowedFd<'_>, path: &str, text: &str, line: &str) -> bool {
    let open = |flags| resolve::open_own(root, Path::new(path), flags);
    let regular = open(OFlags::PATH)
        .and_then(fstat)
        .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile);
    if !regular {
        return false;
    }
    let separator = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    let Ok(file) = open(OFlags::WRONLY | OFlags::APPEND | OFlags::NONBLOCK) else { return false };
    std::fs::File::from(file).write_all(format!("{separator}{line}").as_bytes()).is_ok()
}

fn parse(text: &str) -> Result<(Word<'_>, Option<Word<'_>>), UserError> {
    if text.is_empty() {
        return Ok((Word::Id(0), None));
    }
    let invalid = || UserError(format!("invalid user `{}`", text.escape_debug()));
    match text.split_once(':') {
        Some((user, group)) => Ok((word(user).ok_or_else(invalid)?, Some(word(group).ok_or_else(invalid)?))),
        None => Ok((word(text).ok_or_else(invalid)?, None)),
    }
}

/// All digits is an id, and only an id (CVE-2024-40635); names begin with a letter or `_`.
fn word(text: &str) -> Option<Word<'_>> {
    let first = text.bytes().next()?;
    if first.is_ascii_digit() {
        return id(text).map(Word::Id);
    }
    let is_name = (first.is_ascii_alphabetic() || first == b'_')
        && text.len() <= 256
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-@$\\".contains(&byte));
    is_name.then_some(Word::Name(text))
}

/// Decimal, at most 2^32-2: the last number means "no id" to the kernel.
fn id(text: &str) -> Option<u32> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok().filter(|id| *id != u32::MAX)
}

/// A line of passwd(5).
struct Passwd<'a> {
    name: &'a str,
    uid: u32,
    gid: u32,
    home: &'a str,
}

impl<'a> Passwd<'a> {
    /// `None` for what is no such line: it is passed over, as the C library does.
    fn parse(line: &'a str) -> Option<Self> {
        let mut fields = line.split(':');
        let name = fields.next().filter(|name| !name.is_empty())?;
        let (uid, gid) = (fields.nth(1).and_then(id)?, fields.next().and_then(id)?);
        Some(Self { name, uid, gid, home: fields.nth(1).unwrap_or("") })
    }
}

/// Name, id and members of the lines of group(5).
fn group_lines(text: &str) -> impl Iterator<Item = (&str, u32, &str)> {
    text.lines().filter_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next().filter(|name| !name.is_empty())?;
        Some((name, fields.nth(1).and_then(id)?, fields.next().unwrap_or("")))
    })
}

fn group_by_name(text: &str, wanted: &str) -> Result<u32, UserError> {
    group_lines(text)
        .find(|(name, ..)| *name == wanted)
        .map(|(_, gid, _)| gid)
        .ok_or_else(|| UserError(format!("unable to find group {wanted}: no matching entries in group file")))
}

fn memberships<'a>(text: &'a str, user: &'a str) -> impl Iterator<Item = u32> + 'a {
    group_lines(text)
        .filter(move |(.., members)| members.split(',').any(|member| member == user))
        .map(|(_, gid, _)| gid)
}

/// Reads a file below the root; a missing one is empty. Links are followed below the root only (images of Nix have
/// links there), what they lead to must be a regular file and small.
fn read(root: BorrowedFd<'_>, path: &str) -> Result<String, UserError> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = match resolve::open(root, Path::new(path), flags) {
        Ok(file) => file,
        Err(Errno::NOENT | Errno::NOTDIR) => return Ok(String::new()),
        Err(error) => return Err(UserError(format!("cannot open `/{path}` of the container: {error}"))),
    };
    let stat = fstat(&file)
        .map_err(|error| UserError(format!("cannot look at `/{path}` of the container: {error}")))?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(UserError(format!("`/{path}` of the container is not a regular file")));
    }
    let mut bytes = Vec::new();
    std::fs::File::from(file)
        .take(MAX_FILE + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| UserError(format!("cannot read `/{path}` of the container: {error}")))?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > MAX_FILE {
        return Err(UserError(format!("`/{path}` of the container is larger than 1 MiB")));
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::{Mode, open};
    use std::os::fd::{AsFd, OwnedFd};

    fn root(passwd: &str, group: &str) -> (tempfile::TempDir, OwnedFd) {
        let dir = tempfile::tempdir().expect("a temporary directory");
        std::fs::create_dir(dir.path().join("etc")).expect("etc");
        std::fs::write(dir.path().join("etc/passwd"), passwd).expect("passwd");
        std::fs::write(dir.path().join("etc/group"), group).expect("group");
        let fd = open(dir.path(), OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).expect("open");
        (dir, fd)
    }

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\nweb:x:33:34:w:/srv/web:/bin/sh\n99999999999:x:0:0::/:/x\n\
                          +1:x:0:0::/:/x\n1e3:x:0:0::/:/x\nbad:x:4294967296:0::/:/x\nbroken line\n";
    const GROUP: &str = "root:x:0:root\nwww:x:34:\naudio:x:29:web,other\nvideo:x:44:web\n";

    #[test]
    fn names_and_numbers_resolve() {
        let (_dir, fd) = root(PASSWD, GROUP);
        let resolve = |text| resolve(fd.as_fd(), text).expect("resolves");
        let web = ResolvedUser { uid: 33, gid: 34, groups: vec![29, 34, 44], home: "/srv/web".into() };
        assert_eq!(resolve("web"), web);
        assert_eq!(resolve("33"), web);
        assert_eq!(resolve("web:audio"), ResolvedUser { gid: 29, groups: vec![29], ..web });
        assert_eq!(resolve(""), ResolvedUser { uid: 0, gid: 0, groups: vec![0], home: "/root".into() });
        assert_eq!(resolve("1000:5"), ResolvedUser { uid: 1000, gid: 5, groups: vec![5], home: "/".into() });
        assert_eq!(resolve("4294967294").uid, 4_294_967_294);
    }

    #[test]
    fn whatever_is_outside_the_grammar_is_refused_and_never_root() {
        let (_dir, fd) = root(PASSWD, GROUP);
        for text in [
            "1000:",
            ":5",
            ":",
            "+1",
            " 1",
            "1 ",
            "1e3",
            "0x10",
            "4294967295",
            "4294967296",
            "99999999999",
            "-1",
            "1000:x",
            "1000:1:1",
            "nobody",
            "bad",
            "web:nogroup",
            "ro\not",
            "../x",
            "1000:4294967296",
        ] {
            assert!(resolve(fd.as_fd(), text).is_err(), "`{text}` must be refused");
        }
    }

    #[test]
    fn a_number_gets_a_line_but_through_no_link() {
        let (dir, fd) = root("root:x:0:0:root:/root:/bin/sh", "root:x:0:\n");
        let add = |user: &str, home: &str| {
            let found = resolve(fd.as_fd(), user).expect("resolves");
            add_number(fd.as_fd(), user, &found, home)
        };
        assert_eq!(add("4242:4243", "/srv").as_deref(), Some("/srv"));
        assert_eq!(add("4242:4243", "/srv"), None, "it is there");
        assert_eq!((add("0", "/"), add("root", "/"), add("", "/")), (None, None, None));
        let text = |path: &str| std::fs::read_to_string(dir.path().join(path)).expect("readable");
        assert_eq!(
            text("etc/passwd"),
            "root:x:0:0:root:/root:/bin/sh\n4242:*:4242:4243:container user:/srv:/bin/sh\n"
        );
        assert_eq!(text("etc/group"), "root:x:0:\n4243:x:4243:4242\n");
        std::fs::rename(dir.path().join("etc/passwd"), dir.path().join("elsewhere")).expect("moved");
        std::os::unix::fs::symlink("../elsewhere", dir.path().join("etc/passwd")).expect("linked");
        assert_eq!(add("77", "/"), None);
        assert!(!text("elsewhere").contains("77"));
    }

    #[test]
    fn files_that_are_none_are_refused() {
        let (dir, fd) = root("", "");
        let passwd = dir.path().join("etc/passwd");
        std::fs::remove_file(&passwd).expect("remove");
        rustix::fs::mknodat(rustix::fs::CWD, &passwd, FileType::Fifo, Mode::from_raw_mode(0o644), 0)
            .expect("fifo");
        assert!(resolve(fd.as_fd(), "web").is_err(), "a pipe must not be waited for");
        std::fs::remove_file(&passwd).expect("remove");
        std::fs::create_dir(&passwd).expect("directory");
        assert!(resolve(fd.as_fd(), "web").is_err());
        std::fs::remove_dir(&passwd).expect("remove");
        std::os::unix::fs::symlink("/dev/zero", &passwd).expect("link");
        assert!(resolve(fd.as_fd(), "web").is_err(), "there is no /dev/zero below this root");
        std::fs::remove_file(&passwd).expect("remove");
        std::fs::File::create(&passwd).expect("file").set_len(4 << 30).expect("sparse");
        assert!(resolve(fd.as_fd(), "web").is_err(), "too large");
    }
}
