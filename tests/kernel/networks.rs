//! Containers in networks: names, isolation, ports, changes while they run, a holder that dies.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};

use cala_testkit::host::{get, get_from_neighbour, local, outward};
use cala_testkit::{Cala, Output, host};

use crate::{HELLO, World, address_in, field, networked, networked_host, serve};

/// Whether a container in these networks reaches a place by HTTP.
fn ask(cala: &Cala, options: &[&str], place: &str) -> Output {
    let mut args = vec!["run", "--rm"];
    args.extend_from_slice(options);
    args.extend_from_slice(&[HELLO, "ask", place]);
    cala.run(args)
}

/// The port of the host that a container's only published port was given.
fn host_port(cala: &Cala, name: &str) -> u16 {
    let shown = cala.run(["port", name]).success().text().to_owned();
    shown.rsplit_once(':').unwrap().1.parse().unwrap()
}

#[test]
fn an_application_its_database_a_web_server_in_front_and_a_stranger() {
    let Some(World { cala, .. }) = networked() else { return };
    for network in ["back", "front"] {
        cala.run(["network", "create", network]).success();
    }
    serve(&cala, "database", &["--network", "back", "--network-alias", "sql"], "5432");
    serve(&cala, "application", &["--network", "back"], "8000");
    serve(&cala, "web", &["--network", "front", "--network", "back", "-p", "127.0.0.1::80"], "80");
    for name in ["database", "sql", "database.dns.podman", "application"] {
        ask(
            &cala,
            &["--network", "back"],
            &format!("{name}:{}", if name == "application" { 8000 } else { 5432 }),
        )
        .success();
    }
    let stranger = ask(&cala, &["--network", "front"], "database:5432");
    assert_ne!(stranger.code, 0, "{stranger:?}");
    // Not by its address either: the networks share nothing.
    let address = address_in(&cala, "database", "back");
    assert_ne!(ask(&cala, &["--network", "front"], &format!("{address}:5432")).code, 0);
    assert_ne!(ask(&cala, &[], &format!("{address}:5432")).code, 0);
    // The web server is in both, and finds names of both.
    cala.run(["exec", "web", "/hello", "ask", "database:5432"]).success();
    ask(&cala, &["--network", "front"], "web:80").success();
    ask(&cala, &["--network", "back"], "web:80").success();
    assert!(get(local(host_port(&cala, "web"))).contains("200 OK"));
    cala.run(["rm", "-f", "-t", "0", "-a"]).success();
    cala.run(["network", "rm", "back", "front"]).success();
}

#[test]
fn a_port_is_there_when_run_returns_and_gone_when_the_container_is() {
    let Some(World { cala, .. }) = networked() else { return };
    serve(&cala, "web", &["-p", "127.0.0.1::8080"], "8080");
    let port = host_port(&cala, "web");
    assert!(get(local(port)).contains("200 OK"));
    let row = cala.run(["ps", "--format", "{{.Ports}}"]).success().text().to_owned();
    assert_eq!(row, format!("127.0.0.1:{port}->8080/tcp"));
    cala.run(["stop", "-t", "0", "web"]).success();
    drop(TcpListener::bind(local(port)).expect("the port is free at once"));
    // It has the same one after a restart.
    cala.run(["start", "web"]).success();
    assert!(get(local(port)).contains("200 OK"));
    cala.run(["rm", "-f", "-t", "0", "web"]).success();
}

#[test]
fn a_published_port_tells_the_container_who_asks() {
    let Some(World { cala, .. }) = networked_host() else { return };
    serve(&cala, "web", &["-p", "0.0.0.0::80"], "80");
    let port = host_port(&cala, "web");
    let there = SocketAddr::new(outward(), port);
    let client = |page: &str| {
        let (_, rest) = page.split_once("Your address is <b>").unwrap_or_else(|| panic!("{page}"));
        rest.split_once('<').unwrap().0.trim_start_matches("::ffff:").to_owned()
    };
    assert_eq!(client(&get_from_neighbour(there)), "198.51.100.1");
    // The host itself: by its own address, and as the gateway when it asks from loopback.
    assert_eq!(client(&get(there)), outward().to_string());
    assert_eq!(client(&get(local(port))), field(&cala, "web", "{{.NetworkSettings.Gateway}}"));
    cala.run(["rm", "-f", "-t", "0", "web"]).success();
}

#[test]
fn a_taken_port_is_refused_before_anything_is_made() {
    let Some(World { cala, .. }) = networked() else { return };
    let taken = TcpListener::bind(local(0)).unwrap();
    let place = format!("{}:80", taken.local_addr().unwrap());
    let output = cala.run(["run", "-d", "-p", &place, HELLO]).exits_with(125);
    assert!(output.stderr.contains("Address already in use"), "{output:?}");
    assert!(output.stderr.contains("\nhint: "), "{output:?}");
    assert_eq!(cala.run(["ps", "-aq"]).success().stdout, "");
    drop(taken);
    // One that a container has is said with its name.
    serve(&cala, "first", &["-p", &place], "80");
    let output = cala.run(["run", "-d", "-p", &place, HELLO]).exits_with(125);
    assert!(output.stderr.contains("container first has it"), "{output:?}");
    cala.run(["rm", "-f", "-t", "0", "first"]).success();
}

#[test]
fn ports_are_published_moved_and_withdrawn_while_it_runs() {
    let Some(World { cala, .. }) = networked() else { return };
    serve(&cala, "web", &[], "80");
    let started = field(&cala, "web", "{{.State.StartedAt}}");
    cala.run(["publish", "web", "127.0.0.1::80"]).success();
    let first = host_port(&cala, "web");
    let mut open = TcpStream::connect(local(first)).unwrap();
    let second = TcpListener::bind(local(0)).unwrap().local_addr().unwrap().port();
    cala.run(["publish", "--move", &format!("{first}:{second}"), "web"]).success();
    assert!(get(local(second)).contains("200 OK"));
    assert_eq!(get(local(first)), "");
    // A connection of before lives on.
    open.write_all(b"GET / HTTP/1.0\r\n\r\n").unwrap();
    let mut answer = String::new();
    open.read_to_string(&mut answer).unwrap();
    assert!(answer.contains("200 OK"), "{answer}");
    cala.run(["unpublish", "web", &second.to_string()]).success();
    assert_eq!(get(local(second)), "");
    assert_eq!(cala.run(["port", "web"]).success().stdout, "");
    assert_eq!(field(&cala, "web", "{{.State.StartedAt}}"), started);
    let output = cala.run(["unpublish", "web", "1"]).exits_with(125);
    assert!(output.stderr.contains("publishes nothing on port 1"), "{output:?}");
    cala.run(["rm", "-f", "-t", "0", "web"]).success();
}

#[test]
fn networks_are_joined_and_left_while_it_runs_and_over_a_restart() {
    let Some(World { cala, .. }) = networked() else { return };
    for network in ["one", "two"] {
        cala.run(["network", "create", network]).success();
    }
    serve(&cala, "web", &["--network", "one", "-p", "127.0.0.1::80"], "80");
    let port = host_port(&cala, "web");
    assert_ne!(ask(&cala, &["--network", "two"], "web:80").code, 0);
    cala.run(["network", "connect", "--alias", "shop", "two", "web"]).success();
    ask(&cala, &["--network", "two"], "shop:80").success();
    let again = cala.run(["network", "connect", "two", "web"]).exits_with(125);
    assert!(again.stderr.contains("already connected"), "{again:?}");
    // The port moves along to the network that is left.
    cala.run(["network", "disconnect", "one", "web"]).success();
    assert_ne!(ask(&cala, &["--network", "one"], "web:80").code, 0);
    assert!(get(local(port)).contains("200 OK"));
    cala.run(["stop", "-t", "0", "web"]).success();
    cala.run(["network", "connect", "one", "web"]).success();
    cala.run(["start", "web"]).success();
    for network in ["one", "two"] {
        ask(&cala, &["--network", network], "web:80").success();
    }
    assert!(get(local(port)).contains("200 OK"));
    let used = cala.run(["network", "rm", "one"]).exits_with(2);
    assert!(used.stderr.contains("network is being used"), "{used:?}");
    cala.run(["rm", "-f", "-t", "0", "web"]).success();
    cala.run(["network", "rm", "one", "two"]).success();
}

#[test]
fn a_killed_holder_is_replaced_and_nothing_else_notices() {
    let Some(World { cala, .. }) = networked() else { return };
    cala.run(["network", "create", "shop"]).success();
    serve(&cala, "web", &["--network", "shop", "-p", "127.0.0.1::80"], "80");
    serve(&cala, "other", &["--network", "shop"], "80");
    let (port, pid) = (host_port(&cala, "web"), field(&cala, "web", "{{.State.Pid}}"));
    let address = address_in(&cala, "web", "shop");
    let holders = || -> Vec<i32> {
        let entries = std::fs::read_dir("/proc").unwrap().flatten();
        let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        // One that has ended and is not reaped yet has no command line.
        let is_holder = |pid: &i32| {
            let read =
                |file: &str| std::fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap_or_default();
            read("comm").starts_with("cala:netns") && !read("cmdline").is_empty()
        };
        pids.filter(is_holder).collect()
    };
    let before = holders();
    assert!(!before.is_empty());
    for pid in &before {
        std::process::Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap();
    }
    // A client that connects meanwhile waits and is served by the next holder from the same listener.
    assert!(get(local(port)).contains("200 OK"));
    cala.eventually(["exec", "other", "/hello", "ask", "web:80"], |output| output.code == 0).success();
    assert_eq!(field(&cala, "web", "{{.State.Pid}}"), pid);
    assert_eq!(address_in(&cala, "web", "shop"), address);
    assert!(holders().iter().all(|pid| !before.contains(pid)));
    cala.run(["rm", "-f", "-t", "0", "-a"]).success();
}

#[test]
fn an_internal_network_has_no_way_out_and_publishes_nothing() {
    let Some(world) = networked() else { return };
    let cala = &world.cala;
    cala.run(["network", "create", "--internal", "vault"]).success();
    let output = cala.run(["run", "-d", "--network", "vault", "-p", "8080:80", HELLO]).exits_with(125);
    assert!(output.stderr.contains("vault is internal"), "{output:?}");
    let routes = cala
        .run(["run", "--rm", "--network", "vault", &world.image, "ip", "route"])
        .success()
        .text()
        .to_owned();
    assert!(!routes.contains("default"), "{routes}");
    serve(cala, "db", &["--network", "vault"], "80");
    ask(cala, &["--network", "vault"], "db:80").success();
    cala.run(["rm", "-f", "-t", "0", "-a"]).success();
}

#[test]
fn fixed_addresses_names_and_files_are_as_asked() {
    let Some(world) = networked() else { return };
    let cala = &world.cala;
    cala.run(["network", "create", "--subnet", "10.123.4.0/24", "lab"]).success();
    let script = "ip -4 -o addr show lan0; ip link show lan0; cat /etc/hosts /etc/resolv.conf";
    let text = cala
        .run([
            "run",
            "--rm",
            "--name",
            "box",
            "--hostname",
            "lathe",
            "--network",
            "lab:ip=10.123.4.77,mac=02:42:00:00:00:77,interface_name=lan0",
            "--add-host",
            "db:192.0.2.9",
            "--dns-option",
            "ndots:2",
            &world.image,
            "sh",
            "-c",
            script,
        ])
        .success()
        .text()
        .to_owned();
    for wanted in [
        "10.123.4.77/24",
        "02:42:00:00:00:77",
        "192.0.2.9\tdb",
        "10.123.4.77\tlathe box",
        "search dns.podman",
        "options ndots:2",
        "nameserver 10.123.4.1",
        "host.containers.internal",
    ] {
        assert!(text.contains(wanted), "{wanted}: {text}");
    }
    let outside = cala.run(["run", "--network", "lab:ip=10.9.9.9", HELLO]).exits_with(125);
    assert!(outside.stderr.contains("not in any subnet"), "{outside:?}");
    serve(cala, "one", &["--network", "lab:ip=10.123.4.9"], "80");
    let taken = cala.run(["run", "--rm", "--network", "lab:ip=10.123.4.9", HELLO]).exits_with(125);
    assert!(taken.stderr.contains("10.123.4.9"), "{taken:?}");
    cala.run(["rm", "-f", "-t", "0", "-a"]).success();
}

#[test]
fn another_containers_network_is_shared() {
    let Some(world) = networked() else { return };
    let cala = &world.cala;
    serve(cala, "web", &[], "80");
    let address = address_in(cala, "web", "podman");
    let text = cala
        .run([
            "run",
            "--rm",
            "--network",
            "container:web",
            &world.image,
            "sh",
            "-c",
            "ip -4 addr; wget -qO- 127.0.0.1",
        ])
        .success()
        .text()
        .to_owned();
    assert!(text.contains(&address) && text.contains("Hello"), "{text}");
    cala.run(["stop", "-t", "0", "web"]).success();
    let output = cala.run(["run", "--rm", "--network", "container:web", HELLO]).exits_with(125);
    assert!(output.stderr.contains("is not running"), "{output:?}");
    cala.run(["rm", "web"]).success();
}

#[test]
fn many_networks_come_and_go() {
    let Some(World { cala, .. }) = networked() else { return };
    let names: Vec<String> = (0..12).map(|number| format!("net{number}")).collect();
    for name in &names {
        cala.run(["network", "create", name]).success();
        serve(&cala, &format!("{name}-a"), &["--network", name], "80");
        let friend = format!("{name}-a:80");
        ask(&cala, &["--network", name], &friend).success();
    }
    cala.run(["rm", "-f", "-t", "0", "-a"]).success();
    for name in &names {
        cala.run(["network", "rm", name]).success();
    }
    // Holders end by themselves when their last container has gone.
    cala.eventually(["network", "ls", "-q"], |output| output.stdout.lines().count() == 1);
}

#[test]
fn a_port_of_loopback_is_not_on_the_hosts_other_addresses() {
    let Some(World { cala, .. }) = networked() else { return };
    serve(&cala, "web", &["-p", "127.0.0.1::80"], "80");
    let port = host_port(&cala, "web");
    assert!(get(local(port)).contains("200 OK"));
    assert_eq!(get(SocketAddr::new(outward(), port)), "");
    cala.run(["rm", "-f", "-t", "0", "web"]).success();
}

/// Ports on which somebody listens in the network namespace of a process (proc_pid_net(5)); 0A is LISTEN.
fn listening(pid: &str) -> Vec<u16> {
    let table = |name: &str| std::fs::read_to_string(format!("/proc/{pid}/net/{name}")).expect("it is ours");
    let tables = [table("tcp"), table("tcp6")].concat();
    let rows = tables.lines().filter_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        (fields.get(3) == Some(&"0A")).then(|| fields[1].rsplit_once(':').unwrap().1.to_owned())
    });
    rows.map(|port| u16::from_str_radix(&port, 16).unwrap()).collect()
}

#[test]
fn a_container_finds_nothing_of_ours_on_its_network_but_names() {
    let Some(World { cala, .. }) = networked() else { return };
    cala.run(["network", "create", "shop"]).success();
    serve(&cala, "web", &["--network", "shop", "-p", "127.0.0.1::80"], "80");
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let mut holder = processes.filter(|process| {
        let comm = std::fs::read_to_string(process.path().join("comm")).unwrap_or_default();
        comm.trim_end() == "cala:netns shop"
    });
    let holder = holder.next().expect("the network has a holder").file_name().into_string().unwrap();
    let ports = listening(&holder);
    assert!(!ports.is_empty() && ports.iter().all(|port| *port == 53), "{ports:?}");
    // The host itself is reached by its outward address, where only what listens on it answers.
    let there = host::serve(SocketAddr::new(outward(), 0)).port();
    cala.run(["exec", "web", "/hello", "ask", &format!("host.containers.internal:{there}")]).success();
    for place in ["host.containers.internal:2375", "host.containers.internal:7777", "169.254.169.254:80"] {
        assert_ne!(cala.run(["exec", "web", "/hello", "ask", place]).code, 0, "{place}");
    }
    cala.run(["rm", "-f", "-t", "0", "web"]).success();
    cala.run(["network", "rm", "shop"]).success();
}
