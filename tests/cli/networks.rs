//! `network …`: what is made, shown, refused and removed. No container runs here; those have their own suite.

use std::collections::BTreeSet;

use cala_testkit::Cala;

use crate::{bare, other_program, program, refused, world};

/// The first subnet of a network.
fn subnet(cala: &Cala, name: &str) -> String {
    let format = "{{range .Subnets}}{{.Subnet}} {{.Gateway}} {{end}}";
    cala.run(["network", "inspect", "--format", format, name]).success().text().trim_end().to_owned()
}

#[test]
fn the_default_network_is_there_from_the_start() {
    let cala = bare();
    let listed = cala.run(["network", "ls"]).success();
    assert_eq!(listed.stdout, "NETWORK ID    NAME        DRIVER\n2f259bab93aa  podman      bridge\n");
    assert_eq!(subnet(&cala, "podman"), "10.88.0.0/16 10.88.0.1");
    assert_eq!(
        cala.run(["network", "inspect", "2f25", "-f", "{{.Name}} {{.DNSEnabled}}"]).success().text(),
        "podman false"
    );
    cala.run(["network", "exists", "podman"]).success();
    for args in [&["network", "rm", "podman"][..], &["network", "rm", "-f", "podman"]] {
        refused(&cala.run(args), 125, "Error: default network podman cannot be removed");
    }
    if !other_program() {
        // In Podman this word is only understood by `run --network`.
        assert_eq!(cala.run(["network", "inspect", "bridge", "-f", "{{.Name}}"]).success().text(), "podman");
        cala.run(["network", "exists", "bridge"]).success();
    }
}

#[test]
fn networks_are_made_listed_inspected_and_removed() {
    let cala = bare();
    assert_eq!(cala.run(["network", "create"]).success().text(), "podman1");
    assert_eq!(cala.run(["network", "create", "--label", "x=1", "--label", "y", "a"]).success().text(), "a");
    assert_eq!(cala.run(["network", "create", "--ignore", "a"]).success().text(), "a");
    let id = cala.run(["network", "inspect", "--format", "{{.ID}}", "a"]).success().text().to_owned();
    assert_eq!(id.len(), 64);
    assert_eq!(cala.run(["network", "ls", "-q"]).success().stdout, "a\npodman\npodman1\n");
    assert_eq!(
        cala.run(["network", "list", "-n", "--no-trunc", "--filter", "name=^a$"]).success().stdout,
        format!("{id}  a           bridge\n")
    );
    assert_eq!(
        (subnet(&cala, "podman1"), subnet(&cala, &id)),
        ("10.89.0.0/24 10.89.0.1".into(), "10.89.1.0/24 10.89.1.1".into())
    );
    for name in ["a", id.as_str(), &id[..8]] {
        cala.run(["network", "exists", name]).success();
    }
    let removed = cala.run(["network", "rm", "a", "nope", "podman1"]).exits_with(1);
    assert_eq!(removed.stdout, "a\npodman1\n");
    assert!(
        removed.stderr.starts_with("Error: unable to find network with name or ID nope: network not found\n"),
        "{removed:?}"
    );
    cala.run(["network", "exists", "a"]).exits_with(1);
    assert_eq!(cala.run(["network", "rm", "-f", "a"]).success().stdout, "");
}

#[test]
fn inspect_prints_podmans_json() {
    let cala = bare();
    let options = [
        "network",
        "create",
        "--subnet",
        "10.91.4.0/24",
        "--gateway",
        "10.91.4.254",
        "--ip-range",
        "10.91.4.64/28",
        "--subnet",
        "fd00:91::/64",
        "--internal",
        "--label",
        "a=b",
        "--opt",
        "mtu=1400",
        "--opt",
        "isolate=1",
        "--dns",
        "192.0.2.53,2001:db8::53",
        "full",
    ];
    cala.run(options).success();
    let output = cala.run(["network", "inspect", "full"]).success();
    let mut json: serde_json::Value = serde_json::from_str(&output.stdout).expect("JSON");
    let network = json[0].as_object_mut().expect("an object");
    let id = network["id"].as_str().expect("an id").to_owned();
    let created = network["created"].as_str().expect("a time").to_owned();
    let bridge = network["network_interface"].as_str().expect("a name").to_owned();
    let expected = format!(
        r#"[
     {{
          "name": "full",
          "id": "{id}",
          "driver": "bridge",
          "network_interface": "{bridge}",
          "created": "{created}",
          "subnets": [
               {{
                    "subnet": "10.91.4.0/24",
                    "gateway": "10.91.4.254",
                    "lease_range": {{
                         "start_ip": "10.91.4.65",
                         "end_ip": "10.91.4.79"
                    }}
               }},
               {{
                    "subnet": "fd00:91::/64",
                    "gateway": "fd00:91::1"
               }}
          ],
          "ipv6_enabled": true,
          "internal": true,
          "dns_enabled": true,
          "network_dns_servers": [
               "192.0.2.53",
               "2001:db8::53"
          ],
          "labels": {{
               "a": "b"
          }},
          "options": {{
               "isolate": "true",
               "mtu": "1400"
          }},
          "ipam_options": {{
               "driver": "host-local"
          }},
          "containers": {{}}
     }}
]
"#
    );
    assert_eq!(output.stdout, expected);
    let row = cala.run(["network", "ls", "--filter", "name=full", "--format", "{{json .}}"]).success();
    assert!(
        row.stdout.starts_with(&format!("{{\"name\":\"full\",\"id\":\"{id}\",\"driver\":\"bridge\",")),
        "{row:?}"
    );
    let rows = cala.run(["network", "ls", "--filter", "name=full", "--format", "json"]).success();
    assert!(rows.stdout.starts_with("[\n  {\n    \"name\": \"full\",\n"), "{rows:?}");
    assert_eq!(cala.run(["network", "ls", "--format", "json", "-f", "name=nope"]).success().stdout, "[]\n");
    assert_eq!(cala.run(["inspect", "full", "-f", "{{.Name}}"]).success().text(), "full");
    assert_eq!(cala.run(["inspect", "--type", "network", "full", "-f", "{{.ID}}"]).success().text(), id);
}

#[test]
fn what_is_not_there_does_not_hide_what_is() {
    let cala = bare();
    let output = cala.run(["network", "inspect", "nope", "podman", "-f", "{{.Name}}"]).exits_with(125);
    assert_eq!(output.stdout, "podman\n");
    assert!(
        output
            .stderr
            .contains("network nope: unable to find network with name or ID nope: network not found\n"),
        "{output:?}"
    );
    assert_eq!(cala.run(["network", "inspect", "nope"]).exits_with(125).stdout, "[]\n");
}

#[test]
fn wishes_that_do_not_fit_are_refused_in_podmans_words() {
    let cala = bare();
    cala.run(["network", "create", "--subnet", "10.93.0.0/24", "a"]).success();
    let common: &[(&[&str], &str)] = &[
        (&["a"], "network name a already used: network already exists"),
        (&["podman"], "network name podman already used: network already exists"),
        (
            &["--subnet", "10.93.0.64/26"],
            "subnet 10.93.0.64/26 is already used on the host or by another config",
        ),
        (
            &["--subnet", "10.88.7.0/24"],
            "subnet 10.88.7.0/24 is already used on the host or by another config",
        ),
        (
            &["--subnet", "127.0.0.0/24"],
            "subnet 127.0.0.0/24 is already used on the host or by another config",
        ),
        (
            &["--subnet", "10.94.0.0/24", "--gateway", "10.90.0.1"],
            "gateway 10.90.0.1 not in subnet 10.94.0.0/24",
        ),
        (
            &["--subnet", "10.94.0.0/24", "--ip-range", "10.90.0.0/28"],
            "lease range start ip 10.90.0.1 not in subnet 10.94.0.0/24",
        ),
        (&["--subnet", "nonsense"], "invalid CIDR address: nonsense"),
        (&["--gateway", "10.94.0.1"], "cannot set gateway or range without subnet"),
        (
            &["--gateway", "nope"],
            "invalid argument \"nope\" for \"--gateway\" flag: invalid string being converted to IP address: nope",
        ),
        (&["--driver", "nope"], "failed to find driver or plugin \"nope\""),
        (&["--ipam-driver", "nope"], "unsupported ipam driver \"nope\""),
        (&["--opt", "nope=1"], "unsupported bridge network option nope"),
        (&["--opt", "mtu=x"], "strconv.Atoi: parsing \"x\": invalid syntax"),
        (&["--opt", "mtu=-1"], "mtu -1 is less than zero"),
        (
            &["--opt", "isolate=maybe"],
            "failed to parse isolate option: strconv.ParseBool: parsing \"maybe\": invalid syntax",
        ),
        (&["--opt", "=x"], "unable to parse options: invalid label format: \"=x\""),
        (&["--label", "=x"], "failed to parse labels: invalid label format: \"=x\""),
        (&["--dns", "nope"], "unable to parse ip nope specified in NetworkDNSServers: invalid argument"),
        (
            &["--disable-dns", "--dns", "192.0.2.53"],
            "cannot set NetworkDNSServers if DNS is not enabled for the network: invalid argument",
        ),
        (
            &["bad name"],
            "network name bad name invalid: names must match [a-zA-Z0-9][a-zA-Z0-9_.-]*: invalid argument",
        ),
        (
            &["host"],
            "cannot create network with name \"host\" because it conflicts with a valid network mode",
        ),
        (&["b", "c"], "accepts at most 1 arg(s), received 2"),
    ];
    for (args, line) in common {
        let output = cala.run(["network", "create"].iter().chain(*args));
        refused(&output, 125, &format!("Error: {line}"));
    }
    if !other_program() {
        for (args, line) in [
            (&["--driver", "macvlan"][..], "network driver \"macvlan\" is not supported"),
            (
                &["--subnet", "10.94.0.0/31"],
                "subnet 10.94.0.0/31 cannot be used: no room for a gateway and a container",
            ),
            (&["--route", "10.1.0.0/16,10.89.0.1"], "static routes of networks are not supported"),
        ] {
            let output = cala.run(["network", "create"].iter().chain(args));
            refused(&output, 125, &format!("Error: {line}"));
            assert!(output.stderr.contains("\nhint: "), "{output:?}");
        }
    }
    assert_eq!(cala.run(["network", "ls", "-q"]).success().stdout, "a\npodman\n");
}

#[test]
fn arguments_and_filters_that_do_not_fit() {
    let cala = bare();
    for (args, line) in [
        (&["foo"][..], format!("unrecognized command `{} network foo`", program())),
        (&[], format!("missing command '{} network COMMAND'", program())),
        (&["inspect"], "requires at least 1 arg(s), only received 0".to_owned()),
        (&["rm"], "requires at least 1 arg(s), only received 0".to_owned()),
        (&["rm", "-t", "1", "a"], "--force option must be specified to use the --time option".to_owned()),
        (&["exists"], "accepts 1 arg(s), received 0".to_owned()),
        (&["exists", "a", "b"], "accepts 1 arg(s), received 2".to_owned()),
        (&["update"], "accepts 1 arg(s), received 0".to_owned()),
        (&["ls", "foo"], format!("`{} network ls` takes no arguments", program())),
        (&["prune", "foo"], format!("`{} network prune` takes no arguments", program())),
        (&["ls", "-f", "foo=bar"], "invalid filter \"foo\"".to_owned()),
        (&["ls", "-f", "foo"], "filter input must be in the form of filter=value: foo is invalid".to_owned()),
        (&["ls", "-f", "until=foo"], "failed to parse value as time or duration: \"foo\"".to_owned()),
        (&["ls", "-f", "dangling=maybe"], "invalid dangling filter value \"maybe\"".to_owned()),
        (&["prune", "-f", "--filter", "name=a"], "invalid filter \"name\"".to_owned()),
        (&["reload"], "you must provide at least one name or id".to_owned()),
        (&["reload", "-a", "c"], "no arguments are needed with --all".to_owned()),
        (&["reload", "nope"], "no container with name or ID \"nope\" found: no such container".to_owned()),
        (
            &["update", "nope", "--dns-add", "192.0.2.53"],
            "unable to find network with name or ID nope: network not found".to_owned(),
        ),
        (
            &["update", "podman", "--dns-add", "foo"],
            "unable to parse ip foo specified in AddDNSServer: invalid argument".to_owned(),
        ),
    ] {
        let output = cala.run(["network"].iter().chain(args));
        // Podman shows the help of a group before it says that a command is missing.
        refused(&output, 125, &format!("Error: {line}"));
    }
    refused(
        &cala.run(["network", "rm", "nope"]),
        1,
        "Error: unable to find network with name or ID nope: network not found",
    );
}

#[test]
fn filters_choose_and_prune_removes_what_nobody_uses() {
    let cala = bare();
    for (name, label) in [("p1", "x=1"), ("p2", "x=2"), ("p3", "z")] {
        cala.run(["network", "create", "--label", label, name]).success();
    }
    for (filters, expected) in [
        (&["name=p1", "name=p2"][..], "p1 p2"),
        (&["label=x"], "p1 p2"),
        (&["label=x", "label=x=1"], "p1"),
        (&["label!=x"], "p3 podman"),
        (&["driver=bridge", "name=^p.$"], "p1 p2 p3"),
        (&["driver=macvlan"], ""),
        (&["until=1h"], ""),
        (&["until=2099-01-01"], "p1 p2 p3 podman"),
        (&["dangling=true"], "p1 p2 p3"),
        (&["dangling=false"], "podman"),
        (&["id=2f259"], "podman"),
    ] {
        let args = filters.iter().flat_map(|filter| ["--filter", filter]);
        let output = cala.run(["network", "ls", "-q"].into_iter().chain(args)).success();
        assert_eq!(output.stdout.lines().collect::<Vec<_>>().join(" "), expected, "{filters:?}");
    }
    assert_eq!(cala.run(["network", "prune", "-f", "--filter", "label=x=1"]).success().stdout, "p1\n");
    let question = "WARNING! This will remove all networks not used by at least one container.\n\
                    Are you sure you want to continue? [y/N] ";
    assert_eq!(cala.run_with_input(["network", "prune"], b"n\n").success().stdout, question);
    assert_eq!(
        cala.run_with_input(["network", "prune"], b"y\n").success().stdout,
        format!("{question}p2\np3\n")
    );
    assert_eq!(cala.run(["network", "ls", "-q"]).success().stdout, "podman\n");
}

#[test]
fn resolvers_are_changed() {
    let cala = bare();
    cala.run(["network", "create", "--dns", "192.0.2.1", "u"]).success();
    let change = ["network", "update", "u", "--dns-add", "192.0.2.2,192.0.2.3", "--dns-drop", "192.0.2.1"];
    assert_eq!(cala.run(change).success().text(), "u");
    cala.run(["network", "update", "u", "--dns-add", "192.0.2.2", "--dns-drop", "192.0.2.9"]).success();
    let shown = cala.run(["network", "inspect", "u", "-f", "{{.NetworkDNSServers}}"]).success();
    assert_eq!(shown.text(), "[192.0.2.2 192.0.2.3]");
    cala.run(["network", "update", "podman", "--dns-add", "192.0.2.2"]).success();
}

#[test]
fn what_happened_is_told() {
    let cala = bare();
    cala.run(["network", "create", "e"]).success();
    let id = cala.run(["network", "inspect", "-f", "{{.ID}}", "e"]).success().text().to_owned();
    cala.run(["network", "rm", "e"]).success();
    let events =
        cala.run(["events", "--stream=false", "--since", "1h", "--filter", "type=network"]).success();
    let told: Vec<&str> =
        events.stdout.lines().filter_map(|line| line.split_once(" network ")).map(|(_, rest)| rest).collect();
    assert_eq!(
        told,
        [format!("create {id} (name=e, type=bridge)"), format!("remove {id} (name=e, type=bridge)")]
    );
    let one = ["events", "--stream=false", "--since", "1h", "--filter", "event=remove", "--format", "json"];
    let json = cala.run(one).success();
    let json: serde_json::Value = serde_json::from_str(&json.stdout).expect("one line of JSON");
    assert_eq!(
        (&json["network"], &json["Status"], &json["Attributes"]["driver"]),
        (&"e".into(), &"remove".into(), &"bridge".into())
    );
}

#[test]
fn made_at_once_by_many_they_share_no_address() {
    let cala = bare();
    let (makers, each) = if other_program() { (4, 3) } else { (8, 5) };
    std::thread::scope(|scope| {
        for maker in 0..makers {
            let cala = &cala;
            scope.spawn(move || {
                for n in 0..each {
                    cala.run(["network", "create", "--ipv6", &format!("m{maker}-{n}")]).success();
                }
            });
        }
    });
    let format = "{{range .Subnets}}{{println .Subnet}}{{end}}";
    let listed = cala.run(["network", "ls", "--filter", "name=^m", "--format", format]).success();
    let all: Vec<&str> = listed.stdout.lines().filter(|line| !line.is_empty()).collect();
    assert_eq!(
        (all.len(), all.iter().collect::<BTreeSet<_>>().len()),
        (makers * each * 2, makers * each * 2)
    );
}

#[test]
fn a_damaged_record_is_shown_and_can_be_removed() {
    if other_program() {
        return;
    }
    let cala = bare();
    cala.run(["network", "create", "good"]).success();
    cala.run(["network", "create", "bad"]).success();
    let id = cala.run(["network", "inspect", "-f", "{{.ID}}", "bad"]).success().text().to_owned();
    std::fs::write(cala.data_root().join("networks").join(&id).join("network.json"), "{").expect("writable");
    let listed = cala.run(["network", "ls", "-n"]).success();
    assert!(listed.stdout.contains("bad         damaged\n"), "{listed:?}");
    assert_eq!(listed.stdout.lines().count(), 3);
    let output = cala.run(["network", "inspect", "bad"]).exits_with(125);
    assert!(output.stderr.contains(&format!("network {id} is damaged: network.json: ")), "{output:?}");
    assert!(output.stderr.contains("\nhint: "), "{output:?}");
    // What is sound goes on.
    cala.run(["network", "create", "more"]).success();
    cala.run(["network", "rm", "bad"]).success();
    assert_eq!(cala.run(["network", "ls", "-q"]).success().stdout, "good\nmore\npodman\n");
}

#[test]
fn containers_without_a_network_are_in_nobodys_way() {
    let Some(world) = world() else { return };
    world.cala.run(["network", "create", "a"]).success();
    world.cala.run(["create", "--network", "none", "--name", "c", &world.image, "true"]).success();
    refused(
        &world.cala.run(["network", "reload", "c"]),
        125,
        "Error: cannot reload network unless container network has been configured: container state improper",
    );
    assert_eq!(world.cala.run(["network", "reload", "--all"]).success().stdout, "");
    assert_eq!(world.cala.run(["network", "prune", "-f"]).success().stdout, "a\n");
}

/// A container that is not started, in a network; its id.
fn member(world: &crate::World, name: &str, network: &str) -> String {
    let cala = &world.cala;
    let wished = if other_program() { network } else { "none" };
    let args = ["create", "--network", wished, "--name", name, &world.image, "true"];
    let id = cala.run(args).success().text().to_owned();
    if !other_program() {
        // `--network NAME` is not there yet: the record says what it will say.
        let record = cala.data_root().join("containers").join(&id).join("container.json");
        let text = std::fs::read_to_string(&record).expect("the record");
        let mut config: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        let network = cala.run(["network", "inspect", "-f", "{{.ID}}", network]).success().text().to_owned();
        config["networks"] = serde_json::json!([{ "network": network }]);
        std::fs::write(&record, config.to_string()).expect("writable");
    }
    id
}

#[test]
fn a_network_with_containers_is_only_removed_by_force() {
    let Some(world) = world() else { return };
    let cala = &world.cala;
    for name in ["a", "b"] {
        cala.run(["network", "create", name]).success();
    }
    member(&world, "c", "a");
    let output = cala.run(["network", "rm", "a"]);
    refused(
        &output,
        2,
        "Error: \"a\" has associated containers with it. Use -f to forcibly delete containers and pods: network is \
         being used",
    );
    assert_eq!(cala.run(["network", "inspect", "-f", "{{len .Containers}}", "a"]).success().text(), "0");
    assert_eq!(cala.run(["network", "ls", "-q", "-f", "dangling=true"]).success().stdout, "b\n");
    assert_eq!(cala.run(["network", "ls", "-q", "-f", "dangling=false"]).success().stdout, "a\npodman\n");
    assert_eq!(cala.run(["network", "prune", "-f"]).success().stdout, "b\n");
    assert_eq!(cala.run(["network", "rm", "-f", "-t", "0", "a"]).success().stdout, "a\n");
    cala.run(["container", "exists", "c"]).exits_with(1);
    assert_eq!(cala.run(["network", "ls", "-q"]).success().stdout, "podman\n");
}
