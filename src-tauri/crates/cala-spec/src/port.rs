//! Published ports: `-p [ip:]host:container[/protocol]` (podman-run(1)).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::InvalidValue;

/// A transport protocol whose ports can be published.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub enum Protocol {
    /// TCP.
    #[default]
    Tcp,
    /// UDP.
    Udp,
}

impl Protocol {
    /// `tcp` or `udp`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Protocol {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        match text.to_ascii_lowercase().as_str() {
            "tcp" => Ok(Self::Tcp),
            "udp" => Ok(Self::Udp),
            "sctp" => Err(InvalidValue::new("sctp_not_supported", "SCTP ports cannot be published")
                .allowing(
                    "TCP and UDP ports can; containers of one network reach each other by any protocol",
                )),
            _ => Err(InvalidValue::new("invalid_protocol", format!("unknown protocol `{text}`"))
                .allowing("tcp or udp")),
        }
    }
}

/// One published port: a port of the host that leads to a port of the container.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(optional_fields))]
pub struct PortMapping {
    /// Address of the host; `None` is every address, IPv4 and IPv6.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(as = "Option<String>"))]
    pub host_ip: Option<IpAddr>,
    /// Port of the host, 1 to 65535. 0 in a wish only: a free one is chosen when the container is created.
    pub host_port: u16,
    /// Port of the container, 1 to 65535.
    pub container_port: u16,
    /// The protocol.
    #[serde(default)]
    pub protocol: Protocol,
}

impl PortMapping {
    /// The address that is listened on: `0.0.0.0` for every address (the IPv6 one is opened beside it).
    #[must_use]
    pub fn host_address(&self) -> SocketAddr {
        SocketAddr::new(self.host_ip.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)), self.host_port)
    }
}

/// `0.0.0.0:8080->80/tcp`, as `ps` shows it.
impl fmt::Display for PortMapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}->{}/{}", self.host_address(), self.container_port, self.protocol)
    }
}

/// The most ports that one `-p` may name.
const MAX_RANGE: u32 = 4096;

/// Parses `--expose PORT[-PORT][/PROTOCOL]` into `PORT/PROTOCOL` each.
///
/// # Errors
/// A port that is none, a range that runs backwards, an unknown protocol.
pub fn parse_expose(text: &str) -> Result<Vec<String>, InvalidValue> {
    let (ports, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    let invalid = |why: &str| {
        InvalidValue::new("invalid_expose", format!("invalid range format for --expose: {ports}: {why}"))
            .allowing("a port is a number from 1 to 65535, a range is FIRST-LAST")
    };
    let protocol = protocol.to_ascii_lowercase();
    if !matches!(protocol.as_str(), "tcp" | "udp" | "sctp") {
        let text = format!(
            "validating protocols for exposed port {ports}: unrecognized protocol {protocol:?} in port mapping"
        );
        return Err(InvalidValue::new("invalid_expose", text).allowing("allowed: tcp, udp, sctp"));
    }
    let number =
        |text: &str| text.parse::<u16>().ok().filter(|port| *port > 0).ok_or_else(|| invalid("not a port"));
    let (first, last) = ports.split_once('-').unwrap_or((ports, ports));
    let (first, last) = (number(first)?, number(last)?);
    if first > last {
        return Err(invalid("it runs backwards"));
    }
    Ok((first..=last).map(|port| format!("{port}/{protocol}")).collect())
}

/// Reads the value of `-p`: `[[ip:][host]:]container[/protocol]`, each port also a range `first-last`. A host port that is
/// left out is 0: a free one is chosen.
///
/// # Errors
/// What is wrong with it, with the grammar as a hint.
pub fn parse_publish(text: &str) -> Result<Vec<PortMapping>, InvalidValue> {
    let wrong = |why: String| {
        InvalidValue::new("invalid_port", format!("invalid value {text:?} for publish: {why}")).allowing(
            "write [[ADDRESS:]HOST_PORT:]CONTAINER_PORT[/tcp|/udp], such as 8080:80 or 127.0.0.1:8080:80",
        )
    };
    let (ports, protocol) = match text.rsplit_once('/') {
        Some((ports, protocol)) => (ports, protocol.parse()?),
        None => (text, Protocol::Tcp),
    };
    let (address, ports) = split_address(ports).map_err(&wrong)?;
    let (host, container) = match ports.split_once(':') {
        Some((host, container)) => (host, container),
        None if address.is_some() => return Err(wrong("a container port is missing".to_owned())),
        None => ("", ports),
    };
    let container = range(container).map_err(&wrong)?;
    let host = if host.is_empty() { None } else { Some(range(host).map_err(&wrong)?) };
    let count = container.1 - container.0 + 1;
    if host.is_some_and(|(first, last)| last - first + 1 != count) {
        return Err(wrong("host and container port ranges have different lengths".to_owned()));
    }
    if count > MAX_RANGE {
        return Err(wrong(format!("a range of {count} ports, at most {MAX_RANGE} are allowed")));
    }
    let port = |number: u32| u16::try_from(number).unwrap_or(0);
    let mapping = |offset: u32| PortMapping {
        host_ip: address,
        host_port: host.map_or(0, |(first, _)| port(first + offset)),
        container_port: port(container.0 + offset),
        protocol,
    };
    Ok((0..count).map(mapping).collect())
}

/// The address in front, if there is one: IPv4, or IPv6 in brackets. Unspecified ones are those that they say.
fn split_address(text: &str) -> Result<(Option<IpAddr>, &str), String> {
    if let Some(rest) = text.strip_prefix('[') {
        let (address, rest) = rest.split_once("]:").ok_or("`]:` is missing behind the IPv6 address")?;
        let address = address.parse().map_err(|_| format!("{address:?} is not an IPv6 address"))?;
        return Ok((Some(IpAddr::V6(address)), rest));
    }
    match text.matches(':').count() {
        0 | 1 => Ok((None, text)),
        2 => {
            let (address, rest) = text.split_once(':').unwrap_or_default();
            if address.is_empty() {
                return Ok((None, rest));
            }
            let parsed = address.parse().map_err(|_| format!("{address:?} is not an address of the host"))?;
            Ok((Some(parsed), rest))
        }
        _ => Err("too many colons; an IPv6 address stands in brackets".to_owned()),
    }
}

/// `first-last` or one port, 1 to 65535.
fn range(text: &str) -> Result<(u32, u32), String> {
    let number = |text: &str| -> Result<u32, String> {
        let port: u32 = text.parse().map_err(|_| format!("{text:?} is not a port number"))?;
        if (1..=65_535).contains(&port) {
            Ok(port)
        } else {
            Err(format!("port numbers must be between 1 and 65535 (inclusive), got {port}"))
        }
    };
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (number(first)?, number(last)?);
    if first > last {
        Err(format!("{text:?} is a range that ends before it begins"))
    } else {
        Ok((first, last))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Vec<String> {
        let mappings = parse_publish(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        mappings.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn every_form_of_publish_is_read() {
        for (text, expected) in [
            ("8080:80", &["0.0.0.0:8080->80/tcp"][..]),
            ("80", &["0.0.0.0:0->80/tcp"]),
            (":80", &["0.0.0.0:0->80/tcp"]),
            ("53:53/udp", &["0.0.0.0:53->53/udp"]),
            ("127.0.0.1:8080:80", &["127.0.0.1:8080->80/tcp"]),
            ("127.0.0.1::80", &["127.0.0.1:0->80/tcp"]),
            ("[::1]:8080:80/UDP", &["[::1]:8080->80/udp"]),
            ("8080-8081:80-81", &["0.0.0.0:8080->80/tcp", "0.0.0.0:8081->81/tcp"]),
            ("90-91", &["0.0.0.0:0->90/tcp", "0.0.0.0:0->91/tcp"]),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_port_is_refused_with_its_reason() {
        for (text, why) in [
            ("abc", "\"abc\" is not a port number"),
            ("0:80", "between 1 and 65535"),
            ("8080:99999", "got 99999"),
            ("8080-8081:80", "different lengths"),
            ("81-80", "ends before it begins"),
            ("1-65535", "at most 4096"),
            ("80/sctp", "SCTP ports cannot be published"),
            ("80/foo", "unknown protocol"),
            ("300.1.1.1:80:80", "not an address"),
            ("::1:80:80", "brackets"),
            ("[::1]80", "is missing"),
            ("", "not a port number"),
            ("80:", "not a port number"),
        ] {
            let error = parse_publish(text).expect_err(text).to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
    }
}
