//! `--opt`: what a network can be told, and the words under which a record keeps it.

use std::collections::BTreeMap;

use cala_spec::{InvalidValue, Network};

const ALLOWED: &str = "options are mtu=BYTES, isolate=true|false|strict and host_loopback=true|false";

/// Bytes of the longest packet.
pub(crate) const MTU: &str = "mtu";

/// The only program that may be the way out.
pub(crate) const UPLINK: &str = "uplink";

/// `true`: the host's 127.0.0.1 is reached by the name of the host.
pub(crate) const HOST_LOOPBACK: &str = "host_loopback";

/// Whether this is a network of one container's own ([`crate::private`]).
#[must_use]
pub fn is_private(network: &Network) -> bool {
    network.options.contains_key(UPLINK)
}

/// Whether containers of this network reach the host's 127.0.0.1, by [`crate::uplink::HOST_LOOPBACK`].
#[must_use]
pub fn opens_host_loopback(network: &Network) -> bool {
    network.options.get(HOST_LOOPBACK).is_some_and(|value| value == "true")
}

/// Bytes of the smallest packet that every IPv4 (RFC 791) and IPv6 (RFC 8200) link carries, and of the largest.
const MTU_V4: i64 = 68;
const MTU_V6: i64 = 1280;
const MTU_MAX: i64 = 65_535;

/// Checks the options and brings them into one form: what means the default is left out.
pub(crate) fn check(
    given: &BTreeMap<String, String>,
    ipv6: bool,
) -> Result<BTreeMap<String, String>, InvalidValue> {
    let mut options = BTreeMap::new();
    for (name, value) in given {
        match name.as_str() {
            "mtu" | "com.docker.network.driver.mtu" => {
                if let Some(mtu) = parse_mtu(value, ipv6)? {
                    options.insert(MTU.to_owned(), mtu.to_string());
                }
            }
            // Networks share nothing in any case: it is kept because `inspect` shows it.
            "isolate" => _ = options.insert("isolate".to_owned(), isolate(value)?.to_owned()),
            HOST_LOOPBACK => {
                if isolate(value)? == "true" {
                    options.insert(HOST_LOOPBACK.to_owned(), "true".to_owned());
                }
            }
            // The bridge is in a namespace of its own, where no other has its name.
            "com.docker.network.bridge.name" => {}
            other => {
                return Err(InvalidValue::new(
                    "unknown_network_option",
                    format!("unsupported bridge network option {other}"),
                )
                .allowing(ALLOWED));
            }
        }
    }
    Ok(options)
}

/// Reads a number of bytes; `None` is the default.
///
/// # Errors
/// No number, or one that a link cannot have; IPv6 wants more.
pub(crate) fn parse_mtu(text: &str, ipv6: bool) -> Result<Option<i64>, InvalidValue> {
    let wrong = |sentence: String| InvalidValue::new("invalid_mtu", sentence);
    let least = if ipv6 { MTU_V6 } else { MTU_V4 };
    let allowed = format!("an mtu is a number of bytes from {least} to {MTU_MAX}");
    if text.is_empty() {
        return Ok(None);
    }
    let mtu: i64 = text.parse().map_err(|_| {
        wrong(format!("strconv.Atoi: parsing {text:?}: invalid syntax")).allowing(allowed.clone())
    })?;
    match mtu {
        0 => Ok(None),
        mtu if mtu < 0 => Err(wrong(format!("mtu {mtu} is less than zero")).allowing(allowed)),
        mtu if mtu < least => Err(wrong(format!("mtu {mtu} is less than {least}")).allowing(allowed)),
        mtu if mtu > MTU_MAX => Err(wrong(format!("mtu {mtu} is more than {MTU_MAX}")).allowing(allowed)),
        mtu => Ok(Some(mtu)),
    }
}

fn isolate(text: &str) -> Result<&'static str, InvalidValue> {
    match text {
        "strict" => Ok("strict"),
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok("true"),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok("false"),
        other => Err(InvalidValue::new(
            "invalid_isolate",
            format!("failed to parse isolate option: strconv.ParseBool: parsing {other:?}: invalid syntax"),
        )
        .allowing(ALLOWED)),
    }
}
