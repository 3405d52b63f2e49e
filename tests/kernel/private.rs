//! A network of one container's own (`--network pasta`, `--network slirp4netns`), and the host's loopback.

use std::net::{IpAddr, SocketAddr, UdpSocket};

use cala_testkit::host::{get, local, outward};
use cala_testkit::{Cala, Output, host};

use crate::{HELLO, World, networked, serve};

/// Answers every datagram by an error of TFTP (RFC 1350) that says so; its address and port.
fn tftp_server(address: IpAddr) -> String {
    let socket = UdpSocket::bind((address, 0)).unwrap();
    let port = socket.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let mut question = [0; 1024];
        while let Ok((_, from)) = socket.recv_from(&mut question) {
            let _ = socket.send_to(b"\0\x05\0\0said by UDP\0", from);
        }
    });
    format!("{address} {port}")
}

fn field(cala: &Cala, template: &str) -> String {
    cala.run(["inspect", "web", "--format", template]).success().text().to_owned()
}

fn ask(cala: &Cala, network: &str, place: &str) -> Output {
    cala.run(["run", "--rm", "--network", network, HELLO, "ask", place])
}

fn own_network(World { cala, image, .. }: &World, mode: &str, options: &str) {
    let network = format!("{mode}:{options}");
    serve(cala, "web", &["--network", &network, "-p", "127.0.0.1::80"], "80");
    assert_eq!(field(cala, "{{.HostConfig.NetworkMode}}"), mode);
    let own =
        format!("{{{{.NetworkSettings.Networks.{mode}.IPAddress}}}} {{{{.NetworkSettings.IPAddress}}}}");
    assert_eq!(field(cala, &own), "10.0.2.100 10.0.2.100");
    let port = cala.run(["port", "web"]).success();
    let port = port.text().rsplit_once(':').unwrap().1.parse().unwrap();
    assert!(get(local(port)).contains("Hello from a container"), "{mode}");
    // Published and withdrawn while it runs, as in any network.
    let more = cala.run(["publish", "web", "127.0.0.1::80"]).success();
    assert!(!more.text().is_empty());
    let shown = cala.run(["port", "web"]).success();
    let new: u16 = shown
        .text()
        .lines()
        .map(|line| line.rsplit_once(':').unwrap().1.parse().unwrap())
        .find(|known| *known != port)
        .unwrap();
    assert!(get(local(new)).contains("Hello from a container"), "{mode}");
    // Out, by TCP, UDP and with names.
    let tcp = host::serve(SocketAddr::new(outward(), 0));
    ask(cala, &network, &tcp.to_string()).success();
    let udp = tftp_server(outward());
    let script = format!("busybox nslookup host.docker.internal; busybox tftp -g -r over -l /dev/null {udp}");
    let sent = cala.run(["run", "--rm", "--network", &network, image, "sh", "-c", &script]);
    assert!(sent.stdout.contains(&outward().to_string()), "names: {sent:?}");
    assert!(sent.stderr.contains("said by UDP"), "{sent:?}");
    // It is nobody else's: no list has it, nobody can be put into it, and it goes with its container.
    assert_eq!(cala.run(["network", "ls", "-q"]).success().text().lines().count(), 1);
    let refused = cala.run(["network", "connect", "podman", "web"]).exits_with(125);
    assert!(refused.stderr.contains("is not supported"), "{refused:?}");
    let id = field(cala, "{{.Id}}");
    assert!(cala.run_root().join("networks").join(&id).exists());
    cala.run(["rm", "-f", "-t", "0", "web"]).success();
    cala.eventually(["network", "ls"], |_| {
        let left = std::fs::read_dir(cala.run_root().join("networks")).unwrap().flatten();
        left.map(|entry| entry.file_name().into_string().unwrap()).all(|name| !name.starts_with(&id))
    });
}

#[test]
fn a_container_with_pasta_of_its_own_reaches_out_and_is_reached() {
    let Some(world) = networked() else { return };
    own_network(&world, "pasta", "-m,1400");
    let mtu =
        ["run", "--rm", "--network", "pasta:-m,1400,-I,lan0", &world.image, "cat", "/sys/class/net/lan0/mtu"];
    assert_eq!(world.cala.run(mtu).success().text(), "1400");
}

#[test]
fn a_container_with_slirp4netns_of_its_own_reaches_out_and_is_reached() {
    if !cala_testkit::require::program("slirp4netns") {
        return cala_testkit::require::skip("slirp4netns is not installed");
    }
    let Some(world) = networked() else { return };
    own_network(&world, "slirp4netns", "mtu=1400");
}

#[test]
fn containers_with_networks_of_their_own_do_not_reach_each_other() {
    let Some(World { cala, .. }) = networked() else { return };
    serve(&cala, "one", &["--network", "pasta"], "80");
    serve(&cala, "two", &["--network", "pasta:-4,-a,10.0.2.101"], "80");
    let found = cala.run(["network", "reach", "one", "two:80", "--format", "json"]).exits_with(1).json();
    assert_eq!(found["reason"], "no_common_network", "{found}");
    assert!(found["hints"][0].as_str().unwrap().contains("one has a network of its own (pasta)"), "{found}");
    let by_address = cala.run(["network", "reach", "one", "10.0.2.101:80"]).exits_with(1);
    assert!(by_address.stdout.contains("10.0.2.101"), "{by_address:?}");
    cala.run(["rm", "-f", "-t", "0", "one", "two"]).success();
}

#[test]
fn the_hosts_loopback_is_open_to_those_only_for_whom_it_was_opened() {
    let Some(World { cala, .. }) = networked() else { return };
    let port = host::serve(local(0)).port();
    let place = format!("host.containers.internal:{port}");
    cala.run(["network", "create", "closed"]).success();
    let made = cala.run(["network", "create", "--allow", "host-loopback", "open"]).success();
    let warning = "reach every service on the host's 127.0.0.1";
    assert!(made.stderr.contains(warning), "{made:?}");
    for network in ["podman", "closed", "pasta", "slirp4netns"] {
        let refused = ask(&cala, network, &place);
        assert_ne!(refused.code, 0, "{network}: {refused:?}");
        assert!(!refused.stderr.contains(warning), "{refused:?}");
        let by_address = ask(&cala, network, &format!("192.0.0.2:{port}"));
        assert_ne!(by_address.code, 0, "{network}: {by_address:?}");
    }
    let opened = ask(&cala, "open", &place).success();
    assert!(!opened.stderr.contains(warning), "it was said when the network was made: {opened:?}");
    for network in ["pasta:--map-gw", "slirp4netns:allow_host_loopback=true"] {
        let opened = ask(&cala, network, &place).success();
        assert!(opened.stderr.contains(warning), "{opened:?}");
    }
    serve(&cala, "web", &["--network", "open"], "80");
    let reached = cala.run(["network", "reach", "web", &place]).success();
    assert!(reached.stdout.contains("reaches port"), "{reached:?}");
    cala.run(["rm", "-f", "-t", "0", "web"]).success();
}
