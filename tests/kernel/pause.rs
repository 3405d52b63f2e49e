//! Pausing by the freezer of cgroup v2, and what is done with a paused container.

use std::path::{Path, PathBuf};

use cala_testkit::require;

use crate::{World, nothing_delegated, world};

/// The world, if containers get a control group here.
fn freezing() -> Option<World> {
    let world = world()?;
    world.sleeper("probe");
    let group = world.inspect("probe", "{{.State.CgroupPath}}");
    world.cala.run(["rm", "-f", "-t", "0", "probe"]).success();
    if group.is_empty() {
        require::skip("no cgroup v2 is delegated here");
        return None;
    }
    Some(world)
}

/// Starts a container that counts; its name is `box`.
fn counter(world: &World) {
    let count = "trap 'exit 5' TERM; i=0; while true; do i=$((i+1)); echo $i >/n; sleep 0.01; done";
    let args = ["run", "-d", "--network", "none", "--name", "box", &world.image, "sh", "-c", count];
    world.cala.run(args).success();
    world
        .cala
        .eventually(["exec", "box", "cat", "/n"], |output| output.code == 0 && !output.stdout.is_empty());
}

fn group(world: &World) -> PathBuf {
    let path = world.inspect("box", "{{.State.CgroupPath}}");
    Path::new("/sys/fs/cgroup").join(path.trim_start_matches('/'))
}

fn frozen(group: &Path) -> bool {
    std::fs::read_to_string(group.join("cgroup.events")).expect("the group is there").contains("frozen 1")
}

#[test]
fn a_paused_container_stands_still_until_it_goes_on() {
    let Some(world) = freezing() else { return };
    let cala = &world.cala;
    counter(&world);
    let group = group(&world);
    assert_eq!(cala.run(["pause", "box"]).success().stdout, "box\n");
    assert!(frozen(&group), "all of it stands still on return");
    assert_eq!(
        world.inspect("box", "{{.State.Status}} {{.State.Paused}} {{.State.Running}}"),
        "paused true false"
    );
    let listed =
        cala.run(["ps", "--filter", "status=paused", "--format", "{{.Names}} {{.State}} {{.Status}}"]);
    assert_eq!(listed.success().stdout, "box paused Paused\n");
    cala.run(["wait", "--condition", "paused", "box"]).success();
    let id = world.inspect("box", "{{.Id}}");
    for (args, code, line) in [
        (&["pause", "box"][..], 125, format!("Error: \"{id}\" is already paused: container state improper")),
        (
            &["exec", "box", "true"],
            255,
            "Error: can only create exec sessions on running containers: container state improper".to_owned(),
        ),
        (
            &["attach", "box"],
            125,
            format!("Error: attaching to container {id}: you can only attach to running containers"),
        ),
        (
            &["restart", "box"],
            125,
            "Error: unable to restart a container in a paused or unknown state: container state improper"
                .to_owned(),
        ),
        (
            &["start", "box"],
            125,
            format!(
                "Error: container {id} must be in Created or Stopped state to be started: container state improper"
            ),
        ),
        (
            &["rm", "box"],
            2,
            format!(
                "Error: cannot remove container {id} as it is paused - running or paused containers cannot be removed without force: container state improper"
            ),
        ),
    ] {
        let output = cala.run(args).exits_with(code);
        assert_eq!(output.stderr.lines().next(), Some(line.as_str()), "{args:?}");
    }
    assert_eq!(cala.run(["unpause", "--all"]).success().text(), id);
    assert!(!frozen(&group));
    assert_eq!(world.inspect("box", "{{.State.Status}}"), "running");
    let before = cala.run(["exec", "box", "cat", "/n"]).success().stdout;
    cala.eventually(["exec", "box", "cat", "/n"], |output| output.stdout != before);
    let again = cala.run(["unpause", "box"]).exits_with(125);
    assert!(again.stderr.contains("is not paused, can't unpause: container state improper"), "{again:?}");
    let told = cala.run(["events", "--stream=false", "--filter", "container=box", "--format", "{{.Status}}"]);
    let told = told.success().stdout;
    assert!(told.contains("pause\n") && told.contains("unpause\n"), "{told}");
}

#[test]
fn commands_of_exec_stand_still_too() {
    let Some(world) = freezing() else { return };
    counter(&world);
    let count = "i=0; while true; do i=$((i+1)); echo $i >/m; sleep 0.01; done";
    world.cala.run(["exec", "-d", "box", "sh", "-c", count]).success();
    world.cala.eventually(["exec", "box", "cat", "/m"], |output| !output.stdout.is_empty());
    let pids = || {
        let text = std::fs::read_to_string(group(&world).join("cgroup.procs")).expect("the group is there");
        text.lines().count()
    };
    // Two shells, and their `sleep` or not.
    assert!(pids() >= 2);
    world.cala.run(["pause", "box"]).success();
    assert!(frozen(&group(&world)));
}

#[test]
fn a_paused_container_is_stopped_killed_and_removed() {
    let Some(world) = freezing() else { return };
    let cala = &world.cala;
    counter(&world);
    cala.run(["pause", "box"]).success();
    // It hears its signal and ends by itself.
    cala.run(["stop", "--time", "60", "box"]).success();
    assert_eq!(world.inspect("box", "{{.State.Status}} {{.State.ExitCode}}"), "exited 5");
    cala.run(["start", "box"]).success();
    cala.run(["pause", "box"]).success();
    // A signal waits for it; only SIGKILL does not.
    cala.run(["kill", "--signal", "TERM", "box"]).success();
    assert_eq!(world.inspect("box", "{{.State.Status}}"), "paused");
    cala.run(["unpause", "box"]).success();
    assert_eq!(cala.run(["wait", "box"]).success().text(), "5");
    cala.run(["start", "box"]).success();
    cala.run(["pause", "box"]).success();
    cala.run(["kill", "box"]).success();
    assert_eq!(cala.run(["wait", "box"]).success().text(), "137");
    cala.run(["start", "box"]).success();
    cala.run(["pause", "box"]).success();
    let left = group(&world);
    cala.run(["rm", "-f", "-t", "60", "box"]).success();
    assert!(!left.exists());
}

#[test]
fn all_means_those_in_the_right_state() {
    let Some(world) = freezing() else { return };
    let cala = &world.cala;
    let id = world.sleeper("runs");
    cala.run(["create", "--network", "none", "--name", "made", &world.image, "true"]).success();
    assert_eq!(cala.run(["pause", "--all"]).success().text(), id);
    assert_eq!(cala.run(["pause", "--all"]).success().text(), "");
    assert_eq!(cala.run(["unpause", "--filter", "name=runs"]).success().text(), id);
    let made = cala.run(["pause", "made"]).exits_with(125);
    assert!(made.stderr.starts_with("Error: \"created\" is not running, can't pause: "), "{made:?}");
}

#[test]
fn without_a_control_group_pausing_is_refused_with_a_remedy() {
    let Some(world) = freezing() else { return };
    require!(nothing_delegated(), "the control groups are not the test's own");
    let id = world.sleeper("box");
    let refused = world.cala.run(["pause", "box"]).exits_with(125);
    assert_eq!(
        refused.stderr.lines().next(),
        Some("Error: cannot pause: the container was started without a control group of its own")
    );
    assert!(
        refused.stderr.contains("\nhint: start it again where cgroup v2 is delegated to you"),
        "{refused:?}"
    );
    assert_eq!(world.inspect("box", "{{.State.Status}} {{.Id}}"), format!("running {id}"));
}
