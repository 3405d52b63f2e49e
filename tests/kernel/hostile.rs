//! Images that try to get out. A canary folder on the host must be as it was, and the command must end in time.

use std::path::PathBuf;

use cala_testkit::image::{Compression, Image};
use cala_testkit::{LayerBuilder, Output};
use serde_json::{Value, json};

use crate::{World, world};

/// Pushes busybox with a further hostile layer, runs it, and checks the canary.
fn run(
    world: &World,
    name: &str,
    layer: LayerBuilder,
    config: &Value,
    options: &[&str],
    words: &[&str],
) -> Output {
    let canary = canary(world);
    let base = Image::busybox().expect("the world has it");
    let hostile = Image::new(vec![layer.tar()], Compression::Gzip, config);
    let ids: Vec<String> = [&base, &hostile]
        .iter()
        .flat_map(|image| {
            let config: Value = serde_json::from_slice(&image.config.bytes).expect("JSON");
            config["rootfs"]["diff_ids"].as_array().expect("a list").clone()
        })
        .filter_map(|id| id.as_str().map(str::to_owned))
        .collect();
    let mut layers = base.layers;
    layers.extend(hostile.layers);
    let image = Image::from_parts(layers, &ids, config);
    let reference = world.registry.push(&format!("hostile/{name}"), "1", &image);
    let mut args = vec!["run", "--rm", "--network", "none"];
    args.extend_from_slice(options);
    args.push(&reference);
    args.extend_from_slice(words);
    let output = world.cala.run(args);
    assert_eq!(contents(&canary), ["secret"], "{name}: the canary's folder changed: {output:?}");
    assert_eq!(std::fs::read_to_string(canary.join("secret")).expect("the canary"), "canary\n", "{name}");
    output
}

fn canary(world: &World) -> PathBuf {
    let canary = world.cala.folder().join("canary");
    std::fs::create_dir_all(&canary).expect("writable");
    std::fs::write(canary.join("secret"), "canary\n").expect("writable");
    canary
}

fn contents(folder: &std::path::Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .expect("the canary's folder")
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

fn env() -> Value {
    json!({ "Env": ["PATH=/bin"] })
}

#[test]
fn dev_proc_and_sys_as_links_are_refused() {
    let Some(world) = world() else { return };
    let target = canary(&world).display().to_string();
    for place in ["dev", "proc", "sys"] {
        let layer = LayerBuilder::default().symlink(place, &target);
        let output = run(&world, &format!("{place}sym"), layer, &env(), &[], &["true"]);
        assert_eq!(output.code, 125, "{place}: {output:?}");
    }
}

#[test]
fn a_working_folder_behind_a_link_is_made_inside() {
    let Some(world) = world() else { return };
    let target = canary(&world).display().to_string();
    let layer = LayerBuilder::default().symlink("w", &target).symlink("up", "../../../../../..");
    let config = json!({ "Env": ["PATH=/bin"], "WorkingDir": "/w/new" });
    run(&world, "wdsym", layer.clone(), &config, &[], &["pwd"]);
    let config = json!({ "Env": ["PATH=/bin"], "WorkingDir": format!("/up{target}/new") });
    run(&world, "wdrel", layer, &config, &[], &["pwd"]);
}

#[test]
fn leaked_descriptors_are_no_working_folder() {
    let Some(world) = world() else { return };
    for n in 0..12 {
        let dir = format!("/proc/self/fd/{n}");
        let output = world.run_rm(
            &["-w", &dir],
            &["sh", "-c", "readlink /proc/self/cwd; cat ../../../../../etc/os-release 2>/dev/null | head -1"],
        );
        assert!(output.code != 0 || !output.stdout.contains("Debian"), "{dir}: {output:?}");
    }
}

#[test]
fn a_null_device_that_is_a_link_masks_nothing_of_the_hosts() {
    let Some(world) = world() else { return };
    let before = std::fs::read_to_string("/proc/sys/kernel/core_pattern").expect("procfs");
    let layer =
        LayerBuilder::default().folder("dev", 0o755).symlink("dev/null", "/proc/sys/kernel/core_pattern");
    let script =
        "echo hacked >/proc/sys/kernel/core_pattern 2>/dev/null && echo written; cat /proc/kcore | wc -c";
    let output = run(&world, "nullsym", layer, &env(), &[], &["sh", "-c", script]);
    assert!(!output.stdout.contains("written"), "{output:?}");
    assert_eq!(std::fs::read_to_string("/proc/sys/kernel/core_pattern").expect("procfs"), before);
}

#[test]
fn a_console_and_terminals_that_are_links_are_replaced_or_refused() {
    let Some(world) = world() else { return };
    let target = canary(&world).display().to_string();
    let layer = LayerBuilder::default()
        .folder("dev", 0o755)
        .symlink("dev/pts", &target)
        .symlink("dev/console", "/proc/sysrq-trigger")
        .symlink("dev/ptmx", &format!("{target}/ptmx"));
    let output = run(&world, "console", layer, &env(), &["-t"], &["sh", "-c", "tty; echo fine"]);
    assert!(output.code == 125 || output.stdout.contains("fine"), "{output:?}");
}

#[test]
fn a_mount_place_behind_links_stays_inside() {
    let Some(world) = world() else { return };
    let target = canary(&world).display().to_string();
    let layer = LayerBuilder::default().symlink("a", "../../../../../../../..").symlink("b", &target);
    let source = world.cala.folder().join("source");
    std::fs::create_dir_all(&source).expect("writable");
    for place in [format!("/a{target}/x"), "/b/x".to_owned()] {
        let bind = format!("{}:{place}", source.display());
        run(&world, "mountsym", layer.clone(), &env(), &["-v", &bind], &["true"]);
    }
}

#[test]
fn odd_users_are_refused_or_exact_and_never_root_by_accident() {
    let Some(world) = world() else { return };
    for user in [
        "2147483648",
        "4294967295",
        "4294967296",
        "99999999999",
        "-1",
        "+1",
        "1e3",
        "0x10",
        "1000:x",
        "nobody-here",
    ] {
        let output = world.run_rm(&["--user", user], &["id", "-u"]);
        assert!(output.code != 0 || output.text() == user, "{user}: {output:?}");
        assert!([0, 125, 126].contains(&output.code), "{user}: {output:?}");
        assert!(output.text() != "0", "{user}: {output:?}");
    }
    let unknown = world.run_rm(&["--user", "nobody-here"], &["id", "-u"]).exits_with(126);
    assert!(
        unknown.stderr.contains("unable to find user nobody-here: no matching entries in passwd file"),
        "{unknown:?}"
    );
    let layer = LayerBuilder::default().file(
        "etc/passwd",
        0o644,
        b"99999999999:x:0:0::/:/bin/sh\n1001:x:0:0::/:/bin/sh\n",
    );
    let output = run(&world, "passwd", layer, &env(), &["--user", "99999999999"], &["id", "-u"]);
    assert_ne!(output.code, 0, "{output:?}");
}

#[test]
fn a_password_file_that_never_ends_does_not_hang_the_start() {
    let Some(world) = world() else { return };
    for target in ["/dev/zero", "/proc/kmsg", "/dev/random"] {
        let layer = LayerBuilder::default().symlink("etc/passwd", target).symlink("etc/group", target);
        let start = std::time::Instant::now();
        let output = run(&world, "endless", layer, &env(), &["--user", "alice"], &["id"]);
        assert_ne!(output.code, 0, "{output:?}");
        assert!(start.elapsed().as_secs() < 30, "bounded time");
    }
    let fifo =
        cala_testkit::tar::Entry { path: "etc/passwd", kind: b'6', ..cala_testkit::tar::Entry::default() };
    let output =
        run(&world, "fifo", LayerBuilder::default().entry(&fifo), &env(), &["--user", "alice"], &["id"]);
    assert_ne!(output.code, 0, "{output:?}");
}

#[test]
fn the_engines_programs_cannot_be_reached_from_inside() {
    let Some(world) = world() else { return };
    let before = std::fs::read(env!("CARGO_BIN_EXE_cala-monitor")).expect("the program");
    let config = json!({ "Env": ["PATH=/bin"], "Entrypoint": ["/proc/self/exe"] });
    run(&world, "selfexe", LayerBuilder::default(), &config, &[], &[]);
    let layer = LayerBuilder::default().file("bin/evil", 0o755, b"#!/proc/self/exe\n");
    run(&world, "interp", layer, &env(), &[], &["evil"]);
    world.sleeper("exe");
    let script = "for n in $(seq 50); do for p in /proc/[0-9]*/exe; do (echo x >$p) 2>/dev/null && echo WROTE $p; done; done; true";
    let output = world.cala.run(["exec", "exe", "sh", "-c", script]).success();
    assert!(!output.stdout.contains("WROTE"), "{output:?}");
    assert!(
        std::fs::read(env!("CARGO_BIN_EXE_cala-monitor")).expect("the program") == before,
        "the program changed"
    );
}

/// Programs that belong to the user, as whoever builds or unpacks Cala has them.
fn own_programs() -> Option<(tempfile::TempDir, World, PathBuf)> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for program in
        [env!("CARGO_BIN_EXE_cala"), env!("CARGO_BIN_EXE_cala-monitor"), env!("CARGO_BIN_EXE_cala-store")]
    {
        let program = std::path::Path::new(program);
        std::fs::copy(program, folder.path().join(program.file_name().expect("a name")))
            .expect("there is space");
    }
    let world = crate::world_of(folder.path().join("cala").to_str()?)?;
    let monitor = folder.path().join("cala-monitor");
    Some((folder, world, monitor))
}

/// A command that is exchanged for a link to /proc/self/exe between the engine's look at it and its execution runs the
/// engine's program inside the container, and what loops there gets hold of its file.
#[test]
fn a_program_of_the_engine_that_is_caught_inside_cannot_be_written() {
    let Some((_folder, world, monitor)) = own_programs() else { return };
    let before = std::fs::read(&monitor).expect("the program");
    let script =
        "cd /bin; cp busybox real; ln -s /proc/self/exe link; busybox mkfifo fifo; ln -s busybox evil
        while :; do for n in real fifo link; do ln -sf $n next; busybox mv -T next evil; done; done &
        while :; do
            for p in /proc/[0-9]*; do
                {
                    busybox cmp -s /proc/self/fd/9 /bin/busybox && continue
                    echo caught $p
                    chmod 777 /proc/self/fd/9 && echo WROTE mode
                    (echo x >>/proc/self/fd/9) && echo WROTE content
                } 9<$p/exe
            done
        done 2>/dev/null";
    let image = &world.image;
    world.cala.run(["run", "-d", "--network", "none", "--name", "trap", image, "sh", "-c", script]).success();
    for _ in 0..100 {
        let output = world.cala.run(["exec", "trap", "evil"]);
        // busybox under the name `real` knows no such applet: 127.
        assert!([0, 1, 125, 126, 127].contains(&output.code), "{output:?}");
    }
    let said = world.cala.run(["logs", "trap"]).success().stdout;
    world.cala.run(["rm", "-f", "-t", "0", "trap"]).success();
    assert!(!said.contains("WROTE"), "{said}");
    assert!(std::fs::read(&monitor).expect("the program") == before, "the program changed");
}

#[test]
fn the_monitors_file_is_read_only_for_whoever_holds_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let Some((_folder, world, file)) = own_programs() else { return };
    let read_only = |error: std::io::Error| assert_eq!(error.kind(), std::io::ErrorKind::ReadOnlyFilesystem);
    for options in [&[][..], &["--init"]] {
        let mut args = vec!["run", "-d", "--network", "none", "--name", "held"];
        args.extend_from_slice(options);
        args.extend_from_slice(&[&world.image, "sleep", "1000"]);
        world.cala.run(args).success();
        let program =
            std::fs::File::open(format!("/proc/{}/exe", crate::faults::monitor_pid(&world, "held")));
        let program = program.expect("it is ours");
        let by_descriptor = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&program));
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(&file, mode.clone()).expect("the file by its path is ours to change");
        read_only(std::fs::set_permissions(&by_descriptor, mode).expect_err("read-only"));
        world.cala.run(["rm", "-f", "-t", "0", "held"]).success();
        let write = || std::fs::OpenOptions::new().append(true).open(&by_descriptor).map(drop);
        let start = std::time::Instant::now();
        while write().is_err_and(|error| error.kind() == std::io::ErrorKind::ExecutableFileBusy) {
            assert!(start.elapsed().as_secs() < 10, "the monitor ends");
        }
        // Nobody executes it any more.
        read_only(write().expect_err("read-only"));
    }
}

/// Both ways: as an ordinary user from a sealed copy, as root of a user namespace from a read-only mount.
#[test]
fn the_runtime_of_its_own_goes_on_from_a_file_that_nobody_can_change() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let program = folder.path().join("cala-oci");
    std::fs::copy(env!("CARGO_BIN_EXE_cala-oci"), &program).expect("there is space");
    for enter in [&[][..], &["unshare", "--user", "--map-root-user"]] {
        let words: Vec<&str> =
            enter.iter().copied().chain([program.to_str().expect("UTF-8"), "state", "nope"]).collect();
        let mut command = std::process::Command::new(words[0]);
        let output =
            Output::of(command.args(&words[1..]).env("XDG_RUNTIME_DIR", folder.path())).exits_with(125);
        assert!(output.stderr.contains("no such container: nope"), "{output:?}");
    }
}

#[test]
fn labels_are_data() {
    let Some(world) = world() else { return };
    let config = json!({ "Env": ["PATH=/bin"], "Labels": {
        "containerd.io/restart.loguri": "binary:///bin/sh", "run.oci.hooks.x": "y", "io.podman.annotations.init": "TRUE",
        "cala.mount": "/:/host", "org.systemd.property.ExecStartPre": "x" } });
    let output = run(
        &world,
        "labels",
        LayerBuilder::default(),
        &config,
        &[],
        &["sh", "-c", "ls /host 2>/dev/null; cat /proc/1/comm"],
    );
    assert_eq!(output.text(), "cat", "{output:?}");
}
