//! Kills at bad moments: nothing half-made, nothing left, and the next command knows the truth.

use std::process::{Command, Stdio};

use cala_testkit::rounds;

use crate::{World, world};

pub(crate) fn monitor_pid(world: &World, name: &str) -> String {
    let pid = world.inspect(name, "{{.State.Pid}}");
    // The container's first process is the monitor's child.
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("the container runs");
    status.lines().find_map(|line| line.strip_prefix("PPid:")).expect("a parent").trim().to_owned()
}

fn kill(pid: &str) {
    assert!(Command::new("kill").args(["-9", pid]).status().expect("kill").success());
}

#[test]
fn a_killed_monitor_takes_its_container_along_and_everyone_sees_it() {
    let Some(world) = world() else { return };
    world.sleeper("lost");
    let pid = world.inspect("lost", "{{.State.Pid}}");
    kill(&monitor_pid(&world, "lost"));
    let seen = world
        .cala
        .eventually(["ps", "-a", "--format", "{{.Names}} {{.State}}"], |o| o.stdout.contains("exited"));
    assert_eq!(seen.text(), "lost exited");
    assert_eq!(world.inspect("lost", "{{.State.ExitCode}}"), "137");
    // A killed process lets its lock go a moment before the kernel has ended what was below it.
    world.cala.eventually(["ps", "-aq"], |_| !std::path::Path::new(&format!("/proc/{pid}")).exists());
    world.cala.run(["start", "lost"]).success();
    world.cala.run(["rm", "-f", "-t", "0", "lost"]).success();
}

#[test]
fn a_killed_command_leaves_its_container_running() {
    let Some(world) = world() else { return };
    let args = ["run", "--network", "none", "--init", "--name", "on", &world.image, "sleep", "1000"];
    let mut child =
        world.cala.command(args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    world.cala.eventually(["ps", "--format", "{{.Names}}"], |output| output.stdout.contains("on"));
    child.kill().expect("it can be killed");
    child.wait().expect("it ends");
    assert_eq!(world.inspect("on", "{{.State.Status}}"), "running");
    world.cala.run(["stop", "-t", "1", "on"]).success();
}

#[test]
fn a_command_killed_at_any_moment_leaves_a_consistent_store() {
    let Some(world) = world() else { return };
    for delay in 0..u64::from(rounds(40)) {
        let name = format!("n{delay}");
        let args =
            ["run", "-d", "--network", "none", "--init", "--name", &name, &world.image, "sleep", "1000"];
        let mut child =
            world.cala.command(args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
        #[expect(clippy::disallowed_methods, reason = "the moment of the kill is the case")]
        std::thread::sleep(std::time::Duration::from_micros(delay % 40 * 400 + delay / 40 * 20));
        let _ = child.kill();
        child.wait().expect("it ends");
        let listed = world.cala.run(["ps", "-a", "--format", "{{.Names}} {{.State}}"]).success();
        for line in listed.stdout.lines().filter(|line| line.starts_with(&format!("{name} "))) {
            assert!(
                line.ends_with("created") || line.ends_with("running") || line.ends_with("exited"),
                "{line}"
            );
        }
        // The name is free or taken, consistently.
        let again = world.cala.run(["create", "--name", &name, "--network", "none", &world.image]);
        assert!(again.code == 0 || again.stderr.contains("already in use"), "{again:?}");
    }
    world.cala.run(["rm", "-f", "-a", "-t", "0"]).success();
    assert_eq!(world.cala.run(["ps", "-aq"]).success().stdout, "");
}

#[test]
fn thirty_at_once_all_succeed_and_leave_nothing() {
    let Some(world) = world() else { return };
    let children: Vec<_> = (0..30)
        .map(|_| {
            let args = ["run", "--rm", "--network", "none", &world.image, "echo", "ok"];
            world.cala.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts")
        })
        .collect();
    for child in children {
        let output = child.wait_with_output().expect("it ends");
        assert!(output.status.success(), "{output:?}");
        assert_eq!(output.stdout, b"ok\n");
    }
    assert_eq!(world.cala.run(["ps", "-aq"]).success().stdout, "");
    let left: Vec<_> =
        std::fs::read_dir(world.cala.data_root().join("containers")).expect("the store").collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn removing_by_force_while_others_act_ends_in_success_or_no_such_container() {
    let Some(world) = world() else { return };
    for round in 0..rounds(15) {
        let name = format!("race{round}");
        world.sleeper(&name);
        let acts: [&[&str]; 6] = [
            &["rm", "-f", "-t", "0"],
            &["exec"],
            &["logs"],
            &["logs", "-f"],
            &["start"],
            &["stop", "-t", "0"],
        ];
        let children: Vec<_> = acts
            .iter()
            .map(|act| {
                let mut args: Vec<&str> = act.to_vec();
                args.push(&name);
                if act[0] == "exec" {
                    args.push("true");
                }
                world
                    .cala
                    .command(args)
                    .stdout(Stdio::piped())
                    .stderr(Stdio::piped())
                    .spawn()
                    .expect("it starts")
            })
            .collect();
        for child in children {
            let output = child.wait_with_output().expect("it ends");
            let text = String::from_utf8_lossy(&output.stderr).into_owned();
            let fine = output.status.success()
                || ["no such container", "not running", "can only", "removed", "137", "is being"]
                    .iter()
                    .any(|w| text.contains(w))
                || text.is_empty();
            assert!(fine, "{output:?}");
        }
        world.cala.run(["rm", "-f", "-i", "-t", "0", &name]).success();
    }
    assert_eq!(world.cala.run(["ps", "-aq"]).success().stdout, "");
}

#[test]
fn a_damaged_container_is_listed_alone_and_can_be_removed() {
    let Some(world) = world() else { return };
    world.cala.run(["create", "--name", "whole", "--network", "none", &world.image]).success();
    let id = world
        .cala
        .run(["create", "--name", "broken", "--network", "none", &world.image])
        .success()
        .text()
        .to_owned();
    std::fs::write(world.cala.data_root().join("containers").join(&id).join("container.json"), "{")
        .expect("writable");
    let listed = world.cala.run(["ps", "-a", "--no-trunc", "--format", "{{.ID}} {{.State}}"]).success();
    assert!(listed.stdout.contains(&format!("{id} damaged")), "{listed:?}");
    assert!(listed.stdout.contains("created"), "{listed:?}");
    world.cala.run(["rm", "-f", &id]).success();
    assert_eq!(world.cala.run(["ps", "-a", "--format", "{{.Names}}"]).success().text(), "whole");
}
