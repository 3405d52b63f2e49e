//! Names that are answered here.

use std::collections::HashSet;

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::RecordType;

use super::fixture::{Bed, Client, addresses, names, query, texts};

#[test]
fn name_alias_and_short_id_have_the_container_s_addresses_with_and_without_the_domain() {
    let bed = Bed::start();
    let id = "0123456789abcdef0123456789abcdef";
    bed.zone.set(id, &names("Db", &["postgres", "my.db_1"], &[]), addresses(&["10.89.0.2", "fd00:1::2"]));
    let client = Client::new(&bed, 1);
    for name in ["db", "DB.dns.podman", "postgres", "my.db_1", "my.db_1.dns.podman", "0123456789ab"] {
        assert_eq!(client.addresses(name), ["10.89.0.2", "fd00:1::2"], "{name}");
    }
    let answer = client.ask("db", RecordType::A);
    assert!(answer.metadata.authoritative && answer.metadata.recursion_available);
    assert_eq!(answer.answers[0].ttl, 0);
}

#[test]
fn a_change_is_seen_by_the_next_question() {
    let bed = Bed::start();
    let client = Client::new(&bed, 1);
    for round in 0..50 {
        assert_eq!(client.ask("web", RecordType::A).metadata.response_code, ResponseCode::NXDomain);
        let address = format!("10.89.0.{}", round + 2);
        bed.container("c1", "web", &[&address]);
        assert_eq!(client.addresses("web"), [address]);
        bed.zone.set("c1", &names("web2", &[], &[]), addresses(&["10.89.0.9"]));
        assert_eq!(client.addresses("web2"), ["10.89.0.9"]);
        assert!(client.addresses("web").is_empty());
        bed.zone.remove("c1");
    }
}

#[test]
fn containers_with_one_alias_take_turns() {
    let bed = Bed::start();
    for number in 2..6 {
        let (id, address) = (format!("c{number}"), format!("10.89.0.{number}"));
        bed.zone.set(&id, &names(&id, &["pool"], &[]), addresses(&[&address]));
    }
    let client = Client::new(&bed, 1);
    let answers: Vec<Vec<String>> = (0..8).map(|_| texts(&client.ask("pool", RecordType::A))).collect();
    assert!(answers.iter().all(|answer| answer.len() == 4));
    let first: HashSet<&String> = answers.iter().map(|answer| &answer[0]).collect();
    assert_eq!(first.len(), 4, "each of them comes first at times");
    bed.zone.remove("c3");
    assert_eq!(client.ask("pool", RecordType::A).answers.len(), 3);
}

#[test]
fn what_is_missing_and_what_is_empty_are_told_apart_and_nothing_leaks() {
    let bed = Bed::start();
    let resolver = bed.resolver(|question, _| Some(super::forwarding::answer_a(question, "192.0.2.1")));
    bed.container("c1", "web", &["10.89.0.2"]);
    let client = Client::new(&bed, 1);
    for (name, kind, code) in [
        ("gone", RecordType::A, ResponseCode::NXDomain),
        ("gone", RecordType::MX, ResponseCode::NXDomain),
        ("gone.dns.podman", RecordType::AAAA, ResponseCode::NXDomain),
        ("a.b.dns.podman", RecordType::A, ResponseCode::NXDomain),
        ("web", RecordType::AAAA, ResponseCode::NoError),
        ("web", RecordType::TXT, ResponseCode::NoError),
        ("dns.podman", RecordType::A, ResponseCode::NoError),
        ("200.0.89.10.in-addr.arpa", RecordType::PTR, ResponseCode::NXDomain),
    ] {
        let answer = client.ask(name, kind);
        assert_eq!(answer.metadata.response_code, code, "{name} {kind}");
        assert!(answer.answers.is_empty());
        assert_eq!(answer.authorities[0].record_type(), RecordType::SOA, "{name} {kind}");
    }
    bed.zone.remove("c1");
    assert_eq!(client.ask("web", RecordType::A).metadata.response_code, ResponseCode::NXDomain);
    assert_eq!(client.ask("web.dns.podman", RecordType::A).metadata.response_code, ResponseCode::NXDomain);
    assert_eq!(client.ask("dns.podman", RecordType::SOA).answers.len(), 1);
    assert_eq!(resolver.count(), 0);
}

#[test]
fn an_address_is_answered_with_the_container_s_name() {
    let bed = Bed::start();
    bed.zone.set("c1", &names("web", &["www"], &[]), addresses(&["10.89.0.2", "fd00:1::2"]));
    let client = Client::new(&bed, 1);
    assert_eq!(texts(&client.ask("2.0.89.10.in-addr.arpa", RecordType::PTR)), ["web."]);
    let v6 = format!("2.{}1.0.0.0.0.0.d.f.ip6.arpa", "0.".repeat(23));
    assert_eq!(texts(&client.ask(&v6, RecordType::PTR)), ["web."]);
    bed.zone.remove("c1");
    let answer = client.ask("2.0.89.10.in-addr.arpa", RecordType::PTR);
    assert_eq!(answer.metadata.response_code, ResponseCode::NXDomain);
}

#[test]
fn a_network_without_names_answers_none_but_keeps_them_to_itself() {
    let bed = Bed::with(|network| network.dns_enabled = false);
    let resolver = bed.resolver(|question, _| Some(super::forwarding::answer_a(question, "192.0.2.1")));
    bed.container("c1", "web", &["10.89.0.2"]);
    let client = Client::new(&bed, 1);
    assert_eq!(client.ask("web", RecordType::A).metadata.response_code, ResponseCode::NXDomain);
    let reverse = client.ask("2.0.89.10.in-addr.arpa", RecordType::PTR);
    assert_eq!(reverse.metadata.response_code, ResponseCode::NXDomain);
    assert!(bed.zone.resolve("web").is_empty());
    assert_eq!(resolver.count(), 0);
    assert_eq!(client.addresses("example.org"), ["192.0.2.1", "192.0.2.1"]);
}

#[test]
fn localhost_and_the_host_have_their_addresses() {
    let mut bed = Bed::start();
    let client = Client::new(&bed, 1);
    assert_eq!(client.addresses("localhost"), ["127.0.0.1", "::1"]);
    let outward = std::net::UdpSocket::bind("0.0.0.0:0").unwrap();
    let own = outward.connect("1.1.1.1:53").and_then(|()| outward.local_addr());
    for name in ["host.containers.internal", "host.docker.internal"] {
        let answer = client.ask(name, RecordType::A);
        assert_eq!(answer.metadata.response_code, ResponseCode::NoError);
        let expected: Vec<String> = own.iter().map(|address| address.ip().to_string()).collect();
        assert_eq!(texts(&answer), expected);
    }
    bed.change(|network| network.internal = true);
    let answer = client.ask("host.containers.internal", RecordType::A);
    assert_eq!(answer.metadata.response_code, ResponseCode::NXDomain);
}

#[test]
fn edns_is_answered_by_edns_and_a_version_that_does_not_exist_is_refused() {
    let bed = Bed::start();
    bed.container("c1", "web", &["10.89.0.2"]);
    let client = Client::new(&bed, 1);
    let answer = client.ask_bytes(&query(1, "web", RecordType::A, Some(4096))).unwrap();
    assert_eq!(answer.edns.unwrap().max_payload(), 1232);
    assert!(client.ask("web", RecordType::A).edns.is_none());
    let mut newer = query(2, "web", RecordType::A, Some(4096));
    let version = newer.len() - 5;
    newer[version] = 1;
    let answer = client.ask_bytes(&newer).unwrap();
    assert_eq!(u16::from(answer.metadata.response_code), u16::from(ResponseCode::BADVERS));
}
