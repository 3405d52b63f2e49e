//! `it __run PLAN`: one container, and optionally one more process in it, from a plan in JSON.

use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::process::ExitCode;

use cala_runtime::{
    Container, ExecRequest, IdLine, IdMapPlan, IdWriter, RootfsPlan, StartError, Started, Stdio, create,
    exec, seccomp,
};
use cala_spec::error::chain;
use oci_spec::runtime::{Process, Spec};
use rustix::process::{WaitId, WaitIdOptions, waitid};
use serde::{Deserialize, Serialize};

/// What the helper is told.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Plan {
    pub(crate) spec: Spec,
    pub(crate) lower: Vec<PathBuf>,
    pub(crate) directory: PathBuf,
    pub(crate) terminal: bool,
    pub(crate) init: bool,
    pub(crate) seccomp: bool,
    pub(crate) single: bool,
    pub(crate) cgroup: Option<PathBuf>,
    pub(crate) exec: Option<Process>,
    /// Start it this often and print the quickest in microseconds.
    pub(crate) times: u32,
}

pub(crate) fn run(path: &str) -> ExitCode {
    let plan: Plan =
        serde_json::from_str(&std::fs::read_to_string(path).expect("plan")).expect("plan's form");
    // Descriptors that must not reach the container: not close-on-exec, as a careless caller would have them.
    let leaked = rustix::io::dup(std::fs::File::open("/").expect("root").as_fd()).expect("leaked on purpose");
    let leaked2 =
        rustix::io::dup(std::fs::File::open("/etc").expect("etc").as_fd()).expect("leaked on purpose");
    cala_sys::prctl::set_dumpable(false).expect("as the monitor is");
    let mut code = 0;
    let mut best = u128::MAX;
    for number in 0..plan.times.max(1) {
        let mut plan = plan.clone();
        if plan.times > 1 {
            // Each with a fresh writable layer, as containers of `--rm` have.
            plan.directory = plan.directory.join(number.to_string());
            for name in ["upper", "work", "merged"] {
                std::fs::create_dir_all(plan.directory.join(name)).expect("directory");
            }
        }
        let begun = std::time::Instant::now();
        match start(&plan) {
            Ok(started) => {
                best = best.min(begun.elapsed().as_micros());
                code = finish(&plan, started);
            }
            Err(error) => {
                eprintln!("{}", chain(&error));
                code = error.exit_code();
            }
        }
    }
    if plan.times > 1 {
        eprintln!("best start: {best} us");
    }
    drop((leaked, leaked2));
    ExitCode::from(code)
}

fn start(plan: &Plan) -> Result<Started, StartError> {
    let [upper, work, merged] = ["upper", "work", "merged"].map(|name| plan.directory.join(name));
    let filter = plan.seccomp.then(|| seccomp::default_filter(&bounding(&plan.spec)));
    let cgroup = plan.cgroup.as_ref().map(|path| std::fs::File::open(path).expect("cgroup"));
    let rootfs = match plan.lower.as_slice() {
        [] => RootfsPlan::Directory(&merged),
        lower => RootfsPlan::Overlay {
            lower,
            upper: &upper,
            work: &work,
            merged: &merged,
            volatile: plan.times > 1,
        },
    };
    let container = Container {
        spec: &plan.spec,
        rootfs,
        id_map: Some(id_map(plan.single)),
        seccomp: filter.as_deref(),
        cgroup: cgroup.as_ref().map(AsFd::as_fd),
        stdio: stdio(plan.terminal),
        console_size: plan.terminal.then_some((33, 99)),
        init: plan.init,
        make_workdir: true,
        volumes: &[],
        secrets: cala_runtime::Secrets { scratch: std::path::Path::new(""), files: &[] },
        name_user: false,
        groups: &[],
        gate: None,
    };
    let created = create(&container)?;
    assert!(created.pid() > 0 && created.proc_pid() > 0);
    created.start()
}

fn finish(plan: &Plan, started: Started) -> u8 {
    let result = plan.exec.as_ref().map(|process| {
        let map = id_map(plan.single);
        let filter = plan.seccomp.then(|| seccomp::default_filter(&bounding(&plan.spec)));
        exec(&ExecRequest {
            target: started.pidfd.as_fd(),
            spec: &plan.spec,
            process,
            id_map: Some(&map),
            groups: &[],
            seccomp: filter.as_deref(),
            cgroup: None,
            stdio: stdio(plan.terminal),
            console_size: plan.terminal.then_some((44, 88)),
        })
    });
    match result {
        None => wait(started),
        Some(Ok(second)) => {
            let code = wait(second);
            let _ = rustix::process::pidfd_send_signal(&started.pidfd, rustix::process::Signal::KILL);
            wait(Started { console: None, ..started });
            code
        }
        Some(Err(error)) => {
            eprintln!("{}", chain(&error));
            let _ = rustix::process::pidfd_send_signal(&started.pidfd, rustix::process::Signal::KILL);
            wait(Started { console: None, ..started });
            error.exit_code()
        }
    }
}

fn wait(started: Started) -> u8 {
    if let Some(console) = started.console {
        pump(console);
    }
    let status =
        waitid(WaitId::PidFd(started.pidfd.as_fd()), WaitIdOptions::EXITED).expect("wait").expect("status");
    let code = status.exit_status().or_else(|| status.terminating_signal().map(|signal| 128 + signal));
    u8::try_from(code.expect("ended")).expect("a status")
}

/// The terminal's output until its last process has gone (EIO).
fn pump(console: OwnedFd) {
    let mut console = std::fs::File::from(console);
    let mut buffer = [0; 4096];
    while let Ok(length) = console.read(&mut buffer) {
        if length == 0 {
            break;
        }
        std::io::stdout().write_all(&buffer[..length]).expect("stdout");
    }
}

fn stdio(terminal: bool) -> Stdio<'static> {
    if terminal {
        return Stdio::Terminal;
    }
    let streams: [OwnedFd; 3] = [0, 1, 2].map(|number| {
        let from = [rustix::stdio::stdin(), rustix::stdio::stdout(), rustix::stdio::stderr()][number];
        rustix::io::fcntl_dupfd_cloexec(from, 3).expect("dup")
    });
    // They live as long as this program.
    Stdio::Fds(streams.map(|fd| {
        let kept: &OwnedFd = Box::leak(Box::new(fd));
        kept.as_fd()
    }))
}

fn bounding(spec: &Spec) -> Vec<oci_spec::runtime::Capability> {
    let process = spec.process().as_ref().expect("process");
    process.capabilities().iter().flat_map(|caps| caps.bounding().iter().flatten()).copied().collect()
}

/// The maps that this user can have.
fn id_map(single: bool) -> IdMapPlan {
    let (uid, gid) = (rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw());
    if uid == 0 {
        return IdMapPlan { uid: identity("uid"), gid: identity("gid"), writer: IdWriter::Direct };
    }
    let own = |id| IdLine { inside: 0, outside: id, count: 1 };
    match (single, range("/etc/subuid", uid), range("/etc/subgid", uid)) {
        (false, Some(uids), Some(gids)) => {
            IdMapPlan { uid: vec![own(uid), uids], gid: vec![own(gid), gids], writer: IdWriter::Newuidmap }
        }
        _ => IdMapPlan { uid: vec![own(uid)], gid: vec![own(gid)], writer: IdWriter::Direct },
    }
}

fn identity(kind: &str) -> Vec<IdLine> {
    let text = std::fs::read_to_string(format!("/proc/self/{kind}_map")).expect("own map");
    let lines = text.lines().map(|line| {
        let mut numbers = line.split_whitespace().map(|number| number.parse().expect("a number"));
        let (first, _, count) =
            (numbers.next().expect("first"), numbers.next(), numbers.next().expect("count"));
        IdLine { inside: first, outside: first, count }
    });
    lines.collect()
}

fn range(file: &str, uid: u32) -> Option<IdLine> {
    let name = std::fs::read_to_string("/etc/passwd").ok()?.lines().find_map(|line| {
        let fields: Vec<_> = line.split(':').collect();
        (fields.get(2)? == &uid.to_string()).then(|| fields[0].to_owned())
    })?;
    std::fs::read_to_string(file).ok()?.lines().find_map(|line| {
        let fields: Vec<_> = line.split(':').collect();
        (fields.first() == Some(&name.as_str())).then(|| IdLine {
            inside: 1,
            outside: fields[1].parse().expect("first id"),
            count: fields[2].parse().expect("count"),
        })
    })
}
