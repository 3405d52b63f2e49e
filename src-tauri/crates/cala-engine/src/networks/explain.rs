//! What the attempts to reach something mean, in words.

use std::net::IpAddr;

use cala_spec::Protocol;

use super::sockets::Socket;
use crate::view::{ReachAttempt, ReachOutcome, ReachReason, ReachReport};

/// Why, as a sentence and as what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Why {
    pub(super) reason: ReachReason,
    pub(super) message: String,
    pub(super) hints: Vec<String>,
}

impl Why {
    pub(super) fn new(reason: ReachReason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into(), hints: Vec::new() }
    }

    pub(super) fn hint(mut self, line: impl Into<String>) -> Self {
        self.hints.push(line.into());
        self
    }
}

/// A report of something that was not reached.
pub(super) fn not_reached(report: ReachReport, why: Why) -> ReachReport {
    ReachReport { reached: false, reason: Some(why.reason), message: why.message, hints: why.hints, ..report }
}

/// A port and how it is tried; `80`, `53/udp` for a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Port {
    pub(super) number: u16,
    pub(super) protocol: Protocol,
}

impl std::fmt::Display for Port {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.protocol {
            Protocol::Tcp => write!(f, "{}", self.number),
            Protocol::Udp => write!(f, "{}/udp", self.number),
        }
    }
}

/// What no answer to a datagram means where a socket takes datagrams on that port of the address: it arrived, or the other
/// side would have refused it.
pub(super) fn taken(port: Option<Port>, address: IpAddr, listening: &[Socket]) -> bool {
    let takes = |socket: &Socket, number: u16| {
        let at = socket.local.ip();
        socket.local.port() == number && (at == address || at.is_unspecified())
    };
    port.is_some_and(|port| {
        port.protocol == Protocol::Udp && listening.iter().any(|socket| takes(socket, port.number))
    })
}

/// The worst that can be said of several attempts none of which was answered: a refusal proves more than silence.
pub(super) fn outcome(attempts: &[ReachAttempt]) -> ReachOutcome {
    let any = |wanted| attempts.iter().any(|attempt| attempt.outcome == wanted);
    [ReachOutcome::Answered, ReachOutcome::Taken, ReachOutcome::Refused, ReachOutcome::Silent]
        .into_iter()
        .find(|wanted| any(*wanted))
        .unwrap_or(ReachOutcome::Unreachable)
}

/// How a success is told.
pub(super) fn success(from: &str, to: &str, port: Option<Port>, names: &[String]) -> String {
    let what = port.map_or_else(|| to.to_owned(), |port| format!("port {port} of {to}"));
    match names.first() {
        Some(name) => format!("{from} reaches {what} as {name}"),
        None => format!("{from} reaches {what} by its address"),
    }
}

/// Why a container in a common network did not answer. `listening` are the sockets of the other that take connections.
pub(super) fn of_container(to: &str, port: Option<Port>, outcome: ReachOutcome, listening: &[Socket]) -> Why {
    let here: Vec<&Socket> =
        listening.iter().filter(|socket| Some(socket.local.port()) == port.map(|port| port.number)).collect();
    match (outcome, port) {
        (ReachOutcome::Refused, Some(port)) if here.is_empty() => {
            Why::new(ReachReason::NothingListens, format!("nothing listens on port {port} of {to}"))
                .hint(where_it_listens(to, port.protocol, listening))
        }
        (ReachOutcome::Refused, Some(port)) if here.iter().all(|s| s.local.ip().is_loopback()) => Why::new(
            ReachReason::LoopbackOnly,
            format!("what listens on port {port} of {to} does so on {} only", addresses(&here)),
        )
        .hint(format!(
            "have the program in {to} listen on 0.0.0.0: no other container reaches its 127.0.0.1"
        )),
        (ReachOutcome::Refused, Some(port)) => Why::new(
            ReachReason::NothingListens,
            format!("port {port} of {to} refuses: what listens there does so on {}", addresses(&here)),
        )
        .hint(format!("have the program in {to} listen on 0.0.0.0")),
        (ReachOutcome::Silent, _) => Why::new(ReachReason::Silent, format!("{to} does not answer"))
            .hint(format!("it may be too busy: `cala logs {to}` shows what it does")),
        _ => Why::new(ReachReason::Unreachable, format!("there is no route to {to}")).hint(
            "its interface may have been taken down: disconnect it from the network and connect it again",
        ),
    }
}

/// Why something outside did not answer.
pub(super) fn of_outside(
    from: &str,
    to: &str,
    address: IpAddr,
    outcome: ReachOutcome,
    internal: bool,
    uplink: Option<&str>,
) -> Why {
    if address.is_loopback() {
        return Why::new(ReachReason::NothingListens, format!("{address} in {from} is {from} itself"))
            .hint("the host is host.containers.internal");
    }
    if internal && outcome != ReachOutcome::Refused {
        return Why::new(
            ReachReason::Internal,
            format!("all networks of {from} are internal: nothing outside is reached"),
        )
        .hint(format!("`cala network connect NETWORK {from}` adds a network that is not"));
    }
    match (outcome, uplink) {
        (ReachOutcome::Refused, _) => {
            Why::new(ReachReason::NothingListens, format!("{to} refuses: nothing listens there"))
        }
        (_, Some(problem)) => {
            Why::new(ReachReason::NoUplink, format!("the networks of {from} have no way out: {problem}"))
        }
        (ReachOutcome::Silent, None) => Why::new(ReachReason::Silent, format!("{to} does not answer"))
            .hint("if the host reaches it, a firewall of the host or of the network may be between"),
        _ => Why::new(ReachReason::Unreachable, format!("there is no route to {to}"))
            .hint(format!("`ip route get {address}` tells whether the host has one")),
    }
}

fn addresses(sockets: &[&Socket]) -> String {
    let mut all: Vec<String> = sockets.iter().map(|socket| socket.local.ip().to_string()).collect();
    all.dedup();
    all.join(" and ")
}

fn where_it_listens(to: &str, protocol: Protocol, listening: &[Socket]) -> String {
    if listening.is_empty() {
        return format!(
            "{to} listens on no {} port: `cala logs {to}` shows whether its program has started",
            protocol.as_str().to_ascii_uppercase()
        );
    }
    let mut ports: Vec<u16> = listening.iter().map(|socket| socket.local.port()).collect();
    ports.sort_unstable();
    ports.dedup();
    let ports: Vec<String> = ports.iter().map(ToString::to_string).collect();
    format!("{to} listens on {}", ports.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TCP: Port = Port { number: 80, protocol: Protocol::Tcp };

    #[test]
    fn a_datagram_without_an_answer_is_taken_where_a_socket_takes_it() {
        let port = Some(Port { number: 53, protocol: Protocol::Udp });
        let address: IpAddr = "10.89.0.2".parse().unwrap();
        assert!(taken(port, address, &[listens("0.0.0.0:53")]));
        assert!(taken(port, address, &[listens("10.89.0.2:53")]));
        assert!(!taken(port, address, &[listens("127.0.0.1:53"), listens("0.0.0.0:54")]));
        assert!(
            !taken(Some(TCP), address, &[listens("0.0.0.0:80")]),
            "a connection is answered by the kernel"
        );
        assert!(!taken(None, address, &[listens("0.0.0.0:53")]));
        let why = of_container("b", port, ReachOutcome::Refused, &[]);
        assert_eq!(why.message, "nothing listens on port 53/udp of b");
        assert!(why.hints[0].contains("no UDP port"), "{why:?}");
    }

    fn listens(local: &str) -> Socket {
        Socket { local: local.parse().unwrap(), open: true, uid: 0, inode: 1 }
    }

    #[test]
    fn a_refusal_is_explained_by_what_listens() {
        let why = |listening: &[Socket]| of_container("b", Some(TCP), ReachOutcome::Refused, listening);
        assert_eq!(why(&[]).reason, ReachReason::NothingListens);
        assert!(why(&[]).hints[0].contains("no TCP port"));
        let other = why(&[listens("0.0.0.0:8080"), listens("[::]:8080")]);
        assert_eq!(
            (other.reason, other.hints[0].as_str()),
            (ReachReason::NothingListens, "b listens on 8080")
        );
        let loopback = why(&[listens("127.0.0.1:80"), listens("0.0.0.0:9")]);
        assert_eq!(loopback.reason, ReachReason::LoopbackOnly);
        assert_eq!(loopback.message, "what listens on port 80 of b does so on 127.0.0.1 only");
        let elsewhere = why(&[listens("10.1.0.5:80")]);
        assert_eq!(elsewhere.reason, ReachReason::NothingListens);
        assert!(elsewhere.message.ends_with("10.1.0.5"), "{}", elsewhere.message);
    }

    #[test]
    fn what_is_outside_is_explained_by_the_networks() {
        let address: IpAddr = "192.0.2.7".parse().unwrap();
        let why = |outcome, internal, uplink| of_outside("a", "x", address, outcome, internal, uplink).reason;
        let unreachable = ReachOutcome::Unreachable;
        assert_eq!(why(unreachable, true, None), ReachReason::Internal);
        assert_eq!(why(ReachOutcome::Refused, true, None), ReachReason::NothingListens);
        assert_eq!(why(unreachable, false, Some("no pasta")), ReachReason::NoUplink);
        assert_eq!(why(ReachOutcome::Silent, false, None), ReachReason::Silent);
        assert_eq!(why(unreachable, false, None), ReachReason::Unreachable);
        let itself =
            of_outside("a", "localhost", "127.0.0.1".parse().unwrap(), ReachOutcome::Refused, false, None);
        assert!(itself.message.contains("a itself"));
    }

    #[test]
    fn of_several_attempts_the_most_telling_counts() {
        let attempt = |outcome| ReachAttempt { network: None, address: String::new(), outcome };
        let both = [attempt(ReachOutcome::Silent), attempt(ReachOutcome::Refused)];
        assert_eq!(outcome(&both), ReachOutcome::Refused);
        assert_eq!(outcome(&both[..1]), ReachOutcome::Silent);
        assert_eq!(outcome(&[]), ReachOutcome::Unreachable);
    }

    #[test]
    fn success_is_told_with_a_name_where_there_is_one() {
        assert_eq!(success("a", "b", Some(TCP), &["b".to_owned()]), "a reaches port 80 of b as b");
        assert_eq!(success("a", "b", None, &[]), "a reaches b by its address");
    }
}
