//! A run root with a network, its holder, and "containers": processes in a user and a network namespace of their own,
//! below U, as a monitor makes them.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::IpAddr;
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use cala_holder::protocol::{Attach, Launch, Names, Snapshot};
use cala_holder::{HolderClient, HolderError, Lease, paths};
use cala_spec::network::{Network, Subnet};

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_cala-netns-under-test");

/// Whether the machine lets us; says so where it does not.
pub(crate) fn can_run() -> bool {
    for program in ["unshare", "nsenter", "newuidmap", "busybox"] {
        if !cala_testkit::require::program(program) {
            cala_testkit::require::skip(&format!("{program} is not installed"));
            return false;
        }
    }
    true
}

/// Everything of one network; its holder must have ended when it is dropped.
pub(crate) struct Net {
    pub(crate) base: tempfile::TempDir,
    pub(crate) network: Network,
}

/// A process that stands for a container.
pub(crate) struct Box {
    child: Child,
    pub(crate) id: String,
    pub(crate) name: String,
}

/// A program in a container; killed when dropped.
pub(crate) struct Running(Child);

impl Net {
    pub(crate) fn new(subnets: &[(&str, &str)]) -> Self {
        Self::with(subnets, |_| {})
    }

    pub(crate) fn with(subnets: &[(&str, &str)], change: impl FnOnce(&mut Network)) -> Self {
        let base = tempfile::Builder::new().prefix("cala-holder-").tempdir().unwrap();
        let subnets = subnets.iter().map(|(subnet, gateway)| Subnet {
            subnet: subnet.parse().unwrap(),
            gateway: gateway.parse().unwrap(),
            lease_range: None,
        });
        let mut network = Network {
            id: "5e".repeat(32),
            name: "shop".into(),
            driver: "bridge".into(),
            created_ns: 0,
            subnets: subnets.collect(),
            internal: false,
            dns_enabled: true,
            dns_servers: Vec::new(),
            labels: Default::default(),
            options: Default::default(),
        };
        change(&mut network);
        let this = Self { base, network };
        fs::create_dir_all(this.launch().network_dir).unwrap();
        fs::create_dir_all(this.run_root()).unwrap();
        this.write_record();
        this
    }

    pub(crate) fn write_record(&self) {
        let text = serde_json::to_vec(&self.network).unwrap();
        fs::write(self.launch().network_dir.join("network.json"), text).unwrap();
    }

    pub(crate) fn run_root(&self) -> PathBuf {
        self.base.path().join("run")
    }

    pub(crate) fn launch(&self) -> Launch {
        let network_dir = self.base.path().join("data/networks").join(&self.network.id);
        Launch { network_dir, run_root: self.run_root() }
    }

    pub(crate) fn ensure(&self) -> HolderClient {
        HolderClient::ensure(Path::new(PROGRAM), &self.launch(), None).expect("a holder")
    }

    /// The holder takes up the namespace that another has left.
    pub(crate) fn ensure_with(&self, lease: &Lease) -> HolderClient {
        HolderClient::ensure(Path::new(PROGRAM), &self.launch(), Some(lease.namespace())).expect("a holder")
    }

    pub(crate) fn connect(&self) -> Result<HolderClient, HolderError> {
        HolderClient::connect(&self.run_root(), &self.network.id)
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        self.connect().expect("the holder lives").snapshot().expect("a snapshot")
    }

    /// A container that is in no network yet.
    pub(crate) fn make(&self, name: &str) -> Box {
        let user_namespace = self.ensure().user_namespace().expect("U is handed out");
        Box::new(&user_namespace, name)
    }

    /// A container in the network.
    pub(crate) fn join(&self, name: &str) -> (Box, Lease) {
        let container = self.make(name);
        let lease = self.attach(&container).expect("it joins");
        (container, lease)
    }

    pub(crate) fn attach(&self, container: &Box) -> Result<Lease, HolderError> {
        self.ensure().attach(&container.attach(), container.namespace().as_fd())
    }

    /// Somebody in U who could hand it out, but is busy.
    pub(crate) fn busy_monitor(&self) -> Running {
        let user_namespace = self.ensure().user_namespace().unwrap();
        let folder = self.run_root().join("containers/busy");
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("sock");
        let words = [PROGRAM, "peer", "listen", path.to_str().unwrap()];
        let mut command = enter(&user_namespace);
        Running::start(command.args(words))
    }

    /// Waits until the holder has ended, and says how long that took.
    pub(crate) fn wait_for_end(&self) -> Duration {
        let start = Instant::now();
        let lock = paths::lock(&self.run_root(), &self.network.id);
        drop(cala_sys::flock::FileLock::wait(&lock, cala_sys::flock::Mode::Exclusive).unwrap());
        assert!(!paths::socket(&self.run_root(), &self.network.id).exists(), "the socket has gone");
        start.elapsed()
    }
}

impl Box {
    pub(crate) fn new(user_namespace: &OwnedFd, name: &str) -> Self {
        // Its pid stays: each of these becomes the next. The line tells that it has got there.
        let mut child = enter(user_namespace)
            .args(["unshare", "--user", "--map-root-user", "--net"])
            .args(["--", "busybox", "sh", "-c", "echo there; exec busybox sleep 1000"])
            .stdout(Stdio::piped())
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "there\n");
        let id = format!("{:08x}{}", child.id(), "ab".repeat(28));
        Self { id, child, name: name.to_owned() }
    }

    /// The same container's next run.
    pub(crate) fn known_as(mut self, former: &Self) -> Self {
        self.id.clone_from(&former.id);
        self
    }

    pub(crate) fn attach(&self) -> Attach {
        Attach {
            container: self.id.clone(),
            names: Names {
                name: self.name.clone(),
                aliases: vec![self.id[..12].to_owned()],
                also_in: Vec::new(),
            },
            interface: "eth0".into(),
            addresses: Vec::new(),
            mac: None,
            default_route: true,
            adopt: false,
        }
    }

    pub(crate) fn namespace(&self) -> OwnedFd {
        fs::File::open(format!("/proc/{}/ns/net", self.child.id())).unwrap().into()
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["-t", &self.child.id().to_string(), "-U", "-n", "--preserve-credentials", "--"]);
        command.args(words).stdin(Stdio::null());
        command
    }

    /// What a program in the container prints; `Err` when it fails.
    pub(crate) fn run(&self, words: &[&str]) -> Result<String, String> {
        let output = self.command(words).output().unwrap();
        let text =
            String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        if output.status.success() { Ok(text.trim().to_owned()) } else { Err(text) }
    }

    pub(crate) fn ping(&self, to: IpAddr) -> Result<String, String> {
        let version = if to.is_ipv4() { "-4" } else { "-6" };
        self.run(&["busybox", "ping", version, "-c", "1", "-W", "2", &to.to_string()])
    }

    /// What the peer at this address answers.
    pub(crate) fn ask(&self, protocol: &str, address: &str, line: &str) -> Result<String, String> {
        self.run(&[PROGRAM, "peer", "ask", protocol, address, line])
    }

    /// A peer in the container that serves.
    pub(crate) fn serve(&self, protocol: &str, address: &str) -> Running {
        Running::start(&mut self.command(&[PROGRAM, "peer", "serve", protocol, address]))
    }
}

impl Running {
    fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stdin(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        Self(child)
    }
}

/// The rest of the command runs in U as its root.
fn enter(user_namespace: &OwnedFd) -> Command {
    let path = format!("--user=/proc/{}/fd/{}", std::process::id(), user_namespace.as_raw_fd());
    let mut command = Command::new("nsenter");
    command.args([&path, "-S", "0", "-G", "0", "--"]);
    command
}

/// What a peer at this address answers to a client outside of all containers.
pub(crate) fn ask_from_host(protocol: &str, address: &str, line: &str) -> Result<String, String> {
    let output = Command::new(PROGRAM).args(["peer", "ask", protocol, address, line]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if output.status.success() { Ok(text) } else { Err(text) }
}

pub(crate) fn address(lease: &Lease) -> IpAddr {
    lease.attached().status.addresses[0].addr()
}

impl Drop for Box {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
