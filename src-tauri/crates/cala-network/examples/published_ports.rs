//! How fast published ports are. `published_ports cala PORT` serves a container at that port of this host; `direct` measures from the network to the container, without anything between; `server
//! ADDRESS` and `client ADDRESS [PID…]` are to be put around other programs' ports. `published_ports.sh` beside this file
//! does it all.
//!
//! The client prints one line per measure: throughput in and out, requests per second over kept connections, time of
//! connect-and-answer, and processor seconds per gigabyte of the client and the named processes (server, forwarder)
//! together.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a measuring program"
)]

use std::fs::File;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use cala_network::forward::{LocalAddresses, Target, spawn};
use cala_spec::port::{PortMapping, Protocol};
use cala_sys::clone::CloneFlags;
use cala_sys::namespace;

const CHUNK: usize = 256 << 10;
const REQUEST: usize = 128;
const ANSWER: usize = 512;

/// BIG TCP, as `cala-network::link` sets it (iproute2 6.3 and later know the words).
const BIG: &str = "gso_ipv4_max_size 200000 gro_ipv4_max_size 200000";

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some("server") => server(&arguments[1]),
        Some("client") => client(&arguments[1], &arguments[2..]),
        Some("cala" | "direct") if std::env::var_os("INSIDE").is_none() => inside(&arguments),
        Some("cala") => cala(&arguments[1]),
        Some("direct") => direct(),
        _ => panic!("published_ports cala PORT | direct | server ADDRESS | client ADDRESS [PID…]"),
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
    if std::env::var_os("ONLY_REQUESTS").is_some() {
        return println!("{:.1} k requests/s", requests(address, 32) / 1000.0);
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

fn inside(arguments: &[String]) {
    let listener =
        TcpListener::bind(("0.0.0.0", arguments.get(1).map_or(0, |port| port.parse().unwrap()))).unwrap();
    let status = Command::new("unshare")
        .args(["--user", "--map-root-user", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"])
        .arg(std::env::current_exe().unwrap())
        .args(arguments)
        .env("INSIDE", "1")
        .stdin(OwnedFd::from(listener))
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

/// A network and its container.
fn world() -> (Space, Space) {
    let (network, container) = (Space::new(), Space::new());
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
         for f in /proc/sys/net/bridge/bridge-nf-call-*; do [ ! -e $f ] || echo 0 >$f; done
         for i in v2 br0; do ip link set $i {BIG} 2>/dev/null || true; done",
        container.path(),
    ));
    container.script(
        "echo reno >/proc/sys/net/ipv4/tcp_congestion_control
         ip addr add 10.89.0.2/24 dev eth0; ip link set eth0 up; ip route add default via 10.89.0.1",
    );
    container.script(&format!("ip link set eth0 {BIG} 2>/dev/null || true"));
    (network, container)
}

fn cala(host_port: &str) {
    let (network, container) = world();
    let local = LocalAddresses {
        gateways: vec!["10.89.0.1".parse().unwrap()],
        subnets: vec!["10.89.0.0/24".parse().unwrap()],
    };
    let forwarder = network.run(|| spawn(local)).unwrap();
    let listener = std::io::stdin().as_fd().try_clone_to_owned().unwrap();
    let host_port = host_port.parse().unwrap();
    let port = PortMapping { host_ip: None, host_port, container_port: 80, protocol: Protocol::Tcp };
    let target = Target { addresses: vec!["10.89.0.2".parse().unwrap()], keep_client: true };
    forwarder.publish(&port, vec![listener], target).unwrap();
    container.program(&["server", "0.0.0.0:80"]).wait().unwrap();
}

fn direct() {
    let (network, container) = world();
    let mut server = container.program(&["server", "0.0.0.0:80"]);
    network.program(&["client", "10.89.0.2:80", &server.id().to_string()]).wait().unwrap();
    server.kill().unwrap();
    server.wait().unwrap();
}
