//! The first stages of `cala-netns`: from a fresh process to H, process 1 of its own pid namespace in U.
//!
//! The launcher:
//! 1. Close what was inherited (close_range(2)); read `Hello` and `Launch` from descriptor 0.
//! 2. Join U, which owns the network's namespace if that is there, or make it (cala-userns; clone3(2),
//!    user_namespaces(7), ioctl_ns(2)).
//! 3. Clone H in a new pid namespace (pid_namespaces(7)): when H ends, the kernel ends the uplink with it.
//! 4. End.
//!
//! H:
//! 5. Execute this program again under the name that a person sees: a clean process that belongs to U. Its descriptors
//!    come over descriptor 0 (SCM_RIGHTS).
//! 6. Go on at [`super::start`], which answers `Hello`.

use std::ffi::{CString, OsStr};
use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::ExitCode;

use cala_holder::framing::{Inbox, Message, encode};
use cala_holder::protocol::{Failure, Launch, PROTOCOL, Reply, Request, WITHIN};
use cala_spec::network::Network;
use cala_sys::clone::CloneFlags;
use rustix::fs::{Mode, OFlags};

use super::{failure, start};

/// Nobody is there to be told: the control socket itself is of no use.
const DEAF: u8 = 125;

/// The first argument of H, by which `ps` shows it; a launcher has its program's name there.
const HOLDER: &str = "cala:netns";

/// The file system that namespaces are files of (statfs(2)).
const NSFS_MAGIC: i64 = 0x6e73_6673;

/// What H is given.
#[derive(Debug)]
pub(super) struct Given {
    /// Whoever spawned it.
    pub(super) control: UnixStream,
    /// The network's lock file, if the spawner had the lock.
    pub(super) lock: Option<OwnedFd>,
    /// The network's namespace, if it is there already.
    pub(super) namespace: Option<OwnedFd>,
    /// The run root's lock, if U was made for this start: to be held until U is handed out.
    pub(super) root_lock: Option<OwnedFd>,
}

/// The program `cala-netns`: the control socket is descriptor 0. A launcher has an argument by which a person recognises the
/// process, and perhaps [`WITHIN`]; everything else comes over the socket.
#[must_use]
pub fn main() -> ExitCode {
    let args: Vec<_> = std::env::args_os().collect();
    let finish = |code| ExitCode::from(u8::try_from(code).unwrap_or(DEAF));
    if let [own, _name, network_dir, run_root] = args.as_slice()
        && own == HOLDER
    {
        let launch = Launch { network_dir: network_dir.into(), run_root: run_root.into() };
        return receive_given().map_or(ExitCode::from(DEAF), |given| finish(start::run(given, &launch)));
    }
    let within = args.get(2).is_some_and(|word| word == WITHIN);
    let control = cala_sys::exec::close_from(3).and_then(|()| take_stdin());
    let Ok(mut control) = control else { return ExitCode::from(DEAF) };
    match receive_launch(&control).and_then(|(launch, fds)| clone_holder(&control, &launch, &fds, within)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            answer(&mut control, failure);
            ExitCode::from(DEAF)
        }
    }
}

/// Tells the client, if it is still there.
pub(super) fn answer(control: &mut UnixStream, failure: Failure) {
    if let Ok(bytes) = encode(&Reply::Error(failure)) {
        let _ = control.write_all(&bytes);
    }
}

/// The network's record.
pub(super) fn read_record(network_dir: &Path) -> Result<Network, Failure> {
    let path = network_dir.join("network.json");
    let act = || format!("read `{}`", path.display());
    let text = std::fs::read(&path).map_err(|error| failure::launch(&act(), &error))?;
    serde_json::from_slice(&text).map_err(|error| failure::launch(&act(), &error))
}

fn take_stdin() -> io::Result<UnixStream> {
    let stream = UnixStream::from(rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdin(), 3)?);
    rustix::stdio::dup2_stdin(&File::open("/dev/null")?)?;
    // Refuses what is no socket.
    stream.local_addr()?;
    Ok(stream)
}

fn receive_launch(control: &UnixStream) -> Result<(Launch, Vec<OwnedFd>), Failure> {
    let mut inbox = Inbox::default();
    match request(&mut inbox, control)? {
        (Request::Hello { protocol: PROTOCOL, .. }, _) => {}
        (Request::Hello { protocol, .. }, _) => return Err(failure::mismatch(protocol)),
        _ => return Err(failure::invalid("the first message must be `hello`")),
    }
    match request(&mut inbox, control)? {
        (Request::Launch(launch), fds) => Ok((launch, fds)),
        _ => Err(failure::invalid("the second message must be `launch`")),
    }
}

fn request(inbox: &mut Inbox, control: &UnixStream) -> Result<(Request, Vec<OwnedFd>), Failure> {
    let mut buffer = [0; 4096];
    loop {
        if let Some(Message { body, fds }) =
            inbox.take().map_err(|broken| failure::invalid(broken.to_string()))?
        {
            let request =
                serde_json::from_slice(&body).map_err(|error| failure::invalid(error.to_string()))?;
            return Ok((request, fds));
        }
        let received = cala_sys::scm::receive(control, &mut buffer);
        let (count, fds) = received.map_err(|error| failure::invalid(error.to_string()))?;
        if count == 0 {
            return Err(failure::invalid("the client hung up"));
        }
        let bytes = buffer.get(..count).unwrap_or_default();
        inbox.push(bytes, fds).map_err(|broken| failure::invalid(broken.to_string()))?;
    }
}

fn clone_holder(control: &UnixStream, launch: &Launch, fds: &[OwnedFd], within: bool) -> Result<(), Failure> {
    let name = read_record(&launch.network_dir)?.name;
    let run = |entered: cala_userns::Entered| {
        let mut given = vec![control.as_fd()];
        given.extend(fds.iter().map(|fd| fd.as_fd()));
        let error = execute(&name, launch, &given, entered.lock.as_ref());
        if let Ok(mut control) = control.try_clone() {
            answer(&mut control, failure::launch("execute the holder in U", &error));
        }
        DEAF.into()
    };
    let cloned = match user_namespace(fds, within).map_err(|error| failure::launch("find U", &error))? {
        Some(namespace) => cala_userns::clone_in(namespace.as_fd(), CloneFlags::NEWPID, run),
        None => cala_userns::clone_shared(&launch.run_root, CloneFlags::NEWPID, run),
    };
    cloned.map(drop).map_err(|error| failure::of(&error))
}

/// U as far as it is known without asking anybody: whoever lives in it may be waiting for us.
fn user_namespace(fds: &[OwnedFd], within: bool) -> io::Result<Option<OwnedFd>> {
    if within {
        return cala_userns::own_namespace().map(Some);
    }
    for fd in fds {
        if is_namespace(fd)? {
            return cala_sys::namespace::owner(fd).map(Some);
        }
    }
    Ok(None)
}

fn is_namespace(fd: &OwnedFd) -> io::Result<bool> {
    Ok(rustix::fs::fstatfs(fd)?.f_type == NSFS_MAGIC)
}

/// Becomes H. Returns only when that failed.
fn execute(name: &str, launch: &Launch, given: &[BorrowedFd<'_>], root_lock: Option<&OwnedFd>) -> io::Error {
    let prepared = || -> io::Result<(OwnedFd, UnixStream, Vec<CString>)> {
        let (ours, theirs) = UnixStream::pair()?;
        let root_lock = root_lock.map(|lock| lock.as_fd());
        // The byte tells whether the last descriptor is the run root's lock.
        let fds: Vec<_> = given.iter().copied().chain(root_lock).collect();
        cala_sys::scm::send(&ours, &[u8::from(root_lock.is_some())], &fds)?;
        rustix::stdio::dup2_stdin(&theirs)?;
        let (network_dir, run_root) = (launch.network_dir.as_os_str(), launch.run_root.as_os_str());
        let args = [OsStr::new(HOLDER), OsStr::new(name), network_dir, run_root];
        let args = args.into_iter().map(|arg| CString::new(arg.as_bytes())).collect::<Result<_, _>>()?;
        let program = rustix::fs::open("/proc/self/exe", OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
        // `ours` may close with the program: what was sent stays to be received.
        Ok((program, ours, args))
    };
    match prepared() {
        Ok((program, _ours, args)) => cala_sys::exec::execve_fd(program.as_fd(), &args, &[]),
        Err(error) => error,
    }
}

fn receive_given() -> io::Result<Given> {
    let socket = take_stdin()?;
    let mut flag = [0; 1];
    let (count, fds) = cala_sys::scm::receive(&socket, &mut flag)?;
    let mut fds = fds.into_iter();
    let control = fds.next().filter(|_| count == 1).ok_or(io::ErrorKind::UnexpectedEof)?;
    let root_lock = (flag == [1]).then(|| fds.next_back()).flatten();
    let mut given = Given { control: control.into(), lock: None, namespace: None, root_lock };
    for fd in fds {
        let place = if is_namespace(&fd)? { &mut given.namespace } else { &mut given.lock };
        *place = Some(fd);
    }
    Ok(given)
}
