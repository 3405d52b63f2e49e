//! Images that try to get out. A canary folder on the host must be as it was, and the command must end in time.

use std::path::PathBuf;

use cala_testkit::image::{Compression, Image};
use cala_testkit::{LayerBuilder, Output, rounds};
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
    let inside = format!("{target}/new\n");
    let output = run(&world, "wdsym", layer.clone(), &config, &[], &["sh", "-c", "pwd -P"]).success();
    assert_eq!(output.stdout, inside, "the link leads below the container's root");
    let config = json!({ "Env": ["PATH=/bin"], "WorkingDir": format!("/up{target}/new") });
    let output = run(&world, "wdrel", layer, &config, &[], &["sh", "-c", "pwd -P"]).success();
    assert_eq!(output.stdout, inside);
}

#[test]
fn leaked_descriptors_are_no_working_folder() {
    let Some(world) = world() else { return };
    world.sleeper("beside");
    let layer = |n: u32| LayerBuilder::default().symlink("w", &format!("/proc/self/fd/{n}"));
    // Nothing may be there to go to, by whichever way it is named: a magic link is never followed (R1, R4).
    for n in 0..16 {
        let dir = format!("/proc/self/fd/{n}");
        let refused = world.run_rm(&["-w", &dir], &["pwd"]);
        assert!([125, 126].contains(&refused.code) && refused.stdout.is_empty(), "{dir}: {refused:?}");
        let refused = world.cala.run(["exec", "-w", &dir, "beside", "pwd"]);
        assert!([125, 126, 127].contains(&refused.code) && refused.stdout.is_empty(), "{dir}: {refused:?}");
    }
    for n in [3, 7] {
        let config = json!({ "Env": ["PATH=/bin"], "WorkingDir": "/w" });
        let output = run(&world, &format!("fd{n}"), layer(n), &config, &[], &["pwd"]);
        assert!([125, 126].contains(&output.code) && output.stdout.is_empty(), "{output:?}");
    }
    // The descriptor of the listing itself is the fourth.
    assert_eq!(world.sh(&[], "cd /proc/self/fd; echo *"), "0 1 2 3");
}

/// CVE-2020-15257: an abstract socket would be reachable from the host's network namespace.
#[test]
fn no_socket_of_ours_is_in_the_hosts_network() {
    let Some(world) = world() else { return };
    world.sleeper("beside");
    let args = ["run", "--rm", "--network", "host", &world.image, "cat", "/proc/net/unix"];
    let seen = world.cala.run(args).success().stdout;
    let abstract_ones: Vec<&str> = seen
        .lines()
        .filter_map(|line| line.split_whitespace().nth(7))
        .filter(|path| path.starts_with('@'))
        .collect();
    assert!(!abstract_ones.iter().any(|path| path.contains("cala")), "{abstract_ones:?}");
    // In a namespace of the test's own nobody else makes any.
    if std::env::var_os("CALA_TEST_PRIVATE").is_some() {
        assert_eq!(abstract_ones, [""; 0]);
    }
}

/// CVE-2021-43784: lengths that overflow a field of 16 bits.
#[test]
fn very_long_words_are_whole_or_refused() {
    let Some(world) = world() else { return };
    let long = "x".repeat(70_000);
    let env = format!("LONG={long}");
    let seen = world.sh(&["-e", &env], "echo ${#LONG} $(readlink /proc/self/ns/user | cut -c1-4)");
    assert_eq!(seen, "70000 user");
    world.run_rm(&["--hostname", &long], &["true"]).exits_with(125);
    let deep = format!("/{}", "d/".repeat(35_000));
    world.run_rm(&["-v", &format!("{deep}:/x")], &["true"]).exits_with(125);
    world.run_rm(&["-v", &format!("/etc:{deep}")], &["true"]).exits_with(125);
    world.run_rm(&["-w", &deep], &["true"]);
    assert_eq!(world.cala.run(["ps", "-aq"]).success().stdout, "");
}

/// CVE-2022-36109 and its kin: the primary group is among the supplementary ones, so that a mode that denies a group
/// denies it, also through a program that sets its group.
#[test]
fn groups_that_are_denied_stay_denied() {
    let Some(world) = world() else { return };
    let entry = cala_testkit::tar::Entry {
        path: "secret",
        mode: 0o604,
        owner: (0, 29),
        content: b"denied\n",
        ..cala_testkit::tar::Entry::default()
    };
    let busybox =
        std::fs::read("/bin/busybox").or_else(|_| std::fs::read("/usr/bin/busybox")).expect("busybox");
    let program = cala_testkit::tar::Entry {
        path: "bin/sgid",
        mode: 0o2755,
        owner: (0, 77),
        content: &busybox,
        ..cala_testkit::tar::Entry::default()
    };
    let layer = || LayerBuilder::default().entry(&entry).entry(&program);
    // alice is in group audio (29) by membership; then by her primary group.
    for user in ["alice", "1000:29"] {
        let script =
            "id -G; cat /secret; busybox cp /bin/sgid /dev/null; /bin/sgid cat /secret; /bin/sgid id -G";
        let output = run(&world, "groups", layer(), &env(), &["-u", user], &["sh", "-c", script]);
        assert!(!output.stdout.contains("denied"), "{user}: {output:?}");
        for line in output.stdout.lines() {
            assert!(line.split_whitespace().any(|group| group == "29"), "{user}: {output:?}");
        }
    }
}

/// CVE-2026-47262 and CVE-2024-3056: what an image says about groups is read with a bound.
#[test]
fn a_group_of_a_million_members_costs_bounded_time_and_memory() {
    let Some(world) = world() else { return };
    let mut text = b"root:x:0:\nhuge:x:4000:".to_vec();
    for n in 0..1_000_000_u32 {
        text.extend_from_slice(format!("u{n},").as_bytes());
    }
    let layer = LayerBuilder::default().file("etc/group", 0o644, &text);
    let before = std::time::Instant::now();
    let output = run(&world, "members", layer, &env(), &["-u", "alice"], &["id", "-G"]);
    assert!(output.code == 126 && output.stderr.contains("larger than 1 MiB"), "{output:?}");
    assert!(before.elapsed().as_secs() < 20, "bounded time");
    let reference = format!("{}/hostile/members:1", world.registry.address());
    let words = ["run", "--rm", "--network", "none", "-u", "alice", &reference, "id"];
    // Of an address space of 512 MiB for each process nothing misses a megabyte file.
    let limited = Output::of(&mut world.cala.command_under(&["prlimit", "--as=536870912"], words));
    assert!(limited.code == 126 && limited.stderr.contains("larger than 1 MiB"), "{limited:?}");
}

/// CVE-2021-30465: while a container exchanges a folder of a shared volume for a link to the host, others are mounted
/// below that folder.
#[test]
fn a_folder_that_is_swapped_while_others_mount_below_it_leads_nowhere() {
    let Some(world) = world() else { return };
    let canary = canary(&world);
    let target = canary.display().to_string();
    let source = world.cala.folder().join("source");
    std::fs::create_dir_all(&source).expect("writable");
    let script = format!(
        "cd /v; mkdir -p real/b; ln -s /../../../../../..{target} link; cp -a real a; echo ready;
         while :; do ln -sfn /../../../../../..{target} n; busybox mv -T a old 2>/dev/null; busybox mv -T n a;
         rm -f a; busybox mv -T old a 2>/dev/null || mkdir -p a/b; done"
    );
    let args =
        ["run", "-d", "--init", "--network", "none", "--name", "racer", "-v", "shared:/v", &world.image];
    let mut args = args.to_vec();
    args.extend(["sh", "-c", &script]);
    world.cala.run(args).success();
    world.cala.eventually(["logs", "racer"], |output| output.stdout.contains("ready"));
    let bind = format!("{}:/v/a/b", source.display());
    let mut reached = 0;
    for _ in 0..rounds(60) {
        let output = world.run_rm(
            &["-v", "shared:/v", "-v", &bind],
            &["sh", "-c", "cat /v/a/secret; grep -c ' / ' /proc/mounts"],
        );
        assert!(!output.stdout.contains("canary"), "{output:?}");
        reached += u32::from(output.code == 0);
        assert_eq!(contents(&canary), ["secret"]);
    }
    world.cala.run(["rm", "-f", "-t", "0", "racer"]).success();
    assert!(reached > 0, "some of them start");
    assert_eq!(std::fs::read_to_string(canary.join("secret")).expect("the canary"), "canary\n");
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
    for _ in 0..rounds(100) {
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
