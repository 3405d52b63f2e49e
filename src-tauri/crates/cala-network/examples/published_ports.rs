//! How fast published ports are: `published_ports cala` measures Cala's; `server ADDRESS` and `client ADDRESS [PID…]`
//! are its parts, to be put around another program's port (podman's rootlessport, pasta): see `benches/published-ports.sh`.
//!
//! The client prints one line per measure: throughput in and out, requests per second over kept connections, time of
//! connect-and-answer, and processor seconds per gigabyte of the client and the named processes (server, forwarder)
//! together.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a measuring program"
)]

use std::fs::File;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsRawFd, OwnedFd};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use cala_network::forward::{LocalAddresses, Target, spawn};
use cala_spec::port::{PortMapping, Protocol};
use cala_sys::clone::CloneFlags;
use cala_sys::namespace;

const CHUNK: usize = 256 << 10;
const REQUEST: usize = 128;
const ANSWER: usize = 512;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some("server") => server(&arguments[1]),
        Some("client") => client(&arguments[1], &arguments[2..]),
        Some("cala") if std::env::var_os("INSIDE").is_none() => inside(),
        Some("cala") => cala(),
        _ => panic!("published_ports cala | server ADDRESS | client ADDRESS [PID…]"),
    }
}

/// Each connection says with its first byte what it wants: s(ink), g(enerate), r(equests).
fn server(address: &str) {
    let listener = TcpListener::bind(address).unwrap();
    for stream in listener.incoming() {
        let stream = stream.unwrap();
        std::thread::spawn(move || serve(stream));
    }
}

fn serve(mut stream: TcpStream) -> Option<()> {
    stream.set_nodelay(true).unwrap();
    let mut wish = [0];
    stream.read_exact(&mut wish).ok()?;
    let mut buffer = vec![b'x'; CHUNK];
    match wish[0] {
        b's' => while stream.read(&mut buffer).ok()? > 0 {},
        b'g' => loop {
            stream.write_all(&buffer).ok()?;
        },
        _ => loop {
            stream.read_exact(&mut buffer[..REQUEST]).ok()?;
            stream.write_all(&buffer[..ANSWER]).ok()?;
        },
    }
    Some(())
}

fn seconds() -> Duration {
    let time = std::env::var("SECONDS_EACH").ok().and_then(|text| text.parse().ok()).unwrap_or(2.0);
    Duration::from_secs_f64(time)
}

/// Processor time of this process and others, seconds.
fn processor_time(pids: &[String]) -> f64 {
    let ticks = |pid: &str| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or("").split_whitespace().collect();
        let field =
            |number: usize| fields.get(number).and_then(|text| text.parse::<f64>().ok()).unwrap_or(0.0);
        (field(11) + field(12)) / 100.0
    };
    ticks("self") + pids.iter().map(|pid| ticks(pid)).sum::<f64>()
}

fn connect(address: &str, wish: u8) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.write_all(&[wish]).unwrap();
    stream
}

fn client(address: &str, pids: &[String]) {
    let start = Instant::now();
    while TcpStream::connect(address)
        .and_then(|mut s| {
            s.write_all(b"s")?;
            s.shutdown(std::net::Shutdown::Write)?;
            s.read(&mut [0])
        })
        .is_err()
    {
        assert!(start.elapsed() < Duration::from_secs(10), "nobody answers");
        std::thread::sleep(Duration::from_millis(100));
    }
    let (rate, processor) = throughput(address, pids, true);
    print!("in {rate:.1} Gbit/s {processor:.3} s/GB");
    let (rate, processor) = throughput(address, pids, false);
    print!("  out {rate:.1} Gbit/s {processor:.3} s/GB");
    if std::env::var_os("ONLY_THROUGHPUT").is_some() {
        return println!();
    }
    let before = processor_time(pids);
    let rate = requests(address, 32);
    print!("  {:.1} k requests/s", rate / 1000.0);
    let used = (processor_time(pids) - before) / (rate * seconds().as_secs_f64()) * 1e6;
    print!(" {used:.1} µs each");
    let mut times = connects(address);
    times.sort();
    let part = |percent: usize| times[times.len() * percent / 100].as_micros();
    print!("  connect+answer {} µs (p10 {}, p99 {})", part(50), part(10), part(99));
    println!("  beside a big flow {} µs", beside(address).as_micros());
}

/// The median of the same while another connection is filled as fast as it goes.
fn beside(address: &str) -> Duration {
    let mut stream = connect(address, b's');
    let (sender, stop) = std::sync::mpsc::channel::<()>();
    let big = std::thread::spawn(move || {
        let buffer = vec![b'x'; CHUNK];
        while stop.try_recv().is_err() {
            stream.write_all(&buffer).unwrap();
        }
    });
    let mut times = connects(address);
    sender.send(()).unwrap();
    big.join().unwrap();
    times.sort();
    times[times.len() / 2]
}

fn throughput(address: &str, pids: &[String], inwards: bool) -> (f64, f64) {
    let mut stream = connect(address, if inwards { b's' } else { b'g' });
    let mut buffer = vec![b'x'; CHUNK];
    let mut bytes = 0_usize;
    let mut run = |time: Duration| {
        let start = Instant::now();
        while start.elapsed() < time {
            bytes += if inwards { stream.write(&buffer).unwrap() } else { stream.read(&mut buffer).unwrap() };
        }
        start.elapsed().as_secs_f64()
    };
    run(seconds() / 4);
    bytes = 0;
    let before = processor_time(pids);
    let mut run = |time: Duration| {
        let start = Instant::now();
        while start.elapsed() < time {
            bytes += if inwards { stream.write(&buffer).unwrap() } else { stream.read(&mut buffer).unwrap() };
        }
        start.elapsed().as_secs_f64()
    };
    let time = run(seconds());
    let gigabytes = bytes as f64 / 1e9;
    (gigabytes * 8.0 / time, (processor_time(pids) - before) / gigabytes)
}

/// Requests over some kept connections, as many at once; per second.
fn requests(address: &str, connections: usize) -> f64 {
    let mut streams: Vec<TcpStream> = (0..connections).map(|_| connect(address, b'r')).collect();
    let poller = rustix::event::epoll::create(rustix::event::epoll::CreateFlags::CLOEXEC).unwrap();
    for (number, stream) in streams.iter_mut().enumerate() {
        let data = rustix::event::epoll::EventData::new_u64(number as u64);
        rustix::event::epoll::add(&poller, &*stream, data, rustix::event::epoll::EventFlags::IN).unwrap();
        stream.write_all(&[b'q'; REQUEST]).unwrap();
    }
    let mut got = vec![0; connections];
    let (mut count, start, mut buffer) = (0_u64, Instant::now(), [0; ANSWER]);
    let mut events = Vec::with_capacity(connections);
    while start.elapsed() < seconds() {
        events.clear();
        rustix::event::epoll::wait(&poller, rustix::buffer::spare_capacity(&mut events), None).unwrap();
        for event in &events {
            let number = usize::try_from(event.data.u64()).unwrap();
            let stream = &mut streams[number];
            got[number] += stream.read(&mut buffer).unwrap();
            if got[number] >= ANSWER {
                got[number] = 0;
                count += 1;
                stream.write_all(&[b'q'; REQUEST]).unwrap();
            }
        }
    }
    count as f64 / start.elapsed().as_secs_f64()
}

/// One connection after the other, each with one request.
fn connects(address: &str) -> Vec<Duration> {
    let (mut times, start) = (Vec::new(), Instant::now());
    let address: SocketAddr = address.parse().unwrap();
    while start.elapsed() < seconds() && times.len() < 10_000 {
        let begin = Instant::now();
        let mut stream = TcpStream::connect(address).unwrap();
        let mut request = [b'q'; REQUEST + 1];
        request[0] = b'r';
        stream.write_all(&request).unwrap();
        stream.read_exact(&mut [0; ANSWER]).unwrap();
        times.push(begin.elapsed());
    }
    times
}

fn inside() {
    let status = Command::new("unshare")
        .args(["--user", "--map-root-user", "--net"])
        .arg(std::env::current_exe().unwrap())
        .arg("cala")
        .env("INSIDE", "1")
        .status()
        .unwrap();
    assert!(status.success());
}

/// A network namespace; its threads and programs.
struct Space(File);

impl Space {
    fn new() -> Self {
        let make = || {
            namespace::unshare(CloneFlags::NEWNET).unwrap();
            File::open("/proc/thread-self/ns/net").unwrap()
        };
        let space = Self(std::thread::spawn(make).join().unwrap());
        space.script("ip link set lo up");
        space
    }

    fn run<T: Send>(&self, body: impl FnOnce() -> T + Send) -> T {
        let enter = || {
            namespace::join(&self.0, CloneFlags::NEWNET).unwrap();
            body()
        };
        std::thread::scope(|scope| scope.spawn(enter).join()).unwrap()
    }

    fn script(&self, script: &str) {
        assert!(
            self.run(|| Command::new("sh").args(["-ec", script]).status().unwrap()).success(),
            "{script}"
        );
    }

    fn program(&self, arguments: &[&str]) -> Child {
        self.run(|| Command::new(std::env::current_exe().unwrap()).args(arguments).spawn().unwrap())
    }

    fn path(&self) -> String {
        format!("/proc/{}/fd/{}", std::process::id(), self.0.as_raw_fd())
    }
}

fn cala() {
    let (host, network, container) = (Space::new(), Space::new(), Space::new());
    network.script(&format!(
        "ip link add name br0 type bridge; ip addr add 10.89.0.1/24 dev br0; ip link set br0 up
         ip link add name v2 type veth peer name eth0 netns {}; ip link set v2 up master br0
         echo 1 >/proc/sys/net/ipv4/ip_forward
         ip rule add fwmark 1 lookup 100; ip route add local default dev lo table 100
         nft 'add table inet cala'
         nft 'add chain inet cala in {{ type filter hook prerouting priority raw; }}'
         nft 'add rule inet cala in iifname br0 socket transparent 1 meta mark set 1 notrack'
         nft 'add rule inet cala in iifname br0 fib daddr type local notrack'
         nft 'add chain inet cala own {{ type filter hook output priority raw; }}'
         nft 'add rule inet cala own oifname br0 notrack'
         nft 'add chain inet cala out {{ type nat hook postrouting priority srcnat; }}'
         nft 'add rule inet cala out oifname up meta l4proto {{ tcp, udp }} masquerade to :1024-65535'
         {}",
        container.path(),
        std::env::var("CALA_NETWORK_EXTRA").unwrap_or_default(),
    ));
    container
        .script("ip addr add 10.89.0.2/24 dev eth0; ip link set eth0 up; ip route add default via 10.89.0.1");
    if let Ok(extra) = std::env::var("CALA_CONTAINER_EXTRA") {
        container.script(&extra);
    }
    let local = LocalAddresses {
        gateways: vec!["10.89.0.1".parse().unwrap()],
        subnets: vec!["10.89.0.0/24".parse().unwrap()],
    };
    let forwarder = network.run(|| spawn(local)).unwrap();
    let listener: OwnedFd = host.run(|| TcpListener::bind("0.0.0.0:8080")).unwrap().into();
    let port = PortMapping { host_ip: None, host_port: 8080, container_port: 80, protocol: Protocol::Tcp };
    let target = Target { addresses: vec!["10.89.0.2".parse().unwrap()], keep_client: true };
    forwarder.publish(&port, vec![listener], target).unwrap();
    host.script("ip addr add 198.51.100.2/32 dev lo");
    let mut server = container.program(&["server", "0.0.0.0:80"]);
    let rounds = std::env::var("ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    for _ in 0..rounds {
        for address in ["127.0.0.1:8080", "198.51.100.2:8080"] {
            print!("{address:<18} ");
            std::io::stdout().flush().unwrap();
            let pids = [std::process::id().to_string(), server.id().to_string()];
            host.program(&["client", address, &pids[0], &pids[1]]).wait().unwrap();
        }
    }
    // Without anything between, for comparison: the bridge alone.
    print!("{:<18} ", "direct");
    std::io::stdout().flush().unwrap();
    network.program(&["client", "10.89.0.2:80", &server.id().to_string()]).wait().unwrap();
    server.kill().unwrap();
    server.wait().unwrap();
}
