//! The options of pasta(1), as `--network pasta:OPTION,VALUE,…` hands them down.

use std::net::{IpAddr, Ipv4Addr};

use cala_spec::InvalidValue;
use cala_spec::network::parse_mac;
use ipnet::IpNet;

use super::{Ends, GATEWAY, IPV4, IPV6, Private, invalid, nth, refused};
use crate::NetworkError;
use crate::mode::is_interface;
use crate::options::parse_mtu;

const ALLOWED: &str =
    "options are -a, -n, -g, -m, -4, -6, --map-gw, --no-map-gw, -I and --ns-mac-addr of pasta(1)";

/// What was said so far.
#[derive(Debug, Default)]
struct Said {
    addresses: Vec<(IpAddr, Option<u8>)>,
    netmask: Option<u8>,
    gateways: Vec<IpAddr>,
    mtu: Option<i64>,
    only: Option<bool>,
    map_gw: bool,
    interface: Option<String>,
    mac: Option<String>,
}

pub(super) fn read(options: &[String]) -> Result<Private, NetworkError> {
    let mut said = Said::default();
    let mut words = options.iter().map(String::as_str);
    while let Some(word) = words.next() {
        let (option, mut value) = match word.split_once('=') {
            Some((option, value)) if option.starts_with("--") => (option, Some(value)),
            _ => (word, None),
        };
        let mut take = || {
            let value = value.take().or_else(|| words.next());
            value.ok_or_else(|| invalid(format!("option {option} of pasta has no value"), ALLOWED))
        };
        said.option(option, &mut take)?;
        if let Some(value) = value {
            return Err(
                invalid(format!("option {option} of pasta takes no value: {value:?}"), ALLOWED).into()
            );
        }
    }
    said.finish()
}

impl Said {
    fn option<'a>(
        &mut self,
        option: &str,
        take: &mut dyn FnMut() -> Result<&'a str, InvalidValue>,
    ) -> Result<(), NetworkError> {
        match option {
            "-a" | "--address" => self.addresses.push(address(take()?)?),
            "-n" | "--netmask" => self.netmask = Some(netmask(take()?)?),
            "-g" | "--gateway" => self.gateways.push(ip(take()?)?),
            "-m" | "--mtu" => self.mtu = parse_mtu(take()?, true)?,
            "-4" | "--ipv4-only" => self.only = Some(true),
            "-6" | "--ipv6-only" => self.only = Some(false),
            "--map-gw" => self.map_gw = true,
            "--no-map-gw" => self.map_gw = false,
            "-I" | "--ns-ifname" => self.interface = Some(interface(take()?)?),
            "--ns-mac-addr" => self.mac = Some(parse_mac(take()?)?),
            // What they switch off or on is so in any case.
            "--config-net" | "-q" | "--quiet" | "--no-dhcp" | "--no-dhcpv6" | "--no-ndp" | "--no-ra"
            | "--no-splice" => {}
            "-t" | "--tcp-ports" | "-u" | "--udp-ports" if take()? == "none" => {}
            "-T" | "--tcp-ns" | "-U" | "--udp-ns" if take()? == "none" => {}
            _ => return Err(unknown(option)),
        }
        Ok(())
    }

    fn finish(self) -> Result<Private, NetworkError> {
        let mut ends = Vec::new();
        for v4 in [true, false] {
            if self.only.is_none_or(|only| only == v4) {
                ends.push(self.ends(v4)?);
            }
        }
        let unused = self.addresses.iter().map(|(address, _)| address).chain(&self.gateways);
        if let Some(address) = unused.copied().find(|address| self.only == Some(!address.is_ipv4())) {
            return Err(invalid(
                format!("{address} is of the family that -4 or -6 leaves out"),
                "leave out the option or the address",
            )
            .into());
        }
        Ok(Private {
            program: "pasta",
            ends,
            mtu: self.mtu,
            host_loopback: self.map_gw,
            interface: self.interface,
            mac: self.mac,
        })
    }

    /// The addresses of one family, with what was not said.
    fn ends(&self, v4: bool) -> Result<Ends, InvalidValue> {
        let usual: IpNet = if v4 { IPV4.into() } else { IPV6.into() };
        let gateway = self.gateways.iter().rev().find(|gateway| gateway.is_ipv4() == v4).copied();
        let given = self.addresses.iter().rev().find(|(address, _)| address.is_ipv4() == v4).copied();
        let wrong =
            |text: String| invalid(text, "an address and its gateway are different and in one subnet");
        let netmask = self.netmask.filter(|_| v4);
        let address = match given {
            Some((address, length)) => {
                let length = length.or(netmask).unwrap_or(usual.prefix_len());
                IpNet::new(address, length).map_err(|_| wrong(format!("invalid netmask {length}")))?
            }
            None => {
                let subnet = gateway.unwrap_or(usual.addr());
                let length = netmask.unwrap_or(usual.prefix_len());
                let subnet =
                    IpNet::new(subnet, length).map_err(|_| wrong(format!("invalid netmask {length}")))?;
                let ends = Ends::of(subnet.trunc());
                ends.ok_or_else(|| wrong(format!("{subnet} has too few addresses")))?.address
            }
        };
        let subnet = address.trunc();
        let gateway = gateway.or_else(|| {
            // The usual place, or the first if that is the container's.
            [GATEWAY, 1]
                .into_iter()
                .filter_map(|place| nth(subnet, place))
                .find(|found| *found != address.addr())
        });
        match gateway {
            Some(gateway) if subnet.contains(&gateway) && gateway != address.addr() => {
                Ok(Ends { address, gateway })
            }
            Some(gateway) => Err(wrong(format!("the gateway {gateway} does not fit the address {address}"))),
            None => Err(wrong(format!("{subnet} has no room for a gateway"))),
        }
    }
}

fn unknown(option: &str) -> NetworkError {
    let instead = match option {
        "-t" | "--tcp-ports" | "-u" | "--udp-ports" => {
            "publish ports with -p: they keep the client's address"
        }
        "-T" | "--tcp-ns" | "-U" | "--udp-ns" | "--map-host-loopback" => {
            "with --map-gw the host's own services are at host.containers.internal"
        }
        "--map-guest-addr" | "-i" | "--interface" | "-o" | "--outbound" | "--outbound-if4"
        | "--outbound-if6" => "leave it out: packets go out as the host's own programs send them",
        "-D" | "--dns" | "-S" | "--search" | "--dns-forward" | "--dns-host" => {
            "say it with --dns and --dns-search"
        }
        _ => ALLOWED,
    };
    refused("pasta", option, instead)
}

fn ip(text: &str) -> Result<IpAddr, InvalidValue> {
    text.parse().map_err(|_| invalid(format!("invalid address {text:?} in an option of pasta"), ALLOWED))
}

fn address(text: &str) -> Result<(IpAddr, Option<u8>), InvalidValue> {
    let Some((address, length)) = text.split_once('/') else { return Ok((ip(text)?, None)) };
    let length = length
        .parse()
        .map_err(|_| invalid(format!("invalid address {text:?} in an option of pasta"), ALLOWED))?;
    Ok((ip(address)?, Some(length)))
}

/// A prefix length, or bits with dots.
fn netmask(text: &str) -> Result<u8, InvalidValue> {
    let dotted = |mask: Ipv4Addr| ipnet::ip_mask_to_prefix(mask.into()).ok();
    let length = text.parse().ok().or_else(|| text.parse().ok().and_then(dotted));
    length.filter(|length| (1..=30).contains(length)).ok_or_else(|| {
        invalid(format!("invalid netmask {text:?}"), "a netmask is a number of bits from 1 to 30, such as 24")
    })
}

fn interface(name: &str) -> Result<String, InvalidValue> {
    if is_interface(name) {
        return Ok(name.to_owned());
    }
    Err(invalid(format!("invalid name of an interface {name:?}"), "at most 15 letters and digits"))
}
