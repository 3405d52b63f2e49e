//! What a holder does not do, and whom it does not believe.

use std::io::{Read as _, Write as _};
use std::net::IpAddr;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use cala_holder::framing::encode;
use cala_holder::protocol::{MAX_MESSAGE, PROTOCOL, Reply, Request};
use cala_holder::{HolderError, paths};
use cala_spec::Classify as _;
use cala_spec::port::{PortMapping, Protocol};

use crate::fixture::{Box, Net, can_run};

fn code(result: Result<cala_holder::Lease, HolderError>) -> &'static str {
    result.map(drop).unwrap_err().code()
}

fn attach_with(
    net: &Net,
    container: &Box,
    change: impl FnOnce(&mut cala_holder::protocol::Attach),
) -> Result<cala_holder::Lease, HolderError> {
    let mut attach = container.attach();
    change(&mut attach);
    net.ensure().attach(&attach, container.namespace().as_fd())
}

#[test]
fn addresses_are_checked() {
    if !can_run() {
        return;
    }
    let net = Net::new(&[("10.89.72.0/29", "10.89.72.1")]);
    let ip = |text: &str| vec![text.parse::<IpAddr>().unwrap()];
    let [a, b] = ["a", "b"].map(|name| net.make(name));
    let lease = attach_with(&net, &a, |attach| attach.addresses = ip("10.89.72.6")).unwrap();
    assert_eq!(code(net.attach(&a)), "already_attached");
    assert_eq!(code(attach_with(&net, &b, |attach| attach.addresses = ip("10.89.72.6"))), "address_taken");
    assert_eq!(code(attach_with(&net, &b, |attach| attach.addresses = ip("10.89.72.1"))), "address_taken");
    for outside in ["10.89.72.7", "10.89.73.2", "fd00::2"] {
        let refused = attach_with(&net, &b, |attach| attach.addresses = ip(outside));
        assert_eq!(code(refused), "address_outside_subnet", "{outside}");
    }
    let mac =
        |text: &'static str| move |attach: &mut cala_holder::protocol::Attach| attach.mac = Some(text.into());
    assert_eq!(code(attach_with(&net, &b, mac("01:00:5e:00:00:01"))), "invalid_mac_address");
    for taken in ["02:42:0a:59:48:06", "02:42:0a:59:48:01"] {
        assert_eq!(code(attach_with(&net, &b, mac(taken))), "mac_address_taken", "{taken}");
    }
    for interface in ["", "lo", "a/b", "sixteen-letters-", "a b"] {
        let refused = attach_with(&net, &b, |attach| attach.interface = interface.into());
        assert_eq!(code(refused), "invalid_request", "{interface}");
    }
    let others: Vec<_> = (0..4).map(|at| net.join(&format!("other{at}"))).collect();
    let refused = net.attach(&b).unwrap_err();
    assert_eq!(refused.code(), "pool_exhausted");
    assert_eq!(
        refused.to_string(),
        "failed to find free IP in range: 10.89.72.1 - 10.89.72.6 of network shop"
    );
    assert!(!refused.hints().is_empty());
    drop((lease, others));
    net.wait_for_end();
}

#[test]
fn an_internal_network_publishes_nothing() {
    if !can_run() {
        return;
    }
    let net = Net::with(&[("10.89.72.0/24", "10.89.72.1")], |network| network.internal = true);
    let (a, mut lease) = net.join("a");
    assert!(lease.attached().status.gateways.is_empty());
    assert_eq!(lease.attached().uplink_problem, None);
    let routes = a.run(&["busybox", "ip", "route"]).unwrap();
    assert!(!routes.contains("default"), "{routes}");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = PortMapping {
        host_ip: None,
        host_port: listener.local_addr().unwrap().port(),
        container_port: 80,
        protocol: Protocol::Tcp,
    };
    assert_eq!(lease.publish(&port, &[listener.as_fd()]).unwrap_err().code(), "network_internal");
}

/// A connection on which anything may be said.
struct Rude(UnixStream);

impl Rude {
    fn new(net: &Net) -> Self {
        let stream = cala_sys::scm::connect(&paths::socket(&net.run_root(), &net.network.id)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        Self(stream)
    }

    fn say(&mut self, body: &[u8], fds: &[BorrowedFd<'_>]) {
        let mut bytes = u32::try_from(body.len()).unwrap().to_le_bytes().to_vec();
        bytes.extend_from_slice(body);
        cala_sys::scm::send(&self.0, &bytes, fds).unwrap();
    }

    fn hello(&mut self) {
        let hello = Request::Hello { protocol: PROTOCOL, version: "rude".into() };
        self.0.write_all(&encode(&hello).unwrap()).unwrap();
        assert!(matches!(self.answer(), Some(Reply::Hello { .. })));
    }

    /// `None`: it hung up.
    fn answer(&mut self) -> Option<Reply> {
        let mut head = [0; 4];
        self.0.read_exact(&mut head).ok()?;
        let mut body = vec![0; u32::from_le_bytes(head) as usize];
        self.0.read_exact(&mut body).unwrap();
        Some(serde_json::from_slice(&body).unwrap())
    }

    fn refusal(&mut self) -> String {
        match self.answer() {
            Some(Reply::Error(failure)) => failure.code,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn hostile_words_are_answered_and_others_served() {
    if !can_run() {
        return;
    }
    let net = Net::new(&[("10.89.72.0/24", "10.89.72.1")]);
    let (_a, lease) = net.join("a");

    let mut rude = Rude::new(&net);
    rude.say(br#"{"request":"snapshot"}"#, &[]);
    assert_eq!(rude.refusal(), "invalid_request", "before hello");
    rude.say(br#"{"request":"hello","protocol":99,"version":"9"}"#, &[]);
    assert_eq!(rude.refusal(), "protocol_mismatch");
    rude.hello();
    for (words, code) in [
        (br#"{"request":"dance"}"#.as_slice(), "unknown_request"),
        (b"not json", "unknown_request"),
        (b"", "unknown_request"),
        (br#"{"request":"launch","network_dir":"/x","run_root":"/y"}"#, "invalid_request"),
        (br#"{"request":"unpublish","port":{"host_port":80,"container_port":80}}"#, "not_attached"),
        (br#"{"request":"update","name":"x","aliases":[],"also_in":[]}"#, "not_attached"),
    ] {
        rude.say(words, &[]);
        assert_eq!(rude.refusal(), code, "{}", String::from_utf8_lossy(words));
    }
    let attach = |id: &str| {
        format!(
            r#"{{"request":"attach","container":"{id}","names":{{"name":"x","aliases":[],"also_in":[]}},"interface":"eth0","default_route":true}}"#
        )
    };
    let id = "c".repeat(64);
    rude.say(attach(&id).as_bytes(), &[]);
    assert_eq!(rude.refusal(), "invalid_request", "without a namespace");
    rude.say(attach("../../etc").as_bytes(), &[lease.namespace()]);
    assert_eq!(rude.refusal(), "invalid_request", "no id");
    let null = std::fs::File::open("/dev/null").unwrap();
    rude.say(attach(&id).as_bytes(), &[null.as_fd()]);
    assert!(!rude.refusal().is_empty(), "no namespace");

    let mut flood = Rude::new(&net);
    flood.0.write_all(&u32::try_from(MAX_MESSAGE + 1).unwrap().to_le_bytes()).unwrap();
    assert_eq!(flood.refusal(), "invalid_request");
    assert_eq!(flood.answer(), None);

    // Descriptors that no message asks for do not pile up.
    let mut hoard = Rude::new(&net);
    hoard.hello();
    for _ in 0..200 {
        hoard.say(br#"{"request":"snapshot"}"#, &[null.as_fd(); 8]);
        assert!(matches!(hoard.answer(), Some(Reply::Snapshot(_))));
    }
    hoard.0.write_all(&1000_u32.to_le_bytes()).unwrap();
    for _ in 0..5 {
        cala_sys::scm::send(&hoard.0, b"x", &[null.as_fd(); 8]).unwrap();
    }
    assert_eq!(hoard.refusal(), "invalid_request");

    // One who asks without reading is not read on, and holds nobody up.
    let mut deaf = Rude::new(&net);
    deaf.hello();
    deaf.0.set_write_timeout(Some(Duration::from_millis(200))).unwrap();
    let question = encode(&Request::Snapshot).unwrap();
    while deaf.0.write_all(&question).is_ok() {}
    let snapshot = net.snapshot();
    assert_eq!(snapshot.containers.len(), 1);
    let open = std::fs::read_dir(format!("/proc/{}/fd", snapshot.pid)).unwrap().count();
    assert!(open < 64, "{open} descriptors");
    drop((rude, flood, hoard, deaf, lease));
    net.wait_for_end();
}
