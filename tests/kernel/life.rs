//! The life of a container beside its networks and its monitor: rename, init, restart.

use crate::{HELLO, networked, serve, world};

#[test]
fn a_network_answers_to_a_new_name_at_once_and_no_longer_to_the_old_one() {
    let Some(world) = networked() else { return };
    let cala = &world.cala;
    cala.run(["network", "create", "shop"]).success();
    serve(cala, "old", &["--network", "shop"], "80");
    let args = ["run", "-d", "--init", "--name", "asker", "--network", "shop", &world.image, "sleep", "1000"];
    cala.run(args).success();
    let page = |name: &str| ["exec", "asker", "wget", "-qO-", &format!("http://{name}/")].map(str::to_owned);
    let found = |name: &str| cala.run(page(name)).code == 0;
    cala.eventually(page("old"), |output| output.code == 0);
    assert!(!found("new"));
    cala.run(["rename", "old", "new"]).success();
    assert!(found("new") && !found("old"));
    // The name stays with it over a restart, and so do its networks.
    cala.run(["restart", "--time", "0", "new"]).success();
    cala.eventually(page("new"), |output| output.code == 0);
    assert!(!found("old"));
    assert_eq!(
        world.inspect("new", "{{range $name, $_ := .NetworkSettings.Networks}}{{$name}}{{end}}"),
        "shop"
    );
    // It knows itself by it.
    cala.run(["rename", "asker", "me"]).success();
    let hosts = cala.run(["exec", "me", "cat", "/etc/hosts"]).success().stdout;
    assert!(hosts.contains(" me\n") && !hosts.contains("asker"), "{hosts}");
}

#[test]
fn what_is_made_ready_has_its_network_and_ports_before_it_runs() {
    let Some(world) = networked() else { return };
    let cala = &world.cala;
    cala.run(["create", "--name", "web", "-p", "127.0.0.1::80", HELLO, "serve", "80"]).success();
    let shown = cala.run(["port", "web"]).success().stdout;
    let host = shown.trim().rsplit("-> ").next().expect("an address").to_owned();
    cala.run(["init", "web"]).success();
    let address = world.inspect("web", "{{.NetworkSettings.IPAddress}}");
    assert!(!address.is_empty());
    let taken = cala.run(["run", "--rm", "-p", &format!("{host}:80"), HELLO]).exits_with(125);
    assert!(taken.stderr.contains("container web has it"), "{taken:?}");
    cala.run(["start", "web"]).success();
    assert_eq!(world.inspect("web", "{{.NetworkSettings.IPAddress}}"), address);
    let answer = std::net::TcpStream::connect(&host);
    assert!(answer.is_ok(), "{answer:?}");
    // Also after a restart.
    cala.run(["restart", "--time", "0", "web"]).success();
    assert!(std::net::TcpStream::connect(&host).is_ok());
    assert_eq!(cala.run(["port", "web"]).success().stdout, shown);
}

#[test]
fn what_was_made_ready_is_as_before_when_its_monitor_is_killed() {
    let Some(world) = world() else { return };
    let cala = &world.cala;
    cala.run(["create", "--rm", "--network", "none", "--name", "box", &world.image, "true"]).success();
    cala.run(["init", "box"]).success();
    let pid = world.inspect("box", "{{.State.ConmonPid}}").parse().expect("a pid");
    let pid = rustix::process::Pid::from_raw(pid).expect("a pid");
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).expect("it lives");
    cala.eventually(["inspect", "--format", "{{.State.Status}}", "box"], |output| {
        output.stdout == "created\n"
    });
    let told = cala.run(["events", "--stream=false", "--filter", "container=box", "--format", "{{.Status}}"]);
    assert_eq!(told.success().stdout, "create\ninit\n");
    cala.run(["start", "--attach", "box"]).success();
}

#[test]
fn a_command_that_is_not_there_is_told_by_start_and_not_by_init() {
    let Some(world) = world() else { return };
    let cala = &world.cala;
    cala.run(["create", "--network", "none", "--name", "box", &world.image, "nope"]).success();
    cala.run(["init", "box"]).success();
    let failed = cala.run(["start", "box"]).exits_with(125);
    assert!(failed.stderr.contains("nope"), "{failed:?}");
    assert_ne!(world.inspect("box", "{{.State.Error}}"), "");
    assert_eq!(world.inspect("box", "{{.State.Pid}}"), "0");
    cala.run(["rm", "box"]).success();
}
