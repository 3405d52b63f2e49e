//! Wishes and what becomes of them.

use cala_spec::Classify as _;

use super::*;

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}

fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect()
}

fn with_subnets(subnets: &[&str], gateways: &[&str], ranges: &[&str]) -> NetworkSpec {
    NetworkSpec {
        subnets: texts(subnets),
        gateways: texts(gateways),
        ip_ranges: texts(ranges),
        ..NetworkSpec::default()
    }
}

fn with_option(name: &str, value: &str) -> NetworkSpec {
    NetworkSpec { options: map(&[(name, value)]), ..NetworkSpec::default() }
}

fn named(name: &str) -> NetworkSpec {
    NetworkSpec { name: Some(name.to_owned()), ..NetworkSpec::default() }
}

fn made(spec: &NetworkSpec, names: &[&str], taken: &[Taken]) -> Result<Network, NetworkError> {
    let names = names.iter().map(|&name| name.to_owned()).collect();
    let around = Surroundings { names: &names, taken, random: 0x00ab_cdef_0123_4567 };
    check(spec)?.place("0".repeat(64), 7, &around)
}

fn shown(network: &Network) -> Vec<String> {
    network
        .subnets
        .iter()
        .map(|subnet| {
            let range =
                subnet.lease_range.map(|(first, last)| format!(" {first}-{last}")).unwrap_or_default();
            format!("{} {}{range}", subnet.subnet, subnet.gateway)
        })
        .collect()
}

#[test]
fn subnets_are_given_or_chosen_as_podman_does() {
    let v6 = NetworkSpec { ipv6: true, ..NetworkSpec::default() };
    let chosen_v6 = "fdc5:ff29:8b06:ba2d::/64 fdc5:ff29:8b06:ba2d::1";
    for (spec, expected) in [
        (NetworkSpec::default(), &["10.89.0.0/24 10.89.0.1"][..]),
        (v6.clone(), &["10.89.0.0/24 10.89.0.1", chosen_v6]),
        (with_subnets(&["10.89.6.7/24"], &[], &[]), &["10.89.6.0/24 10.89.6.1"]),
        (with_subnets(&["fd00:1::/64"], &[], &[]), &["fd00:1::/64 fd00:1::1"]),
        (
            NetworkSpec { ipv6: true, ..with_subnets(&["fd00:1::/64"], &[], &[]) },
            &["fd00:1::/64 fd00:1::1", "10.89.0.0/24 10.89.0.1"],
        ),
        (
            NetworkSpec { ipv6: true, ..with_subnets(&["10.91.0.0/16"], &[], &[]) },
            &["10.91.0.0/16 10.91.0.1", chosen_v6],
        ),
        (
            with_subnets(&["10.92.0.0/24", "fd00:5::/64"], &["10.92.0.9", "fd00:5::9"], &[]),
            &["10.92.0.0/24 10.92.0.9", "fd00:5::/64 fd00:5::9"],
        ),
        (with_subnets(&["10.93.0.0/24"], &[""], &[]), &["10.93.0.0/24 10.93.0.1"]),
        (
            with_subnets(&["10.89.5.0/24"], &[], &["10.89.5.64/28"]),
            &["10.89.5.0/24 10.89.5.1 10.89.5.65-10.89.5.79"],
        ),
        (
            with_subnets(&["10.89.5.0/24"], &[], &["10.89.5.10-10.89.5.20"]),
            &["10.89.5.0/24 10.89.5.1 10.89.5.10-10.89.5.20"],
        ),
        (
            with_subnets(&["10.89.5.0/24"], &[], &["10.89.5.64/32"]),
            &["10.89.5.0/24 10.89.5.1 10.89.5.64-10.89.5.64"],
        ),
        // The subnet's broadcast address is nobody's.
        (
            with_subnets(&["10.89.5.0/24"], &[], &["10.89.5.0/24"]),
            &["10.89.5.0/24 10.89.5.1 10.89.5.1-10.89.5.254"],
        ),
    ] {
        assert_eq!(shown(&made(&spec, &[], &[]).expect("it fits")), expected, "{spec:?}");
    }
}

#[test]
fn what_does_not_fit_is_said_in_podmans_words() {
    let driver = |driver: &str| NetworkSpec { driver: driver.to_owned(), ..NetworkSpec::default() };
    let ipam = |driver: &str| NetworkSpec { ipam_driver: driver.to_owned(), ..NetworkSpec::default() };
    let dns = |servers: &[&str], disable_dns| NetworkSpec {
        dns_servers: texts(servers),
        disable_dns,
        ..NetworkSpec::default()
    };
    let one = ["10.89.5.0/24"];
    for (spec, expected) in [
        (with_subnets(&["nonsense"], &[], &[]), "invalid CIDR address: nonsense"),
        (with_subnets(&["10.89.5"], &[], &[]), "invalid CIDR address: 10.89.5"),
        (with_subnets(&["10.101.0.8/33"], &[], &[]), "invalid CIDR address: 10.101.0.8/33"),
        (with_subnets(&one, &["10.90.0.1"], &[]), "gateway 10.90.0.1 not in subnet 10.89.5.0/24"),
        (with_subnets(&one, &["x"], &[]), "invalid string being converted to IP address: x"),
        (
            with_subnets(&one, &["10.89.5.0"], &[]),
            "gateway 10.89.5.0 is the network's own address of subnet 10.89.5.0/24",
        ),
        (
            with_subnets(&one, &["10.89.5.255"], &[]),
            "gateway 10.89.5.255 is the broadcast address of subnet 10.89.5.0/24",
        ),
        (with_subnets(&[], &["10.89.9.1"], &[]), "cannot set gateway or range without subnet"),
        (with_subnets(&[], &[], &["10.89.9.0/28"]), "cannot set gateway or range without subnet"),
        (with_subnets(&one, &["10.89.5.1", "10.89.5.2"], &[]), "cannot set more gateways than subnets"),
        (
            with_subnets(&one, &[], &["10.90.0.0/28"]),
            "lease range start ip 10.90.0.1 not in subnet 10.89.5.0/24",
        ),
        (
            with_subnets(&one, &[], &["10.89.5.10-10.89.6.1"]),
            "lease range end ip 10.89.6.1 not in subnet 10.89.5.0/24",
        ),
        (with_subnets(&one, &[], &["foo"]), "invalid CIDR address: foo"),
        (with_subnets(&one, &[], &["a-b"]), "range start ip \"a\" is not a ip address"),
        (
            with_subnets(&one, &[], &["10.89.5.20-10.89.5.10"]),
            "lease range start ip 10.89.5.20 is behind its end ip 10.89.5.10",
        ),
        (
            with_subnets(&one, &[], &["10.89.5.255/32"]),
            "lease range 10.89.5.255/32 has no address for a container",
        ),
        (
            with_subnets(&["10.1.0.0/32"], &[], &[]),
            "subnet 10.1.0.0/32 cannot be used: no room for a gateway and a container",
        ),
        (
            with_subnets(&["224.0.0.0/24"], &[], &[]),
            "subnet 224.0.0.0/24 cannot be used: its addresses are multicast or reserved",
        ),
        (
            with_subnets(&["127.1.0.0/24"], &[], &[]),
            "subnet 127.1.0.0/24 is already used on the host or by another config",
        ),
        (
            with_subnets(&["0.0.0.0/0"], &[], &[]),
            "subnet 0.0.0.0/0 is already used on the host or by another config",
        ),
        (
            with_subnets(&["10.1.0.0/24", "10.2.0.0/24"], &[], &[]),
            "a network has at most one IPv4 subnet and one IPv6 subnet",
        ),
        (driver("nope"), "failed to find driver or plugin \"nope\""),
        (driver("macvlan"), "network driver \"macvlan\" is not supported"),
        (ipam("nope"), "unsupported ipam driver \"nope\""),
        (ipam("dhcp"), "ipam driver \"dhcp\" is not supported"),
        (with_option("nope", "1"), "unsupported bridge network option nope"),
        (with_option("mtu", "x"), "strconv.Atoi: parsing \"x\": invalid syntax"),
        (with_option("mtu", "-1"), "mtu -1 is less than zero"),
        (with_option("mtu", "67"), "mtu 67 is less than 68"),
        (with_option("mtu", "100000"), "mtu 100000 is more than 65535"),
        (
            with_option("isolate", "maybe"),
            "failed to parse isolate option: strconv.ParseBool: parsing \"maybe\": invalid syntax",
        ),
        (dns(&["nope"], false), "unable to parse ip nope specified in NetworkDNSServers: invalid argument"),
        (
            dns(&["1.1.1.1"], true),
            "cannot set NetworkDNSServers if DNS is not enabled for the network: invalid argument",
        ),
        (
            named("bad name"),
            "network name bad name invalid: names must match [a-zA-Z0-9][a-zA-Z0-9_.-]*: invalid argument",
        ),
        (named(""), "network name  invalid: names must match [a-zA-Z0-9][a-zA-Z0-9_.-]*: invalid argument"),
        (
            named("pasta"),
            "cannot create network with name \"pasta\" because it conflicts with a valid network mode",
        ),
    ] {
        let error = made(&spec, &[], &[]).expect_err("it does not fit");
        assert_eq!(error.to_string(), expected, "{spec:?}");
        assert!(!error.hints().is_empty(), "{error} has a hint");
    }
}

#[test]
fn options_come_into_one_form() {
    for (name, value, expected) in [
        ("mtu", "9000", &[("mtu", "9000")][..]),
        ("mtu", "0", &[]),
        ("mtu", "", &[]),
        ("com.docker.network.driver.mtu", "1400", &[("mtu", "1400")]),
        ("com.docker.network.bridge.name", "foo", &[]),
        ("isolate", "1", &[("isolate", "true")]),
        ("isolate", "strict", &[("isolate", "strict")]),
    ] {
        let network = made(&with_option(name, value), &[], &[]).expect("it fits");
        assert_eq!(network.options, map(expected), "{name}={value}");
    }
    let small = NetworkSpec { ipv6: true, ..with_option("mtu", "1000") };
    assert_eq!(check(&small).expect_err("IPv6 needs 1280").to_string(), "mtu 1000 is less than 1280");
}

#[test]
fn names_and_subnets_of_others_are_left_to_them() {
    let taken: Vec<Taken> = ["10.89.0.0/24", "fd00:1::/64"]
        .iter()
        .map(|subnet| Taken { subnet: subnet.parse().expect("a subnet"), by: "network `a`".to_owned() })
        .collect();
    let network = made(&NetworkSpec::default(), &["podman1", "podman2", "podman4"], &taken).expect("it fits");
    assert_eq!(
        (network.name.as_str(), shown(&network)),
        ("podman3", vec!["10.89.1.0/24 10.89.1.1".to_owned()])
    );
    let error = made(&named("a"), &["a"], &[]).expect_err("the name is taken");
    assert_eq!(error.to_string(), "network name a already used: network already exists");
    let error =
        made(&with_subnets(&["10.89.0.64/26"], &[], &[]), &[], &taken).expect_err("the subnet is taken");
    assert_eq!(error.to_string(), "subnet 10.89.0.64/26 is already used on the host or by another config");
    assert_eq!(error.hints().iter().next(), Some("network `a` has addresses of it"));
    let all = [
        Taken { subnet: "0.0.0.0/1".parse().expect("a range"), by: String::new() },
        Taken { subnet: "128.0.0.0/1".parse().expect("a range"), by: String::new() },
    ];
    let error = made(&NetworkSpec::default(), &[], &all).expect_err("nothing is free");
    assert_eq!(error.code(), "subnets_exhausted");
}

#[test]
fn the_default_network_has_podmans_subnet_unless_the_host_has_it() {
    let of = |taken: &[Taken]| shown(&default_network("0".repeat(64), 1, taken).expect("one is free"));
    assert_eq!(of(&[]), ["10.88.0.0/16 10.88.0.1"]);
    let taken = Taken::of_host("10.88.7.0/24".parse().expect("a range"), "eth0").expect("no way out");
    assert_eq!(of(&[taken]), ["10.89.0.0/24 10.89.0.1"]);
}

#[test]
fn resolvers_are_added_and_dropped() {
    let servers: Vec<IpAddr> =
        ["1.1.1.1", "9.9.9.9"].iter().map(|text| text.parse().expect("an address")).collect();
    let changed = |add: &[&str], drop: &[&str]| {
        change_dns(&servers, &texts(add), &texts(drop))
            .map(|servers| servers.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "))
            .map_err(|error| error.to_string())
    };
    assert_eq!(changed(&["2.2.2.2", "9.9.9.9"], &["1.1.1.1"]).as_deref(), Ok("9.9.9.9 2.2.2.2"));
    assert_eq!(changed(&[], &["8.8.8.8"]).as_deref(), Ok("1.1.1.1 9.9.9.9"));
    assert_eq!(
        changed(&["foo"], &[]),
        Err("unable to parse ip foo specified in AddDNSServer: invalid argument".to_owned())
    );
    assert_eq!(
        changed(&[], &["foo"]),
        Err("unable to parse ip foo specified in RemoveDNSServer: invalid argument".to_owned())
    );
}
