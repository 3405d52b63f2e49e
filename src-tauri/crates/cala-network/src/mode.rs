//! What `--network` asks for (podman-run(1)).

use cala_spec::container::NetworkMode;
use cala_spec::network::{DEFAULT_NETWORK, NetworkAttachment, parse_mac};
use cala_spec::{ContainerName, InvalidValue};

use crate::NetworkError;
use crate::private::Private;

/// Bytes of the longest interface name (netdevice(7): 16 with the closing zero).
const MAX_INTERFACE: usize = 15;

/// Reads all values of `--network` of one container: where its network comes from, and the networks to be in.
///
/// # Errors
/// A value that does not fit, a kind of network that Cala does not have, or kinds that exclude each other.
pub fn parse(values: &[String]) -> Result<(NetworkMode, Vec<NetworkAttachment>), NetworkError> {
    let mut attachments: Vec<NetworkAttachment> = Vec::new();
    let mut mode = None;
    for value in values {
        match one(value)? {
            (NetworkMode::Bridge, found) => {
                for attachment in found {
                    add(&mut attachments, attachment)?;
                }
                mode.get_or_insert(NetworkMode::Bridge);
            }
            (other, _) => {
                if values.len() > 1 {
                    return Err(invalid(format!(
                        "cannot set multiple networks without bridge network mode, selected mode {}: invalid argument",
                        other.as_str()
                    ))
                    .into());
                }
                mode = Some(other);
            }
        }
    }
    Ok((mode.unwrap_or_default(), attachments))
}

fn add(all: &mut Vec<NetworkAttachment>, one: NetworkAttachment) -> Result<(), NetworkError> {
    if all.iter().any(|known| known.network == one.network) {
        return Err(invalid(format!("network {} is named twice", one.network)).into());
    }
    all.push(one);
    Ok(())
}

fn one(value: &str) -> Result<(NetworkMode, Vec<NetworkAttachment>), NetworkError> {
    let (word, options) = value.split_once(':').map_or((value, None), |(word, rest)| (word, Some(rest)));
    match (word, options) {
        ("none", None) => Ok((NetworkMode::None, Vec::new())),
        ("host", None) => Ok((NetworkMode::Host, Vec::new())),
        ("container", Some(which)) if !which.is_empty() => {
            Ok((NetworkMode::Container(which.to_owned()), Vec::new()))
        }
        ("ns", Some(path)) if !path.is_empty() => Ok((NetworkMode::Ns(path.to_owned()), Vec::new())),
        ("default" | "private" | "bridge" | DEFAULT_NETWORK, _) => {
            let attachment = attachment(DEFAULT_NETWORK, options)?;
            Ok((NetworkMode::Bridge, vec![attachment]))
        }
        ("pasta", options) => private(NetworkMode::Pasta(words(options))),
        ("slirp4netns", options) => private(NetworkMode::Slirp4netns(words(options))),
        ("none" | "host" | "container" | "ns" | "", _) => {
            Err(invalid(format!("invalid network {value:?}")).into())
        }
        // Several names with commas, as Podman takes them too.
        (names, None) => {
            let all = names.split(',').map(|name| attachment(name, None)).collect::<Result<_, _>>()?;
            Ok((NetworkMode::Bridge, all))
        }
        (name, options) => Ok((NetworkMode::Bridge, vec![attachment(name, options)?])),
    }
}

fn words(options: Option<&str>) -> Vec<String> {
    options.map_or_else(Vec::new, |options| options.split(',').map(str::to_owned).collect())
}

/// With every option looked at.
fn private(mode: NetworkMode) -> Result<(NetworkMode, Vec<NetworkAttachment>), NetworkError> {
    Private::of(&mode)?;
    Ok((mode, Vec::new()))
}

/// `NAME[:ip=…,ip6=…,mac=…,alias=…,interface_name=…]`.
fn attachment(name: &str, options: Option<&str>) -> Result<NetworkAttachment, NetworkError> {
    if name.parse::<ContainerName>().is_err() {
        return Err(invalid(format!("invalid network name {name:?}")).into());
    }
    let mut found = NetworkAttachment { network: name.to_owned(), ..NetworkAttachment::default() };
    for option in options.into_iter().flat_map(|options| options.split(',')) {
        let (key, value) = option.split_once('=').unwrap_or((option, ""));
        let bad = || invalid(format!("invalid value {value:?} of network option {key}"));
        match key {
            "ip" => found.ip = Some(value.parse().map_err(|_| bad())?),
            "ip6" => found.ip6 = Some(value.parse().map_err(|_| bad())?),
            "mac" => found.mac = Some(parse_mac(value)?),
            "alias" if !value.is_empty() => found.aliases.push(value.to_owned()),
            "interface_name" if is_interface(value) => found.interface_name = Some(value.to_owned()),
            "alias" | "interface_name" => return Err(bad().into()),
            _ => {
                return Err(InvalidValue::new(
                    "invalid_network",
                    format!("unknown bridge network option: {key}"),
                )
                .allowing("options are ip, ip6, mac, alias, interface_name")
                .into());
            }
        }
    }
    Ok(found)
}

/// Whether an interface may be called so.
pub(crate) fn is_interface(name: &str) -> bool {
    (1..=MAX_INTERFACE).contains(&name.len())
        && !matches!(name, "." | ".." | "lo")
        && name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/' && byte != b':')
}

fn invalid(text: String) -> InvalidValue {
    InvalidValue::new("invalid_network", text).allowing(
        "none, host, container:NAME, ns:PATH, pasta, slirp4netns, or a network's name with options such as web:ip=10.89.0.5",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(values: &[&str]) -> Result<(NetworkMode, Vec<NetworkAttachment>), String> {
        parse(&values.iter().map(|&value| value.to_owned()).collect::<Vec<_>>())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn every_kind_is_read() {
        assert_eq!(read(&[]), Ok((NetworkMode::Bridge, Vec::new())));
        assert_eq!(read(&["none"]), Ok((NetworkMode::None, Vec::new())));
        assert_eq!(read(&["host"]), Ok((NetworkMode::Host, Vec::new())));
        assert_eq!(read(&["container:web"]), Ok((NetworkMode::Container("web".into()), Vec::new())));
        assert_eq!(read(&["ns:/run/x"]), Ok((NetworkMode::Ns("/run/x".into()), Vec::new())));
        assert_eq!(read(&["pasta"]), Ok((NetworkMode::Pasta(Vec::new()), Vec::new())));
        let options = vec!["-m".to_owned(), "1500".to_owned()];
        assert_eq!(read(&["pasta:-m,1500"]), Ok((NetworkMode::Pasta(options), Vec::new())));
        let options = vec!["mtu=1500".to_owned()];
        assert_eq!(read(&["slirp4netns:mtu=1500"]), Ok((NetworkMode::Slirp4netns(options), Vec::new())));
        let names = |values: &[&str]| -> Vec<String> {
            read(values).expect("valid").1.into_iter().map(|attachment| attachment.network).collect()
        };
        assert_eq!(names(&["bridge"]), ["podman"]);
        assert_eq!(names(&["front", "back"]), ["front", "back"]);
        assert_eq!(names(&["front,back"]), ["front", "back"]);
    }

    #[test]
    fn options_of_a_network_are_read() {
        let (_, all) =
            read(&["web:ip=10.89.0.5,mac=02:42:0a:59:00:05,alias=db,alias=sql,interface_name=lan0"])
                .expect("valid");
        assert_eq!(
            all,
            [NetworkAttachment {
                network: "web".into(),
                aliases: vec!["db".into(), "sql".into()],
                ip: "10.89.0.5".parse().ok(),
                ip6: None,
                mac: Some("02:42:0a:59:00:05".into()),
                interface_name: Some("lan0".into()),
            }]
        );
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for bad in [
            &["none", "web"][..],
            &["web", "host"],
            &["web", "web"],
            &["web:ip=10.0.0"],
            &["web:speed=9"],
            &["web:interface_name=abcdefghijklmnop"],
            &["web:alias="],
            &["web:mac=1"],
            &["container:"],
            &["host:x"],
            &["pasta:"],
            &["pasta:-x"],
            &["pasta", "web"],
            &["slirp4netns:speed=9"],
            &["a/b"],
            &[""],
        ] {
            assert!(read(bad).is_err(), "{bad:?}");
        }
    }
}
