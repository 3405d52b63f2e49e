//! The name in a question, in the form in which names are compared, and what it says about itself.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use cala_spec::network::DNS_DOMAIN;
use hickory_proto::rr::Name;

/// Names under which a container finds its host.
const HOST_NAMES: [&str; 2] = ["host.containers.internal", "host.docker.internal"];

/// Labels of the reverse name of an IPv6 address.
const NIBBLES: usize = 32;

/// A name that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct QuestionName {
    /// Lower case, without the final dot; bytes that no name of ours has are escaped as `\ddd`.
    text: String,
    labels: usize,
}

impl QuestionName {
    pub(super) fn of(name: &Name) -> Self {
        let (mut text, mut labels) = (String::with_capacity(64), 0);
        for label in name.iter() {
            if labels > 0 {
                text.push('.');
            }
            labels += 1;
            for byte in label {
                match byte {
                    b'.' | b'\\' | 0..=b' ' | 0x7f.. => {
                        // Writing to a String cannot fail.
                        let _ = write!(text, "\\{byte:03}");
                    }
                    _ => text.push(char::from(byte.to_ascii_lowercase())),
                }
            }
        }
        Self { text, labels }
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Without our domain: what another network's holder is asked for.
    pub(super) fn without_domain(&self) -> &str {
        self.below_domain().unwrap_or(&self.text)
    }

    fn below_domain(&self) -> Option<&str> {
        self.text.strip_suffix(DNS_DOMAIN)?.strip_suffix('.')
    }

    /// The name of our domain itself.
    pub(super) fn is_apex(&self) -> bool {
        self.text == DNS_DOMAIN
    }

    /// Nobody but Cala answers it: a single label, our domain, what is below it and the host's names.
    pub(super) fn is_own(&self) -> bool {
        self.labels == 1 || self.is_apex() || self.below_domain().is_some() || self.is_host()
    }

    /// A name of the host.
    pub(super) fn is_host(&self) -> bool {
        HOST_NAMES.contains(&self.text.as_str())
    }

    /// The addresses of `localhost` and all below it (RFC 6761).
    pub(super) fn localhost(&self) -> Option<Vec<IpAddr>> {
        let is = self.text.rsplit('.').next() == Some("localhost");
        is.then(|| vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()])
    }

    /// The address that this is the reverse name of, if it is a complete one.
    pub(super) fn reverse(&self) -> Option<IpAddr> {
        if let Some(octets) = self.text.strip_suffix(".in-addr.arpa") {
            let mut parts = octets.split('.').rev();
            let mut address = [0; 4];
            for octet in &mut address {
                *octet = parts.next()?.parse().ok()?;
            }
            return parts.next().is_none().then(|| Ipv4Addr::from(address).into());
        }
        let nibbles = self.text.strip_suffix(".ip6.arpa")?;
        let (mut address, mut count) = (0_u128, 0);
        for nibble in nibbles.split('.').rev() {
            let digit = (nibble.len() == 1).then(|| u128::from_str_radix(nibble, 16).ok())??;
            (address, count) = (address << 4 | digit, count + 1);
        }
        (count == NIBBLES).then(|| Ipv6Addr::from(address).into())
    }
}
