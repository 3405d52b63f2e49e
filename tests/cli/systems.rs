//! `system`: what everything occupies, what nobody uses, and the words of it; with Podman too where it is not said otherwise.

use crate::{World, bare, other_program, program, refused, world};

fn df(world: &World, format: &str) -> String {
    world.cala.run(["system", "df", "--format", format]).success().stdout
}

#[test]
fn df_counts_what_is_there_and_what_of_it_is_used() {
    let Some(world) = world() else { return };
    assert_eq!(
        df(&world, "{{.Type}} {{.Total}} {{.Active}}"),
        "Images 1 0\nContainers 0 0\nLocal Volumes 0 0\n"
    );
    world
        .container(
            &["--name", "c", "-v", "used:/v"],
            &["sh", "-c", "head -c 5000 /dev/zero >/x; head -c 7000 /dev/zero >/v/y"],
        )
        .success();
    world.cala.run(["volume", "create", "free"]).success();
    assert_eq!(
        df(&world, "{{.Type}} {{.Total}} {{.Active}}"),
        "Images 1 1\nContainers 1 0\nLocal Volumes 2 1\n"
    );
    let raw = df(&world, "{{.RawSize}}");
    let sizes: Vec<u64> = raw.lines().filter_map(|line| line.parse().ok()).collect();
    assert_eq!(sizes.len(), 3, "{raw}");
    assert!(sizes[0] > 500_000, "{raw}");
    assert!((5000..20_000).contains(&sizes[1]) && sizes[2] == 7000, "{raw}");
    let table = world.cala.run(["system", "df"]).success().stdout;
    assert!(
        table.starts_with("TYPE           TOTAL       ACTIVE      SIZE        RECLAIMABLE\nImages"),
        "{table}"
    );
    let json: serde_json::Value =
        serde_json::from_str(&world.cala.run(["system", "df", "--format", "json"]).success().stdout)
            .expect("JSON");
    let keys: Vec<&str> = json[0].as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(
        keys,
        ["Active", "RawReclaimable", "RawSize", "Reclaimable", "Size", "Total", "TotalCount", "Type"]
    );
    let verbose = world.cala.run(["system", "df", "-v"]).success().stdout;
    for heading in [
        "Images space usage:\n\nREPOSITORY",
        "Containers space usage:\n\nCONTAINER ID",
        "Local Volumes space usage:\n\nVOLUME NAME  LINKS       SIZE\n",
    ] {
        assert!(verbose.contains(heading), "{verbose}");
    }
    assert!(verbose.contains("used         1           7kB\n"), "{verbose}");
}

#[test]
fn prune_asks_and_removes_what_nobody_uses() {
    let Some(world) = world() else { return };
    let cala = &world.cala;
    world.sleeper("running");
    let stopped = cala
        .run(["create", "--name", "stopped", "--network", "none", &world.image])
        .success()
        .text()
        .to_owned();
    cala.run(["volume", "create", "free"]).success();
    let asked = cala.run_with_input(["system", "prune", "-a", "--volumes"], b"n\n").success();
    assert!(
        asked.stdout.starts_with("WARNING! This command removes:\n\t- all stopped containers\n"),
        "{asked:?}"
    );
    assert!(asked.stdout.contains("\t- all volumes not used by at least one container\n"), "{asked:?}");
    assert!(asked.stdout.ends_with("Are you sure you want to continue? [y/N] "), "{asked:?}");
    assert_eq!(cala.run(["ps", "-aq"]).success().stdout.lines().count(), 2);
    let none = cala.run(["system", "prune", "-f", "--volumes", "--filter", "until=1h"]).success();
    assert_eq!(none.stdout, "Total reclaimed space: 0B\n");
    let pruned = cala.run(["system", "prune", "-f"]).success();
    assert!(pruned.stdout.starts_with(&format!("Deleted Containers\n{stopped}\n")), "{pruned:?}");
    assert_eq!(cala.run(["volume", "ls", "-q"]).success().stdout, "free\n");
    let pruned = cala.run(["system", "prune", "-af", "--volumes"]).success();
    assert_eq!(pruned.stdout, "Deleted Volumes\nfree\nTotal reclaimed space: 0B\n");
    cala.run(["rm", "-f", "-t", "0", "running"]).success();
    let pruned = cala.run(["system", "prune", "-af"]).success();
    assert!(pruned.stdout.starts_with("Deleted Images\n"), "{pruned:?}");
    assert_eq!(cala.run(["images", "-q"]).success().stdout, "");
}

#[test]
fn reset_removes_everything_also_what_runs() {
    let Some(world) = world() else { return };
    let cala = &world.cala;
    world.container(&["-d", "--name", "c", "-v", "v:/v"], &["sleep", "1000"]).success();
    cala.run_with_input(["secret", "create", "s", "-"], b"x").success();
    let asked = cala.run_with_input(["system", "reset"], b"n\n").success();
    assert!(asked.stdout.starts_with("WARNING! This will remove:\n        - all containers\n"), "{asked:?}");
    assert_eq!(cala.run(["ps", "-q"]).success().stdout.lines().count(), 1);
    std::fs::write(cala.data_root().join("mine"), "not of the program").expect("written");
    if other_program() {
        // Podman removes that too.
        return;
    }
    cala.run(["system", "reset", "-f"]).success();
    let left: Vec<_> =
        std::fs::read_dir(cala.data_root()).expect("there").flatten().map(|e| e.file_name()).collect();
    assert_eq!(left, ["mine"]);
    std::fs::remove_file(cala.data_root().join("mine")).expect("removed");
    for list in [&["ps", "-aq"][..], &["images", "-q"], &["volume", "ls", "-q"], &["secret", "ls", "-q"]] {
        assert_eq!(cala.run(list.iter().copied()).success().stdout, "", "{list:?}");
    }
}

#[test]
fn what_has_no_meaning_here_says_so() {
    let cala = bare();
    assert_eq!(
        cala.run(["system", "connection", "list"]).success().stdout,
        "Name        URI         Identity    Default     ReadWrite\n"
    );
    assert_eq!(cala.run(["system", "connection", "ls", "--format", "json"]).success().stdout, "[]\n");
    assert_eq!(cala.run(["system", "connection", "list", "-q"]).success().stdout, "");
    assert_eq!(cala.run(["system", "migrate"]).success().stdout, "");
    assert_eq!(cala.run(["system", "renumber"]).success().stdout, "");
    assert!(!cala.run(["system", "info"]).success().stdout.is_empty());
    cala.run(["system", "events", "--stream=false"]).success();
    assert_eq!(cala.run(["system", "check"]).success().stdout, "");
    if !other_program() {
        assert_eq!(cala.run(["system", "version"]).success().stdout, cala.run(["version"]).success().stdout);
        let refused = cala.run(["system", "connection", "add", "x", "ssh://x"]).exits_with(125);
        assert!(
            refused.stderr.starts_with("Error: connections to other machines are not supported"),
            "{refused:?}"
        );
    }
}

#[test]
fn wrong_words_are_named() {
    let cala = bare();
    for (args, line) in [
        (&["system", "df", "-v", "--format", "json"][..], "cannot combine --format and --verbose flags"),
        (&["system", "prune", "-f", "--filter", "foo=bar"], "foo is an invalid filter"),
        (&["system", "foo"], "unrecognized command `PROGRAM system foo`"),
    ] {
        let output = cala.run(args.iter().copied());
        let first = output.stderr.lines().next().unwrap_or_default().replace("Error: ", "");
        assert_eq!((output.code, first), (125, line.replace("PROGRAM", program())), "{output:?}");
    }
    if !other_program() {
        refused(
            &cala.run(["system", "check", "--max", "x"]),
            125,
            "Error: invalid argument \"x\" for \"-m, --max\" flag: invalid duration \"x\"",
        );
        // Podman says it on standard output.
        refused(
            &cala.run(["system", "migrate", "--new-runtime", "x"]),
            125,
            "Error: change to runtime \"x\" requested but no such runtime is defined: invalid argument",
        );
        refused(&cala.run(["system", "df", "x"]), 125, "Error: `cala system df` takes no arguments");
    }
}
