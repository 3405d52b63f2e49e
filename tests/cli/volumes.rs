//! `volume`: words, output and exit codes; the same with Podman where it is marked so.

use cala_testkit::Cala;

use crate::{bare, other_program, program, refused, world};

fn names(cala: &Cala, filters: &[&str]) -> String {
    let mut args = vec!["volume", "ls", "-q"];
    filters.iter().for_each(|filter| args.extend(["--filter", filter]));
    cala.run(args).success().text().replace('\n', " ")
}

#[test]
fn volumes_are_made_listed_and_removed() {
    let cala = bare();
    assert_eq!(cala.run(["volume", "create", "v1"]).success().text(), "v1");
    refused(
        &cala.run(["volume", "create", "v1"]),
        125,
        "Error: volume with name v1 already exists: volume already exists",
    );
    assert_eq!(cala.run(["volume", "create", "--ignore", "v1"]).success().text(), "v1");
    cala.run(["volume", "create", "--label", "a=b", "-l", "c", "v2"]).success();
    cala.run(["volume", "create", "-o", "type=tmpfs", "-o", "device=tmpfs", "-o", "o=size=2M,nodev", "v3"])
        .success();
    let random = cala.run(["volume", "create"]).success().text().to_owned();
    assert!(random.len() == 64 && random.bytes().all(|b| b.is_ascii_hexdigit()), "{random}");
    assert_eq!(
        cala.run(["volume", "ls"]).success().stdout,
        format!(
            "DRIVER      VOLUME NAME\nlocal       v1\nlocal       v2\nlocal       v3\nlocal       {random}\n"
        )
    );
    assert!(cala.run(["volume", "list", "-n"]).success().stdout.starts_with("local       v1\n"));
    cala.run(["volume", "exists", "v1"]).success();
    cala.run(["volume", "exists", "nosuch"]).exits_with(1);
    assert_eq!(cala.run(["volume", "rm", "v1"]).success().text(), "v1");
    let mixed = cala.run(["volume", "rm", "nosuch", "v2"]).exits_with(1);
    assert_eq!(mixed.stdout, "v2\n");
    assert!(mixed.stderr.starts_with("Error: no volume with name \"nosuch\" found: no such volume"));
    cala.run(["volume", "rm", "-f", "nosuch"]).success();
    assert_eq!(cala.run(["volume", "rm", "--all"]).success().stdout.lines().count(), 2);
    assert_eq!(names(&cala, &[]), "");
}

#[test]
fn filters_choose_volumes() {
    let cala = bare();
    cala.run(["volume", "create", "v1"]).success();
    cala.run(["volume", "create", "--label", "a=b", "v2"]).success();
    cala.run(["volume", "create", "-o", "type=tmpfs", "-o", "device=tmpfs", "v10"]).success();
    for (filters, expected) in [
        (&["name=v1"][..], "v1 v10"),
        (&["name=^v1$"], "v1"),
        (&["driver=local"], "v1 v2 v10"),
        (&["driver=other"], ""),
        (&["scope=local"], "v1 v2 v10"),
        (&["label=a"], "v2"),
        (&["label=a=c"], ""),
        (&["label!=a"], "v1 v10"),
        (&["opt=type=tmpfs"], "v10"),
        (&["since=v1"], "v2 v10"),
        (&["after=v10"], ""),
        (&["until=1h"], ""),
        (&["until=2099-01-01"], "v1 v2 v10"),
        (&["dangling=true"], "v1 v2 v10"),
        (&["dangling=false"], ""),
    ] {
        assert_eq!(names(&cala, filters), expected, "{filters:?}");
    }
}

#[test]
fn a_volume_shows_podmans_fields() {
    let cala = bare();
    let options = ["-o", "type=tmpfs", "-o", "device=tmpfs", "-o", "o=size=2M,nodev,uid=7"];
    cala.run(["volume", "create", "--label", "a=b"].iter().chain(&options).chain(&["v"]).copied()).success();
    let shown = cala.run(["volume", "inspect", "v"]).success().stdout;
    let shown: serde_json::Value = serde_json::from_str(&shown).expect("JSON");
    let volume = &shown[0];
    let keys: Vec<&str> = volume.as_object().expect("an object").keys().map(String::as_str).collect();
    let expected = [
        "CreatedAt",
        "Driver",
        "Labels",
        "LockNumber",
        "MountCount",
        "Mountpoint",
        "Name",
        "NeedsCopyUp",
        "Options",
        "Scope",
        "UID",
    ];
    assert_eq!(keys, expected);
    assert_eq!(volume["Labels"], serde_json::json!({"a": "b"}));
    assert_eq!(
        volume["Options"],
        serde_json::json!({"SIZE": "2M", "UID": "7", "device": "tmpfs", "o": "size=2M,nodev,uid=7", "type": "tmpfs"})
    );
    assert_eq!(volume["UID"], 7);
    let listed = cala.run(["volume", "ls", "--format", "json"]).success().stdout;
    let listed: serde_json::Value = serde_json::from_str(&listed).expect("JSON");
    assert_eq!(&listed, &shown);
    assert_eq!(
        cala.run(["volume", "ls", "--format", "table {{.Name}}\\t{{.Labels}}"]).success().stdout,
        "VOLUME NAME  LABELS\nv            map[a:b]\n"
    );
    assert_eq!(cala.run(["volume", "inspect", "--all", "--format", "{{.Name}}"]).success().text(), "v");
    let mixed = cala.run(["volume", "inspect", "--format", "{{.Name}}", "v", "nosuch"]).exits_with(125);
    assert_eq!(mixed.stdout, "v\n");
    assert!(mixed.stderr.starts_with("Error: no such volume nosuch"), "{mixed:?}");
}

#[test]
fn a_volume_in_use_stays_and_unused_ones_are_pruned() {
    let Some(world) = world() else { return };
    let cala = &world.cala;
    let create = ["create", "--name", "c", "--network", "none", "-v", "used:/v", "-v", "/anon", &world.image];
    let id = cala.run(create).success().text().to_owned();
    cala.run(["volume", "create", "free"]).success();
    let used =
        format!("Error: volume used is being used by the following container(s): {id}: volume is being used");
    refused(&cala.run(["volume", "rm", "used"]), 2, &used);
    refused(
        &cala.run(["volume", "rm", "nosuch", "used"]),
        2,
        "Error: no volume with name \"nosuch\" found: no such volume",
    );
    assert_eq!(names(cala, &["dangling=true"]), "free");
    let asked = cala.run_with_input(["volume", "prune"], b"n\n").success();
    assert_eq!(
        asked.stdout,
        "WARNING! This will remove all volumes not used by at least one container. The following volumes will be \
         removed:\nfree\nAre you sure you want to continue? [y/N] "
    );
    assert_eq!(names(cala, &["name=free"]), "free");
    assert_eq!(cala.run(["volume", "prune", "-f", "--filter", "label=x"]).success().stdout, "");
    assert_eq!(cala.run(["volume", "prune", "-f"]).success().stdout, "free\n");
    // The anonymous one stays behind its container, and is unused then.
    cala.run(["rm", "c"]).success();
    assert_eq!(cala.run(["volume", "prune", "-f"]).success().stdout.lines().count(), 2);
    cala.run(create).success();
    assert_eq!(cala.run(["volume", "rm", "-f", "-t", "0", "used"]).success().text(), "used");
    assert_eq!(cala.run(["ps", "-aq"]).success().stdout, "");
}

#[test]
fn wrong_words_are_named() {
    let cala = bare();
    cala.run(["volume", "create", "v"]).success();
    let name = program();
    for (args, line) in [
        (&["volume", "create", "a", "b"][..], "accepts at most 1 arg(s), received 2"),
        (
            &["volume", "create", "a/b"],
            "running volume create option: names must match [a-zA-Z0-9][a-zA-Z0-9_.-]*: invalid argument",
        ),
        (
            &["volume", "create", "-o", "o=size=5M", "x"],
            "volume options size and inodes not supported. Filesystem does not support Project Quota",
        ),
        (
            &["volume", "create", "-o", "foo=bar", "x"],
            "invalid mount option foo for driver 'local': invalid argument",
        ),
        (
            &["volume", "create", "-d", "nope", "x"],
            "volume x uses volume plugin nope but it could not be retrieved: no volume plugin with name nope available: required plugin missing",
        ),
        (
            &["volume", "ls", "--filter", "foo"],
            "filter input must be in the form of filter=value: foo is invalid",
        ),
        (&["volume", "ls", "--filter", "foo=bar"], "\"foo\" is an invalid volume filter"),
        (
            &["volume", "ls", "--filter", "dangling=x"],
            "\"x\" is not a valid value for the \"dangling\" filter - must be true or false",
        ),
        (
            &["volume", "ls", "--filter", "since=nosuch"],
            "no volume with name \"nosuch\" found: no such volume",
        ),
        (&["volume", "inspect"], "provide one or more volume names or use --all"),
        (&["volume", "inspect", "--all", "v"], "provide one or more volume names or use --all"),
        (&["volume", "exists"], "accepts 1 arg(s), received 0"),
        (&["volume", "rm"], "choose either one or more volumes or all"),
        (&["volume", "rm", "-a", "v"], "choose either one or more volumes or all"),
        (&["volume", "rm", "-t", "3", "v"], "--force option must be specified to use the --time option"),
        (&["volume", "reload", "x"], "`PROGRAM volume reload` takes no arguments"),
        (&["volume", "prune", "x"], "`PROGRAM volume prune` takes no arguments"),
        (&["volume", "prune", "-f", "--filter", "foo=bar"], "\"foo\" is an invalid volume filter"),
        (&["volume", "export", "nosuch"], "no such volume nosuch"),
        (&["volume", "import", "nosuch", "/dev/null"], "no such volume nosuch"),
        (&["volume", "import", "v", "nosuch.tar"], "open nosuch.tar: no such file or directory"),
        (&["volume", "import", "v"], "accepts 2 arg(s), received 1"),
    ] {
        refused(&cala.run(args.iter().copied()), 125, &format!("Error: {}", line.replace("PROGRAM", name)));
    }
    assert_eq!(names(&cala, &[]), "v", "nothing was made");
}

#[test]
fn what_only_an_administrator_could_have_is_refused() {
    if other_program() {
        // Podman makes such a volume and fails when it is mounted.
        return;
    }
    let cala = bare();
    for (options, line) in [
        (
            &["-o", "type=ext4", "-o", "device=/dev/sda"][..],
            "Error: a volume of type \"ext4\" cannot be mounted: only an administrator may mount it",
        ),
        (
            &["-o", "type=bind", "-o", "device=rel"],
            "Error: volume option device=\"rel\" must be the absolute path of a folder",
        ),
        (
            &["-d", "image", "-o", "image=x"],
            "Error: volumes of the driver image are not supported: a volume has its own files",
        ),
    ] {
        let output = cala.run(["volume", "create"].iter().chain(options).chain(&["x"]).copied());
        refused(&output, 125, line);
        assert!(output.stderr.contains("\nhint: "), "{output:?}");
    }
    assert_eq!(names(&cala, &[]), "");
}

#[test]
fn the_files_of_a_volume_have_a_place_on_the_host() {
    if other_program() {
        // Podman wants `podman unshare` for it.
        return;
    }
    let cala = bare();
    cala.run(["volume", "create", "v"]).success();
    let place = cala.run(["volume", "mount", "v"]).success().text().to_owned();
    assert_eq!(place, cala.run(["volume", "inspect", "--format", "{{.Mountpoint}}", "v"]).success().text());
    assert!(std::path::Path::new(&place).is_dir());
    assert_eq!(cala.run(["volume", "unmount", "v"]).success().text(), "v");
    cala.run(["volume", "create", "-o", "type=tmpfs", "m"]).success();
    refused(
        &cala.run(["volume", "mount", "m"]),
        125,
        "Error: volume m has no files of its own: it is made anew in the memory of each container",
    );
    refused(&cala.run(["volume", "mount", "nosuch"]), 125, "Error: no such volume nosuch");
    cala.run(["volume", "reload"]).success();
}
