//! Secrets in real containers: where they are, who may read them, and where they are not.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use crate::{World, world};

const HIDDEN: &str = "correct-horse-battery";

fn keep(world: &World, name: &str, text: &str) {
    world.cala.run_with_input(["secret", "create", "--replace", name, "-"], text.as_bytes()).success();
}

#[test]
fn a_secret_is_a_file_in_memory_or_a_variable() {
    let Some(world) = world() else { return };
    keep(&world, "s1", HIDDEN);
    keep(&world, "s2", "other");
    let look = "cat /run/secrets/s1; stat -c ' %u:%g %a %F' /run/secrets/s1; grep -c ' /run/secrets.* tmpfs ' /proc/mounts";
    assert_eq!(
        world.sh(&["--secret", "s1", "--secret", "s2"], look),
        format!("{HIDDEN} 0:0 444 regular file\n3")
    );
    let elsewhere = "cat /abs/x; stat -c ' %u:%g %a' /abs/x; grep -c ' /abs/x tmpfs ' /proc/mounts; ls /run/secrets 2>/dev/null; true";
    assert_eq!(
        world.sh(&["--secret", "s1,target=/abs/x,uid=7,gid=8,mode=0400"], elsewhere),
        format!("{HIDDEN} 7:8 400\n1")
    );
    assert_eq!(
        world.sh(
            &["--secret", "source=s1,target=rel,mode=640"],
            "ls /run/secrets; stat -c %a /run/secrets/rel"
        ),
        "rel\n640"
    );
    assert_eq!(world.sh(&["--secret", "s1,type=env"], "echo $s1"), HIDDEN);
    assert_eq!(world.sh(&["-e", "FOO=plain", "--secret", "s1,type=env,target=FOO"], "echo $FOO"), HIDDEN);
    assert_eq!(world.sh(&["--user", "5", "--secret", "s1"], "cat /run/secrets/s1"), HIDDEN);
    assert_eq!(
        world.sh(
            &["--user", "5", "--secret", "s1,mode=0400"],
            "cat /run/secrets/s1 2>/dev/null || echo refused"
        ),
        "refused"
    );
    assert_eq!(world.sh(&["--read-only", "--secret", "s1"], "cat /run/secrets/s1"), HIDDEN);
    let twice = world.run_rm(&["--secret", "s1", "--secret", "s2,target=s1"], &["true"]);
    assert_eq!(twice.code, 125, "{twice:?}");
    let inside = world.run_rm(&["--secret", "s1,target=/proc/version"], &["true"]);
    assert!(inside.code != 0 && inside.stderr.contains("inside /proc"), "{inside:?}");
}

#[test]
fn a_container_keeps_its_secret_and_exec_sees_it() {
    let Some(world) = world() else { return };
    keep(&world, "s1", HIDDEN);
    let args = [
        "run",
        "-d",
        "--name",
        "c",
        "--init",
        "--network",
        "none",
        "--secret",
        "s1",
        "--secret",
        "s1,type=env,target=VAR",
        &world.image,
        "sleep",
        "1000",
    ];
    world.cala.run(args).success();
    let seen =
        || world.cala.run(["exec", "c", "sh", "-c", "cat /run/secrets/s1; echo \" $VAR\""]).success().stdout;
    assert_eq!(seen(), format!("{HIDDEN} {HIDDEN}\n"));
    let shown = world.inspect("c", "{{range .Config.Secrets}}{{.Name}} {{.UID}} {{.GID}} {{.Mode}}{{end}}");
    assert_eq!(shown, "s1 0 0 292");
    keep(&world, "s1", "changed");
    world.cala.run(["secret", "rm", "s1"]).success();
    world.cala.run(["stop", "-t", "1", "c"]).success();
    world.cala.run(["start", "c"]).success();
    assert_eq!(seen(), format!("{HIDDEN} {HIDDEN}\n"));
    world.cala.run(["rm", "-f", "-t", "0", "c"]).success();
    assert_eq!(holders(&world.cala.data_root()), [""; 0]);
}

#[test]
fn it_is_in_no_record_layer_log_or_event() {
    let Some(world) = world() else { return };
    keep(&world, "s1", HIDDEN);
    let args = [
        "run",
        "--name",
        "c",
        "--network",
        "none",
        "--secret",
        "s1",
        "--secret",
        "s1,type=env,target=VAR",
        &world.image,
        "sh",
        "-c",
        "test -s /run/secrets/s1 && test -n \"$VAR\" && echo fine",
    ];
    assert_eq!(world.cala.run(args).success().stdout, "fine\n");
    let inspected = world.cala.run(["inspect", "c"]).success().stdout;
    assert!(!inspected.contains(HIDDEN));
    let events = world.cala.run(["events", "--stream=false"]).success().stdout;
    assert!(!events.contains(HIDDEN));
    for holder in holders(&world.cala.data_root()) {
        let below = Path::new(&holder);
        let kept = below.starts_with("secrets") && below.ends_with("data");
        let copy = below.starts_with("containers") && below.parent().is_some_and(|p| p.ends_with("secrets"));
        assert!(kept || copy, "{holder}");
        let metadata = std::fs::metadata(world.cala.data_root().join(&holder)).expect("there");
        assert_eq!(metadata.mode() & 0o777, 0o600, "{holder}");
    }
    // Nothing of it stays in what the container wrote.
    let upper = world.inspect("c", "{{.GraphDriver.Data.UpperDir}}");
    assert!(!Path::new(&upper).join("run/secrets/s1").exists());
}

/// Files below a folder that hold the secret, relative to it.
fn holders(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(place) = folders.pop() {
        for entry in std::fs::read_dir(&place).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_symlink() {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else if std::fs::read(&path)
                .is_ok_and(|bytes| bytes.windows(HIDDEN.len()).any(|w| w == HIDDEN.as_bytes()))
            {
                found.push(path.strip_prefix(folder).expect("below").display().to_string());
            }
        }
    }
    found
}
