//! update, container clone, checkpoint and restore. Common with Podman where nothing else is said.

use cala_testkit::require;

use crate::{World, bare, other_program, program, refused, world};

impl World {
    #[track_caller]
    fn made(&self, name: &str, options: &[&str], words: &[&str]) -> String {
        let mut args = vec!["create", "--name", name, "--network", "none"];
        args.extend_from_slice(options);
        args.push(&self.image);
        args.extend_from_slice(words);
        self.cala.run(args).success().text().to_owned()
    }

    #[track_caller]
    fn shown(&self, name: &str, template: &str) -> String {
        self.cala.run(["inspect", "--format", template, name]).success().text().to_owned()
    }
}

const POLICY: &str = "{{.HostConfig.RestartPolicy.Name}} {{.HostConfig.RestartPolicy.MaximumRetryCount}}";

#[test]
fn the_restart_policy_is_changed_and_shown() {
    let Some(world) = world() else { return };
    let id = world.made("web", &[], &["true"]);
    for (policy, expected) in [
        ("always", "always 0"),
        ("on-failure:3", "on-failure 3"),
        ("unless-stopped", "unless-stopped 0"),
        ("no", "no 0"),
    ] {
        assert_eq!(world.cala.run(["update", "--restart", policy, "web"]).success().text(), id);
        assert_eq!(world.shown("web", POLICY), expected);
    }
    // Nothing asked for is nothing changed.
    assert_eq!(world.cala.run(["update", "web"]).success().text(), id);
    world.cala.run(["update", "--restart", "always:3", "web"]).exits_with(125);
    assert_eq!(world.shown("web", POLICY), "no 0");
    let told =
        world.cala.run(["events", "--stream=false", "--filter", "event=update", "--format", "{{.Name}}"]);
    assert!(told.success().stdout.starts_with("web\n"));
}

#[test]
fn limits_are_kept_or_refused_with_the_controller() {
    let Some(world) = world() else { return };
    if other_program() {
        return;
    }
    world.made("web", &[], &["sleep", "1000"]);
    let limits = "{{.HostConfig.Memory}} {{.HostConfig.NanoCpus}} {{.HostConfig.PidsLimit}}";
    let before = world.shown("web", limits);
    let updated = world.cala.run(["update", "--memory", "64m", "--pids-limit", "50", "web"]);
    if require::controller("memory") && require::controller("pids") {
        updated.success();
        assert!(world.shown("web", limits).starts_with("67108864 "));
        world.cala.run(["update", "--memory", "0", "web"]).success();
        assert!(world.shown("web", limits).starts_with("0 "));
    } else {
        let updated = updated.exits_with(125);
        let line = "Error: cannot limit memory: the cgroup controller `memory` is not available to you";
        assert_eq!(updated.stderr.lines().next(), Some(line));
        assert_eq!(world.shown("web", limits), before, "nothing was changed");
        world.cala.run(["start", "web"]).success();
        world.cala.run(["update", "--cpus", "1", "web"]).exits_with(125);
        assert_eq!(world.shown("web", limits), before);
    }
}

#[test]
fn a_clone_is_as_the_original_but_for_its_name_and_its_files() {
    let Some(world) = world() else { return };
    let cala = &world.cala;
    let options = ["--label", "k=v", "-e", "A=b", "-v", "shared:/v", "--hostname", "same", "--user", "1000"];
    let id =
        world.made("web", &options, &["sh", "-c", "echo $A $(id -u) $(hostname); cat /v/x /tmp/x; true"]);
    let copy = cala.run(["container", "clone", "web"]).success();
    let copy = copy.text().to_owned();
    assert!(copy.len() == 64 && copy != id);
    assert_eq!(world.shown("web-clone", "{{.Id}} {{index .Config.Labels \"k\"}}"), format!("{copy} v"));
    assert_eq!(world.shown("web-clone", "{{.Image}}"), world.shown("web", "{{.Image}}"));
    let name = world.shown("web", "{{.ImageName}}");
    assert_eq!(world.shown("web-clone", "{{.ImageName}}"), name);
    // Podman's copy is in another network, which this machine may not have.
    if !other_program() {
        let output = cala.run(["start", "--attach", "web-clone"]).success();
        assert_eq!(output.stdout, "b 1000 same\n");
        let ran = cala.run(["container", "clone", "--run", "web", "ran"]).success();
        assert_eq!(cala.run(["wait", "ran"]).success().text(), "0");
        assert_eq!(ran.text(), world.shown("ran", "{{.Id}}"));
    }
    cala.run(["container", "clone", "web", "second"]).success();
    cala.run(["container", "clone", "--name", "third", "web"]).success();
    let taken = cala.run(["container", "clone", "web", "second"]).exits_with(125);
    assert!(taken.stderr.contains("the container name \"second\" is already in use by "), "{taken:?}");
    if !other_program() {
        // Podman calls the next one the same and fails.
        cala.run(["container", "clone", "web"]).success();
        assert_eq!(cala.run(["container", "exists", "web-clone1"]).code, 0);
    }
}

#[test]
fn a_clone_may_take_the_place_of_its_original() {
    let Some(world) = world() else { return };
    let cala = &world.cala;
    world.made("old", &[], &["true"]);
    cala.run(["container", "clone", "--destroy", "old", "new"]).success();
    assert_eq!(cala.run(["container", "exists", "old"]).code, 1);
    if other_program() {
        return;
    }
    cala.run(["start", "--attach", "new"]).success();
    world.sleeper("runs");
    let refused = cala.run(["container", "clone", "--destroy", "runs", "copy"]).exits_with(125);
    assert!(refused.stderr.contains("as it is running"), "{refused:?}");
    assert_eq!(cala.run(["container", "exists", "copy"]).code, 1, "nothing was made");
    assert_eq!(world.shown("runs", "{{.State.Status}}"), "running");
    cala.run(["container", "clone", "--destroy", "--force", "runs", "copy"]).success();
    assert_eq!(cala.run(["container", "exists", "runs"]).code, 1);
    assert_eq!(world.shown("copy", "{{.State.Status}}"), "created");
}

#[test]
fn what_does_not_fit_is_refused() {
    let cala = bare();
    let common = [
        ("update", "Error: accepts 1 arg(s), received 0"),
        ("update a b", "Error: accepts 1 arg(s), received 2"),
        ("update nosuch", "Error: no container with name or ID \"nosuch\" found: no such container"),
        ("container clone", "Error: accepts between 1 and 3 arg(s), received 0"),
        ("container clone a b c d", "Error: accepts between 1 and 3 arg(s), received 4"),
        ("container clone nosuch", "Error: no container with name or ID \"nosuch\" found: no such container"),
    ];
    let own = [
        ("update --restart foo a", "Error: \"foo\" is not a valid restart policy: invalid argument"),
        (
            "update --restart always:3 a",
            "Error: restart policy retries can only be specified with on-failure restart policy",
        ),
        ("update --memory 1x a", "Error: invalid value for memory: invalid size: '1x'"),
        ("update --cpu-shares 5 a", "Error: --cpu-shares is not supported: Cala does not set it"),
        ("container clone --pod p a", "Error: --pod is not supported: there are no pods yet"),
        ("container clone --force a", "Error: cannot set --force without --destroy: invalid argument"),
        (
            "container checkpoint --keep a",
            "Error: checkpointing a container requires root: it takes CRIU, which Cala does not use",
        ),
        (
            "container restore --import x.tar.gz a",
            "Error: restoring a container requires root: it takes CRIU, which Cala does not use",
        ),
        ("container checkpoint", "Error: you must provide at least one name or id"),
        (
            "container checkpoint --all -e x",
            "Error: checkpointing a container requires root: it takes CRIU, which Cala does not use",
        ),
        ("container restore --nope a", "Error: unknown flag: --nope"),
    ];
    let own = own.into_iter().filter(|_| !other_program());
    for (line, expected) in common.into_iter().chain(own) {
        let expected = expected.replace("cala ", &format!("{} ", program()));
        refused(&cala.run(line.split(' ')), 125, &expected);
    }
}
