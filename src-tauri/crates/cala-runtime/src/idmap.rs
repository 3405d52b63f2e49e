//! Writes the maps of a new user namespace (user_namespaces(7)).

use std::fmt::Write as _;
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::process::{Command, Stdio};

use rustix::fs::{Mode, OFlags, open};

use crate::error::Step;
use crate::{IdLine, IdMapPlan, IdWriter, StartError};

/// The pid of a process in the pid namespace of the /proc that we see: not what clone gave when /proc is of an outer
/// namespace (pidfd_open(2), fdinfo). 0 when it is not visible there.
pub(crate) fn proc_pid(pidfd: impl AsFd) -> io::Result<i32> {
    let text = std::fs::read_to_string(format!("/proc/self/fdinfo/{}", pidfd.as_fd().as_raw_fd()))?;
    let pid = text.lines().find_map(|line| line.strip_prefix("Pid:")).and_then(|pid| pid.trim().parse().ok());
    Ok(pid.unwrap_or(0))
}

/// Writes both maps of the process.
pub(crate) fn write(plan: &IdMapPlan, pid: i32) -> Result<(), StartError> {
    match plan.writer {
        IdWriter::Direct => write_directly(plan, pid),
        IdWriter::Newuidmap => write_by_programs(plan, pid),
    }
}

fn write_directly(plan: &IdMapPlan, pid: i32) -> Result<(), StartError> {
    write_file(pid, "uid_map", &lines(&plan.uid)).step(|| "write the map of user ids".into())?;
    let gids = lines(&plan.gid);
    match write_file(pid, "gid_map", &gids) {
        // An unprivileged writer may map its own group only, and only after giving up setgroups(2).
        Err(error) if error.raw_os_error() == Some(1) && plan.is_single() => {
            write_file(pid, "setgroups", "deny").step(|| "deny setgroups".into())?;
            write_file(pid, "gid_map", &gids).step(|| "write the map of group ids".into())
        }
        other => other.step(|| "write the map of group ids".into()),
    }
}

/// One `write`: the kernel takes no second one.
fn write_file(pid: i32, name: &str, text: &str) -> io::Result<()> {
    let file = open(format!("/proc/{pid}/{name}"), OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?;
    let written = rustix::io::write(file, text.as_bytes())?;
    if written == text.len() { Ok(()) } else { Err(io::ErrorKind::WriteZero.into()) }
}

fn lines(lines: &[IdLine]) -> String {
    lines.iter().fold(String::new(), |mut text, IdLine { inside, outside, count }| {
        let _ = writeln!(text, "{inside} {outside} {count}");
        text
    })
}

/// Both programs at once, for callers that are not privileged over the new namespace's parent.
fn write_by_programs(plan: &IdMapPlan, pid: i32) -> Result<(), StartError> {
    let start = |program: &str, lines: &[IdLine]| {
        Command::new(program)
            .arg(pid.to_string())
            .args(
                lines
                    .iter()
                    .flat_map(|line| [line.inside, line.outside, line.count])
                    .map(|id| id.to_string()),
            )
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
    };
    let children = [("newuidmap", &plan.uid), ("newgidmap", &plan.gid)]
        .map(|(program, lines)| (program, start(program, lines)));
    let mut result = Ok(());
    for (program, child) in children {
        let status = child.and_then(|mut child| child.wait());
        match status {
            Ok(status) if status.success() => {}
            Ok(status) => result = Err(StartError::Refused(format!("`{program}` failed: {status}"))),
            Err(error) => result = Err(StartError::step(format!("run `{program}`"), error)),
        }
    }
    result
}
