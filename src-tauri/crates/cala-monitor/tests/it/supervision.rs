//! Signals, stop, and what happens when somebody is killed.

use std::path::Path;
use std::time::{Duration, Instant};

use cala_monitor::protocol::{PROTOCOL, Request, encode_message};
use cala_spec::ContainerStatus;
use cala_sys::pidfd::PidFd;

use crate::fixture::{Fixture, Streams, eventually, is_locked};

fn exists(pid: i32) -> bool {
    Path::new(&format!("/proc/{pid}")).exists()
}

#[test]
fn a_signal_that_ends_it_is_128_and_its_number() {
    let fixture = Fixture::new();
    let container = fixture.shell("trap 'exit 9' USR1; echo ready; while :; do sleep 0.05; done", |_| {});
    let mut streams = container.attach_and_start(false);
    streams.until("ready");
    container.connect().signal(10).unwrap();
    assert_eq!(streams.finish().0, 9);

    let container = fixture.shell("sleep 1000", |_| {});
    let mut client = container.start();
    client.signal(9).unwrap();
    assert_eq!(client.wait().unwrap().code, 137);
    assert_eq!(container.state().exit_code, 137);
}

#[test]
fn stop_escalates_to_sigkill_after_its_time_and_says_so() {
    let fixture = Fixture::new();
    let container = fixture.shell("trap '' TERM; echo ready; while :; do sleep 0.05; done", |_| {});
    let mut streams = container.attach_and_start(false);
    streams.until("ready");
    let start = Instant::now();
    let outcome = container.connect().stop(None, Some(Duration::from_millis(300))).unwrap();
    assert!(outcome.killed);
    assert!(start.elapsed() >= Duration::from_millis(300));
    assert_eq!(streams.finish().0, 137);
    assert_eq!(container.state().status, ContainerStatus::Exited);

    let container = fixture.shell("trap 'exit 4' TERM; echo ready; while :; do sleep 0.05; done", |_| {});
    let mut streams = container.attach_and_start(false);
    streams.until("ready");
    assert!(!container.connect().stop(None, None).unwrap().killed);
    assert_eq!(streams.finish().0, 4);
}

#[test]
fn a_stop_goes_on_without_who_asked_for_it() {
    let fixture = Fixture::new();
    let container = fixture.shell("trap '' TERM; echo ready; while :; do sleep 0.05; done", |_| {});
    let mut streams = container.attach_and_start(false);
    streams.until("ready");
    let mut socket = cala_sys::scm::connect(&container.plan.run_dir.join("sock")).unwrap();
    for request in [
        Request::Hello { protocol: PROTOCOL, version: String::new() },
        Request::Stop { signal: None, timeout_ms: Some(200), keep: false },
    ] {
        std::io::Write::write_all(&mut socket, &encode_message(&request).unwrap()).unwrap();
    }
    // It is in the socket: the monitor reads it although the writer is gone.
    drop(socket);
    assert_eq!(streams.finish().0, 137);
}

#[test]
fn a_killed_monitor_takes_its_container_along_and_frees_the_lock() {
    let fixture = Fixture::new();
    let container = fixture.shell("sleep 1000 & sleep 1000", |_| {});
    let mut client = container.start();
    let status = client.status().unwrap();
    assert!(exists(status.pid) && exists(status.monitor_pid) && is_locked(&container));
    assert_eq!(container.state().pid, status.pid);
    assert_eq!(container.state().monitor_pid, status.monitor_pid);
    PidFd::open(status.monitor_pid).unwrap().send_signal(9).unwrap();
    assert!(client.wait().is_err());
    eventually("the container is gone", || !exists(status.pid) && !exists(status.monitor_pid));
    assert!(!is_locked(&container));
    // The next start finds a socket that nobody listens on, and works.
    let mut client = container.start();
    client.signal(9).unwrap();
    assert_eq!(client.wait().unwrap().code, 137);
}

#[test]
fn a_client_that_vanishes_leaves_the_container_running() {
    let fixture = Fixture::new();
    let container = fixture.shell("echo ready; read line; echo got $line", |plan| plan.stdin_open = true);
    let mut streams = container.attach_and_start(true);
    streams.until("ready");
    drop(streams);
    let mut client = container.connect();
    assert_eq!(client.status().unwrap().status, ContainerStatus::Running);
    let options = cala_monitor::protocol::AttachOptions { stdin: true, logs: true, ..Default::default() };
    let mut streams = Streams::new(client.attach(options).unwrap());
    let input = cala_monitor::frames::encode(cala_monitor::frames::FrameKind::Stdin, b"again\n");
    std::io::Write::write_all(&mut streams.socket, &input).unwrap();
    assert_eq!(streams.finish(), (0, "ready\ngot again\n".into(), String::new()));
}

#[test]
fn what_a_monitor_does_not_know_is_answered() {
    let fixture = Fixture::new();
    let container = fixture.shell("sleep 1000", |_| {});
    let mut first = container.start();
    let mut socket = cala_sys::scm::connect(&container.plan.run_dir.join("sock")).unwrap();
    let hello = encode_message(&Request::Hello { protocol: PROTOCOL, version: String::new() }).unwrap();
    let odd = br#"{"request":"sing","song":"la"}"#;
    let mut bytes = hello;
    bytes.extend(u32::try_from(odd.len()).unwrap().to_le_bytes());
    bytes.extend(odd);
    bytes.extend(encode_message(&Request::Status).unwrap());
    std::io::Write::write_all(&mut socket, &bytes).unwrap();
    let mut text = String::new();
    let mut buffer = [0; 4096];
    while !text.contains("\"reply\":\"status\"") {
        let count = std::io::Read::read(&mut socket, &mut buffer).unwrap();
        assert!(count > 0);
        text.push_str(&String::from_utf8_lossy(&buffer[..count]));
    }
    assert!(text.contains("unknown_request"), "{text}");
    first.signal(9).unwrap();
    first.wait().unwrap();
}

#[test]
fn a_monitor_is_small() {
    let fixture = Fixture::new();
    let containers: Vec<_> = (0..3).map(|_| fixture.shell("echo hello; sleep 1000", |_| {})).collect();
    let mut clients: Vec<_> = containers.iter().map(crate::fixture::Container::start).collect();
    eventually("it has logged", || containers.iter().all(|container| container.log() == "hello\n"));
    let pid = clients[0].status().unwrap().monitor_pid;
    let rollup = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap();
    let field = |name: &str| -> u64 {
        let line = rollup.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    };
    let private = field("Private_Dirty:") + field("Private_Clean:");
    let anonymous = field("Anonymous:");
    eprintln!(
        "a monitor: private {private} KiB, of it anonymous {anonymous} KiB; resident {} KiB",
        field("Rss:")
    );
    // Pages of the program itself count as private by chance (how many monitors run, whether the file is on the disk);
    // the anonymous ones are what each monitor costs. A build without optimisation needs a larger stack.
    assert!(anonymous <= if cfg!(debug_assertions) { 450 } else { 250 }, "{rollup}");
    for mut client in clients.drain(..) {
        client.signal(9).unwrap();
        client.wait().unwrap();
    }
}
