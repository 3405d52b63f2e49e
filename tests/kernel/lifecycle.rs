//! Run, look, stop, start again, remove.

use crate::world;

#[test]
fn output_and_exit_code_are_the_containers_own() {
    let Some(world) = world() else { return };
    let output = world.run_rm(&[], &["sh", "-c", "echo out; echo err >&2; exit 42"]).exits_with(42);
    assert_eq!(output.stdout, "out\n");
    assert_eq!(output.stderr, "err\n");
    assert_eq!(world.cala.run(["ps", "-aq"]).success().stdout, "", "--rm leaves nothing");
}

#[test]
fn anonymous_volumes_go_with_a_container_of_rm_and_named_ones_stay() {
    let Some(world) = world() else { return };
    let volumes = || {
        let entries = std::fs::read_dir(world.cala.data_root().join("volumes")).expect("the store");
        let mut names: Vec<String> =
            entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    };
    world
        .run_rm(&["-v", "/data", "-v", "kept:/kept"], &["sh", "-c", "echo x >/data/x; echo y >/kept/y"])
        .success();
    assert_eq!(volumes(), ["kept"]);
    // Also when it cannot start, and when another container has the volume too.
    world.run_rm(&["-v", "/data"], &["nope"]).exits_with(127);
    assert_eq!(volumes(), ["kept"]);
    let args = [
        "run",
        "-d",
        "--rm",
        "--init",
        "--network",
        "none",
        "--name",
        "owner",
        "-v",
        "/data",
        &world.image,
        "sleep",
        "1000",
    ];
    world.cala.run(args).success();
    let name = volumes().into_iter().find(|name| name != "kept").expect("an anonymous volume");
    let bind = format!("{name}:/data");
    world.cala.run(["create", "--network", "none", "--name", "other", "-v", &bind, &world.image]).success();
    world.cala.run(["kill", "owner"]).success();
    world.cala.eventually(["container", "exists", "owner"], |output| output.code == 1);
    assert_eq!(volumes(), [name.as_str(), "kept"]);
}

#[test]
fn a_command_that_is_not_there_is_127_and_one_that_cannot_be_executed_126() {
    let Some(world) = world() else { return };
    world.run_rm(&[], &["nope"]).exits_with(127);
    world.run_rm(&[], &["/bin/not-executable"]).exits_with(126);
    world.run_rm(&[], &["/etc"]).exits_with(126);
    assert_eq!(world.cala.run(["ps", "-aq"]).success().stdout, "");
}

#[test]
fn death_by_signal_is_128_and_the_signal() {
    let Some(world) = world() else { return };
    world.run_rm(&["--init"], &["sh", "-c", "kill -TERM $$"]).exits_with(143);
    world.run_rm(&["--init"], &["sh", "-c", "kill -KILL $$"]).exits_with(137);
}

#[test]
fn a_detached_container_is_listed_logged_stopped_started_and_removed() {
    let Some(world) = world() else { return };
    let script = "echo first; trap 'echo bye; exit 5' TERM; while true; do sleep 0.1; done";
    let args = ["run", "-d", "--network", "none", "--name", "web", &world.image, "sh", "-c", script];
    let id = world.cala.run(args).success().text().to_owned();
    assert_eq!(id.len(), 64);
    let listed = world.cala.run(["ps", "--format", "{{.Names}} {{.State}}"]).success();
    assert_eq!(listed.text(), "web running");
    world.cala.eventually(["logs", "web"], |output| output.stdout == "first\n");
    assert_eq!(world.cala.run(["stop", "web"]).success().text(), "web");
    assert_eq!(world.inspect("web", "{{.State.Status}} {{.State.ExitCode}}"), "exited 5");
    assert_eq!(world.cala.run(["logs", "web"]).success().stdout, "first\nbye\n");
    world.cala.run(["start", "web"]).success();
    assert_eq!(world.inspect("web", "{{.State.Running}}"), "true");
    world.cala.run(["rm", "web"]).exits_with(2);
    world.cala.run(["rm", "-f", "-t", "0", "web"]).success();
    world.cala.run(["container", "exists", "web"]).exits_with(1);
    assert_eq!(world.cala.run(["ps", "-aq"]).success().stdout, "");
}

#[test]
fn stop_kills_after_the_time_out() {
    let Some(world) = world() else { return };
    let script = "trap '' TERM; while true; do sleep 1; done";
    let args = ["run", "-d", "--network", "none", "--name", "deaf", &world.image, "sh", "-c", script];
    world.cala.run(args).success();
    world.cala.run(["stop", "--time", "1", "deaf"]).success();
    assert_eq!(world.inspect("deaf", "{{.State.ExitCode}}"), "137");
}

#[test]
fn wait_tells_the_exit_code_and_kill_sends_the_signal() {
    let Some(world) = world() else { return };
    world.sleeper("w");
    world.cala.run(["kill", "--signal", "TERM", "w"]).success();
    assert_eq!(world.cala.run(["wait", "w"]).success().text(), "143");
}

#[test]
fn exec_runs_beside_and_returns_its_own_code() {
    let Some(world) = world() else { return };
    world.sleeper("box");
    let output =
        world.cala.run(["exec", "box", "sh", "-c", "echo in; cat /proc/1/comm; exit 3"]).exits_with(3);
    assert!(output.stdout.starts_with("in\n"), "{output:?}");
    let seen = world.cala.run([
        "exec",
        "-e",
        "A=b",
        "-w",
        "/tmp",
        "-u",
        "alice",
        "box",
        "sh",
        "-c",
        "echo $A $PWD $(id -u)",
    ]);
    assert_eq!(seen.success().text(), "b /tmp 1000");
    world.cala.run(["exec", "box", "nope"]).exits_with(127);
    let echoed = world.cala.run_with_input(["exec", "-i", "box", "cat"], b"through the pipe\n").success();
    assert_eq!(echoed.stdout, "through the pipe\n");
}

#[test]
fn standard_input_reaches_the_container_and_its_end_too() {
    let Some(world) = world() else { return };
    let args = ["run", "--rm", "-i", "--network", "none", &world.image, "wc", "-c"];
    let big = vec![b'x'; 3_000_000];
    assert_eq!(world.cala.run_with_input(args, &big).success().text().trim(), "3000000");
}

#[test]
fn events_tell_the_story_of_a_container() {
    let Some(world) = world() else { return };
    world.cala.run(["run", "--name", "story", "--network", "none", &world.image, "false"]).exits_with(1);
    world.cala.run(["rm", "story"]).success();
    let args = ["events", "--stream=false", "--filter", "container=story", "--format", "{{.Status}}"];
    let told = world.cala.run(args).success().stdout;
    let told: Vec<&str> = told.lines().collect();
    assert_eq!(told.first(), Some(&"create"), "{told:?}");
    assert!(told.contains(&"start") && told.contains(&"died"), "{told:?}");
    assert_eq!(told.last(), Some(&"remove"), "{told:?}");
}

#[test]
fn the_embedded_image_needs_no_network() {
    let cala = cala_testkit::Cala::new(env!("CARGO_BIN_EXE_cala"));
    let hello = cala.run(["run", "--rm", "cala/hello"]).success();
    assert!(hello.stdout.contains("Hello!"), "{hello:?}");
    cala.run(["run", "--rm", "cala/hello", "crash", "7"]).exits_with(7);
}

#[test]
fn two_processes_with_one_name_get_one_container() {
    let Some(world) = world() else { return };
    let children: Vec<_> = (0..20)
        .map(|_| {
            let mut command =
                world.cala.command(["create", "--name", "one", "--network", "none", &world.image]);
            command
                .stdout(std::process::Stdio::piped())
                .stderr(std::process::Stdio::piped())
                .spawn()
                .expect("it starts")
        })
        .collect();
    let outputs: Vec<_> =
        children.into_iter().map(|child| child.wait_with_output().expect("it ends")).collect();
    let won = outputs.iter().filter(|output| output.status.success()).count();
    assert_eq!(won, 1, "{outputs:?}");
    for lost in outputs.iter().filter(|output| !output.status.success()) {
        assert_eq!(lost.status.code(), Some(125));
        assert!(String::from_utf8_lossy(&lost.stderr).contains("already in use"), "{lost:?}");
    }
}
