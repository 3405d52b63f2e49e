//! `cp`, `diff`, `export`: which copy two paths mean, whom copies belong to, what is refused and in which words.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::Path;

use crate::{World, other_program, refused, world};

/// A folder with a file, a further name of it, a link, and a folder in it; and a file.
fn lay_out(world: &World) {
    let base = world.cala.folder();
    std::fs::create_dir_all(base.join("d/sub")).unwrap();
    std::fs::write(base.join("d/a"), "a\n").unwrap();
    std::fs::set_permissions(base.join("d/a"), std::fs::Permissions::from_mode(0o4711)).unwrap();
    std::fs::hard_link(base.join("d/a"), base.join("d/hard")).unwrap();
    symlink("a", base.join("d/link")).unwrap();
    std::fs::write(base.join("d/sub/b"), "b\n").unwrap();
    std::fs::write(base.join("f"), "f\n").unwrap();
}

/// Podman fails on, or gets wrong, further names of files in a folder whose copy has another name: it gets two files.
fn without_further_names(world: &World) {
    if other_program() {
        let hard = world.cala.folder().join("d/hard");
        std::fs::remove_file(&hard).unwrap();
        std::fs::copy(world.cala.folder().join("d/a"), &hard).unwrap();
        std::fs::set_permissions(&hard, std::fs::Permissions::from_mode(0o4711)).unwrap();
    }
}

/// A running container with a folder in memory, `/work`, where it begins, and `user` as its user.
fn running(world: &World, name: &str, user: &str) {
    world
        .container(
            &["-d", "--init", "--name", name, "--user", user, "--tmpfs", "/work", "--workdir", "/work"],
            &["sleep", "1000"],
        )
        .success();
}

#[track_caller]
fn inside(world: &World, name: &str, script: &str) -> String {
    world.cala.run(["exec", "--user", "0", name, "sh", "-c", script]).success().stdout
}

#[track_caller]
fn cp(world: &World, args: &[&str]) {
    world.cala.run([&["cp"], args].concat()).success();
}

/// Kind, mode, owner and content of everything below a folder of the host.
fn tree(folder: &Path) -> Vec<String> {
    let mut lines = Vec::new();
    let mut waiting = vec![folder.to_path_buf()];
    while let Some(path) = waiting.pop() {
        let meta = std::fs::symlink_metadata(&path).unwrap();
        let name = path.strip_prefix(folder).unwrap().display();
        let kind = if meta.is_symlink() {
            format!("-> {}", std::fs::read_link(&path).unwrap().display())
        } else if meta.is_dir() {
            waiting.extend(std::fs::read_dir(&path).unwrap().flatten().map(|entry| entry.path()));
            "dir".to_owned()
        } else {
            let further = other_program() && ["a", "hard"].iter().any(|name| path.ends_with(name));
            let names = if further { 2 } else { meta.nlink() };
            format!("{:?} x{names}", std::fs::read_to_string(&path).unwrap())
        };
        let mode = if meta.is_symlink() { 0 } else { meta.mode() & 0o7777 };
        lines.push(format!("{name} {mode:o} {kind}"));
    }
    lines.sort();
    lines
}

const TREE: [&str; 6] = [
    " 755 dir",
    "a 4711 \"a\\n\" x2",
    "hard 4711 \"a\\n\" x2",
    "link 0 -> a",
    "sub 755 dir",
    "sub/b 644 \"b\\n\" x1",
];

#[test]
fn the_end_of_a_path_decides_what_is_copied_in_and_out() {
    let Some(world) = world() else { return };
    lay_out(&world);
    without_further_names(&world);
    running(&world, "c", "0");
    cp(&world, &["d", "c:/work"]);
    cp(&world, &["d/", "c:/work/slash"]);
    cp(&world, &["d/.", "c:/work/content"]);
    cp(&world, &["d/.", "c:/work/slash/../content/"]);
    inside(&world, "c", "mkdir /work/into /work/real; ln -s /work/real /work/to");
    cp(&world, &["d", "c:into"]);
    cp(&world, &["f", "c:/work/to"]);
    let seen = inside(&world, "c", "cd /work; find . -type f | sort");
    let below = |folder: &str| format!("./{folder}/a\n./{folder}/hard\n./{folder}/sub/b\n");
    let expected: String = ["content", "d", "into/d"].map(below).concat() + "./real/f\n" + &below("slash");
    assert_eq!(seen, expected);
    let base = world.cala.folder();
    for (source, target, found) in
        [("c:/work/d", "out1", "out1"), ("c:/work/d/.", "out2", "out2"), ("c:d/", "out3", "out3")]
    {
        cp(&world, &[source, target]);
        assert_eq!(tree(&base.join(found)), TREE, "{source}");
    }
    std::fs::create_dir(base.join("there")).unwrap();
    cp(&world, &["c:/work/d", "there"]);
    cp(&world, &["c:/work/to", "there/"]);
    cp(&world, &["c:/work/real/f", "there/renamed"]);
    assert_eq!(tree(&base.join("there/d")), TREE);
    assert_eq!(std::fs::read_to_string(base.join("there/renamed")).unwrap(), "f\n");
    // Podman calls it as what the link points to.
    let to = if other_program() { "there/real/f" } else { "there/to/f" };
    assert_eq!(std::fs::read_to_string(base.join(to)).unwrap(), "f\n");
}

#[test]
fn copies_belong_to_the_containers_user_and_outside_to_the_person() {
    let Some(world) = world() else { return };
    lay_out(&world);
    without_further_names(&world);
    running(&world, "c", "alice");
    cp(&world, &["d", "c:/tmp/mine"]);
    cp(&world, &["--archive=false", "d", "c:/tmp/kept"]);
    let look = "cd /tmp; busybox stat -c '%n %u:%g %a' mine mine/a mine/link mine/sub kept kept/a";
    assert_eq!(
        inside(&world, "c", look),
        "mine 1000:1000 755\nmine/a 1000:1000 4711\nmine/link 1000:1000 777\nmine/sub 1000:1000 755\n\
         kept 0:0 755\nkept/a 0:0 4711\n"
    );
    inside(&world, "c", "chown 29:7 /tmp/mine/sub/b; touch -d @1000000000 /tmp/mine/sub/b");
    cp(&world, &["c:/tmp/mine", "out"]);
    let own = std::fs::metadata(world.cala.folder().join("f")).unwrap();
    let copy = std::fs::metadata(world.cala.folder().join("out/sub/b")).unwrap();
    assert_eq!((copy.uid(), copy.gid(), copy.mtime()), (own.uid(), own.gid(), 1_000_000_000));
    // From container to container it is the target's user, or the source's.
    running(&world, "other", "0");
    cp(&world, &["c:/tmp/mine", "other:/tmp/a"]);
    cp(&world, &["-a=false", "c:/tmp/mine", "other:/tmp/b"]);
    let seen = inside(&world, "other", "busybox stat -c '%n %u:%g' /tmp/a/sub/b /tmp/b/sub/b");
    assert_eq!(seen, "/tmp/a/sub/b 0:0\n/tmp/b/sub/b 1000:1000\n");
}

#[test]
fn archives_come_by_standard_input_and_go_by_standard_output() {
    let Some(world) = world() else { return };
    lay_out(&world);
    running(&world, "c", "alice");
    let archive = |words: &[&str]| {
        let tar = std::process::Command::new("tar").args(words).current_dir(world.cala.folder()).output();
        tar.unwrap().stdout
    };
    for (name, words) in [("plain", &["c", "d"][..]), ("gzip", &["cz", "d"])] {
        inside(&world, "c", &format!("mkdir /tmp/{name}"));
        let tar = archive(words);
        world.cala.run_with_input(["cp", "-", &format!("c:/tmp/{name}")], &tar).success();
        let look =
            format!("cd /tmp/{name}; busybox stat -c '%n %u:%g %a %h' d d/a d/hard d/sub/b; readlink d/link");
        assert_eq!(
            inside(&world, "c", &look),
            "d 1000:1000 755 3\nd/a 1000:1000 4711 2\nd/hard 1000:1000 4711 2\nd/sub/b 1000:1000 644 1\na\n",
            "{name}"
        );
    }
    let out = world.cala.command(["cp", "c:/tmp/plain/d", "-"]).output().unwrap();
    assert!(out.status.success(), "{out:?}");
    std::fs::write(world.cala.folder().join("out.tar"), out.stdout).unwrap();
    let listed = archive(&["tf", "out.tar"]);
    let mut names: Vec<&str> = std::str::from_utf8(&listed).unwrap().lines().collect();
    names.sort_unstable();
    // Podman's folders have no slash.
    names.iter_mut().for_each(|name| *name = name.trim_end_matches('/'));
    assert_eq!(names, ["d", "d/a", "d/hard", "d/link", "d/sub", "d/sub/b"]);
    for (target, input, line) in [
        ("c:/tmp/absent", &b"x"[..], "destination must be a directory when copying from stdin"),
        ("c:/etc/passwd", b"x", "destination must be a directory when copying from stdin"),
        ("c:/tmp", b"hello", "source must be a (compressed) tar archive when copying from stdin"),
    ] {
        let output = world.cala.run_with_input(["cp", "-", target], input);
        refused(&output, 125, &format!("Error: {line}"));
    }
}

#[test]
fn what_is_wrong_is_said_in_podmans_words() {
    let Some(world) = world() else { return };
    lay_out(&world);
    running(&world, "c", "0");
    world.cala.run(["create", "--name", "made", "--network", "none", &world.image]).success();
    for (args, line) in [
        (&[][..], "accepts 2 arg(s), received 0"),
        (&["f"], "accepts 2 arg(s), received 1"),
        (&["a", "b"], "name or ID cannot be empty"),
        (&["f", "nope:/x"], "container \"nope\" does not exist"),
        (&["nope:/x", "f"], "container \"nope\" does not exist"),
        (&["f", "c:"], "invalid arguments \"f\", \"c:\": you must specify paths"),
        (&["missing", "c:/x"], "\"missing\" could not be found on the host: no such file or directory"),
        (&["c:/missing", "."], "\"/missing\" could not be found on container c: no such file or directory"),
        (&["c:/no", "made:/x"], "\"/no\" could not be found on container c: no such file or directory"),
        (&["f", "c:/no/x"], "\"/no/x\" could not be found on container c: no such file or directory"),
        (&["f", "c:/no/"], "\"/no/\" could not be found on container c: no such file or directory"),
        (&["d", "c:/etc/passwd"], "destination must be a directory when copying a directory"),
        (&["c:/etc", "f"], "destination must be a directory when copying a directory"),
        (&["c:/etc", "no/x"], "\"no/x\" could not be found on the host: no such file or directory"),
        (&["c:/etc/passwd", "no/"], "\"no/\" could not be found on the host: no such file or directory"),
    ] {
        refused(&world.cala.run([&["cp"], args].concat()), 125, &format!("Error: {line}"));
    }
    assert!(!world.cala.folder().join("no").exists());
    assert_eq!(inside(&world, "c", "ls /work /tmp"), "/tmp:\n\n/work:\n");
}

#[test]
fn a_file_takes_the_place_of_a_folder_only_with_overwrite() {
    let Some(world) = world() else { return };
    lay_out(&world);
    running(&world, "c", "0");
    inside(&world, "c", "mkdir -p /work/f/full /work/x; echo old >/work/x/sub; ln -s /etc/passwd /work/l");
    world.cala.run(["cp", "f", "c:/work"]).exits_with(125);
    world.cala.run(["cp", "d/.", "c:/work/x"]).exits_with(125);
    assert_eq!(inside(&world, "c", "ls -d /work/f/full; cat /work/x/sub"), "/work/f/full\nold\n");
    cp(&world, &["--overwrite", "f", "c:/work"]);
    cp(&world, &["--overwrite", "d/.", "c:/work/x"]);
    assert_eq!(inside(&world, "c", "cat /work/f /work/x/sub/b"), "f\nb\n");
    // A link in the way is what is replaced; what it points to stays.
    std::fs::create_dir(world.cala.folder().join("g")).unwrap();
    std::fs::write(world.cala.folder().join("g/l"), "new\n").unwrap();
    cp(&world, &["g/.", "c:/work"]);
    assert_eq!(
        inside(&world, "c", "cat /work/l; head -n1 /etc/passwd"),
        "new\nroot:x:0:0:root:/root:/bin/sh\n"
    );
}

#[test]
fn differences_are_added_changed_and_deleted_paths() {
    let Some(world) = world() else { return };
    let script = "echo x >>/etc/group; mkdir -p /new/deep; echo y >/new/deep/file; rm /bin/not-executable";
    world.container(&["--name", "c"], &["sh", "-c", script]).success();
    let expected = "C /bin\nD /bin/not-executable\nC /etc/group\nA /new\nA /new/deep\nA /new/deep/file\n";
    let mut lines: Vec<String> =
        world.cala.run(["diff", "c"]).success().stdout.lines().map(str::to_owned).collect();
    lines.retain(|line| line != "C /etc");
    lines.sort_by(|a, b| a[2..].cmp(&b[2..]));
    assert_eq!(lines.join("\n") + "\n", expected);
    let json = world.cala.run(["container", "diff", "--format", "json", "c"]).success().json();
    assert_eq!(json["deleted"], serde_json::json!(["/bin/not-executable"]));
    assert_eq!(json["added"], serde_json::json!(["/new", "/new/deep", "/new/deep/file"]));
    for (args, line) in [
        (&["--format", "{{.}}", "c"][..], "only supported value for '--format' is 'json'"),
        (&["nope"], "nope not found: layer not known"),
    ] {
        refused(&world.cala.run([&["diff"], args].concat()), 125, &format!("Error: {line}"));
    }
}

#[test]
fn an_export_is_the_whole_tree_without_mounts() {
    let Some(world) = world() else { return };
    std::fs::create_dir(world.cala.folder().join("v")).unwrap();
    let volume = format!("{}/v:/mounted", world.cala.folder().display());
    let script = "echo x >/new; chown 29:7 /new; rm /bin/not-executable; echo y >/mounted/there";
    world.container(&["--name", "c", "-v", &volume], &["sh", "-c", script]).success();
    world.cala.run(["export", "-o", "c.tar", "c"]).success();
    let by_pipe = world.cala.command(["export", "c"]).output().unwrap().stdout;
    std::fs::write(world.cala.folder().join("pipe.tar"), by_pipe).unwrap();
    for file in ["c.tar", "pipe.tar"] {
        let tar = std::process::Command::new("tar")
            .args(["--numeric-owner", "-tvf", file])
            .current_dir(world.cala.folder())
            .output()
            .unwrap();
        let listed = String::from_utf8(tar.stdout).unwrap();
        let has = |end: &str| listed.lines().any(|line| line.ends_with(end));
        assert!(has("bin/busybox") && has(" bin/sh -> busybox") && has("mounted/"), "{listed}");
        assert!(!has("there") && !has("not-executable"), "{listed}");
        assert!(listed.lines().any(|line| line.ends_with(" new") && line.contains(" 29/7 ")), "{listed}");
    }
    refused(
        &world.cala.run(["export", "-o", "a:b", "c"]),
        125,
        "Error: invalid filename (should not contain ':') \"a:b\"",
    );
    let missing = world.cala.run(["export", "-o", "never", "nope"]).exits_with(125);
    assert!(missing.stderr.starts_with("Error: no container with name or ID \"nope\" found"), "{missing:?}");
    assert!(!world.cala.folder().join("never").exists() || other_program());
}
