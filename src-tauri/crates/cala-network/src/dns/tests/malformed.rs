//! What is no question: never an end of the server, never much work.

use std::io::Write as _;
use std::sync::LazyLock;
use std::time::Duration;

use hickory_proto::op::{Message, OpCode, ResponseCode};
use hickory_proto::rr::RecordType;
use proptest::prelude::*;

use super::fixture::{Bed, Client, connect, query};
use crate::dns::question::{Authority, Question};
use crate::dns::wire;
use crate::dns::zone::Finding;

/// Bytes that look like a message in part.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let valid = query(7, "web.dns.podman", RecordType::A, Some(1232));
    let broken = (Just(valid), any::<prop::sample::Index>(), any::<u8>(), any::<prop::sample::Index>());
    let broken = broken.prop_map(|(mut message, at, byte, end)| {
        let place = at.index(message.len());
        message[place] = byte;
        message.truncate(end.index(message.len() + 1));
        message
    });
    prop_oneof![proptest::collection::vec(any::<u8>(), 0..600), broken]
}

proptest! {
    #[test]
    fn reading_never_panics_and_what_is_answered_is_a_message(message in bytes()) {
        let authority = Authority::new();
        if let Ok(question) = Question::read(&message) {
            let answer = question.answer(&Finding::Missing, &authority, 1);
            prop_assert!(wire::answers(&answer, &message, wire::id(&message)));
            prop_assert!(Message::from_vec(&answer).is_ok());
        }
    }

    #[test]
    fn the_bytes_of_a_response_are_handled_whatever_they_are(message in bytes(), other in bytes()) {
        let _ = wire::answers(&message, &other, 7);
        let _ = wire::cut(&message, true);
        let _ = wire::first_message(&message);
    }

    #[test]
    fn the_loop_lives_on(messages in proptest::collection::vec(bytes(), 1..20)) {
        // One server for all cases.
        static BED: LazyLock<Bed> = LazyLock::new(|| {
            let bed = Bed::start();
            bed.container("c1", "web", &["10.89.0.2"]);
            bed.resolvers(&[bed.resolver_address(0)]);
            bed
        });
        let client = Client::new(&BED, 1);
        let mut stream = connect(&BED, 2);
        for message in &messages {
            client.send(message);
            let _ = stream.write_all(message);
        }
        prop_assert_eq!(Client::new(&BED, 3).addresses("web"), ["10.89.0.2"]);
    }
}

#[test]
fn responses_and_fragments_are_not_answered() {
    let bed = Bed::start();
    let client = Client::new(&bed, 1);
    let mut response = query(1, "web", RecordType::A, None);
    response[2] |= 0x80;
    for message in [&response[..], &response[..5], b""] {
        client.send(message);
    }
    assert_eq!(client.receive(Duration::from_millis(300)), None);
}

#[test]
fn what_is_broken_or_not_supported_is_told() {
    let bed = Bed::start();
    let client = Client::new(&bed, 1);
    let valid = query(5, "web", RecordType::A, None);
    let code = |message: &[u8]| client.ask_bytes(message).unwrap().metadata.response_code;
    let mut many = valid.clone();
    many[4..6].copy_from_slice(&[0xff, 0xff]);
    assert_eq!(code(&many), ResponseCode::FormErr);
    assert_eq!(code(&valid[..valid.len() - 1]), ResponseCode::FormErr);
    let mut update = valid.clone();
    update[2] = u8::from(OpCode::Update) << 3;
    assert_eq!(code(&update), ResponseCode::NotImp);
    let mut chaos = valid.clone();
    *chaos.last_mut().unwrap() = 3;
    assert_eq!(code(&chaos), ResponseCode::Refused);
    assert_eq!(code(&query(6, "dns.podman", RecordType::AXFR, None)), ResponseCode::Refused);
}
