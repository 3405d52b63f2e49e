//! Two networks share nothing, whatever a container with all rights over its own network tries.

use std::net::{SocketAddr, SocketAddrV6};

use cala_testkit::host::{self, outward};
use cala_testkit::{Cala, Output};

use crate::{World, address_in, in_network, networked};

/// Networks `one` and `two`, both with IPv6; in `one` a `liar` that may do to its network what it wants, and its
/// `neighbour`; in `two` a `victim`. All serve a page.
fn networks() -> Option<World> {
    let world = networked()?;
    for network in ["one", "two"] {
        world.cala.run(["network", "create", "--ipv6", network]).success();
    }
    for (name, network) in [("liar", "one"), ("neighbour", "one"), ("victim", "two")] {
        let rights = ["--cap-add", "NET_ADMIN", "--cap-add", "NET_RAW"];
        let page = "mkdir -p /www; echo page >/www/index.html; exec httpd -f -p 80 -h /www";
        let mut args = vec!["run", "-d", "--init", "--name", name, "--network", network];
        args.extend_from_slice(&rights);
        args.extend_from_slice(&[&world.image, "sh", "-c", page]);
        world.cala.run(args).success();
    }
    let serves = |output: &Output| output.stdout == "page\n";
    world.cala.eventually(["exec", "neighbour", "wget", "-qO-", "127.0.0.1"], serves);
    world.cala.eventually(["exec", "victim", "wget", "-qO-", "127.0.0.1"], serves);
    Some(world)
}

fn sh(cala: &Cala, container: &str, script: &str) -> Output {
    cala.run(["exec", container, "sh", "-c", script])
}

fn link_local(cala: &Cala, container: &str) -> String {
    let script = "ip -6 -o addr show dev eth0 scope link | awk '{print $4}' | cut -d/ -f1";
    sh(cala, container, script).success().text().to_owned()
}

fn ipv6_in(world: &World, container: &str, network: &str) -> String {
    world.inspect(
        container,
        &format!("{{{{(index .NetworkSettings.Networks {network:?}).GlobalIPv6Address}}}}"),
    )
}

fn gateway(world: &World, container: &str, network: &str) -> String {
    world.inspect(container, &format!("{{{{(index .NetworkSettings.Networks {network:?}).Gateway}}}}"))
}

#[test]
fn no_route_address_or_question_leads_from_one_network_into_another() {
    let Some(world) = networks() else { return };
    let cala = &world.cala;
    let (neighbour, victim) = (address_in(cala, "neighbour", "one"), address_in(cala, "victim", "two"));
    let (neighbour6, victim6) = (ipv6_in(&world, "neighbour", "one"), ipv6_in(&world, "victim", "two"));
    let (own, other) = (gateway(&world, "liar", "one"), gateway(&world, "victim", "two"));
    let page = |address: &str| format!("timeout 2 wget -qO- http://{address}/");
    // What is tried works where it may.
    for address in [neighbour.clone(), format!("[{neighbour6}]")] {
        sh(cala, "liar", &page(&address)).success();
    }
    sh(cala, "liar", &format!("arping -c 1 -w 2 -I eth0 {neighbour}")).success();
    sh(cala, "liar", &format!("ping -c 1 -W 2 {}%eth0", link_local(cala, "neighbour"))).success();
    sh(cala, "liar", &format!("nslookup neighbour {own}")).success();
    let attempts = [
        ("by the gateway", page(&victim)),
        ("by a route of its own", format!("ip route add {victim} via {own}; {}", page(&victim))),
        (
            "as a neighbour",
            format!("ip route del {victim}; ip route add {victim} dev eth0; {}", page(&victim)),
        ),
        ("IPv6", page(&format!("[{victim6}]"))),
        (
            "IPv6 as a neighbour",
            format!("ip -6 route add {victim6} dev eth0; {}", page(&format!("[{victim6}]"))),
        ),
        ("ARP", format!("arping -c 1 -w 2 -I eth0 {victim}")),
        ("a link-local address", format!("ping -c 1 -W 2 {}%eth0", link_local(cala, "victim"))),
        ("the other's gateway", format!("ip route add {other} via {own}; ping -c 1 -W 2 {other}")),
        ("the other's name server", format!("timeout 2 nslookup victim {other}")),
        ("its name", "timeout 2 nslookup victim".to_owned()),
    ];
    for (what, script) in attempts {
        let tried = sh(cala, "liar", &script);
        assert_ne!(tried.code, 0, "{what}: {tried:?}");
    }
    sh(cala, "victim", &page("127.0.0.1")).success();
    cala.run(["rm", "-f", "-t", "0", "-a"]).success();
}

#[test]
fn a_container_speaks_in_nobody_elses_name() {
    let Some(world) = networks() else { return };
    let cala = &world.cala;
    let (own, victim) = (address_in(cala, "liar", "one"), address_in(cala, "victim", "two"));
    let neighbour = address_in(cala, "neighbour", "one");
    let server = host::serve(SocketAddr::new(outward(), 0));
    let gateway = gateway(&world, "liar", "one");
    let page = format!("wget -qO- http://{server}/");
    let asks = |source: &str| {
        let route = format!("ip route replace {} via {gateway} src {source}", server.ip());
        sh(cala, "liar", &format!("{route} && timeout 2 {page}"))
    };
    asks(&own).success();
    // One of another network, a free one of its own, and one of the world.
    let free = neighbour.rsplit_once('.').map(|(start, _)| format!("{start}.200")).expect("IPv4");
    for source in [victim.as_str(), &free, "192.0.2.1"] {
        sh(cala, "liar", &format!("ip addr add {source}/32 dev eth0")).success();
        let answered = asks(source);
        assert_ne!(answered.code, 0, "{source}: {answered:?}");
    }
    // Nor in its neighbour's, to whom answers go on to come.
    sh(cala, "liar", &format!("ip addr add {neighbour}/32 dev eth0")).success();
    assert_ne!(asks(&neighbour).code, 0);
    sh(cala, "neighbour", &page).success();
    cala.run(["rm", "-f", "-t", "0", "-a"]).success();
}

/// Sends a router advertisement for 2001:db8:bad::/64 to all nodes (RFC 4861, section 4.2).
#[test]
#[ignore = "what a test starts in a container's network"]
fn advertises() {
    use rustix::net::{AddressFamily, SendFlags, SocketType, ipproto, sendto, socket, sockopt};
    if std::env::var_os("CALA_TEST_ADVERTISES").is_none() {
        return;
    }
    let raw = socket(AddressFamily::INET6, SocketType::RAW, Some(ipproto::ICMPV6)).unwrap();
    sockopt::set_ipv6_multicast_hops(&raw, 255).unwrap();
    let table = std::fs::read_to_string("/proc/thread-self/net/if_inet6").unwrap();
    let line = table.lines().find(|line| line.ends_with("eth0")).unwrap();
    let index = u32::from_str_radix(line.split(' ').nth(1).unwrap(), 16).unwrap();
    let mut message = vec![134, 0, 0, 0, 64, 0, 0x07, 0x08, 0, 0, 0, 0, 0, 0, 0, 0];
    message.extend([3, 4, 64, 0xc0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    message.extend("2001:db8:bad::".parse::<std::net::Ipv6Addr>().unwrap().octets());
    let all = SocketAddrV6::new("ff02::1".parse().unwrap(), 0, 0, index);
    sendto(&raw, &message, SendFlags::empty(), &all).unwrap();
}

#[test]
fn a_container_is_nobodys_router() {
    let Some(world) = networks() else { return };
    let cala = &world.cala;
    let table = || sh(cala, "neighbour", "ip -6 route; ip -6 -o addr show dev eth0").success().stdout;
    assert_eq!(sh(cala, "neighbour", "cat /proc/sys/net/ipv6/conf/eth0/accept_ra").success().text(), "0");
    // Not even one who wants them hears of others.
    let pid = world.inspect("neighbour", "{{.State.Pid}}");
    let wish = "echo 2 >/proc/sys/net/ipv6/conf/eth0/accept_ra";
    let wished = std::process::Command::new("nsenter")
        .args(["-t", &pid, "-U", "-n", "--preserve-credentials", "sh", "-c", wish])
        .status();
    assert!(wished.expect("nsenter is there").success());
    let before = table();
    let status = in_network(cala, "liar", "isolation::advertises").env("CALA_TEST_ADVERTISES", "1").status();
    assert!(status.expect("nsenter is there").success());
    // What comes later on the same way has arrived, so the advertisement would have.
    sh(cala, "liar", &format!("ping -c 1 -W 5 {}%eth0", link_local(cala, "neighbour"))).success();
    assert_eq!(table(), before);
    cala.run(["rm", "-f", "-t", "0", "-a"]).success();
}
