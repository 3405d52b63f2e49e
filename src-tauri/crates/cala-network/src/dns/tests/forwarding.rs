//! What others are asked: resolvers in turn, over UDP and TCP, and what is never asked.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use hickory_proto::op::{Message, Metadata, ResponseCode};
use hickory_proto::rr::rdata::{A, TXT};
use hickory_proto::rr::{RData, Record, RecordType};

use super::fixture::{Bed, Client, Resolver, connect, query, read_message, texts, write_message};

/// An answer with one record.
pub(super) fn answer_a(question: &Message, address: &str) -> Message {
    let mut answer = answer_code(question, ResponseCode::NoError);
    let data = RData::A(A(address.parse().unwrap()));
    answer.answers.push(Record::from_rdata(question.queries[0].name().clone(), 60, data));
    answer
}

pub(super) fn answer_code(question: &Message, code: ResponseCode) -> Message {
    let mut answer = question.clone();
    answer.metadata = Metadata::response_from_request(&question.metadata);
    answer.metadata.recursion_available = true;
    answer.metadata.response_code = code;
    answer
}

fn long_answer(question: &Message, records: usize) -> Message {
    let mut answer = answer_code(question, ResponseCode::NoError);
    for number in 0..records {
        let data = RData::TXT(TXT::new(vec![format!("{number:0200}")]));
        answer.answers.push(Record::from_rdata(question.queries[0].name().clone(), 60, data));
    }
    answer
}

#[test]
fn other_names_are_forwarded_with_ids_and_ports_of_our_own() {
    let bed = Bed::start();
    let resolver = bed.resolver(|question, _| Some(answer_a(question, "192.0.2.1")));
    let client = Client::new(&bed, 1);
    for _ in 0..40 {
        let answer = client.ask("Www.Example.org", RecordType::A);
        assert_eq!(texts(&answer), ["192.0.2.1"]);
        assert_eq!(answer.queries[0].name().to_ascii(), "Www.Example.org.");
    }
    let heard = resolver.heard.lock().unwrap();
    let ids: HashSet<u16> = heard.iter().map(|(id, ..)| *id).collect();
    let ports: HashSet<u16> = heard.iter().map(|(.., from)| from.port()).collect();
    assert!(ids.len() > 35, "{ids:?}");
    assert!(ports.len() > 35, "{ports:?}");
    assert_eq!(bed.opened.load(Ordering::Relaxed), 1, "one socket is enough for one question at a time");
}

#[test]
fn answers_with_another_id_or_question_are_ignored() {
    let bed = Bed::start();
    let _resolver = bed.resolver(|question, _| {
        let mut answer = answer_a(question, "192.0.2.66");
        match question.queries[0].name().to_ascii().as_str() {
            "id.example.org." => answer.metadata.id = answer.metadata.id.wrapping_add(1),
            _ => {
                answer.queries[0].set_query_type(RecordType::AAAA);
            }
        }
        Some(answer)
    });
    let client = Client::new(&bed, 1);
    client.send(&query(1, "id.example.org", RecordType::A, None));
    client.send(&query(2, "question.example.org", RecordType::A, None));
    assert_eq!(client.receive(Duration::from_millis(700)), None);
}

#[test]
fn a_silent_or_failing_resolver_is_followed_by_the_next_which_is_then_asked_first() {
    let bed = Bed::start();
    let [nobody, silent, refusing, good] = [0, 1, 2, 3].map(|index| bed.resolver_address(index));
    let start = |address, says: fn(&Message) -> Option<Message>| {
        Resolver::start(SocketAddr::new(address, bed.port), move |question, _| says(question))
    };
    let _silent = start(silent, |_| None);
    let refuses = start(refusing, |question| Some(answer_code(question, ResponseCode::Refused)));
    let answers = start(good, |question| Some(answer_a(question, "192.0.2.1")));
    bed.resolvers(&[nobody, refusing, silent, good]);
    let client = Client::new(&bed, 1);
    let begin = Instant::now();
    assert_eq!(texts(&client.ask("a.example.org", RecordType::A)), ["192.0.2.1"]);
    assert!(begin.elapsed() < Duration::from_secs(3), "{:?}", begin.elapsed());
    let begin = Instant::now();
    assert_eq!(texts(&client.ask("b.example.org", RecordType::A)), ["192.0.2.1"]);
    assert!(begin.elapsed() < Duration::from_millis(500), "{:?}", begin.elapsed());
    assert_eq!((refuses.count(), answers.count()), (2, 2));
}

#[test]
fn when_nobody_answers_the_client_is_told_within_its_patience() {
    let bed = Bed::start();
    bed.resolvers(&[bed.resolver_address(0), bed.resolver_address(1)]);
    let client = Client::new(&bed, 1);
    let begin = Instant::now();
    assert_eq!(client.ask("example.org", RecordType::A).metadata.response_code, ResponseCode::ServFail);
    assert!(begin.elapsed() < Duration::from_secs(1), "nobody listens there: {:?}", begin.elapsed());
    let _silent = Resolver::start(SocketAddr::new(bed.resolver_address(2), bed.port), |_, _| None);
    bed.resolvers(&[bed.resolver_address(2)]);
    super::let_time_pass();
    let begin = Instant::now();
    assert_eq!(client.ask("example.org", RecordType::A).metadata.response_code, ResponseCode::ServFail);
    assert!((3000..5000).contains(&begin.elapsed().as_millis()), "{:?}", begin.elapsed());
}

#[test]
fn refusals_and_negative_answers_of_resolvers_are_passed_on() {
    let bed = Bed::start();
    let _resolver = bed.resolver(|question, _| {
        let no = question.queries[0].name().to_ascii().starts_with("no.");
        Some(answer_code(question, if no { ResponseCode::NXDomain } else { ResponseCode::ServFail }))
    });
    let client = Client::new(&bed, 1);
    assert_eq!(client.ask("no.example.org", RecordType::A).metadata.response_code, ResponseCode::NXDomain);
    assert_eq!(client.ask("x.example.org", RecordType::A).metadata.response_code, ResponseCode::ServFail);
}

#[test]
fn a_replaced_resolv_conf_and_the_network_s_own_servers_are_followed() {
    let mut bed = Bed::start();
    let start = |index, text: &'static str| {
        let address = SocketAddr::new(bed.resolver_address(index), bed.port);
        Resolver::start(address, move |question, _| Some(answer_a(question, text)))
    };
    let _resolvers = [start(0, "192.0.2.1"), start(1, "192.0.2.2"), start(2, "192.0.2.3")];
    bed.resolvers(&[bed.resolver_address(0)]);
    let client = Client::new(&bed, 1);
    assert_eq!(texts(&client.ask("example.org", RecordType::A)), ["192.0.2.1"]);
    bed.resolvers(&[bed.resolver_address(1)]);
    super::let_time_pass();
    assert_eq!(texts(&client.ask("example.org", RecordType::A)), ["192.0.2.2"]);
    let own = bed.resolver_address(2);
    bed.change(|network| network.dns_servers = vec![own]);
    assert_eq!(texts(&client.ask("example.org", RecordType::A)), ["192.0.2.3"]);
}

#[test]
fn an_internal_network_forwards_nothing() {
    let bed = Bed::with(|network| network.internal = true);
    let resolver = bed.resolver(|question, _| Some(answer_a(question, "192.0.2.1")));
    bed.container("c1", "web", &["10.89.0.2"]);
    let client = Client::new(&bed, 1);
    for kind in [RecordType::A, RecordType::TXT, RecordType::PTR] {
        assert_eq!(client.ask("random.example", kind).metadata.response_code, ResponseCode::Refused);
    }
    let mut stream = connect(&bed, 1);
    write_message(&mut stream, &query(1, "random.example", RecordType::A, None));
    assert_eq!(read_message(&mut stream).unwrap().metadata.response_code, ResponseCode::Refused);
    assert_eq!(client.addresses("web"), ["10.89.0.2"]);
    assert_eq!(resolver.count(), 0);
    assert_eq!(bed.opened.load(Ordering::Relaxed), 0);
}

#[test]
fn what_does_not_fit_is_asked_over_tcp_and_cut_for_clients_that_cannot_take_it() {
    let bed = Bed::start();
    let _resolver = bed.resolver(|question, stream| {
        let mut answer = long_answer(question, 20);
        if !stream {
            answer.answers.clear();
            answer.metadata.truncation = true;
        }
        Some(answer)
    });
    let client = Client::new(&bed, 1);
    let large = client.ask_bytes(&query(1, "example.org", RecordType::TXT, Some(8192))).unwrap();
    assert_eq!((large.answers.len(), large.metadata.truncation), (20, false));
    for edns in [None, Some(1232)] {
        let cut = client.ask_bytes(&query(2, "example.org", RecordType::TXT, edns)).unwrap();
        assert_eq!((cut.answers.len(), cut.metadata.truncation), (0, true));
        assert_eq!(cut.edns.is_some(), edns.is_some());
    }
    let mut stream = connect(&bed, 1);
    write_message(&mut stream, &query(3, "example.org", RecordType::TXT, None));
    assert_eq!(read_message(&mut stream).unwrap().answers.len(), 20);
}

#[test]
fn a_resolver_that_cuts_but_takes_no_tcp_leaves_the_cut_answer() {
    let bed = Bed::start();
    let _resolver = bed.resolver(|question, stream| {
        let mut answer = answer_code(question, ResponseCode::NoError);
        answer.metadata.truncation = true;
        (!stream).then_some(answer)
    });
    let client = Client::new(&bed, 1);
    assert!(client.ask("example.org", RecordType::TXT).metadata.truncation);
}
