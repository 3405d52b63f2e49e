//! The commands.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::{CWD, FileType, Mode, OFlags};
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, pidfd_open, pidfd_send_signal, waitid,
};
use serde_json::json;

use super::OciError;
use super::arguments::Arguments;
use super::bundle::Bundle;
use super::state::{Home, Record, io_error, start_time};
use crate::cgroup::Cgroup;
use crate::{Container, Gate, RootfsPlan, Started, Stdio, channel, create};

/// Runs a command; returns the exit status.
pub(super) fn run(arguments: Arguments) -> Result<u8, OciError> {
    let home = Home::of(arguments.root.as_deref(), &arguments.id)?;
    match arguments.command.as_str() {
        "create" => create_container(&home, &arguments).map(|_| 0),
        "start" => start(&home).map(|()| 0),
        "run" => run_container(&home, &arguments),
        "state" => state(&home).map(|()| 0),
        "kill" => kill(&home, arguments.extra.as_deref()).map(|()| 0),
        "delete" => delete(&home, arguments.force).map(|()| 0),
        other => Err(OciError::Usage(format!("unknown command `{other}`"))),
    }
}

fn create_container(home: &Home, arguments: &Arguments) -> Result<Started, OciError> {
    let bundle = Bundle::open(&arguments.bundle)?;
    home.create()?;
    let result = create_in(home, arguments, &bundle);
    if result.is_err() {
        let _ = home.remove();
    }
    result
}

fn create_in(home: &Home, arguments: &Arguments, bundle: &Bundle) -> Result<Started, OciError> {
    let (start, report) = (pipe(&home.path.join("start"))?, pipe(&home.path.join("report"))?);
    // Only for writing in the container, so that its end is seen by who reads.
    let report_end = open_pipe(&home.path.join("report"), OFlags::WRONLY)?;
    let cgroup = bundle.cgroup().map(|(path, limits)| Cgroup::create(&path, &limits)).transpose()?;
    let seccomp = bundle.seccomp()?;
    let streams = [rustix::stdio::stdin(), rustix::stdio::stdout(), rustix::stdio::stderr()];
    let created = create(&Container {
        spec: &bundle.spec,
        rootfs: RootfsPlan::Directory(&bundle.rootfs),
        id_map: bundle.id_map(),
        seccomp: seccomp.as_deref(),
        cgroup: cgroup.as_ref().map(Cgroup::fd),
        stdio: stdio(bundle, streams)?,
        console_size: None,
        init: false,
        make_workdir: true,
        volumes: &[],
        secrets: crate::Secrets { scratch: Path::new(""), files: &[] },
        name_user: false,
        groups: &[],
        gate: Some(Gate { start: start.as_fd(), report: report_end.as_fd() }),
    })?;
    drop(report);
    let pid = created.proc_pid();
    let record = Record {
        id: home.id.clone(),
        bundle: bundle.path.clone(),
        pid,
        start_time: start_time(pid).unwrap_or(0),
        oci_version: bundle.spec.version().clone(),
        cgroup: cgroup.map(|cgroup| cgroup.path().to_owned()),
    };
    home.write(&record)?;
    if let Some(path) = &arguments.pid_file {
        fs::write(path, pid.to_string()).map_err(|error| io_error("write", path, error))?;
    }
    Ok(created.leave())
}

/// A terminal would have to be sent to a console socket; that comes with the callers that need it.
fn stdio<'a>(bundle: &Bundle, streams: [BorrowedFd<'a>; 3]) -> Result<Stdio<'a>, OciError> {
    let terminal = bundle.spec.process().as_ref().and_then(oci_spec::runtime::Process::terminal);
    if terminal == Some(true) {
        return Err(OciError::Usage("process.terminal is not supported yet by cala-oci: use false".into()));
    }
    Ok(Stdio::Fds(streams))
}

/// A named pipe, opened for both directions so that nobody waits.
fn pipe(path: &Path) -> Result<File, OciError> {
    rustix::fs::mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)
        .map_err(|error| io_error("create", path, error.into()))?;
    open_pipe(path, OFlags::RDWR)
}

fn open_pipe(path: &Path, flags: OFlags) -> Result<File, OciError> {
    rustix::fs::open(path, flags | OFlags::CLOEXEC | OFlags::NOFOLLOW, Mode::empty())
        .map(File::from)
        .map_err(|error| io_error("open", path, error.into()))
}

fn start(home: &Home) -> Result<(), OciError> {
    let record = home.read()?;
    require(home, &record, "created")?;
    let path = home.path.join("start");
    // Without waiting for a writer: should the process be gone, its end is read at once.
    let mut report = open_pipe(&home.path.join("report"), OFlags::RDONLY | OFlags::NONBLOCK)?;
    rustix::fs::fcntl_setfl(&report, OFlags::RDONLY)
        .map_err(|error| io_error("open", &path, error.into()))?;
    let mut gate = File::options()
        .write(true)
        .custom_flags(OFlags::NONBLOCK.bits().cast_signed())
        .open(&path)
        .map_err(|error| io_error("open", &path, error))?;
    // From here on it counts as running; a second `start` finds no pipe.
    fs::remove_file(&path).map_err(|error| io_error("remove", &path, error))?;
    gate.write_all(&[channel::START]).map_err(|error| io_error("write", &path, error))?;
    let mut answer = Vec::new();
    report.read_to_end(&mut answer).map_err(|error| io_error("read", &home.path.join("report"), error))?;
    let _ = fs::remove_file(home.path.join("report"));
    if answer.is_empty() { Ok(()) } else { Err(channel::decode(&answer).into()) }
}

/// Creates, starts, waits and deletes.
fn run_container(home: &Home, arguments: &Arguments) -> Result<u8, OciError> {
    let started = create_container(home, arguments)?;
    let result = start(home);
    let status = waitid(WaitId::PidFd(started.pidfd.as_fd()), WaitIdOptions::EXITED)
        .map_err(|error| io_error("wait for", &home.path, error.into()));
    delete(home, true)?;
    result?;
    let status = status?;
    let code = status.as_ref().and_then(|status| {
        status.exit_status().or_else(|| status.terminating_signal().map(|signal| 128 + signal))
    });
    Ok(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(125))
}

fn state(home: &Home) -> Result<(), OciError> {
    let record = home.read()?;
    let status = home.status(&record);
    let text = json!({
        "ociVersion": record.oci_version,
        "id": record.id,
        "status": status,
        "pid": if status == "stopped" { 0 } else { record.pid },
        "bundle": record.bundle,
    });
    // A closed standard output is the reader's wish.
    let _ = writeln!(io::stdout(), "{text:#}");
    Ok(())
}

fn kill(home: &Home, signal: Option<&str>) -> Result<(), OciError> {
    let signal = parse_signal(signal.unwrap_or("TERM"))?;
    let record = home.read()?;
    if home.status(&record) == "stopped" {
        return Err(OciError::WrongState { id: home.id.clone(), status: "stopped" });
    }
    send(home, &record, signal)
}

/// By pidfd, after the start time has shown that the pid is still the container's.
fn send(home: &Home, record: &Record, signal: Signal) -> Result<(), OciError> {
    let failed = |error: rustix::io::Errno| io_error("signal the process of", &home.path, error.into());
    let Some(pid) = Pid::from_raw(record.pid) else { return Ok(()) };
    let pidfd = match pidfd_open(pid, PidfdFlags::empty()) {
        Err(rustix::io::Errno::SRCH) => return Ok(()),
        other => other.map_err(failed)?,
    };
    if start_time(record.pid) != Some(record.start_time) {
        return Ok(());
    }
    pidfd_send_signal(&pidfd, signal).map_err(failed)?;
    if signal == Signal::KILL {
        let mut poll = [rustix::event::PollFd::new(&pidfd, rustix::event::PollFlags::IN)];
        let limit = rustix::event::Timespec { tv_sec: 10, tv_nsec: 0 };
        let _ = rustix::event::poll(&mut poll, Some(&limit));
    }
    Ok(())
}

fn delete(home: &Home, force: bool) -> Result<(), OciError> {
    let record = match home.read() {
        Err(OciError::NoSuchContainer(_)) if force => {
            // Half-made, or not there at all.
            let _ = home.remove();
            return Ok(());
        }
        other => other?,
    };
    match home.status(&record) {
        "stopped" => {}
        _ if force => send(home, &record, Signal::KILL)?,
        status => return Err(OciError::WrongState { id: home.id.clone(), status }),
    }
    if let Some(path) = &record.cgroup
        && let Ok(cgroup) = Cgroup::open(path)
    {
        let _ = cgroup.kill();
        let _ = cgroup.remove();
    }
    home.remove()
}

fn require(home: &Home, record: &Record, wanted: &str) -> Result<(), OciError> {
    let status = home.status(record);
    if status == wanted { Ok(()) } else { Err(OciError::WrongState { id: home.id.clone(), status }) }
}

/// A number or a name with or without `SIG`.
fn parse_signal(text: &str) -> Result<Signal, OciError> {
    const NAMES: [(&str, Signal); 12] = [
        ("HUP", Signal::HUP),
        ("INT", Signal::INT),
        ("QUIT", Signal::QUIT),
        ("KILL", Signal::KILL),
        ("USR1", Signal::USR1),
        ("USR2", Signal::USR2),
        ("PIPE", Signal::PIPE),
        ("ALRM", Signal::ALARM),
        ("TERM", Signal::TERM),
        ("CONT", Signal::CONT),
        ("STOP", Signal::STOP),
        ("WINCH", Signal::WINCH),
    ];
    let upper = text.to_uppercase();
    let name = upper.strip_prefix("SIG").unwrap_or(&upper);
    let by_name = NAMES.iter().find(|(known, _)| *known == name).map(|(_, signal)| *signal);
    let by_number = || text.parse().ok().and_then(Signal::from_named_raw);
    by_name
        .or_else(by_number)
        .ok_or_else(|| OciError::Usage(format!("unknown signal `{}`", text.escape_debug())))
}
