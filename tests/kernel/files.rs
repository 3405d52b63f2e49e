//! `cp`, `export` and `commit` against containers that want to get out, and on everything that is mounted in one.

use std::fs;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use cala_testkit::{LayerBuilder, rounds};
use serde_json::json;

use crate::volumes::push;
use crate::{World, world};

const SECRET: &str = "canary\n";

/// A folder of the host that no container has; a file in it that none may read.
fn canary(world: &World) -> PathBuf {
    let canary = world.cala.folder().join("canary");
    fs::create_dir_all(&canary).unwrap();
    fs::write(canary.join("secret"), SECRET).unwrap();
    canary
}

#[track_caller]
fn assert_untouched(canary: &Path) {
    let names: Vec<_> = fs::read_dir(canary).unwrap().flatten().map(|entry| entry.file_name()).collect();
    assert_eq!(names, ["secret"]);
    assert_eq!(fs::read_to_string(canary.join("secret")).unwrap(), SECRET);
}

#[track_caller]
fn start(world: &World, name: &str, options: &[&str], script: &str) {
    let mut args = vec!["run", "-d", "--init", "--network", "none", "--name", name];
    args.extend_from_slice(options);
    args.extend_from_slice(&[&world.image, "sh", "-c", script]);
    world.cala.run(args).success();
}

#[track_caller]
fn cp(world: &World, source: &str, target: &str) {
    world.cala.run(["cp", source, target]).success();
}

/// All bytes below a folder, links as text.
fn holds(folder: &Path, text: &str) -> bool {
    let Ok(entries) = fs::read_dir(folder) else {
        return fs::read_to_string(folder).is_ok_and(|found| found.contains(text));
    };
    entries.flatten().any(|entry| {
        let path = entry.path();
        // Neither links nor pipes, which would be waited for.
        entry.file_type().is_ok_and(|kind| kind.is_dir() || kind.is_file()) && holds(&path, text)
    })
}

#[test]
fn links_swapped_while_files_are_copied_lead_nowhere() {
    let Some(world) = world() else { return };
    let canary = canary(&world);
    // `d` is now a folder and now a link out; the same in a folder of a volume.
    let out = canary.display();
    let script = format!(
        "mkdir -p /t/d/deep /v/d/deep; echo inside >/t/d/secret; echo inside >/v/d/secret; \
         ln -s {out} /t/x; ln -s {out} /v/x; \
         for w in /t /v; do (cd $w; while :; do mv -T d y; mv -T x d; mv -T d x; mv -T y d; done) & done; wait"
    );
    start(&world, "racer", &["-v", "shared:/v"], &script);
    fs::create_dir_all(world.cala.folder().join("in/deep")).unwrap();
    fs::write(world.cala.folder().join("in/secret"), "from the host").unwrap();
    for round in 0..rounds(10) {
        for place in ["/t", "/v"] {
            let target = format!("out{round}");
            // Each may find the folder, the link or nothing; none may find the host.
            let _ = world.cala.run(["cp", &format!("racer:{place}/d/secret"), &target]);
            let _ = world.cala.run(["cp", &format!("racer:{place}/."), &target]);
            let _ = world.cala.run(["cp", "in/.", &format!("racer:{place}/d")]);
            let _ = world.cala.run(["cp", "in/secret", &format!("racer:{place}/d/secret")]);
            let _ = world.cala.run(["cp", "in", &format!("racer:{place}/d/deep")]);
            let path = world.cala.folder().join(&target);
            assert!(!holds(&path, SECRET), "{place}, round {round}");
            let _ = fs::remove_dir_all(&path).or_else(|_| fs::remove_file(&path));
        }
        assert_untouched(&canary);
    }
    world.cala.run(["rm", "-f", "-t", "0", "racer"]).success();
}

#[test]
fn links_of_a_container_are_followed_inside_only() {
    let Some(world) = world() else { return };
    let canary = canary(&world);
    let secret = canary.join("secret").display().to_string();
    let script = format!(
        "ln -s {secret} /abs; ln -s ../../../../../../../..{secret} /rel; ln -s {} /dir; mkdir /tree; \
         ln -s {secret} /tree/link; ln -s /proc/1/root{secret} /magic; echo 'a*' >'/a*'; mkfifo /tree/pipe; sleep 1000",
        canary.display()
    );
    start(&world, "run", &[], &script);
    world.cala.eventually(["exec", "run", "ls", "/tree/pipe"], |output| output.code == 0);
    for stopped in [false, true] {
        if stopped {
            world.cala.run(["stop", "-t", "0", "run"]).success();
        }
        for source in ["run:/abs", "run:/rel", "run:/dir", "run:/magic", "run:/dir/secret"] {
            world.cala.run(["cp", source, "got"]).exits_with(125);
        }
        // Written through such a link it arrives inside.
        fs::write(world.cala.folder().join("new"), "new\n").unwrap();
        world.cala.run(["cp", "new", "run:/dir/secret"]).exits_with(125);
        world.cala.run(["cp", "new", "run:/rel"]).exits_with(125);
        let folder = world.cala.folder().join(format!("tree{stopped}"));
        cp(&world, "run:/tree", &folder.display().to_string());
        assert_eq!(fs::read_link(folder.join("link")).unwrap().display().to_string(), secret);
        assert!(!holds(&folder, SECRET));
        cp(&world, "run:/a*", "star");
        assert_eq!(fs::read_to_string(world.cala.folder().join("star")).unwrap(), "a*\n");
        assert_untouched(&canary);
    }
}

#[test]
fn nothing_of_the_container_is_executed() {
    let Some(world) = world() else { return };
    let trap = b"#!/bin/sh\necho caught >/caught\n";
    let names = ["tar", "gzip", "unpigz", "xz", "zstd", "nsenter", "mount", "ps"];
    let layer = names
        .iter()
        .fold(LayerBuilder::default(), |layer, name| layer.file(&format!("usr/bin/{name}"), 0o755, trap));
    let layer = layer.file("lib/x86_64-linux-gnu/libnss_files.so.2", 0o755, b"poison");
    let image = push(&world, "trap", layer, &json!({ "Env": ["PATH=/usr/bin:/bin"] }));
    world
        .cala
        .run(["run", "-d", "--init", "--network", "none", "--name", "c", &image, "sleep", "1000"])
        .success();
    let tar = Command::new("tar").args(["cz", "etc/hostname"]).current_dir("/").output().unwrap().stdout;
    world.cala.run_with_input(["cp", "-", "c:/tmp"], &tar).success();
    cp(&world, "c:/tmp/etc", "out");
    world.cala.run(["export", "-o", "c.tar", "c"]).success();
    world.cala.run(["diff", "c"]).success();
    world.cala.run(["exec", "c", "test", "!", "-e", "/caught"]).success();
}

#[test]
fn files_on_volumes_folders_and_tmpfs_are_reached() {
    let Some(world) = world() else { return };
    let bind = world.cala.folder().join("bind");
    fs::create_dir(&bind).unwrap();
    fs::write(bind.join("old"), "old\n").unwrap();
    fs::write(world.cala.folder().join("f"), "f\n").unwrap();
    let mounted = format!("{}:/b", bind.display());
    let options = ["-v", "vol:/v", "-v", &mounted, "--tmpfs", "/t"];
    start(&world, "c", &options, "sleep 1000");
    for place in ["v", "b", "t"] {
        cp(&world, "f", &format!("c:/{place}/new"));
        cp(&world, &format!("c:/{place}/new"), place);
        assert_eq!(fs::read_to_string(world.cala.folder().join(place)).unwrap(), "f\n");
    }
    assert_eq!(fs::read_to_string(bind.join("new")).unwrap(), "f\n");
    world.cala.run(["stop", "-t", "0", "c"]).success();
    // Of a stopped container too, but for what lay in memory.
    for place in ["v", "b"] {
        cp(&world, &format!("c:/{place}/new"), &format!("{place}2"));
        cp(&world, "f", &format!("c:/{place}/late"));
        cp(&world, "f", &format!("c:/{place}"));
    }
    cp(&world, "f", "c:/root/late");
    world.cala.run(["cp", "c:/t/new", "t2"]).exits_with(125);
    world.cala.run(["start", "c"]).success();
    let seen =
        world.cala.run(["exec", "c", "cat", "/v/late", "/b/late", "/b/old", "/v/f", "/root/late"]).success();
    assert_eq!(seen.stdout, "f\nf\nold\nf\nf\n");
    // One that was never started has them as well.
    let made =
        ["create", "--name", "made", "--network", "none", "-v", "fresh:/v", &world.image, "cat", "/v/f"];
    world.cala.run(made).success();
    cp(&world, "f", "made:/v/");
    cp(&world, "f", "made:/tmp/f");
    assert_eq!(world.cala.run(["start", "-a", "made"]).success().stdout, "f\n");
}

#[test]
fn holes_times_and_attributes_are_kept() {
    let Some(world) = world() else { return };
    start(&world, "c", &[], "sleep 1000");
    let folder = world.cala.folder().join("tree");
    fs::create_dir(&folder).unwrap();
    let holes = fs::File::create(folder.join("holes")).unwrap();
    holes.set_len(64 << 20).unwrap();
    holes.write_all_at(b"data", 40 << 20).unwrap();
    let time = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::new(1_000_000_000, 123_456_789);
    holes.set_modified(time).unwrap();
    fs::File::open(&folder).unwrap().set_modified(time).unwrap();
    cp(&world, "tree", "c:/tree");
    cp(&world, "c:/tree", "back");
    for path in [world.cala.folder().join("back"), world.cala.folder().join("back/holes")] {
        let copy = fs::metadata(&path).unwrap();
        assert_eq!((copy.mtime(), copy.mtime_nsec()), (1_000_000_000, 123_456_789), "{}", path.display());
    }
    let copy = fs::File::open(world.cala.folder().join("back/holes")).unwrap();
    let meta = copy.metadata().unwrap();
    let mut four = [0; 4];
    copy.read_exact_at(&mut four, 40 << 20).unwrap();
    assert_eq!((meta.len(), &four), (64 << 20, b"data"));
    assert!(meta.blocks() * 512 < 1 << 20, "holes stay holes");
}

#[test]
fn a_folder_copied_into_itself_ends() {
    let Some(world) = world() else { return };
    start(&world, "c", &[], "mkdir -p /d/e; echo x >/d/e/f; sleep 1000");
    world.cala.eventually(["exec", "c", "ls", "/d/e/f"], |output| output.code == 0);
    cp(&world, "c:/d", "c:/d/copy");
    let seen = world.cala.run(["exec", "c", "find", "/d", "-type", "f"]).success();
    let mut lines: Vec<&str> = seen.stdout.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["/d/copy/e/f", "/d/e/f"]);
}

#[test]
fn a_container_is_mounted_for_programs_in_the_user_namespace() {
    let Some(world) = world() else { return };
    let script = "echo inside >/told; chown 7:8 /told; sleep 1000";
    start(&world, "run", &[], script);
    world.cala.eventually(["exec", "run", "ls", "/told"], |output| output.code == 0);
    world.cala.run(["create", "--name", "made", "--network", "none", &world.image, "cat", "/put"]).success();
    let outside = world.cala.run(["mount", "run"]).exits_with(125);
    let line =
        "Error: cannot run command \"cala mount\" in rootless mode, must execute `cala unshare` first\n";
    assert_eq!(outside.stderr, line);
    let cala = world.cala.command([""; 0]);
    let mut words: Vec<String> = vec![cala.get_program().to_string_lossy().into_owned()];
    words.extend(cala.get_args().map(|word| word.to_string_lossy().into_owned()));
    let cala = words.join(" ");
    let unshare = |script: &str| world.cala.run(["unshare", "sh", "-c", &script.replace("CALA", &cala)]);
    let seen = unshare(
        "set -e; id -u; where=$(CALA mount run); cat $where/told; stat -c %u:%g $where/told; CALA mount; \
         echo put >$(CALA mount made)/put; CALA mount made >/dev/null; CALA mount | wc -l; \
         CALA unmount run; CALA umount made; CALA umount made; CALA mount | wc -l; cat $where/told 2>&1 || true",
    )
    .success();
    let id = world.inspect("run", "{{.Id}}");
    let place = world.cala.data_root().join("containers").join(&id).join("merged").display().to_string();
    let expected = format!(
        "0\ninside\n7:8\n{}  {place}\n2\nrun\nmade\nmade\n0\ncat: {place}/told: No such file or directory\n",
        &id[..12]
    );
    assert_eq!(seen.stdout, expected);
    // Nothing of it is mounted outside, and what was written is there.
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    assert!(!mounts.contains(&place), "{mounts}");
    assert_eq!(world.cala.run(["start", "-a", "made"]).success().stdout, "put\n");
}

#[test]
fn a_command_in_the_user_namespace_ends_as_it_ends() {
    let Some(world) = world() else { return };
    for running in [false, true] {
        if running {
            start(&world, "run", &[], "sleep 1000");
        }
        for (words, code, line) in [
            (&["sh", "-c", "exit 3"][..], 3, ""),
            (&["nonexist"], 127, "Error: exec: \"nonexist\": executable file not found in $PATH\n"),
            (&["/etc/passwd"], 126, "Error: fork/exec /etc/passwd: permission denied\n"),
        ] {
            let output = world.cala.run([&["unshare"], words].concat());
            assert_eq!((output.code, output.stderr.as_str()), (code, line), "{running} {output:?}");
        }
        let own = world.cala.run(["unshare", "cat", "/proc/self/uid_map"]).success();
        assert!(own.stdout.lines().count() >= 2, "{own:?}");
        // What is made inside is what containers see: cp, run and the rest work there too.
        let cala = world.cala.command(["info"]);
        let mut words = vec!["unshare".to_owned(), cala.get_program().to_string_lossy().into_owned()];
        words.extend(cala.get_args().map(|word| word.to_string_lossy().into_owned()));
        world.cala.run(words).success();
    }
}
