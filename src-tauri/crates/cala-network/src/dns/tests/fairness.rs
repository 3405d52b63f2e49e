//! Floods of one client, and what others notice of them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use hickory_proto::rr::RecordType;

use super::fixture::{Bed, Client, query, texts};
use super::forwarding::answer_a;

/// Ends a flood, also when a test fails.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Floods while `during` runs.
fn flood(bed: &Bed, message: &(dyn Fn(u16) -> Vec<u8> + Sync), during: impl FnOnce()) {
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let _end = End(&stop);
        scope.spawn(|| {
            // Several sockets: as a client with many processes.
            let clients: Vec<Client> = (0..4).map(|_| Client::new(bed, 8)).collect();
            let mut number = 0_u16;
            while !stop.load(Ordering::Relaxed) {
                number = number.wrapping_add(1);
                clients[usize::from(number % 4)].send(&message(number));
            }
        });
        during();
    });
}

#[test]
fn a_flood_of_questions_takes_no_answer_from_others() {
    let bed = Bed::start();
    bed.container("c1", "web", &["10.89.0.2"]);
    let ready = query(1, "web", RecordType::A, None);
    flood(&bed, &|_| ready.clone(), || {
        let client = Client::new(&bed, 1);
        for _ in 0..200 {
            client.send(&query(2, "web", RecordType::A, None));
            assert!(client.receive(Duration::from_secs(2)).is_some(), "an answer was lost");
        }
    });
}

#[test]
fn a_flood_of_forwarded_questions_leaves_others_their_turn() {
    let bed = Bed::start();
    // Answers only those who are not flooding.
    let _resolver = bed.resolver(|question, _| {
        let asked = question.queries[0].name().to_ascii();
        asked.starts_with("good").then(|| answer_a(question, "192.0.2.1"))
    });
    flood(&bed, &|number| query(number, "silent.example.org", RecordType::A, None), || {
        let client = Client::new(&bed, 1);
        let begin = Instant::now();
        // The resolver is a thread of this test and is flooded too, by what is let through: some may be lost.
        let answered = (0..50).filter(|_| {
            client.send(&query(2, "good.example.org", RecordType::A, None));
            client.receive(Duration::from_secs(2)).is_some()
        });
        let answered = answered.count();
        assert!(answered >= 45, "{answered} in {:?}", begin.elapsed());
    });
    let opened = bed.opened.load(Ordering::Relaxed);
    assert!(opened <= 400, "{opened} sockets");
    let client = Client::new(&bed, 1);
    assert_eq!(texts(&client.ask("good.example.org", RecordType::A)), ["192.0.2.1"]);
}
