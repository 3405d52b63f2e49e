//! Starts that fail and options that are odd: words and exit codes as Podman 5.4.2 has them.

use crate::{refused, world};

const NOT_FOUND: &str = "executable file `nosuch` not found in $PATH: No such file or directory: OCI runtime attempted to \
                         invoke a command that was not found";

#[test]
fn a_start_that_fails_names_the_container_and_is_125() {
    let Some(world) = world() else { return };
    let args = ["create", "--network", "none", "--name", "c", &world.image, "nosuch"];
    let id = world.cala.run(args).success().text().to_owned();
    // Podman names its runtime: `crun: executable …`.
    let started = world.cala.run(["start", "c"]);
    refused(&started, 125, &format!("Error: unable to start container \"{id}\": {NOT_FOUND}"));
    let started = world.cala.run(["start", "-a", "c"]);
    refused(&started, 125, &format!("Error: unable to start container {id}: {NOT_FOUND}"));
    world.cala.run(["start", "nobody"]).exits_with(125);
}

#[test]
fn why_a_start_failed_is_kept_until_one_works() {
    let Some(world) = world() else { return };
    let state = |name: &str| {
        let shown = world.cala.run([
            "inspect",
            name,
            "--format",
            "{{.State.Status}}|{{.State.ExitCode}}|{{.State.Error}}",
        ]);
        shown.success().text().to_owned()
    };
    world.cala.run(["create", "--network", "none", "--name", "c", &world.image, "nosuch"]).success();
    assert_eq!(state("c"), "created|0|");
    world.cala.run(["start", "c"]).exits_with(125);
    // Podman names its runtime before it.
    assert!(state("c").starts_with("created|0|") && state("c").ends_with(NOT_FOUND), "{}", state("c"));
    // One that runs again once its folder is there.
    let folder = world.cala.folder().join("shared");
    std::fs::create_dir(&folder).unwrap();
    let mount = format!("{}:/mnt", folder.display());
    let args = ["create", "--network", "none", "--name", "d", "-v", &mount, &world.image, "true"];
    world.cala.run(args).success();
    std::fs::remove_dir(&folder).unwrap();
    world.cala.run(["start", "d"]).exits_with(125);
    assert!(state("d").contains("shared"), "{}", state("d"));
    std::fs::create_dir(&folder).unwrap();
    world.cala.run(["start", "-a", "d"]).success();
    world
        .cala
        .eventually(["inspect", "d", "--format", "{{.State.Status}}"], |shown| shown.text() == "exited");
    assert_eq!(state("d"), "exited|0|");
}

#[test]
fn a_user_or_a_folder_that_is_not_there_is_told_as_podman_does() {
    let Some(world) = world() else { return };
    world.sleeper("s");
    let user = "Error: unable to find user nosuch: no matching entries in passwd file";
    refused(&world.cala.run(["exec", "-u", "nosuch", "s", "true"]), 255, user);
    refused(&world.container(&["--rm", "-u", "nosuch"], &["true"]), 126, user);
    let group = "Error: unable to find group nosuch: no matching entries in group file";
    refused(&world.container(&["--rm", "-u", "alice:nosuch"], &["true"]), 126, group);
    for (dir, shown) in [("/nodir", "/nodir"), ("rel", "/rel")] {
        let output = world.container(&["--rm", "-w", dir], &["true"]).exits_with(126);
        let words = format!("Error: workdir \"{shown}\" does not exist on container ");
        let line = output.stderr.lines().next().unwrap_or_default();
        assert!(line.strip_prefix(&words).is_some_and(|id| id.len() == 64), "{output:?}");
        let output = world.cala.run(["exec", "-w", dir, "s", "true"]).exits_with(127);
        assert!(
            output.stderr.contains(&format!("chdir to `{shown}`: No such file or directory")),
            "{output:?}"
        );
    }
    let output = world.container(&["--rm", "-w", "/etc/passwd"], &["true"]).exits_with(126);
    assert!(output.stderr.trim_end().ends_with(", but is not a directory"), "{output:?}");
    assert_eq!(world.container(&["--rm", "-w", "etc"], &["pwd"]).success().text(), "/etc");
}

#[test]
fn an_exec_in_the_background_has_an_id_that_is_listed_while_it_runs() {
    let Some(world) = world() else { return };
    world.sleeper("s");
    let ids =
        || world.cala.run(["inspect", "--format", "{{json .ExecIDs}}", "s"]).success().text().to_owned();
    assert_eq!(ids(), "[]");
    let id = world.cala.run(["exec", "-d", "s", "sleep", "1000"]).success().text().to_owned();
    assert_eq!(id.len(), 64, "{id}");
    assert_eq!(ids(), format!("[\"{id}\"]"));
    world.cala.run(["exec", "-d", "s", "nosuch"]).exits_with(125);
    world.cala.run(["exec", "s", "true"]).success();
    assert_eq!(ids(), format!("[\"{id}\"]"));
    let told = ["events", "--stream=false", "--filter", "container=s", "--format", "{{.Status}}"];
    let told = world.cala.run(told).success().stdout;
    assert_eq!(told.lines().filter(|line| *line == "exec").count(), 2, "{told}");
    assert_eq!(told.lines().filter(|line| *line == "exec_died").count(), 1, "{told}");
}

#[test]
fn the_file_with_the_id_goes_with_the_container() {
    let Some(world) = world() else { return };
    let file = world.cala.folder().join("cid");
    let path = file.display().to_string();
    let id = || std::fs::read_to_string(&file).unwrap_or_default();
    world.container(&["--rm", "--cidfile", &path], &["true"]).success();
    world.cala.eventually(["ps", "-aq"], |_| !file.exists());
    world.container(&["--name", "a", "--cidfile", "cid"], &["true"]).success();
    let shown =
        world.cala.run(["inspect", "--format", "{{.HostConfig.ContainerIDFile}} {{.Id}}", "a"]).success();
    assert_eq!(shown.text(), format!("{path} {}", id()));
    // It is another's by now.
    world.container(&["-d", "--init", "--name", "b", "--cidfile", &path], &["sleep", "1000"]).success();
    world.cala.run(["rm", "a"]).success();
    assert_eq!(id().len(), 64);
    world.cala.run(["rm", "-f", "b"]).success();
    assert!(!file.exists());
    world.container(&["--name", "c", "--cidfile", &path], &["true"]).success();
    world.cala.run(["rm", "--cidfile", &path]).success();
    assert!(!file.exists());
}

#[test]
fn nothing_and_everything_are_values_of_options() {
    let Some(world) = world() else { return };
    let shows = |options: &[&str], script: &str| {
        let mut all = vec!["--rm"];
        all.extend_from_slice(options);
        world.container(&all, &["sh", "-c", script]).success().text().to_owned()
    };
    assert_eq!(shows(&["--memory", "0"], "echo fine"), "fine");
    assert_eq!(shows(&["--hostname", ""], "hostname").len(), 12);
    let hard = std::process::Command::new("sh").args(["-c", "ulimit -Hn; ulimit -n"]).output().expect("sh");
    let host: Vec<String> = String::from_utf8_lossy(&hard.stdout).lines().map(str::to_owned).collect();
    let numbers = "ulimit -Hn; ulimit -n";
    assert_eq!(shows(&["--ulimit", "nofile=-1"], numbers), format!("{0}\n{0}", host[0]));
    assert_eq!(shows(&["--ulimit", "host"], numbers), host.join("\n"));
    assert_eq!(shows(&["--ulimit", "host", "--ulimit", "nofile=100"], numbers), host.join("\n"));
    assert_eq!(shows(&["--device", "/dev/null:/dev/foo:r"], "cat /dev/foo; ls /dev/foo"), "/dev/foo");
    world.container(&["--device", "/dev/null:/dev/foo:x"], &["true"]).exits_with(125);
}

#[test]
fn a_removal_by_force_asks_first() {
    let Some(world) = world() else { return };
    let script = "trap 'echo asked >/out/said; exit 3' TERM; echo ready; while :; do sleep 0.05; done";
    let out = world.cala.folder().join("out");
    std::fs::create_dir(&out).expect("writable");
    let bind = format!("{}:/out", out.display());
    let begin = |name: &str| {
        let _ = std::fs::remove_file(out.join("said"));
        world.container(&["-d", "--name", name, "-v", &bind], &["sh", "-c", script]).success();
        world.cala.eventually(["logs", name], |output| output.stdout.contains("ready"));
    };
    let asked = || std::fs::read_to_string(out.join("said")).unwrap_or_default() == "asked\n";
    begin("one");
    world.cala.run(["rm", "-f", "one"]).success();
    assert!(asked(), "rm -f");
    begin("two");
    world.container(&["--rm", "--replace", "--name", "two"], &["true"]).success();
    assert!(asked(), "run --replace");
    begin("three");
    world.cala.run(["rm", "-f", "-t", "0", "three"]).success();
    begin("four");
    world.cala.run(["rmi", "-f", &world.image]).success();
    assert!(asked(), "rmi -f");
    assert_eq!(world.cala.run(["ps", "-aq"]).success().stdout, "");
}

#[test]
fn a_removal_by_force_kills_what_does_not_listen() {
    let Some(world) = world() else { return };
    let script = "trap '' TERM; echo ready; while :; do sleep 1; done";
    world.container(&["-d", "--stop-timeout", "1", "--name", "deaf"], &["sh", "-c", script]).success();
    world.cala.eventually(["logs", "deaf"], |output| output.stdout.contains("ready"));
    let start = std::time::Instant::now();
    world.cala.run(["rm", "-f", "deaf"]).success();
    assert!((900..8000).contains(&start.elapsed().as_millis()), "{:?}", start.elapsed());
}
