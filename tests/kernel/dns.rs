//! A resolver of the host, as far as tests need one: RFC 1035, one question a message.

use std::net::{Ipv4Addr, UdpSocket};
use std::sync::{Arc, Mutex};

/// Bytes of a message's header (RFC 1035, section 4.1.1).
const HEADER: usize = 12;

/// The question for the IPv4 address of a name.
pub(crate) fn question(id: u16, name: &str) -> Vec<u8> {
    // One question, recursion desired.
    let mut message = [&id.to_be_bytes()[..], &[1, 0, 0, 1, 0, 0, 0, 0, 0, 0]].concat();
    for label in name.split('.') {
        message.push(u8::try_from(label.len()).expect("a label is short"));
        message.extend_from_slice(label.as_bytes());
    }
    // The root, type A, class IN.
    message.extend_from_slice(&[0, 0, 1, 0, 1]);
    message
}

/// The name that a message asks for, and its type.
fn asked_for(message: &[u8]) -> Option<(String, u16)> {
    let (mut labels, mut at) = (Vec::new(), HEADER);
    loop {
        let length = usize::from(*message.get(at)?);
        at += 1;
        if length == 0 {
            break;
        }
        labels.push(String::from_utf8_lossy(message.get(at..at + length)?).to_lowercase());
        at += length;
    }
    let kind = message.get(at..at + 2)?;
    Some((labels.join("."), u16::from_be_bytes([kind[0], kind[1]])))
}

/// A resolver that knows one address for all names, of which it keeps a list.
#[derive(Debug)]
pub(crate) struct Resolver {
    asked: Arc<Mutex<Vec<String>>>,
}

impl Resolver {
    /// Answers on port 53 of an address of the host until the test ends.
    pub(crate) fn start(at: &str, address: Ipv4Addr) -> Self {
        let socket = UdpSocket::bind((at, 53)).expect("tests may be name servers");
        let asked = Arc::new(Mutex::new(Vec::new()));
        let list = Arc::clone(&asked);
        std::thread::spawn(move || {
            let mut buffer = [0; 512];
            while let Ok((count, from)) = socket.recv_from(&mut buffer) {
                let message = &buffer[..count];
                let Some((name, kind)) = asked_for(message) else { continue };
                list.lock().unwrap().push(name);
                let _ = socket.send_to(&answer(message, (kind == 1).then_some(address)), from);
            }
        });
        Self { asked }
    }

    /// The names it was asked for so far.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

/// The answer to a question of ours: this address, or none of the kind.
fn answer(question: &[u8], address: Option<Ipv4Addr>) -> Vec<u8> {
    let mut message = question.to_vec();
    // An answer, recursion available; no further records but ours.
    message[2..4].copy_from_slice(&[0x81, 0x80]);
    message[6..HEADER].copy_from_slice(&[0, u8::from(address.is_some()), 0, 0, 0, 0]);
    let end = HEADER + message[HEADER..].iter().position(|byte| *byte == 0).expect("a name ends") + 5;
    message.truncate(end);
    if let Some(address) = address {
        // The name of the question, type A, class IN, a minute, four bytes.
        message.extend_from_slice(&[0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
        message.extend_from_slice(&address.octets());
    }
    message
}
