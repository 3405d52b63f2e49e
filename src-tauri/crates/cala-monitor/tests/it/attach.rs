//! Attached clients: many, slow, vanishing; input; terminals.

use std::io::Write as _;
use std::time::{Duration, Instant};

use cala_monitor::frames::{FrameKind, encode, encode_resize};
use cala_monitor::protocol::AttachOptions;

use crate::fixture::{Fixture, Streams};

#[test]
fn input_arrives_and_its_end_ends_the_program() {
    let fixture = Fixture::new();
    let container = fixture.command(&["cat"], |plan| plan.stdin_open = true);
    let mut streams = container.attach_and_start(true);
    let text = "0123456789\n".repeat(50_000);
    let mut socket = streams.socket.try_clone().unwrap();
    let sent = text.clone();
    let writer = std::thread::spawn(move || {
        socket.write_all(&encode(FrameKind::Stdin, sent.as_bytes())).unwrap();
        socket.write_all(&encode(FrameKind::StdinEof, b"")).unwrap();
    });
    streams.until("0");
    let (code, stdout, _) = streams.finish();
    writer.join().unwrap();
    assert_eq!(code, 0);
    assert!(stdout == text, "{} of {} bytes", stdout.len(), text.len());
}

#[test]
fn a_slow_reader_neither_blocks_the_container_nor_misses_a_byte() {
    let fixture = Fixture::new();
    let container = fixture.shell("seq 1 400000; exit 5", |_| {});
    let slow = container.attach_and_start(false);
    let start = Instant::now();
    assert_eq!(container.connect().wait().unwrap().code, 5);
    assert!(start.elapsed() < Duration::from_secs(20));
    let (code, stdout, _) = slow.finish();
    let expected: String = (1..=400_000).map(|n| format!("{n}\n")).collect();
    assert_eq!(code, 5);
    assert!(stdout == expected, "{} of {} bytes", stdout.len(), expected.len());
}

#[test]
fn a_slow_reader_of_a_removed_container_misses_nothing_either() {
    let fixture = Fixture::new();
    let container = fixture.shell("seq 1 200000", |plan| {
        plan.rm = true;
        plan.log.max_size = 1 << 20;
        plan.log.max_files = 20;
    });
    let slow = container.attach_and_start(false);
    assert_eq!(container.connect().wait().unwrap().code, 0);
    let (_, stdout, _) = slow.finish();
    assert_eq!(stdout.lines().count(), 200_000);
    crate::fixture::eventually("its files go", || {
        std::fs::read_dir(fixture.path("data/tmp")).unwrap().count() == 0
    });
}

#[test]
fn attaching_a_thousand_times_leaves_no_descriptor() {
    let fixture = Fixture::new();
    let container = fixture.shell("while :; do echo x; sleep 0.01; done", |_| {});
    let mut client = container.start();
    let monitor = client.status().unwrap().monitor_pid;
    let descriptors = || std::fs::read_dir(format!("/proc/{monitor}/fd")).unwrap().count();
    let before = descriptors();
    for _ in 0..1000 {
        drop(container.connect().attach(AttachOptions::default()).unwrap());
    }
    crate::fixture::eventually("they are closed", || descriptors() == before);
    client.signal(9).unwrap();
    client.wait().unwrap();
}

#[test]
fn several_clients_see_the_same() {
    let fixture = Fixture::new();
    let container = fixture.shell("read x; seq 1 1000", |plan| plan.stdin_open = true);
    let mut first = container.attach_and_start(true);
    let second = Streams::new(container.connect().attach(AttachOptions::default()).unwrap());
    first.socket.write_all(&encode(FrameKind::Stdin, b"go\n")).unwrap();
    let (first, second) = (first.finish(), second.finish());
    assert_eq!(first.1.lines().count(), 1000);
    assert!(first == second);
}

#[test]
fn a_terminal_has_its_size_and_changes_it() {
    let fixture = Fixture::new();
    let container = fixture.shell("stty size; read x; stty size; read x; exit 6", |plan| {
        plan.tty = true;
        plan.stdin_open = true;
        plan.console_size = Some((33, 99));
    });
    let mut streams = container.attach_and_start(true);
    streams.until("33 99");
    streams.socket.write_all(&encode_resize(20, 70)).unwrap();
    streams.socket.write_all(&encode(FrameKind::Stdin, b"\n")).unwrap();
    streams.until("20 70");
    streams.socket.write_all(&encode(FrameKind::Stdin, b"\n")).unwrap();
    assert_eq!(streams.finish().0, 6);
}

#[test]
fn a_terminal_gives_its_last_byte_before_the_exit_code() {
    let fixture = Fixture::new();
    for _ in 0..20 {
        let container = fixture.shell("seq 1 2000; echo end", |plan| plan.tty = true);
        let (code, stdout, _) = container.attach_and_start(false).finish();
        assert_eq!(code, 0);
        assert!(stdout.ends_with("2000\r\nend\r\n"), "{:?}", &stdout[stdout.len().saturating_sub(40)..]);
    }
}
