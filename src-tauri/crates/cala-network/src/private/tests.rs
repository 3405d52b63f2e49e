use super::*;

fn pasta(options: &[&str]) -> Result<Private, NetworkError> {
    let options = options.iter().map(|&option| option.to_owned()).collect();
    Private::of(&NetworkMode::Pasta(options)).map(|found| found.expect("it is private"))
}

fn slirp(options: &[&str]) -> Result<Private, NetworkError> {
    let options = options.iter().map(|&option| option.to_owned()).collect();
    Private::of(&NetworkMode::Slirp4netns(options)).map(|found| found.expect("it is private"))
}

fn places(private: &Private) -> Vec<(String, String)> {
    private.ends.iter().map(|ends| (ends.address.to_string(), ends.gateway.to_string())).collect()
}

fn pair(address: &str, gateway: &str) -> (String, String) {
    (address.to_owned(), gateway.to_owned())
}

#[test]
fn without_options_both_families_have_their_usual_places_and_the_host_is_closed() {
    let private = pasta(&[]).unwrap();
    let v6 = pair("fd5b:91c2:3ad7::64/64", "fd5b:91c2:3ad7::2");
    assert_eq!(places(&private), [pair("10.0.2.100/24", "10.0.2.2"), v6.clone()]);
    assert!(!private.host_loopback);
    let network = private.network("id", "name", 7);
    assert_eq!(network.options, [("uplink".to_owned(), "pasta".to_owned())].into());
    assert_eq!(network.subnets[0].subnet.to_string(), "10.0.2.0/24");
    assert!(!network.internal && !network.dns_enabled);
    assert_eq!(private.attachment("id").ip, "10.0.2.100".parse().ok());
    assert_eq!(private.attachment("id").ip6, "fd5b:91c2:3ad7::64".parse().ok());
    assert_eq!(places(&pasta(&["-6"]).unwrap()), [v6]);
    assert_eq!(places(&slirp(&[]).unwrap()), [pair("10.0.2.100/24", "10.0.2.2")]);
    assert_eq!(slirp(&[]).unwrap().attachment("id").interface_name.as_deref(), Some("tap0"));
    assert_eq!(Private::of(&NetworkMode::Host).unwrap(), None);
}

#[test]
fn options_of_pasta_are_honoured() {
    let private = pasta(&["--ipv4-only", "-a", "192.168.7.5", "-n", "255.255.255.0", "-g", "192.168.7.9"]);
    assert_eq!(places(&private.unwrap()), [pair("192.168.7.5/24", "192.168.7.9")]);
    assert_eq!(places(&pasta(&["-4", "--address=10.1.0.2/16"]).unwrap()), [pair("10.1.0.2/16", "10.1.0.1")]);
    assert_eq!(places(&pasta(&["-4", "-g", "10.3.0.7"]).unwrap()), [pair("10.3.0.100/24", "10.3.0.7")]);
    let private =
        pasta(&["--map-gw", "-m", "1400", "-I", "lan0", "--ns-mac-addr=02:00:00:00:00:01", "-t", "none"]);
    let private = private.unwrap();
    let network = private.network("id", "name", 0);
    assert_eq!(network.options["mtu"], "1400");
    assert_eq!(network.options["host_loopback"], "true");
    let place = private.attachment("id");
    assert_eq!(place.interface_name.as_deref(), Some("lan0"));
    assert_eq!(place.mac.as_deref(), Some("02:00:00:00:00:01"));
}

#[test]
fn options_of_slirp4netns_are_honoured() {
    let private = slirp(&[
        "cidr=10.41.0.0/16",
        "mtu=1500",
        "allow_host_loopback=true",
        "enable_ipv6=false",
        "port_handler=rootlesskit",
    ])
    .unwrap();
    assert_eq!(places(&private), [pair("10.41.0.100/16", "10.41.0.2")]);
    let network = private.network("id", "name", 0);
    assert_eq!(network.options["uplink"], "slirp4netns");
    assert_eq!(network.options["mtu"], "1500");
    assert_eq!(network.options["host_loopback"], "true");
}

#[test]
fn what_cannot_be_honoured_is_refused_by_name_with_what_to_do() {
    use cala_spec::Classify as _;
    for (options, what, hint) in [
        (&["-t", "8080:80"][..], "-t", "-p"),
        (&["--map-host-loopback=1.2.3.4"], "--map-host-loopback", "--map-gw"),
        (&["-D", "9.9.9.9"], "-D", "--dns"),
        (&["-i", "eth0"], "-i", "leave it out"),
        (&["--pcap", "x"], "--pcap", "options are"),
    ] {
        let error = pasta(options).expect_err("it is refused");
        assert!(error.to_string().contains(&format!("option {what} of pasta")), "{error}");
        assert!(error.hints().iter().any(|said| said.contains(hint)), "{error:?}");
    }
    for options in [&["outbound_addr=1.2.3.4"][..], &["enable_ipv6=true"]] {
        let error = slirp(options).expect_err("it is refused");
        assert!(matches!(error, NetworkError::NotSupported { .. }), "{error}");
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    for options in [
        &["-a"][..],
        &["-a", "x"],
        &["-a", "10.0.0.1/33"],
        &["-n", "31"],
        &["-n", "255.0.255.0"],
        &["-a", "10.0.0.2", "-g", "10.0.1.2"],
        &["-a", "10.0.0.2", "-g", "10.0.0.2"],
        &["-6", "-a", "10.0.0.2"],
        &["-m", "100"],
        &["-m", "x"],
        &["-I", "a/b"],
        &["--ns-mac-addr", "1"],
        &["--map-gw=yes"],
        &["word"],
        &[""],
    ] {
        assert!(pasta(options).is_err(), "{options:?}");
    }
    for option in
        ["mtu=x", "cidr=10.0.2.0", "cidr=10.0.2.0/26", "allow_host_loopback=1", "port_handler=x", "x=1", ""]
    {
        assert!(slirp(&[option]).is_err(), "{option}");
    }
}
