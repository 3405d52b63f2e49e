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
