//! What a person is told of the network: who has a port, whether a container reaches another, and why not.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, UdpSocket};
use std::process::{Child, Stdio};

use cala_testkit::image::Compression;
use cala_testkit::{Cala, Image, LayerBuilder, Output};
use serde_json::Value;

use crate::{HELLO, World, in_network, networked, serve, wait_for, world};

fn json(output: &Output) -> Value {
    serde_json::from_str(output.text()).unwrap()
}

/// The answer of `reach`, whose exit code says the same.
#[track_caller]
fn reach(cala: &Cala, from: &str, to: &str) -> Value {
    let output = cala.run(["network", "reach", from, to, "--format", "json"]);
    assert!(matches!(output.code, 0 | 1), "{output:?}");
    let found = json(&output);
    assert_eq!(found["reached"] == Value::Bool(true), output.code == 0, "{found}");
    found
}

#[track_caller]
fn reason(cala: &Cala, from: &str, to: &str) -> String {
    reach(cala, from, to)["reason"].as_str().unwrap_or("reached").to_owned()
}

/// Says to [`is_a_udp_socket`] what to bind.
const UDP_SOCKET: &str = "CALA_TEST_UDP_SOCKET";

/// A program in a container's network that has a socket and answers nothing, until its standard input ends.
fn udp_socket(cala: &Cala, name: &str, address: &str) -> Child {
    let mut child = in_network(cala, name, "reach::is_a_udp_socket")
        .env(UDP_SOCKET, address)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    wait_for(&mut child, "bound");
    child
}

#[test]
#[ignore = "what `udp_socket` starts in a container's network"]
fn is_a_udp_socket() {
    let Ok(address) = std::env::var(UDP_SOCKET) else { return };
    let _socket = UdpSocket::bind(address).unwrap();
    writeln!(std::io::stdout(), "bound").unwrap();
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
}

#[test]
fn a_container_reaches_another_by_its_names_or_is_told_why_not() {
    let Some(World { cala, image, .. }) = networked() else { return };
    for network in ["back", "front"] {
        cala.run(["network", "create", network]).success();
    }
    cala.run(["network", "create", "--internal", "cellar"]).success();
    serve(&cala, "database", &["--network", "back", "--network-alias", "sql"], "5432");
    serve(&cala, "web", &["--network", "back", "--network", "front"], "80");
    serve(&cala, "stranger", &["--network", "front"], "80");
    serve(&cala, "hermit", &["--network", "none"], "80");
    serve(&cala, "keeper", &["--network", "cellar"], "80");
    cala.run(["create", "--name", "asleep", "--network", "back", HELLO, "serve", "80"]).success();
    let listen = ["busybox", "httpd", "-f", "-p", "127.0.0.1:6000"];
    let local = ["run", "-d", "--init", "--network", "back", "--name", "local", &image];
    cala.run(local.iter().chain(&listen)).success();

    let found = reach(&cala, "web", "database:5432");
    assert_eq!(found["reached"], true, "{found}");
    assert_eq!(found["names"][0], "database", "{found}");
    assert!(found["names"].as_array().unwrap().contains(&Value::from("sql")), "{found}");
    assert_eq!(found["attempts"][0]["network"], "back", "{found}");
    assert_eq!(reason(&cala, "web", "database"), "reached");
    assert_eq!(reason(&cala, "web", "sql:5432"), "reached");
    assert_eq!(reason(&cala, "web", found["attempts"][0]["address"].as_str().unwrap()), "reached");
    let text = cala.run(["network", "reach", "web", "database:5432"]).success();
    assert!(text.text().starts_with("web reaches port 5432 of database as database\n"), "{text:?}");

    assert_eq!(reason(&cala, "stranger", "database:5432"), "no_common_network");
    let refused = reach(&cala, "web", "database:80");
    assert_eq!(refused["reason"], "nothing_listens", "{refused}");
    assert!(refused["hints"][0].as_str().unwrap().contains("5432"), "{refused}");
    assert_eq!(reason(&cala, "web", "asleep:80"), "not_running");
    assert_eq!(reason(&cala, "asleep", "web:80"), "not_running");
    assert_eq!(reason(&cala, "web", "hermit"), "no_network");
    assert_eq!(reason(&cala, "web", "local:6000"), "loopback_only");
    assert_eq!(reason(&cala, "keeper", "192.0.2.1:80"), "internal");
    assert_eq!(reason(&cala, "web", "no-such-name.invalid"), "unknown_name");

    // By UDP: one that answers nothing, nothing there, loopback only.
    for name in ["mute", "shy"] {
        serve(&cala, name, &["--network", "back"], "80");
    }
    let mut sockets = [udp_socket(&cala, "mute", "0.0.0.0:5353"), udp_socket(&cala, "shy", "127.0.0.1:5353")];
    let taken = reach(&cala, "web", "mute:5353/udp");
    assert_eq!(
        (&taken["reached"], &taken["attempts"][0]["outcome"]),
        (&true.into(), &"taken".into()),
        "{taken}"
    );
    let refused = reach(&cala, "web", "mute:5354/udp");
    assert_eq!(refused["reason"], "nothing_listens", "{refused}");
    assert_eq!(refused["attempts"][0]["outcome"], "refused", "{refused}");
    assert!(refused["message"].as_str().unwrap().contains("port 5354/udp of mute"), "{refused}");
    assert!(refused["hints"][0].as_str().unwrap().contains("5353"), "{refused}");
    assert_eq!(reason(&cala, "web", "shy:5353/udp"), "loopback_only");
    for socket in &mut sockets {
        drop(socket.stdin.take());
        socket.wait().unwrap();
    }
    assert_eq!(reason(&cala, "keeper", "192.0.2.1:53/udp"), "internal");
    // The gateway's name server answers what is no question to it with nothing, and other ports not at all.
    let gateway = cala.run(["network", "inspect", "back", "--format", "{{(index .Subnets 0).Gateway}}"]);
    let gateway = gateway.success().text().to_owned();
    assert_eq!(reason(&cala, "web", &format!("{gateway}:54/udp")), "nothing_listens");
    assert_eq!(reason(&cala, "web", &format!("{gateway}:53/udp")), "silent");

    let hint = cala.run(["network", "reach", "stranger", "database"]);
    assert_eq!(hint.code, 1, "{hint:?}");
    assert!(hint.stderr.contains("cala network connect front database"), "{hint:?}");
    cala.run(["network", "connect", "front", "database"]).success();
    assert_eq!(reason(&cala, "stranger", "database:5432"), "reached");
}

#[test]
fn what_cannot_be_asked_is_an_error() {
    let Some(World { cala, .. }) = world() else { return };
    for args in [
        &["network", "reach", "nobody", "web"][..],
        &["network", "reach", "nobody"],
        &["network", "doctor"],
        &["network", "doctor", "0"],
        &["network", "doctor", "80/icmp"],
        &["network", "doctor", "80", "--format", "yaml"],
    ] {
        let output = cala.run(args);
        assert_eq!(output.code, 125, "{args:?}: {output:?}");
        assert!(output.stderr.starts_with("Error: "), "{output:?}");
    }
}

#[test]
fn a_port_is_free_or_has_a_holder() {
    let Some(World { cala, .. }) = networked() else { return };
    let doctor = |port: &str| cala.run(["network", "doctor", port, "--format", "json"]);
    serve(&cala, "web", &["-p", "127.0.0.1::80"], "80");
    let shown = cala.run(["port", "web"]).success().text().to_owned();
    let port = shown.rsplit_once(':').unwrap().1.to_owned();

    let taken = doctor(&port);
    assert_eq!(taken.code, 1, "{taken:?}");
    let found = json(&taken);
    assert_eq!(found["free"], false, "{found}");
    assert_eq!(found["sockets"][0]["holder"]["kind"], "container", "{found}");
    assert_eq!(found["sockets"][0]["holder"]["name"], "web", "{found}");
    let next = found["next_free"].to_string();
    assert_eq!(doctor(&next).code, 0, "{next}");
    let text = cala.run(["network", "doctor", &port]);
    assert!(text.stdout.contains("container web"), "{text:?}");

    let refused = cala.run(["create", "-p", &format!("{port}:80"), HELLO]);
    assert_eq!(refused.code, 125, "{refused:?}");
    assert!(refused.stderr.contains(&format!("cala network doctor {port}")), "{refused:?}");

    cala.run(["rm", "-f", "-t", "0", "web"]).success();
    assert_eq!(doctor(&port).code, 0);
}

#[test]
fn a_process_that_has_a_port_is_named() {
    let Some(World { cala, .. }) = world() else { return };
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    let ports =
        [tcp.local_addr().unwrap().port().to_string(), format!("{}/udp", udp.local_addr().unwrap().port())];
    for port in ports {
        let output = cala.run(["network", "doctor", &port, "--format", "json"]);
        assert_eq!(output.code, 1, "{output:?}");
        let holder = json(&output)["sockets"][0]["holder"].clone();
        assert_eq!(holder["kind"], "process", "{holder}");
        assert_eq!(holder["pid"], std::process::id(), "{holder}");
        let number = port.split('/').next().unwrap();
        let wish = port.replace(number, &format!("127.0.0.1:{number}:80"));
        let refused = cala.run(["create", "-p", &wish, HELLO]);
        assert_eq!(refused.code, 125, "{refused:?}");
        assert!(refused.stderr.contains(&format!("(pid {}) has it", std::process::id())), "{refused:?}");
    }
}

#[test]
fn exposed_ports_are_told_though_nothing_leads_there() {
    let Some(World { cala, registry, .. }) = networked() else { return };
    let config = serde_json::json!({"ExposedPorts": {"80/tcp": {}, "53/udp": {}}, "Cmd": ["/true"]});
    let exposing =
        Image::new(vec![LayerBuilder::default().file("true", 0o755, b"").tar()], Compression::Gzip, &config);
    let image = registry.push("test/exposing", "1", &exposing);
    cala.run(["create", "-q", "--name", "plain", &image]).success();
    cala.run(["create", "-q", "--name", "open", "-p", "127.0.0.1::80", &image]).success();
    let inspect = |name: &str, template: &str| -> Value {
        json(&cala.run(["inspect", name, "--format", template]).success())
    };
    let ports = inspect("plain", "{{json .NetworkSettings.Ports}}");
    assert_eq!(ports, serde_json::json!({"53/udp": null, "80/tcp": null}));
    let exposed = serde_json::json!({"53/udp": {}, "80/tcp": {}});
    assert_eq!(inspect("plain", "{{json .Config.ExposedPorts}}"), exposed);
    assert_eq!(inspect("open", "{{json .Config.ExposedPorts}}"), exposed);
    let ports = inspect("open", "{{json .NetworkSettings.Ports}}");
    assert!(ports["80/tcp"].is_array() && ports["53/udp"].is_null(), "{ports}");
    let listed = cala.run(["ps", "-a", "--format", "{{.Names}} {{.Ports}}"]);
    let listed = listed.success().text().to_owned();
    assert!(listed.contains("plain 80/tcp, 53/udp"), "{listed}");
    assert!(
        listed.lines().any(|l| l.starts_with("open 127.0.0.1:") && l.ends_with("->80/tcp, 53/udp")),
        "{listed}"
    );
}
