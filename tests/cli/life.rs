//! restart, rename, init, prune, wait, rm: what is printed, what is there afterwards, what is refused. Common with Podman
//! where nothing else is said.

use crate::{World, other_program, refused, world};

impl World {
    #[track_caller]
    fn created(&self, name: &str, options: &[&str], words: &[&str]) -> String {
        let mut args = vec!["create", "--name", name];
        if !options.contains(&"--network") {
            args.extend(["--network", "none"]);
        }
        // Podman's init is a package of its own.
        args.extend(options.iter().filter(|option| **option != "--init" || !other_program()));
        args.push(&self.image);
        args.extend_from_slice(words);
        self.cala.run(args).success().text().to_owned()
    }

    #[track_caller]
    fn field(&self, name: &str, field: &str) -> String {
        self.cala.run(["inspect", "--format", field, name]).success().text().to_owned()
    }

    /// Names and states, a line each, sorted.
    #[track_caller]
    fn states(&self) -> Vec<String> {
        let shown = self.cala.run(["ps", "-a", "--format", "{{.Names}} {{.State}}"]).success();
        let mut lines: Vec<String> = shown.stdout.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    }
}

#[test]
fn restart_ends_and_starts_and_starts_what_does_not_run() {
    let Some(world) = world() else { return };
    let cala = &world.cala;
    let web = world.sleeper("web");
    world.created("db", &["--init"], &["sleep", "1000"]);
    let before = world.field("web", "{{.State.Pid}} {{.State.StartedAt}}");
    let output = cala.run(["restart", "--time", "0", "/web", "db"]).success();
    assert_eq!(output.stdout, "web\ndb\n");
    assert_ne!(world.field("web", "{{.State.Pid}} {{.State.StartedAt}}"), before);
    assert_eq!(world.states(), ["db running", "web running"]);
    cala.run(["kill", "db"]).success();
    cala.run(["wait", "db"]).success();
    // Only those that run.
    assert_eq!(cala.run(["restart", "--running", "-t", "0", "web", "db"]).success().stdout, "web\n");
    if !other_program() {
        // Podman's own manual page has it, Podman refuses it.
        assert_eq!(cala.run(["restart", "--running", "-t", "0"]).success().text(), web);
    }
    assert_eq!(world.states(), ["db exited", "web running"]);
    assert_eq!(cala.run(["restart", "-t", "0", "--filter", "name=w"]).success().text(), web);
    assert_eq!(cala.run(["restart", "--all", "-t", "0"]).success().stdout.lines().count(), 2);
    assert_eq!(world.states(), ["db running", "web running"]);
}

#[test]
fn restart_keeps_a_container_of_rm() {
    let Some(world) = world() else { return };
    world.container(&["-d", "--rm", "--init", "--name", "gone"], &["sh", "-c", "date >>/x; sleep 1000"]);
    world.cala.run(["restart", "--time", "0", "gone"]).success();
    let lines = || world.cala.run(["exec", "gone", "wc", "-l", "/x"]).stdout;
    world.cala.eventually(["exec", "gone", "wc", "-l", "/x"], |output| output.stdout == "2 /x\n");
    assert_eq!(lines(), "2 /x\n", "what it wrote before is there");
    world.cala.run(["stop", "-t", "0", "gone"]).success();
    world.cala.eventually(["container", "exists", "gone"], |output| output.code == 1);
}

#[test]
fn a_renamed_container_has_its_new_name_everywhere() {
    let Some(world) = world() else { return };
    let cala = &world.cala;
    let id = world.sleeper("old");
    let other = world.created("other", &[], &["true"]);
    assert_eq!(cala.run(["rename", "old", "/new"]).success().stdout, "");
    assert_eq!(world.states(), ["new running", "other created"]);
    assert_eq!(world.field("new", "{{.Id}} {{.Name}}"), format!("{id} new"));
    cala.run(["inspect", "old"]).exits_with(125);
    cala.run(["exec", "new", "true"]).success();
    // The old name is free, the new one is not, its own is no change.
    cala.run(["rename", "other", "old"]).success();
    cala.run(["rename", "new", "new"]).success();
    let taken = cala.run(["rename", "old", "new"]).exits_with(125);
    if !other_program() {
        let line = format!(
            "Error: renaming container {other}: the name \"new\" is in use by {id}: container already exists"
        );
        refused(&taken, 125, &line);
    }
    assert_eq!(world.states(), ["new running", "old created"]);
    let bad = "Error: names must match [a-zA-Z0-9][a-zA-Z0-9_.-]*: invalid argument";
    refused(&cala.run(["rename", "new", "a/b"]), 125, bad);
    let told = cala.run(["events", "--stream=false", "--filter", "event=rename", "--format", "{{.Name}}"]);
    if !other_program() {
        assert_eq!(told.success().stdout, "new\nold\n");
    }
    // Also at its end: the name that is free then is the new one.
    cala.run(["rm", "-f", "-t", "0", "new"]).success();
    world.created("new", &[], &["true"]);
}

#[test]
fn the_name_of_a_renamed_container_of_rm_is_free_at_its_end() {
    let Some(world) = world() else { return };
    world.container(&["-d", "--rm", "--init", "--name", "a"], &["sleep", "1000"]).success();
    world.cala.run(["rename", "a", "b"]).success();
    world.cala.run(["stop", "-t", "0", "b"]).success();
    world.cala.eventually(["container", "exists", "b"], |output| output.code == 1);
    for name in ["a", "b"] {
        world.created(name, &[], &["true"]);
    }
}

#[test]
fn init_makes_ready_and_start_lets_run() {
    let Some(world) = world() else { return };
    let cala = &world.cala;
    let id = world.created("box", &[], &["sh", "-c", "echo ran >/x; cat /x; exit 3"]);
    assert_eq!(cala.run(["init", "box"]).success().text(), "box");
    assert_eq!(world.states(), ["box initialized"]);
    assert_eq!(world.field("box", "{{.State.Status}} {{.State.Running}}"), "initialized false");
    assert_ne!(world.field("box", "{{.State.Pid}}"), "0");
    assert_eq!(cala.run(["ps", "-q"]).success().stdout, "", "it does not run");
    let again =
        format!("Error: container {id} has already been created in runtime: container state improper");
    refused(&cala.run(["init", "box"]), 125, &again);
    cala.run(["exec", "box", "true"]).exits_with(255);
    cala.run(["attach", "box"]).exits_with(125);
    let kill = cala.run(["kill", "box"]);
    assert!(other_program() || kill.stderr.contains("is in state initialized"), "{kill:?}");
    let started = cala.run(["start", "--attach", "box"]).exits_with(3);
    assert_eq!(started.stdout, "ran\n");
    assert_eq!(world.states(), ["box exited"]);
    // Once more, and away with it: no force is needed for what has not run.
    assert_eq!(cala.run(["init", "--all"]).success().text(), id);
    cala.run(["rm", "box"]).success();
    assert_eq!(world.states(), [""; 0]);
}

#[test]
fn stopping_what_was_made_ready_ends_it() {
    let Some(world) = world() else { return };
    world.created("box", &[], &["true"]);
    world.cala.run(["init", "box"]).success();
    assert_eq!(world.cala.run(["stop", "--time", "0", "box"]).success().text(), "box");
    assert_eq!(world.field("box", "{{.State.Status}} {{.State.ExitCode}}"), "exited 137");
    world.cala.run(["start", "--attach", "box"]).success();
}

#[test]
fn prune_removes_what_does_not_run() {
    let Some(world) = world() else { return };
    let cala = &world.cala;
    world.sleeper("runs");
    let labelled = world.created("labelled", &["--label", "k=v"], &["true"]);
    let other = world.created("other", &["--label", "k=w"], &["true"]);
    let asked = cala.run_with_input(["container", "prune"], b"n\n").success();
    assert_eq!(
        asked.stdout,
        "WARNING! This will remove all non running containers.\nAre you sure you want to continue? [y/N] "
    );
    for (filter, expected) in
        [("until=1h", ""), ("label!=k", ""), ("label=k=v", labelled.as_str()), ("label=k", other.as_str())]
    {
        let pruned = cala.run(["container", "prune", "--force", "--filter", filter]).success();
        assert_eq!(pruned.text(), expected, "{filter}");
    }
    let last = world.created("last", &[], &["true"]);
    let answered = cala.run_with_input(["container", "prune"], b"yes\n").success();
    assert!(answered.text().ends_with(&last), "{answered:?}");
    assert_eq!(world.states(), ["runs running"]);
}

#[test]
fn wait_returns_at_whichever_condition_comes_first() {
    let Some(world) = world() else { return };
    let cala = &world.cala;
    let id = world.created("w", &[], &["sh", "-c", "exit 7"]);
    for condition in ["created", "configured", "running,created"] {
        if condition == "configured" && other_program() {
            continue;
        }
        assert_eq!(cala.run(["wait", "--condition", condition, "w"]).success().text(), "-1", "{condition}");
    }
    cala.run(["init", "w"]).success();
    assert_eq!(cala.run(["wait", "--condition", "initialized", "w"]).success().text(), "-1");
    let mut command = cala.command(["wait", "--condition", "paused", "--condition", "exited", "w"]);
    let waiting = command.stdout(std::process::Stdio::piped()).spawn().expect("it starts");
    cala.run(["start", "w"]).success();
    let waited = waiting.wait_with_output().expect("it ends");
    assert_eq!(String::from_utf8_lossy(&waited.stdout), "7\n");
    assert_eq!(cala.run(["wait", "w", "w"]).success().stdout, "7\n7\n");
    assert_eq!(cala.run(["wait", "--ignore", "nosuch", "w"]).success().stdout, "-1\n7\n");
    for word in ["healthy", "unhealthy"] {
        let line = format!("Error: cannot use condition \"{word}\": container {id} has no healthcheck");
        refused(&cala.run(["wait", "--condition", word, "w"]), 125, &line);
    }
    let line = "Error: unknown container state: foo: invalid argument";
    refused(&cala.run(["wait", "--condition", "foo", "w"]), 125, line);
}

#[test]
fn of_several_conditions_the_end_of_a_container_of_rm_tells_its_code() {
    let Some(world) = world() else { return };
    if other_program() {
        return;
    }
    world
        .container(
            &["-d", "--rm", "--name", "v"],
            &["sh", "-c", "trap 'exit 5' TERM; while true; do sleep 0.1; done"],
        )
        .success();
    let mut command = world.cala.command(["wait", "--condition", "paused,removing,stopped", "v"]);
    let waiting = command.stdout(std::process::Stdio::piped()).spawn().expect("it starts");
    // It is in place when it watches and has its connection.
    let links = || {
        let entries = std::fs::read_dir(format!("/proc/{}/fd", waiting.id())).expect("it lives").flatten();
        entries.filter_map(|entry| std::fs::read_link(entry.path()).ok()).collect::<Vec<_>>()
    };
    let has = |word: &str| links().iter().any(|link| link.to_string_lossy().contains(word));
    world.cala.eventually(["version"], |_| has("inotify") && has("socket:"));
    world.cala.run(["stop", "v"]).success();
    let waited = waiting.wait_with_output().expect("it ends");
    assert_eq!(String::from_utf8_lossy(&waited.stdout), "5\n");
}

#[test]
fn a_container_whose_network_is_used_goes_after_its_users() {
    let Some(world) = world() else { return };
    let cala = &world.cala;
    let base = world.sleeper("base");
    let user = world.created("user", &["--network", "container:base"], &["true"]);
    let line = format!(
        "Error: container {base} has dependent containers which must be removed before it: {user}: container already exists"
    );
    refused(&cala.run(["rm", "-f", "-t", "0", "base"]), 125, &line);
    assert_eq!(world.states(), ["base running", "user created"]);
    let running = cala.run(["rm", "--depend", "base"]).exits_with(2);
    assert!(running.stderr.contains("as it is running"), "{running:?}");
    let gone = cala.run(["rm", "-f", "-t", "0", "--depend", "base"]).success();
    // Podman tells them in any order.
    let told = if other_program() { format!("base\n{user}\n") } else { String::new() };
    assert!(gone.stdout == format!("{user}\nbase\n") || gone.stdout == told, "{gone:?}");
    assert_eq!(world.states(), [""; 0]);
    // All of them, whatever depends on what; each is told once.
    world.sleeper("base");
    world.created("user", &["--network", "container:base"], &["true"]);
    assert_eq!(cala.run(["rm", "-f", "-t", "0", "--all"]).success().stdout.lines().count(), 2);
}

#[test]
fn several_are_stopped_at_once() {
    let Some(world) = world() else { return };
    // The first one ends by itself only when the second one has its signal too.
    for (name, script) in [
        (
            "first",
            "trap 'while [ ! -e /v/second ]; do sleep 0.1; done; exit 3' TERM; touch /x; while true; do sleep 0.1; done",
        ),
        ("second", "trap 'touch /v/second; exit 4' TERM; touch /x; while true; do sleep 0.1; done"),
    ] {
        world.container(&["-d", "--name", name, "-v", "both:/v"], &["sh", "-c", script]).success();
        world.cala.eventually(["exec", name, "ls", "/x"], |output| output.code == 0);
    }
    let output = world.cala.run(["stop", "--time", "30", "first", "second"]).success();
    assert!(output.stdout == "first\nsecond\n" || other_program(), "{output:?}");
    assert_eq!(world.field("first", "{{.State.ExitCode}}"), "3");
    assert_eq!(world.field("second", "{{.State.ExitCode}}"), "4");
}
