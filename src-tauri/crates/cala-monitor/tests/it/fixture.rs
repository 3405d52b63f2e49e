//! A data root, a run root and a root file system of busybox; plans of containers in them.

use std::fs;
use std::io::Read as _;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use cala_monitor::client::Attachment;
use cala_monitor::frames::{FrameDecoder, FrameKind};
use cala_monitor::protocol::AttachOptions;
use cala_monitor::{LogPlan, MonitorClient, NetworkPlan, RunPlan, SeccompPlan};
use cala_spec::{ContainerId, ContainerState};
use serde_json::json;

const MONITOR: &str = env!("CARGO_BIN_EXE_cala-monitor-under-test");

static COUNTER: AtomicU32 = AtomicU32::new(1);

/// Everything of one test, removed when dropped.
pub(crate) struct Fixture {
    pub(crate) base: tempfile::TempDir,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        let base = tempfile::Builder::new().prefix("cala-monitor-").tempdir().unwrap();
        let this = Self { base };
        for dir in ["data/containers", "data/names/containers", "data/events", "data/tmp", "run", "lower/bin"]
        {
            fs::create_dir_all(this.path(dir)).unwrap();
        }
        for dir in ["proc", "dev", "sys", "tmp", "etc"] {
            fs::create_dir_all(this.path("lower").join(dir)).unwrap();
        }
        fs::copy("/bin/busybox", this.path("lower/bin/busybox")).unwrap();
        for applet in [
            "sh", "cat", "seq", "sleep", "true", "stty", "dd", "yes", "head", "echo", "kill", "id", "env",
            "mkdir", "chown",
        ] {
            symlink("busybox", this.path("lower/bin").join(applet)).unwrap();
        }
        fs::write(this.path("lower/bin/not-executable"), "#!/bin/sh\n").unwrap();
        this
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.base.path().join(name)
    }

    /// A container of `sh -c SCRIPT`, changed by `change` before its plan is written.
    pub(crate) fn shell(&self, script: &str, change: impl FnOnce(&mut RunPlan)) -> Container<'_> {
        self.command(&["sh", "-c", script], change)
    }

    pub(crate) fn command(&self, args: &[&str], change: impl FnOnce(&mut RunPlan)) -> Container<'_> {
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let id: ContainerId =
            format!("{:064x}", u64::from(std::process::id()) << 20 | u64::from(number)).parse().unwrap();
        let dir = self.path("data/containers").join(id.as_str());
        fs::create_dir(&dir).unwrap();
        let name_file = self.path("data/names/containers").join(format!("c{number}"));
        fs::write(&name_file, id.as_str()).unwrap();
        let mut plan = RunPlan {
            name: format!("c{number}"),
            container_dir: dir.clone(),
            run_dir: self.path("run/containers").join(id.as_str()),
            id,
            name_file,
            events_dir: self.path("data/events"),
            lower_dirs: vec![self.path("lower")],
            spec: serde_json::from_value(spec(args)).unwrap(),
            seccomp: SeccompPlan::Unconfined,
            cgroup: None,
            anonymous_volumes: Vec::new(),
            overlays: Vec::new(),
            secrets: Vec::new(),
            secret_env: Vec::new(),
            volumes: Vec::new(),
            name_user: false,
            groups: Vec::new(),
            pid_file: None,
            timeout_s: 0,
            restart: cala_spec::restart::RestartPolicy::No,
            id_file: None,
            rm: false,
            init: false,
            workdir_must_exist: false,
            stdin_open: false,
            tty: false,
            console_size: None,
            stop_signal: 15,
            stop_timeout_s: 10,
            durable: false,
            log: LogPlan::with_defaults(&dir.join("ctr.log")),
            network: NetworkPlan::default(),
            image: "busybox".into(),
            labels: std::collections::BTreeMap::new(),
        };
        change(&mut plan);
        if plan.tty {
            let mut process = plan.spec.process().clone().unwrap();
            process.set_terminal(Some(true));
            plan.spec.set_process(Some(process));
        }
        let container = Container { fixture: self, plan };
        fs::write(container.plan_path(), serde_json::to_vec(&container.plan).unwrap()).unwrap();
        container
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        for entry in fs::read_dir(self.path("run/containers")).into_iter().flatten().flatten() {
            if let Ok(mut client) = MonitorClient::connect(&entry.path()) {
                let _ = client.signal(9);
                let _ = client.wait();
            }
        }
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-auto", "--map-root-user", "rm", "-rf"]).arg(self.base.path());
        let _ = command.stderr(Stdio::null()).status();
    }
}

fn spec(args: &[&str]) -> serde_json::Value {
    let caps = ["CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_KILL", "CAP_SETGID", "CAP_SETUID"];
    json!({
        "ociVersion": "1.2.0",
        "process": {
            "terminal": false, "user": {"uid": 0, "gid": 0}, "args": args, "cwd": "/",
            "env": ["PATH=/bin", "HOME=/"],
            "capabilities": {"bounding": caps, "effective": caps, "permitted": caps}
        },
        "root": {"path": "merged"},
        "hostname": "box",
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc", "options": ["nosuid", "noexec", "nodev"]},
            {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755", "size=65536k"]},
            {"destination": "/dev/pts", "type": "devpts", "source": "devpts",
             "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]}
        ],
        "linux": {"namespaces": [
            {"type": "user"}, {"type": "mount"}, {"type": "pid"}, {"type": "ipc"}, {"type": "uts"}, {"type": "network"},
            {"type": "cgroup"}
        ]}
    })
}

/// A container that may be started.
pub(crate) struct Container<'a> {
    pub(crate) fixture: &'a Fixture,
    pub(crate) plan: RunPlan,
}

impl Container<'_> {
    pub(crate) fn plan_path(&self) -> PathBuf {
        self.plan.container_dir.join("plan.json")
    }

    pub(crate) fn spawn(&self) -> MonitorClient {
        self.try_spawn().unwrap_or_else(|error| panic!("{}", cala_spec::error::chain(&error)))
    }

    pub(crate) fn try_spawn(&self) -> Result<MonitorClient, cala_monitor::MonitorError> {
        // The other program is one built with optimisation, whose memory is looked at.
        let program = std::env::var("CALA_TEST_MONITOR").unwrap_or_else(|_| MONITOR.to_owned());
        MonitorClient::spawn(Path::new(&program), &self.plan_path(), &self.plan.run_dir)
    }

    /// Spawned and started.
    pub(crate) fn start(&self) -> MonitorClient {
        let mut client = self.spawn();
        client.start().unwrap_or_else(|error| panic!("{}", cala_spec::error::chain(&error)));
        client
    }

    pub(crate) fn attach_and_start(&self, stdin: bool) -> Streams {
        let options = AttachOptions { stdin, ..AttachOptions::default() };
        let result = self.spawn().attach_and_start(options);
        let (_, attachment) = result.unwrap_or_else(|error| panic!("{}", cala_spec::error::chain(&error)));
        Streams::new(attachment)
    }

    pub(crate) fn connect(&self) -> MonitorClient {
        MonitorClient::connect(&self.plan.run_dir)
            .unwrap_or_else(|error| panic!("{}", cala_spec::error::chain(&error)))
    }

    pub(crate) fn state(&self) -> ContainerState {
        serde_json::from_slice(&fs::read(self.plan.container_dir.join("state.json")).unwrap()).unwrap()
    }

    /// The contents of the log, rotated files first, without what the format adds.
    pub(crate) fn log(&self) -> String {
        let mut text = String::new();
        for age in (0..1000).rev() {
            let name = if age == 0 { "ctr.log".to_owned() } else { format!("ctr.log.{age}") };
            let bytes = fs::read(self.plan.container_dir.join(name)).unwrap_or_default();
            for line in bytes.split_inclusive(|byte| *byte == b'\n') {
                let line = line.strip_suffix(b"\n").expect("whole lines");
                let (_, content, ends) =
                    cala_monitor::log::cri::parse_line(line).expect("a line of the format");
                text.push_str(&String::from_utf8_lossy(content));
                if ends {
                    text.push('\n');
                }
            }
        }
        text
    }

    pub(crate) fn events(&self) -> Vec<cala_spec::Event> {
        let text = fs::read_to_string(self.fixture.path("data/events/current.jsonl")).unwrap_or_default();
        let all = text.lines().map(|line| serde_json::from_str::<cala_spec::Event>(line).unwrap());
        all.filter(|event| event.id == self.plan.id.as_str()).collect()
    }
}

/// The client's side of an attached connection.
pub(crate) struct Streams {
    pub(crate) socket: UnixStream,
    decoder: FrameDecoder,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
    pub(crate) exit: Option<i32>,
}

impl Streams {
    pub(crate) fn new(attachment: Attachment) -> Self {
        let socket = attachment.into_stream();
        socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        Self { socket, decoder: FrameDecoder::new(), stdout: Vec::new(), stderr: Vec::new(), exit: None }
    }

    /// Reads one piece; false at the end.
    fn read(&mut self) -> bool {
        let mut buffer = [0; 65536];
        let count = self.socket.read(&mut buffer).expect("the monitor answers in time");
        self.decoder.push(&buffer[..count]);
        while let Some(frame) = self.decoder.next_frame().unwrap() {
            match frame.kind {
                FrameKind::Stdout => self.stdout.extend(frame.payload),
                FrameKind::Stderr => self.stderr.extend(frame.payload),
                FrameKind::Exit => self.exit = frame.number(),
                _ => {}
            }
        }
        count > 0
    }

    /// Reads to the end.
    pub(crate) fn finish(mut self) -> (i32, String, String) {
        while self.read() {}
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        (self.exit.expect("an exit code comes last"), text(self.stdout), text(self.stderr))
    }

    /// Reads until standard output holds the text.
    pub(crate) fn until(&mut self, text: &str) {
        while !String::from_utf8_lossy(&self.stdout).contains(text) {
            assert!(self.read(), "ended before `{text}`: {}", String::from_utf8_lossy(&self.stdout));
        }
    }
}

/// Waits until a condition holds.
pub(crate) fn eventually(what: &str, condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < Duration::from_secs(10), "never: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

pub(crate) fn is_locked(container: &Container<'_>) -> bool {
    let file = fs::File::open(container.plan.container_dir.join("lock")).unwrap();
    cala_sys::ofd_lock::is_locked(&file).unwrap()
}
