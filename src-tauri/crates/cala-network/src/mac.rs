//! MAC addresses of containers and bridges: pure.
//!
//! Made from the address, so that a container that comes back with its address is known by its neighbours at once.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// A MAC address of one interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mac(pub(crate) [u8; 6]);

impl Mac {
    /// 02:42 (locally administered) and the last four bytes of the address.
    pub(crate) fn of(address: IpAddr) -> Self {
        let [.., a, b, c, d] = match address {
            IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
            IpAddr::V6(address) => address.octets(),
        };
        Self([0x02, 0x42, a, b, c, d])
    }
}

impl FromStr for Mac {
    type Err = ();

    /// Six pairs of hex digits with colons (or hyphens), an interface's own: neither a group's nor all zeros.
    fn from_str(text: &str) -> Result<Self, ()> {
        let mut bytes = [0; 6];
        let mut pairs = text.split([':', '-']);
        for byte in &mut bytes {
            let pair =
                pairs.next().filter(|pair| pair.len() == 2 && pair.bytes().all(|b| b.is_ascii_hexdigit()));
            *byte = u8::from_str_radix(pair.ok_or(())?, 16).map_err(|_| ())?;
        }
        let [first, ..] = bytes;
        if pairs.next().is_some() || first & 1 == 1 || bytes == [0; 6] {
            return Err(());
        }
        Ok(Self(bytes))
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_from_the_address_or_read() {
        assert_eq!(Mac::of("10.89.0.2".parse().unwrap()).to_string(), "02:42:0a:59:00:02");
        assert_eq!(Mac::of("fd00::1:2".parse().unwrap()).to_string(), "02:42:00:01:00:02");
        assert_eq!("92:D0:c6:0a:29:33".parse::<Mac>().unwrap().to_string(), "92:d0:c6:0a:29:33");
        for wrong in [
            "",
            "92:d0:c6:0a:29",
            "92:d0:c6:0a:29:33:1",
            "01:00:5e:00:00:01",
            "00:00:00:00:00:00",
            "+2:d0:c6:0a:29:33",
        ] {
            assert!(wrong.parse::<Mac>().is_err(), "{wrong}");
        }
    }
}
