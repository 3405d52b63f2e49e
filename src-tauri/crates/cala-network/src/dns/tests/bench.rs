//! Figures, measured on request: `cargo test --release -p cala-network dns::tests::bench -- --ignored --nocapture`.

use std::os::fd::AsFd as _;
use std::time::{Duration, Instant};

use cala_sys::poll::Interest;
use hickory_proto::rr::RecordType;

use super::fixture::{Bed, Client, query};

/// Answers that are asked for before the first has come.
const WINDOW: usize = 64;

const LENGTH: Duration = Duration::from_secs(3);

#[test]
#[ignore = "a measurement"]
#[expect(clippy::print_stdout, reason = "its result")]
fn answers_per_second_on_one_core() {
    let bed = Bed::start();
    bed.container("c1", "web", &["10.89.0.2"]);
    let client = Client::new(&bed, 1);
    let message = query(7, "web.dns.podman", RecordType::A, None);
    let (start, before, mut answers) = (Instant::now(), bed.cpu_time(), 0_u64);
    (0..WINDOW).for_each(|_| client.send(&message));
    while start.elapsed() < LENGTH {
        assert!(client.receive(Duration::from_secs(1)).is_some(), "an answer was lost");
        client.send(&message);
        answers += 1;
    }
    let (wall, cpu) = (start.elapsed().as_secs_f64(), (bed.cpu_time() - before).as_secs_f64());
    println!(
        "{:.0} answers/s; {:.0} per second of processor time",
        answers as f64 / wall,
        answers as f64 / cpu
    );
}

#[test]
#[ignore = "a measurement"]
#[expect(clippy::print_stdout, reason = "its result")]
fn latency_at_5000_questions_per_second() {
    let bed = Bed::start();
    bed.container("c1", "web", &["10.89.0.2"]);
    let client = Client::new(&bed, 1);
    let mut message = query(0, "web.dns.podman", RecordType::A, None);
    let (start, mut ready) = (Instant::now(), Vec::new());
    let total = 5000 * u16::try_from(LENGTH.as_secs()).unwrap();
    let (mut sent, mut times): (Vec<Instant>, Vec<u128>) = (Vec::new(), Vec::new());
    let due = |number: usize| start + Duration::from_micros(200) * u32::try_from(number).unwrap();
    // One thread sends and receives, so that on a machine with two processors the server has one.
    while times.len() < usize::from(total) {
        while sent.len() < usize::from(total) && Instant::now() >= due(sent.len()) {
            message[..2].copy_from_slice(&u16::try_from(sent.len()).unwrap().to_be_bytes());
            client.send(&message);
            sent.push(Instant::now());
        }
        let next = if sent.len() < usize::from(total) { due(sent.len()) } else { Instant::now() + LENGTH };
        let interest = [Interest { fd: client.as_fd(), read: true, write: false, token: () }];
        cala_sys::poll::wait(&interest, Some(next), &mut ready).unwrap();
        if !ready.is_empty() {
            let answer = client.receive(Duration::from_secs(1)).expect("an answer");
            times.push(sent[usize::from(u16::from_be_bytes([answer[0], answer[1]]))].elapsed().as_micros());
        }
    }
    times.sort_unstable();
    let at = |per_mille: usize| times[(times.len() - 1) * per_mille / 1000];
    println!(
        "{total} answers: p50 {} µs, p99 {} µs, p99.9 {} µs, max {} µs",
        at(500),
        at(990),
        at(999),
        at(1000)
    );
}
