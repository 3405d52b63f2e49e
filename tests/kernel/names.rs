//! What containers are answered when they ask for names, and what the host's resolver gets to hear of it.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, UdpSocket};
use std::process::{Child, Stdio};
use std::time::Duration;

use cala_testkit::{Cala, Output};

use crate::dns::{Resolver, question};
use crate::{World, address_in, in_network, networked_host, serve};

/// Where systemd-resolved has its stub, and one more.
const STUBS: [&str; 2] = ["127.0.0.53", "127.0.0.54"];
/// What a resolver at either answers.
const ANSWERS: [Ipv4Addr; 2] = [Ipv4Addr::new(203, 0, 113, 53), Ipv4Addr::new(203, 0, 113, 54)];

/// The host's resolver is this one from now on.
fn use_resolver(stub: &str) {
    std::fs::write("/etc/resolv.conf", format!("nameserver {stub}\n"))
        .expect("tests have a file of their own");
}

/// A resolver of the host, and a network `shop` with a container that has a shell.
fn shop(options: &[&str]) -> Option<(World, Resolver)> {
    let world = networked_host()?;
    let resolver = Resolver::start(STUBS[0], ANSWERS[0]);
    use_resolver(STUBS[0]);
    let mut create = vec!["network", "create"];
    create.extend_from_slice(options);
    create.push("shop");
    world.cala.run(create).success();
    client(&world, "client", &["--network", "shop"]);
    Some((world, resolver))
}

/// A container with a shell that waits.
fn client(world: &World, name: &str, options: &[&str]) {
    let mut args = vec!["run", "-d", "--init", "--name", name];
    args.extend_from_slice(options);
    args.extend_from_slice(&[&world.image, "sleep", "1000"]);
    world.cala.run(args).success();
}

fn look_up(cala: &Cala, name: &str) -> Output {
    cala.run(["exec", "client", "nslookup", name])
}

#[test]
fn names_of_the_world_are_asked_from_the_hosts_resolver_even_after_it_was_replaced() {
    let Some((World { cala, .. }, resolver)) = shop(&[]) else { return };
    let found = look_up(&cala, "www.example.com").success();
    assert!(found.stdout.contains(&ANSWERS[0].to_string()), "{found:?}");
    assert!(resolver.asked().contains(&"www.example.com".to_owned()));
    let next = Resolver::start(STUBS[1], ANSWERS[1]);
    use_resolver(STUBS[1]);
    let follows = |output: &Output| output.stdout.contains(&ANSWERS[1].to_string());
    cala.eventually(["exec", "client", "nslookup", "www.example.com"], follows);
    let before = resolver.asked().len();
    look_up(&cala, "www.example.net").success();
    assert!(next.asked().contains(&"www.example.net".to_owned()));
    assert_eq!(resolver.asked().len(), before);
    cala.run(["rm", "-f", "-t", "0", "-a"]).success();
}

#[test]
fn a_containers_name_never_leaves_the_host_even_when_it_has_stopped() {
    let Some((World { cala, .. }, resolver)) = shop(&[]) else { return };
    serve(&cala, "web", &["--network", "shop", "--network-alias", "till"], "80");
    let names = ["web", "till", "web.dns.podman"];
    for name in names {
        look_up(&cala, name).success();
    }
    cala.run(["stop", "-t", "0", "web"]).success();
    for name in names.iter().chain(&["nobody", "nobody.dns.podman"]) {
        assert_ne!(look_up(&cala, name).code, 0, "{name}");
    }
    look_up(&cala, "www.example.com").success();
    let asked = resolver.asked();
    assert!(asked.iter().all(|name| name == "www.example.com") && !asked.is_empty(), "{asked:?}");
    cala.run(["rm", "-f", "-t", "0", "-a"]).success();
}

#[test]
fn an_internal_network_asks_nobody_outside() {
    let Some((World { cala, .. }, resolver)) = shop(&["--internal"]) else { return };
    serve(&cala, "web", &["--network", "shop"], "80");
    look_up(&cala, "web").success();
    for name in ["www.example.com", "host.containers.internal"] {
        assert_ne!(look_up(&cala, name).code, 0, "{name}");
    }
    assert_eq!(resolver.asked(), Vec::<String>::new());
    cala.run(["rm", "-f", "-t", "0", "-a"]).success();
}

#[test]
fn addresses_have_names_in_all_networks_of_who_asks() {
    let Some((world, _)) = shop(&[]) else { return };
    let cala = &world.cala;
    cala.run(["network", "create", "back"]).success();
    serve(cala, "web", &["--network", "shop"], "80");
    serve(cala, "sql", &["--network", "back"], "80");
    let of_sql = address_in(cala, "sql", "back");
    for (name, network) in [("web", "shop"), ("sql", "back")] {
        let reversed: Vec<String> =
            address_in(cala, name, network).split('.').rev().map(str::to_owned).collect();
        let reversed = format!("{}.in-addr.arpa", reversed.join("."));
        let asks = || cala.run(["exec", "client", "nslookup", "-type=ptr", &reversed]);
        if network == "back" {
            assert!(!asks().stdout.contains("name = sql"), "not its network yet");
            cala.run(["network", "connect", "back", "client"]).success();
        }
        let found = asks();
        assert!(found.stdout.contains(&format!("name = {name}")), "{found:?}");
    }
    let found = look_up(cala, "sql").success();
    assert!(found.stdout.contains(&of_sql), "{found:?}");
    cala.run(["rm", "-f", "-t", "0", "-a"]).success();
}

/// Says to [`floods`] whom to ask.
const FLOODED: &str = "CALA_TEST_FLOODED";

/// Asks as fast as it can, for names of the network and of the world, until its standard input ends.
#[test]
#[ignore = "what a test starts in a container's network"]
fn floods() {
    let Ok(server) = std::env::var(FLOODED) else { return };
    for number in 0..4_u16 {
        let server = server.clone();
        std::thread::spawn(move || {
            let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
            let messages = [question(number, "client"), question(number, "www.example.com")];
            // Answers are not read: the socket's buffer overflows, as a hostile one's would.
            loop {
                messages.iter().for_each(|message| drop(socket.send_to(message, (&*server, 53))));
            }
        });
    }
    writeln!(std::io::stdout(), "flooding").unwrap();
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
}

fn flood(cala: &Cala, container: &str, server: &str) -> Child {
    let mut command = in_network(cala, container, "names::floods");
    let mut child = command
        .env(FLOODED, server)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("nsenter is there");
    crate::wait_for(&mut child, "flooding");
    child
}

/// Says to [`asks`] whom to ask.
const ASKED: &str = "CALA_TEST_ASKED";

/// Asks a hundred times and is answered each time at the first attempt.
#[test]
#[ignore = "what a test starts in a container's network"]
fn asks() {
    let Ok(server) = std::env::var(ASKED) else { return };
    let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let mut buffer = [0; 512];
    for number in 0..100 {
        for name in ["client", "www.example.com"] {
            socket.send_to(&question(number, name), (&*server, 53)).unwrap();
            let count = socket.recv(&mut buffer).unwrap_or_else(|error| panic!("{name} {number}: {error}"));
            // The same id, no error, an answer.
            assert_eq!(
                (&buffer[..2], buffer[3] & 15, buffer[7]),
                (&number.to_be_bytes()[..], 0, 1),
                "{name}"
            );
            assert!(count > 12);
        }
    }
}

#[test]
fn a_container_that_floods_the_name_server_takes_no_answer_from_another() {
    let Some((world, _)) = shop(&[]) else { return };
    let cala = &world.cala;
    client(&world, "hostile", &["--network", "shop"]);
    let gateway = world.inspect("client", "{{(index .NetworkSettings.Networks \"shop\").Gateway}}");
    let mut hostile = flood(cala, "hostile", &gateway);
    let status = in_network(cala, "client", "names::asks").env(ASKED, &gateway).status();
    assert!(status.expect("nsenter is there").success(), "every question is answered");
    assert!(hostile.try_wait().expect("it is ours").is_none(), "it flooded to the end");
    drop(hostile.stdin.take());
    let _ = hostile.wait();
    cala.run(["rm", "-f", "-t", "0", "-a"]).success();
}
