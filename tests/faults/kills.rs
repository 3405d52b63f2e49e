//! SIGKILL at many moments: the next command works, and nothing half-made is visible.

use std::time::{Duration, Instant};

use crate::support::{World, entries, nothing_half_made, pause, signal, spawn, world};

/// Runs a command and kills it after so long.
fn killed_after(world: &World, args: &[&str], delay: Duration) {
    let mut child = spawn(&mut world.cala.command(args));
    pause(delay);
    let _ = child.kill();
    child.wait().expect("it ends");
}

/// How long a command takes here, as a measure for the moments.
fn time_of(world: &World, args: &[&str]) -> Duration {
    let start = Instant::now();
    world.cala.run(args).success();
    start.elapsed()
}

#[test]
fn a_killed_rmi_has_removed_the_image_or_not() {
    let Some(world) = world() else { return };
    let whole = time_of(&world, &["rmi", &world.image]);
    for round in 0..16 {
        world.cala.run(["pull", "-q", &world.image]).success();
        killed_after(&world, &["rmi", &world.image], whole * round / 14);
        let there = world.cala.run(["image", "exists", &world.image]).code == 0;
        if there {
            assert_eq!(world.sh("echo whole").success().text(), "whole");
        }
        assert_eq!(world.cala.run(["images", "-q"]).success().stdout.is_empty(), !there);
    }
    world.cala.run(["pull", "-q", &world.image]).success();
    assert_eq!(world.sh("echo whole").success().text(), "whole");
    world.cala.run(["rmi", &world.image]).success();
    assert_eq!(entries(&world.cala.data_root().join("layers")), [""; 0]);
    assert_eq!(entries(&world.cala.data_root().join("images/blobs/sha256")), [""; 0]);
    nothing_half_made(&world.cala);
}

#[test]
fn a_killed_create_or_rm_leaves_a_container_or_none() {
    let Some(world) = world() else { return };
    let create = ["create", "--name", "x", "--network", "none", &world.image];
    let whole = time_of(&world, &create);
    world.cala.run(["rm", "x"]).success();
    for round in 0..30 {
        killed_after(&world, &create, whole * round / 28);
        let listed = world.cala.run(["ps", "-a", "--format", "{{.Names}} {{.State}}"]).success();
        assert!(listed.text() == "x created" || listed.text().is_empty(), "{listed:?}");
        // The name is free, or taken by what is listed.
        let again = world.cala.run(create);
        assert_eq!(again.code == 0, listed.text().is_empty(), "{again:?}");
        killed_after(&world, &["rm", "x"], whole * round / 28);
        let listed = world.cala.run(["ps", "-a", "--format", "{{.Names}} {{.State}}"]).success();
        assert!(listed.text() == "x created" || listed.text().is_empty(), "{listed:?}");
        world.cala.run(["rm", "-i", "x"]).success();
    }
    assert_eq!(world.cala.run(["ps", "-aq"]).success().stdout, "");
    // The next commands that make and remove finish what the killed ones began.
    world.cala.run(create).success();
    world.cala.run(["rm", "x"]).success();
    nothing_half_made(&world.cala);
}

#[test]
fn a_killed_rm_of_a_container_that_wrote_leaves_nothing_for_long() {
    let Some(world) = world() else { return };
    let script = "i=0; while [ $i -lt 300 ]; do mkdir -p /d/$i; echo $i >/d/$i/f; i=$((i+1)); done; chown -R 1000:1000 /d";
    for round in 0..8_u32 {
        let args = ["run", "--name", "w", "--network", "none", &world.image, "sh", "-c", script];
        world.cala.run(args).success();
        killed_after(&world, &["rm", "w"], Duration::from_millis(u64::from(round) * 6));
        world.cala.run(["rm", "-i", "w"]).success();
    }
    // The next command that removes finishes what the killed ones began.
    world.cala.run(["create", "--name", "last", "--network", "none", &world.image]).success();
    world.cala.run(["rm", "last"]).success();
    nothing_half_made(&world.cala);
}

#[test]
fn a_killed_start_has_started_it_or_not() {
    let Some(world) = world() else { return };
    world
        .cala
        .run(["create", "--name", "s", "--network", "none", "--init", &world.image, "sleep", "1000"])
        .success();
    let whole = time_of(&world, &["start", "s"]);
    world.cala.run(["stop", "-t", "1", "s"]).success();
    for round in 0..20 {
        killed_after(&world, &["start", "s"], whole * round / 18);
        let state = world.inspect("s", "{{.State.Status}}");
        assert!(["created", "exited", "running"].contains(&state.as_str()), "{state}");
        world.cala.run(["start", "s"]).success();
        assert_eq!(world.inspect("s", "{{.State.Status}}"), "running");
        world.cala.run(["stop", "-t", "1", "s"]).success();
    }
    world.cala.run(["rm", "s"]).success();
    nothing_half_made(&world.cala);
}

#[test]
fn starts_that_race_start_it_once() {
    let Some(world) = world() else { return };
    world
        .cala
        .run(["create", "--name", "s", "--network", "none", "--init", &world.image, "sleep", "1000"])
        .success();
    for _ in 0..5 {
        let starts: Vec<_> = (0..6).map(|_| spawn(&mut world.cala.command(["start", "s"]))).collect();
        for start in starts {
            let output = start.wait_with_output().expect("it ends");
            assert!(output.status.success(), "{output:?}");
        }
        let events = world.cala.run(["exec", "s", "sh", "-c", "ps | grep -c '[s]leep 1000'"]).success();
        assert!(!events.text().is_empty());
        world.cala.run(["stop", "-t", "1", "s"]).success();
    }
    let starts = ["events", "--stream=false", "--filter", "event=start", "--format", "{{.Status}}"];
    assert_eq!(world.cala.run(starts).success().stdout.lines().count(), 5);
    world.cala.run(["rm", "s"]).success();
}

#[test]
fn a_stop_whose_monitor_and_command_are_killed_is_over_at_the_next_command() {
    let Some(world) = world() else { return };
    let script = "trap '' TERM; echo ready; while true; do sleep 1; done";
    let args = ["run", "-d", "--network", "none", "--name", "deaf", &world.image, "sh", "-c", script];
    world.cala.run(args).success();
    for delay in [0, 20, 100, 300] {
        world.cala.eventually(["logs", "--tail", "1", "deaf"], |output| output.stdout == "ready\n");
        let pid = world.inspect("deaf", "{{.State.Pid}}");
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
        let monitor = status.lines().find_map(|line| line.strip_prefix("PPid:")).expect("a parent").trim();
        let mut stop = spawn(&mut world.cala.command(["stop", "-t", "10", "deaf"]));
        pause(Duration::from_millis(delay));
        signal(monitor.parse().expect("a number"), "KILL");
        let _ = stop.kill();
        stop.wait().expect("it ends");
        let seen =
            world.cala.eventually(["ps", "-a", "--format", "{{.State}}"], |output| output.text() == "exited");
        assert_eq!(seen.text(), "exited");
        assert_eq!(world.inspect("deaf", "{{.State.ExitCode}}"), "137");
        assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists());
        world.cala.run(["stop", "deaf"]).success();
        world.cala.run(["start", "deaf"]).success();
    }
    world.cala.run(["rm", "-f", "deaf"]).success();
    nothing_half_made(&world.cala);
}
