//! Questions over TCP.

use std::io::{Read as _, Write as _};
use std::net::Shutdown;
use std::time::{Duration, Instant};

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::RecordType;

use super::fixture::{Bed, Client, addresses, connect, names, query, read_message, write_message};

#[test]
fn a_pool_too_large_for_a_datagram_is_cut_there_and_whole_over_tcp() {
    let bed = Bed::start();
    for number in 0..300 {
        let (id, address) =
            (format!("c{number}"), format!("10.89.{}.{}", 1 + number / 200, 1 + number % 200));
        bed.zone.set(&id, &names(&id, &["pool"], &[]), addresses(&[&address]));
    }
    let client = Client::new(&bed, 1);
    let cut = client.ask("pool", RecordType::A);
    assert!(cut.metadata.truncation && cut.answers.is_empty());
    let mut stream = connect(&bed, 1);
    write_message(&mut stream, &query(9, "pool", RecordType::A, None));
    let whole = read_message(&mut stream).unwrap();
    assert_eq!((whole.metadata.id, whole.answers.len(), whole.metadata.truncation), (9, 300, false));
}

#[test]
fn many_questions_on_one_connection_and_a_question_in_pieces_are_answered() {
    let bed = Bed::start();
    bed.container("c1", "web", &["10.89.0.2"]);
    let mut stream = connect(&bed, 1);
    let mut bytes = Vec::new();
    for id in 0..500_u16 {
        let message =
            query(id, if id.is_multiple_of(2) { "web" } else { "example.org" }, RecordType::A, None);
        bytes.extend(u16::try_from(message.len()).unwrap().to_be_bytes());
        bytes.extend(message);
    }
    bed.resolvers(&[bed.resolver_address(0)]);
    for piece in bytes.chunks(1000) {
        stream.write_all(piece).unwrap();
    }
    let mut seen = [false; 500];
    for _ in 0..500 {
        let answer = read_message(&mut stream).unwrap();
        let id = answer.metadata.id;
        let code = if id.is_multiple_of(2) { ResponseCode::NoError } else { ResponseCode::ServFail };
        assert_eq!(answer.metadata.response_code, code);
        assert!(!std::mem::replace(&mut seen[usize::from(id)], true));
    }
    for byte in [&[0, 29][..], &query(1, "web.dns.podman", RecordType::A, None)].concat().chunks(1) {
        stream.write_all(byte).unwrap();
    }
    // 12 + 16 + 4 bytes follow, so the length above is wrong on purpose: the answer is that it is malformed.
    assert_eq!(read_message(&mut stream).unwrap().metadata.response_code, ResponseCode::FormErr);
}

#[test]
fn a_client_that_has_no_more_to_say_still_gets_its_answer_and_then_the_end() {
    let bed = Bed::start();
    let _resolver = bed.resolver(|question, _| Some(super::forwarding::answer_a(question, "192.0.2.1")));
    for name in ["example.org", "localhost"] {
        let mut stream = connect(&bed, 1);
        write_message(&mut stream, &query(1, name, RecordType::A, None));
        stream.shutdown(Shutdown::Write).unwrap();
        assert_eq!(read_message(&mut stream).unwrap().answers.len(), 1);
        assert_eq!(stream.read(&mut [0]).unwrap(), 0);
    }
}

#[test]
fn an_absurd_length_ends_the_connection() {
    let bed = Bed::start();
    let mut stream = connect(&bed, 1);
    stream.write_all(&[0xff, 0xff, 1, 2, 3]).unwrap();
    let begin = Instant::now();
    assert!(matches!(stream.read(&mut [0]), Ok(0) | Err(_)));
    assert!(begin.elapsed() < Duration::from_secs(2));
}

#[test]
fn an_idle_connection_is_closed_after_a_while() {
    let bed = Bed::start();
    let mut stream = connect(&bed, 1);
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let begin = Instant::now();
    assert_eq!(stream.read(&mut [0]).unwrap(), 0);
    assert!((9..13).contains(&begin.elapsed().as_secs()), "{:?}", begin.elapsed());
}

#[test]
fn a_hundred_idle_connections_of_one_client_delay_nobody() {
    let bed = Bed::start();
    bed.container("c1", "web", &["10.89.0.2"]);
    let mut idle: Vec<_> = (0..100).map(|_| connect(&bed, 1)).collect();
    // Some have begun a question.
    for stream in &mut idle[60..] {
        stream.write_all(&[0, 40, 1]).unwrap();
    }
    let client = Client::new(&bed, 2);
    for _ in 0..20 {
        let begin = Instant::now();
        assert_eq!(client.ask("web", RecordType::A).answers.len(), 1);
        let mut stream = connect(&bed, 2);
        write_message(&mut stream, &query(1, "web", RecordType::A, None));
        assert_eq!(read_message(&mut stream).unwrap().answers.len(), 1);
        assert!(begin.elapsed() < Duration::from_millis(50), "{:?}", begin.elapsed());
    }
    // The client itself is not shut out either: its oldest connections had to go.
    let mut own = connect(&bed, 1);
    write_message(&mut own, &query(1, "web", RecordType::A, None));
    assert_eq!(read_message(&mut own).unwrap().answers.len(), 1);
    assert!(matches!(idle[0].read(&mut [0]), Ok(0) | Err(_)));
}

#[test]
fn clients_that_read_no_answers_hold_nobody_up() {
    let bed = Bed::start();
    bed.container("c1", "web", &["10.89.0.2"]);
    let mut greedy = connect(&bed, 1);
    greedy.set_nonblocking(true).unwrap();
    let message = query(1, "web", RecordType::A, None);
    let mut bytes = Vec::new();
    for _ in 0..1000 {
        bytes.extend(u16::try_from(message.len()).unwrap().to_be_bytes());
        bytes.extend(&message);
    }
    // Far more than all buffers on the way take.
    let stuck = (0..2000).any(|_| {
        std::thread::yield_now();
        greedy.write(&bytes).is_err()
    });
    assert!(stuck, "the server reads on without end");
    let client = Client::new(&bed, 2);
    let begin = Instant::now();
    assert_eq!(client.ask("web", RecordType::A).answers.len(), 1);
    assert!(begin.elapsed() < Duration::from_millis(200));
}
