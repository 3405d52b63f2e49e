//! Containers that are started again when they end.

use crate::{HELLO, World, address_in, field, networked, serve, world};

/// One whose program says that it began and ends with this code.
fn failing(world: &World, name: &str, policy: &str, code: u8) {
    let script = format!("echo began; exit {code}");
    let args = ["run", "-d", "--network", "none", "--restart", policy, "--name", name];
    world.cala.run(args.iter().copied().chain([world.image.as_str(), "sh", "-c", &script])).success();
}

fn began(world: &World, name: &str) -> usize {
    world.cala.run(["logs", name]).success().stdout.matches("began").count()
}

#[test]
fn a_failure_is_tried_again_as_often_as_allowed() {
    let Some(world) = world() else { return };
    failing(&world, "c", "on-failure:2", 3);
    let state = "{{.RestartCount}} {{.State.Status}} {{.State.ExitCode}} {{json .HostConfig.RestartPolicy}}";
    let shown = world
        .cala
        .eventually(["inspect", "c", "--format", state], |output| output.stdout.starts_with("2 exited 3"));
    assert_eq!(shown.text(), "2 exited 3 {\"Name\":\"on-failure\",\"MaximumRetryCount\":2}");
    assert_eq!(began(&world, "c"), 3);
    // A person's start counts from the beginning again.
    world.cala.run(["start", "c"]).success();
    world.cala.eventually(["inspect", "c", "--format", state], |output| {
        output.stdout.starts_with("2 exited 3") && began(&world, "c") == 6
    });
    // Success is no failure.
    failing(&world, "d", "on-failure", 0);
    world.cala.run(["wait", "d"]).success();
    assert_eq!(field(&world.cala, "d", "{{.RestartCount}} {{.State.Status}}"), "0 exited");
}

#[test]
fn one_that_a_person_ends_stays_so() {
    let Some(world) = world() else { return };
    let status = "{{.State.Status}}";
    for (name, how) in [("a", &["stop", "-t", "0", "a"][..]), ("b", &["kill", "b"])] {
        let args = ["run", "-d", "--init", "--network", "none", "--restart", "always", "--name", name];
        world.cala.run(args.iter().copied().chain([world.image.as_str(), "sleep", "1000"])).success();
        world.cala.run(how).success();
        world.cala.eventually(["inspect", name, "--format", status], |output| output.text() == "exited");
        let events = ["events", "--stream=false", "--filter", "event=start", "--filter"];
        let filter = format!("container={name}");
        let told = world.cala.run(events.iter().copied().chain([filter.as_str()])).success();
        assert_eq!(told.stdout.lines().count(), 1, "{told:?}");
    }
    // Its program cannot end it: it is there again.
    let script = "echo began; sleep 1000";
    let args = ["run", "-d", "--network", "none", "--restart", "always", "--name", "c"];
    world.cala.run(args.iter().copied().chain([world.image.as_str(), "sh", "-c", script])).success();
    let pid = || field(&world.cala, "c", "{{.State.Pid}}");
    let first = pid();
    std::process::Command::new("kill").args(["-9", &first]).status().unwrap();
    world.cala.eventually(["inspect", "c", "--format", "{{.State.Status}} {{.RestartCount}}"], |output| {
        output.text() == "running 1"
    });
    assert_ne!(pid(), first);
    world.cala.run(["exec", "c", "true"]).success();
    world.cala.run(["rm", "-f", "-t", "0", "c"]).success();
}

#[test]
fn one_that_waits_for_its_restart_is_seen_stopped_and_removed() {
    let Some(world) = world() else { return };
    let waits = |name: &str| {
        failing(&world, name, "always", 1);
        // The pauses double, so it waits for most of the time soon.
        world.cala.eventually(
            ["ps", "--filter", "status=restarting", "--format", "{{.Names}} {{.Status}}"],
            |output| output.stdout.contains(&format!("{name} Restarting (1)")) && began(&world, name) >= 4,
        );
    };
    waits("c");
    world.cala.run(["exec", "c", "true"]).exits_with(255);
    let kept = world.cala.run(["rm", "c"]).exits_with(2);
    assert!(kept.stderr.contains("as it is running"), "{kept:?}");
    world.cala.run(["stop", "c"]).success();
    assert_eq!(field(&world.cala, "c", "{{.State.Status}} {{.State.ExitCode}}"), "exited 1");
    let before = began(&world, "c");
    world.cala.run(["start", "c"]).success();
    world.cala.eventually(["logs", "c"], |output| output.stdout.matches("began").count() > before);
    world.cala.run(["rm", "-f", "-t", "0", "c"]).success();
    waits("d");
    world.cala.run(["rm", "-f", "-t", "0", "d"]).success();
    assert_eq!(world.cala.run(["ps", "-aq"]).success().stdout, "");
}

#[test]
fn its_networks_and_ports_are_those_it_had_last() {
    let Some(World { cala, .. }) = networked() else { return };
    for network in ["one", "two"] {
        cala.run(["network", "create", network]).success();
    }
    serve(&cala, "web", &["--restart", "always", "--network", "one", "-p", "127.0.0.1::80"], "80");
    cala.run(["network", "connect", "--alias", "shop", "two", "web"]).success();
    let shown = cala.run(["port", "web"]).success().text().to_owned();
    let port = shown.rsplit_once(':').unwrap().1.parse().unwrap();
    let pid = field(&cala, "web", "{{.State.Pid}}");
    std::process::Command::new("kill").args(["-9", &pid]).status().unwrap();
    cala.eventually(["inspect", "web", "--format", "{{.State.Status}} {{.RestartCount}}"], |output| {
        output.text() == "running 1"
    });
    assert!(cala_testkit::host::get(cala_testkit::host::local(port)).contains("200 OK"));
    let asks = ["run", "--rm", "--network", "two", HELLO, "ask", "shop:80"];
    cala.eventually(asks, |output| output.code == 0).success();
    // Its /etc/hosts says where it is now, once.
    let hosts = cala.run(["exec", "web", "/hello", "look"]).success();
    assert!(hosts.stdout.contains(&address_in(&cala, "web", "one")), "{hosts:?}");
    cala.run(["rm", "-f", "-t", "0", "web"]).success();
    cala.run(["network", "rm", "one", "two"]).success();
}

#[test]
fn the_policy_can_be_changed_while_it_runs() {
    let Some(world) = world() else { return };
    let id = world.sleeper("c");
    assert_eq!(world.cala.run(["update", "--restart", "always", "c"]).success().text(), id);
    let pid = field(&world.cala, "c", "{{.State.Pid}}");
    std::process::Command::new("kill").args(["-9", &pid]).status().unwrap();
    world.cala.eventually(["inspect", "c", "--format", "{{.State.Status}} {{.RestartCount}}"], |output| {
        output.text() == "running 1"
    });
    world.cala.run(["update", "--restart", "no", "c"]).success();
    let pid = field(&world.cala, "c", "{{.State.Pid}}");
    std::process::Command::new("kill").args(["-9", &pid]).status().unwrap();
    world
        .cala
        .eventually(["inspect", "c", "--format", "{{.State.Status}}"], |output| output.text() == "exited");
}

#[test]
fn wrong_policies_are_told() {
    let Some(world) = world() else { return };
    let told = |options: &[&str], words: &str| {
        let output = world.run_rm(options, &["true"]).exits_with(125);
        assert!(output.stderr.contains(words), "{output:?}");
    };
    told(&["--restart", "foo"], "\"foo\" is not a valid restart policy: invalid argument");
    told(
        &["--restart", "always:3"],
        "restart policy retries can only be specified with on-failure restart policy",
    );
    told(&["--restart", "on-failure:0"], "number greater than 0");
    told(&["--restart", "always"], "the --rm option conflicts with --restart");
    assert_eq!(world.cala.run(["ps", "-aq"]).success().stdout, "");
}
