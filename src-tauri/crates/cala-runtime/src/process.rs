//! From the prepared surroundings to the program: user, working directory, limits, capabilities, seccomp, `execve`.
//! The same for a container's first process and for `exec`.

use std::ffi::CString;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use cala_sys::capability::{self, Bits};
use cala_sys::{credentials, exec, prctl, rlimit};
use oci_spec::runtime::{PosixRlimitType, Process};
use rustix::fs::{AtFlags, FileType, Gid, Mode, OFlags, Uid, chownat, fstat};
use rustix::io::Errno;

use crate::error::Step;
use crate::resolve::{self, Missing};
use crate::seccomp::Instruction;
use crate::user::{self, ResolvedUser};
use crate::{IdMapPlan, StartError, Stdio, capabilities, command};

/// What a process is to be.
#[derive(Clone, Copy)]
pub(crate) struct Launch<'a> {
    pub(crate) process: &'a Process,
    pub(crate) id_map: Option<&'a IdMapPlan>,
    /// Groups besides the user's, names or numbers.
    pub(crate) groups: &'a [String],
    pub(crate) seccomp: Option<&'a [Instruction]>,
}

/// What is done about a working directory that does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MissingDirectory {
    /// Made: the image names it.
    Make,
    /// An error: a person names it.
    Refuse,
    /// An error of `exec`.
    RefuseExec,
}

impl MissingDirectory {
    /// Podman's words and, for `exec`, those of its runtime.
    fn error(self, path: &Path) -> StartError {
        let path = path.display();
        match self {
            Self::RefuseExec => StartError::WorkingDirectory {
                text: format!("chdir to `{path}`: No such file or directory"),
                exec: true,
            },
            Self::Make | Self::Refuse => StartError::WorkingDirectory {
                text: format!("workdir \"{path}\" does not exist on container"),
                exec: false,
            },
        }
    }
}

/// All that is read from the container's files, before its root is made read-only and entered.
pub(crate) struct Surroundings {
    pub(crate) user: ResolvedUser,
    cwd: OwnedFd,
}

/// A process that has its ids and limits and only lacks capabilities, seccomp and `execve`.
pub(crate) struct Program<'a> {
    launch: Launch<'a>,
    /// Where the command was found, or why not.
    path: Result<CString, StartError>,
    args: Vec<CString>,
    env: Vec<CString>,
    uid: u32,
}

impl<'a> Launch<'a> {
    /// Finds the user and the working directory, which may be made when missing (as Podman does) under rule R1.
    pub(crate) fn look_around(
        &self,
        root: BorrowedFd<'_>,
        missing: MissingDirectory,
    ) -> Result<Surroundings, StartError> {
        let user = self.user(root)?;
        let path = self.process.cwd();
        let what = || format!("enter working directory `{}`", path.display());
        if !path.is_absolute() {
            return Err(StartError::Refused(format!(
                "working directory `{}` is not absolute",
                path.display()
            )));
        }
        let found = match missing {
            MissingDirectory::Make => resolve::open_or_create(root, path, Missing::Directory),
            MissingDirectory::Refuse | MissingDirectory::RefuseExec => {
                resolve::open(root, path, OFlags::PATH).map(|cwd| (cwd, false))
            }
        };
        let (cwd, made) = match found {
            Err(Errno::NOENT) => return Err(missing.error(path)),
            other => other.step(what)?,
        };
        if FileType::from_raw_mode(fstat(&cwd).step(what)?.st_mode) != FileType::Directory {
            let text = format!("workdir \"{}\" exists on container, but is not a directory", path.display());
            return Err(StartError::WorkingDirectory { text, exec: false });
        }
        if made && (user.uid, user.gid) != (0, 0) {
            let (uid, gid) = (Uid::from_raw(user.uid), Gid::from_raw(user.gid));
            chownat(&cwd, c"", Some(uid), Some(gid), AtFlags::EMPTY_PATH)
                .step(|| format!("give working directory `{}` to its user", path.display()))?;
        }
        Ok(Surroundings { user, cwd })
    }

    /// The process's user, by the container's own files.
    pub(crate) fn user(&self, root: BorrowedFd<'_>) -> Result<ResolvedUser, StartError> {
        let wanted = self.process.user();
        let additional = wanted.additional_gids().as_deref().unwrap_or_default();
        let mut found = match wanted.username() {
            Some(name) => user::resolve(root, name).map_err(|error| StartError::User(error.0))?,
            None => {
                // Only the home directory is asked for: a damaged file is no reason to refuse an explicit id.
                let home = user::resolve(root, &wanted.uid().to_string())
                    .map_or_else(|_| "/".into(), |user| user.home);
                ResolvedUser { uid: wanted.uid(), gid: wanted.gid(), groups: vec![wanted.gid()], home }
            }
        };
        found.groups.extend(additional);
        let named = user::groups(root, self.groups).map_err(|error| StartError::User(error.0))?;
        found.groups.extend(named);
        found.groups.sort_unstable();
        found.groups.dedup();
        if let Some(map) = self.id_map {
            if !map.has_uid(found.uid) || !map.has_gid(found.gid) {
                let (uid, gid) = (found.uid, found.gid);
                return Err(StartError::User(format!(
                    "user {uid}:{gid} is outside the container's ids: more subordinate ids in /etc/subuid and /etc/subgid are needed"
                )));
            }
            found.groups.retain(|gid| map.has_gid(*gid));
        }
        Ok(found)
    }

    /// Goes to the working directory and becomes the user. The root is the container's already.
    pub(crate) fn settle(self, surroundings: Surroundings) -> Result<Program<'a>, StartError> {
        let Surroundings { user, cwd } = surroundings;
        self.enter(&cwd)?;
        drop(cwd);
        self.limit()?;
        self.become_user(&user)?;
        let umask = self.process.user().umask().unwrap_or(0o022);
        rustix::process::umask(Mode::from_raw_mode(umask));
        let args = strings(self.process.args().iter().flatten().map(String::as_str), "argument")?;
        let mut env: Vec<&str> = self.process.env().iter().flatten().map(String::as_str).collect();
        let home = format!("HOME={}", user.home);
        if !env.iter().any(|entry| entry.starts_with("HOME=")) {
            env.push(&home);
        }
        let env = strings(env.into_iter(), "environment variable")?;
        let path = command::find(self.process);
        Ok(Program { launch: self, path, args, env, uid: user.uid })
    }

    /// Rule R4: where we are afterwards must be in the container, whatever was resolved before.
    fn enter(&self, cwd: &OwnedFd) -> Result<(), StartError> {
        let what = || format!("enter working directory `{}`", self.process.cwd().display());
        rustix::process::fchdir(cwd).step(what)?;
        let here = rustix::process::getcwd(Vec::new()).step(what)?;
        if here.as_bytes().first() == Some(&b'/') {
            Ok(())
        } else {
            Err(StartError::Refused(format!(
                "working directory `{}` is outside the container",
                self.process.cwd().display()
            )))
        }
    }

    fn limit(&self) -> Result<(), StartError> {
        for limit in self.process.rlimits().iter().flatten() {
            let resource = resource(limit.typ());
            rlimit::set(resource, limit.soft(), limit.hard()).map_err(|error| {
                let had = rlimit::get(resource).map_or(0, |(_, hard)| hard);
                let name = format!("{:?}", limit.typ()).to_lowercase();
                StartError::step(
                    format!("set limit {name} to {}:{} (the host allows {had})", limit.soft(), limit.hard()),
                    error,
                )
            })?;
        }
        Ok(())
    }

    fn become_user(&self, user: &ResolvedUser) -> Result<(), StartError> {
        let keep = capabilities::bits(
            self.process.capabilities().as_ref().and_then(|caps| caps.bounding().as_ref()),
        );
        capability::limit_bounding_set(keep).step(|| "drop capabilities".into())?;
        match credentials::set_groups(&user.groups) {
            // With a single id setgroups(2) had to be given up for the map: the host's groups stay.
            Err(error)
                if error.raw_os_error() == Some(1) && self.id_map.is_some_and(IdMapPlan::is_single) => {}
            other => other.step(|| "set the supplementary groups".into())?,
        }
        credentials::set_gid(user.gid).step(|| format!("become group {}", user.gid))?;
        if user.uid != 0 {
            // Seccomp without no_new_privs needs CAP_SYS_ADMIN once more; all are dropped before the program runs.
            prctl::keep_capabilities().step(|| "keep capabilities".into())?;
        }
        credentials::set_uid(user.uid).step(|| format!("become user {}", user.uid))
    }
}

impl Program<'_> {
    /// Runs the program. Returns only when that failed.
    pub(crate) fn run(self) -> StartError {
        let path = match &self.path {
            Ok(path) => path,
            Err(_) => return self.into_path_error(),
        };
        if let Err(error) = self.confine() {
            return error;
        }
        let error = exec::execve(path, &self.args, &self.env);
        command::explain(self.launch.process, path, &error)
    }

    fn into_path_error(self) -> StartError {
        self.path.err().unwrap_or_else(|| StartError::Refused("no command".into()))
    }

    /// Capabilities (rule R9: inheritable and ambient are empty) and seccomp. Without no_new_privs the filter needs
    /// CAP_SYS_ADMIN, so it comes before they are dropped; then it must allow capset(2) and execve(2).
    fn confine(&self) -> Result<(), StartError> {
        let what = || "set the capabilities".to_owned();
        let (effective, permitted) = self.capabilities();
        if self.launch.process.no_new_privileges() == Some(true) {
            prctl::set_no_new_privs().step(|| "set no_new_privs".into())?;
            capability::set(effective, permitted).step(what)?;
            return self.filter();
        }
        if self.launch.seccomp.is_some() && self.uid != 0 {
            capability::set(capability::SYS_ADMIN, capability::permitted().step(what)?).step(what)?;
        }
        self.filter()?;
        capability::set(effective, permitted).step(what)
    }

    fn capabilities(&self) -> (Bits, Bits) {
        match self.launch.process.capabilities() {
            Some(caps) if self.uid == 0 => {
                let had = capability::permitted().unwrap_or(0);
                let permitted = capabilities::bits(caps.permitted().as_ref()) & had;
                (capabilities::bits(caps.effective().as_ref()) & permitted, permitted)
            }
            _ => (0, 0),
        }
    }

    fn filter(&self) -> Result<(), StartError> {
        match self.launch.seccomp {
            Some(filter) => {
                cala_sys::seccomp::set_filter(filter).step(|| "install the seccomp filter".into())
            }
            None => Ok(()),
        }
    }
}

fn strings<'s>(texts: impl Iterator<Item = &'s str>, noun: &str) -> Result<Vec<CString>, StartError> {
    texts
        .map(|text| {
            CString::new(text).map_err(|_| {
                StartError::Refused(format!("an {noun} contains a zero byte: `{}`", text.escape_debug()))
            })
        })
        .collect()
}

fn resource(kind: PosixRlimitType) -> rlimit::Resource {
    use rlimit::Resource;
    match kind {
        PosixRlimitType::RlimitCpu => Resource::Cpu,
        PosixRlimitType::RlimitFsize => Resource::Fsize,
        PosixRlimitType::RlimitData => Resource::Data,
        PosixRlimitType::RlimitStack => Resource::Stack,
        PosixRlimitType::RlimitCore => Resource::Core,
        PosixRlimitType::RlimitRss => Resource::Rss,
        PosixRlimitType::RlimitNproc => Resource::Nproc,
        PosixRlimitType::RlimitNofile => Resource::Nofile,
        PosixRlimitType::RlimitMemlock => Resource::Memlock,
        PosixRlimitType::RlimitAs => Resource::As,
        PosixRlimitType::RlimitLocks => Resource::Locks,
        PosixRlimitType::RlimitSigpending => Resource::Sigpending,
        PosixRlimitType::RlimitMsgqueue => Resource::Msgqueue,
        PosixRlimitType::RlimitNice => Resource::Nice,
        PosixRlimitType::RlimitRtprio => Resource::Rtprio,
        PosixRlimitType::RlimitRttime => Resource::Rttime,
    }
}

/// Makes the three streams of the process: those given, or the terminal, which then belongs to the user.
pub(crate) fn take_stdio(
    stdio: Stdio<'_>,
    terminal: Option<&OwnedFd>,
    user: &ResolvedUser,
) -> Result<(), StartError> {
    match (stdio, terminal) {
        (Stdio::Fds(streams), _) => take_streams(streams, user),
        (Stdio::Terminal, Some(slave)) => {
            rustix::fs::fchown(slave, Some(Uid::from_raw(user.uid)), None)
                .step(|| "give the terminal to its user".into())?;
            take_streams([slave.as_fd(); 3], user)
        }
        (Stdio::Terminal, None) => Err(StartError::Refused("no terminal was made".into())),
    }
}

fn take_streams(streams: [BorrowedFd<'_>; 3], user: &ResolvedUser) -> Result<(), StartError> {
    use rustix::stdio::{dup2_stderr, dup2_stdin, dup2_stdout};
    let what = || "set up standard streams".to_owned();
    // A stream that is itself 0, 1 or 2 must not be overwritten before it is taken.
    let mut copies = Vec::new();
    for stream in streams {
        copies.push(rustix::io::fcntl_dupfd_cloexec(stream, 3).step(what)?);
    }
    for copy in &copies {
        give_to(copy, user);
    }
    if let [input, output, error] = copies.as_slice() {
        dup2_stdin(input).step(what)?;
        dup2_stdout(output).step(what)?;
        dup2_stderr(error).step(what)?;
    }
    Ok(())
}

/// Pipes and sockets change their owner, so that the user may open /dev/stdout anew; failing that is no harm.
fn give_to(stream: &OwnedFd, user: &ResolvedUser) {
    if user.uid == 0 {
        return;
    }
    let Ok(stat) = fstat(stream) else { return };
    if matches!(FileType::from_raw_mode(stat.st_mode), FileType::Fifo | FileType::Socket) {
        let _ = rustix::fs::fchown(stream, Some(Uid::from_raw(user.uid)), None);
    }
}

/// A session of its own, with the terminal as its controlling one.
pub(crate) fn new_session(terminal: Option<&OwnedFd>) -> Result<(), StartError> {
    // Fails only for the leader of a process group, who has what it asks for or cannot have it.
    let _ = rustix::process::setsid();
    if let Some(terminal) = terminal {
        rustix::process::ioctl_tiocsctty(terminal.as_fd()).step(|| "take the terminal".into())?;
    }
    Ok(())
}

/// The root of a mount namespace that was entered.
pub(crate) fn open_root() -> Result<OwnedFd, StartError> {
    rustix::fs::open("/", OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
        .step(|| "open the container's root".into())
}
