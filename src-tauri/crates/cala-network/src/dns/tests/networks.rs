//! Names of containers in other networks of the asking container, asked from their holders.

use std::io::Write as _;
use std::net::IpAddr;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use cala_holder::framing::{Inbox, encode};
use cala_holder::paths;
use cala_holder::protocol::{PROTOCOL, Reply, Request};
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::RecordType;

use super::fixture::{Bed, Client, addresses, connect, names, query, read_message, texts, write_message};

/// The holder of another network that knows `db`; it ends with the test's process.
fn holder(bed: &Bed, network: &str) -> Arc<AtomicUsize> {
    let listener = listen(bed, network);
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let count = Arc::clone(&count);
            std::thread::spawn(move || serve(stream, &count));
        }
    });
    asked
}

fn listen(bed: &Bed, network: &str) -> UnixListener {
    let socket = paths::socket(bed.folder.path(), network);
    std::fs::create_dir_all(socket.parent().unwrap()).unwrap();
    UnixListener::bind(socket).unwrap()
}

fn serve(mut stream: UnixStream, asked: &AtomicUsize) {
    let (mut inbox, mut buffer) = (Inbox::default(), [0; 4096]);
    while let Ok((count @ 1.., fds)) = cala_sys::scm::receive(&stream, &mut buffer) {
        inbox.push(&buffer[..count], fds).unwrap();
        while let Some(message) = inbox.take().unwrap() {
            let reply = match serde_json::from_slice(&message.body).unwrap() {
                Request::Hello { .. } => Reply::Hello { protocol: PROTOCOL, version: "1".into() },
                Request::Resolve { name } => {
                    asked.fetch_add(1, Ordering::Relaxed);
                    let found = name == "db" || name == "my.db";
                    Reply::Resolved { addresses: if found { addresses(&["10.90.0.7"]) } else { Vec::new() } }
                }
                Request::NameOf { address } => {
                    asked.fetch_add(1, Ordering::Relaxed);
                    let found = addresses(&["10.90.0.7"]).contains(&address);
                    Reply::Named { name: found.then(|| "db".to_owned()) }
                }
                other => panic!("{other:?}"),
            };
            stream.write_all(&encode(&reply).unwrap()).unwrap();
        }
    }
}

/// A container with the address of a client, in other networks too.
fn join(bed: &Bed, client: IpAddr, also_in: &[&str]) {
    bed.zone.set("asker", &names("asker", &[], also_in), vec![client]);
}

#[test]
fn names_of_the_other_networks_of_the_asker_are_answered_to_it_alone() {
    let bed = Bed::start();
    let resolver = bed.resolver(|question, _| Some(super::forwarding::answer_a(question, "192.0.2.1")));
    let asked = holder(&bed, "n2");
    join(&bed, bed.client_address(1), &["n2"]);
    let client = Client::new(&bed, 1);
    for name in ["db", "DB.dns.podman", "my.db"] {
        assert_eq!(texts(&client.ask(name, RecordType::A)), ["10.90.0.7"], "{name}");
    }
    let empty = client.ask("db", RecordType::AAAA);
    assert_eq!((empty.metadata.response_code, empty.answers.len()), (ResponseCode::NoError, 0));
    assert_eq!(client.ask("none", RecordType::A).metadata.response_code, ResponseCode::NXDomain);
    assert_eq!(resolver.count(), 0);
    assert_eq!(texts(&client.ask("example.org", RecordType::A)), ["192.0.2.1"]);
    // Addresses too; the next one is nobody's there, so it is for the host's resolvers.
    assert_eq!(texts(&client.ask("7.0.90.10.in-addr.arpa", RecordType::PTR)), ["db."]);
    let forwarded = resolver.count();
    client.ask("8.0.90.10.in-addr.arpa", RecordType::PTR);
    assert_eq!(resolver.count(), forwarded + 1);
    let mut stream = connect(&bed, 1);
    write_message(&mut stream, &query(1, "db", RecordType::A, None));
    assert_eq!(read_message(&mut stream).unwrap().answers.len(), 1);
    let before = asked.load(Ordering::Relaxed);
    let stranger = Client::new(&bed, 2);
    assert_eq!(stranger.ask("db", RecordType::A).metadata.response_code, ResponseCode::NXDomain);
    assert_ne!(texts(&stranger.ask("7.0.90.10.in-addr.arpa", RecordType::PTR)), ["db."]);
    assert_eq!(asked.load(Ordering::Relaxed), before);
}

#[test]
fn a_network_without_a_holder_has_no_names() {
    let bed = Bed::start();
    let _ = holder(&bed, "n3");
    join(&bed, bed.client_address(1), &["n2", "n3"]);
    let client = Client::new(&bed, 1);
    assert_eq!(client.ask("none", RecordType::A).metadata.response_code, ResponseCode::NXDomain);
    assert_eq!(texts(&client.ask("db", RecordType::A)), ["10.90.0.7"]);
}

#[test]
fn a_holder_that_hangs_holds_nobody_up() {
    let bed = Bed::start();
    bed.container("c1", "web", &["10.89.0.2"]);
    let _hangs = listen(&bed, "n2");
    join(&bed, bed.client_address(1), &["n2"]);
    let (client, other) = (Client::new(&bed, 1), Client::new(&bed, 2));
    client.send(&query(1, "db", RecordType::A, None));
    let begin = Instant::now();
    assert_eq!(other.addresses("web"), ["10.89.0.2"]);
    assert_eq!(client.receive(Duration::from_millis(10)), None);
    assert!(begin.elapsed() < Duration::from_millis(200));
    // It is not known whether there is such a name: that is what is said, soon, and the next time at once.
    let answer = client.receive(Duration::from_secs(2)).unwrap();
    assert_eq!(answer[3] & 0x0f, ResponseCode::ServFail.low());
    let begin = Instant::now();
    assert_eq!(client.ask("db", RecordType::A).metadata.response_code, ResponseCode::ServFail);
    assert!(begin.elapsed() < Duration::from_millis(200));
}

#[test]
fn a_holder_that_speaks_nonsense_is_hung_up_on() {
    let bed = Bed::start();
    let listener = listen(&bed, "n2");
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.write_all(&[4, 0, 0, 0, b'x', b'x', b'x', b'x', 0xff, 0xff, 0xff, 0xff]);
        }
    });
    join(&bed, bed.client_address(1), &["n2"]);
    let client = Client::new(&bed, 1);
    for _ in 0..5 {
        assert_eq!(client.ask("db", RecordType::A).metadata.response_code, ResponseCode::ServFail);
    }
}
