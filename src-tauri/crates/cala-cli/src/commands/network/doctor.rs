//! `cala network doctor`.

use std::fmt::Write as _;

use cala_engine::view::{PortHolder, PortReport};
use cala_spec::Protocol;

use super::{hinted, is_json, only};
use crate::context::Context;
use crate::failure::Failure;
use crate::{output, report};

/// Tell who has a port of the host and which one is free instead
///
/// The exit code is 0 when the port can be published, and 1 when it is taken or may not be opened.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "cala network doctor 8080\ncala network doctor 53/udp\ncala network doctor 8080 --format json"
)]
pub(crate) struct Args {
    /// Show the answer as JSON
    #[arg(long, value_name = "json")]
    format: Option<String>,
    #[arg(value_name = "PORT[/PROTOCOL]", num_args = 0..)]
    words: Vec<String>,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    let json = is_json(args.format.as_deref())?;
    let (port, protocol) = read(only(&args.words)?)?;
    let found = context.engine()?.port_doctor(port, protocol)?;
    let text = if json { report::json(&found, 2)? } else { shown(&found) };
    output::data(text)?;
    if !json {
        hinted(&found.hints);
    }
    Ok(u8::from(!(found.free && found.allowed)))
}

/// `8080`, `8080/tcp`, `53/udp`.
fn read(text: &str) -> Result<(u16, Protocol), Failure> {
    let (number, protocol) = match text.split_once('/') {
        Some((number, protocol)) => (number, protocol.parse()?),
        None => (text, Protocol::Tcp),
    };
    let number = number.parse().ok().filter(|port| *port > 0).ok_or_else(|| {
        Failure::new(format!("{text:?} is not a port of the host")).hint("write a number from 1 to 65535")
    })?;
    Ok((number, protocol))
}

fn shown(found: &PortReport) -> String {
    let mut out = format!("{}/{} ", found.port, found.protocol);
    out.push_str(match (found.free, found.allowed) {
        (true, true) => "is free",
        (true, false) => "is free, but you may not open it",
        (false, true) => "is taken",
        (false, false) => "is taken, and you may not open it",
    });
    out.push('\n');
    let width = found.sockets.iter().map(|socket| socket.address.len()).max().unwrap_or(0);
    for socket in &found.sockets {
        _ = writeln!(out, "  {:width$}  {}", socket.address, holder(&socket.holder));
    }
    if let Some(next) = found.next_free {
        _ = writeln!(out, "next free port: {next}");
    }
    out
}

fn holder(holder: &PortHolder) -> String {
    match holder {
        PortHolder::Container { name, .. } => format!("container {name}"),
        PortHolder::Process { pid, program } => format!("{program} (pid {pid})"),
        PortHolder::AnotherUser { uid } => format!("another user's process (uid {uid})"),
    }
}

#[cfg(test)]
mod tests {
    use cala_engine::view::PortSocket;

    use super::*;

    #[test]
    fn ports_have_a_protocol() {
        assert_eq!(read("8080").ok(), Some((8080, Protocol::Tcp)));
        assert_eq!(read("53/udp").ok(), Some((53, Protocol::Udp)));
        for bad in ["", "0", "x", "70000", "80/icmp", "80/sctp", "-1"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_person_reads_who_and_what_next() {
        let socket = |address: &str, holder| PortSocket { address: address.to_owned(), holder };
        let found = PortReport {
            port: 8080,
            protocol: Protocol::Tcp,
            free: false,
            allowed: true,
            sockets: vec![
                socket("0.0.0.0:8080", PortHolder::Container { id: "1".into(), name: "web".into() }),
                socket("[::1]:8080", PortHolder::Process { pid: 7, program: "nginx".into() }),
                socket("10.0.0.1:8080", PortHolder::AnotherUser { uid: 0 }),
            ],
            next_free: Some(8081),
            hints: Vec::new(),
        };
        assert_eq!(
            shown(&found),
            "8080/tcp is taken\n  0.0.0.0:8080   container web\n  [::1]:8080     nginx (pid 7)\n  \
             10.0.0.1:8080  another user's process (uid 0)\nnext free port: 8081\n"
        );
    }
}
