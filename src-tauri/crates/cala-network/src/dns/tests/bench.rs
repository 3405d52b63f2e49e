//! Figures, measured on request: `cargo test --release -p cala-network dns::tests::bench -- --ignored --nocapture`.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::fixture::{Bed, Client, query};
use hickory_proto::rr::RecordType;

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
    let (sent_at, done) =
        ((0..=u16::MAX).map(|_| AtomicU64::new(0)).collect::<Vec<_>>(), AtomicBool::new(false));
    let start = Instant::now();
    let nanos = || u64::try_from(start.elapsed().as_nanos()).unwrap_or(0);
    let mut times: Vec<u64> = Vec::new();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut message = query(0, "web.dns.podman", RecordType::A, None);
            let total = 5000 * u32::try_from(LENGTH.as_secs()).unwrap_or(1);
            for number in 0..total {
                let due = start + Duration::from_micros(200) * number;
                while Instant::now() < due {
                    std::hint::spin_loop();
                }
                let id = (number & 0xffff) as u16;
                message[..2].copy_from_slice(&id.to_be_bytes());
                sent_at[usize::from(id)].store(nanos(), Ordering::Release);
                client.send(&message);
            }
            done.store(true, Ordering::Release);
        });
        while let Some(answer) = client
            .receive(Duration::from_millis(300))
            .or_else(|| (!done.load(Ordering::Acquire)).then(Vec::new))
        {
            if answer.is_empty() {
                continue;
            }
            let id = u16::from_be_bytes([answer[0], answer[1]]);
            times.push(nanos() - sent_at[usize::from(id)].load(Ordering::Acquire));
        }
    });
    times.sort_unstable();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize] as f64 / 1000.0;
    println!(
        "{} answers: p50 {:.0} µs, p99 {:.0} µs, p99.9 {:.0} µs, max {:.0} µs",
        times.len(),
        at(0.5),
        at(0.99),
        at(0.999),
        at(1.0)
    );
}
