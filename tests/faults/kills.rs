//! SIGKILL at many moments: the next command works, and nothing half-made is visible.

use std::time::{Duration, Instant};

use cala_testkit::rounds;

use crate::support::{World, entries, nothing_half_made, pause, signal, spawn, world};

/// Runs a command and kills it after so long.
fn killed_after(world: &World, args: &[&str], delay: Duration) {
    let mut child = spawn(&mut world.cala.command(args));
    pause(delay);
    let _ = child.kill();
    child.wait().expect("it ends");
}

/// How long a command takes here, as a measure for the moments.
fn time_of(world: &World, args: &[&str]) -> Duration {
    let start = Instant::now();
    world.cala.run(args).success();
    start.elapsed()
}

#[test]
fn a_killed_rmi_has_removed_the_image_or_not() {
    let Some(world) = world() else { return };
    let whole = time_of(&world, &["rmi", &world.image]);
    let count = rounds(16);
    for round in 0..count {
        world.cala.run(["pull", "-q", &world.image]).success();
        killed_after(&world, &["rmi", &world.image], whole * round / (count - 2));
        let there = world.cala.run(["image", "exists", &world.image]).code == 0;
        if there {
            assert_eq!(world.sh("echo whole").success().text(), "whole");
        }
        assert_eq!(world.cala.run(["images", "-q"]).success().stdout.is_empty(), !there);
    }
    world.cala.run(["pull", "-q", &world.image]).success();
    assert_eq!(world.sh("echo whole").success().text(), "whole");
    world.cala.run(["rmi", &world.image]).success();
    assert_eq!(entries(&world.cala.data_root().join("layers")), [""; 0]);
    assert_eq!(entries(&world.cala.data_root().join("images/blobs/sha256")), [""; 0]);
    nothing_half_made(&world.cala);
}

#[test]
fn a_killed_create_or_rm_leaves_a_container_or_none() {
    let Some(world) = world() else { return };
    let create = ["create", "--name", "x", "--network", "none", &world.image];
    let whole = time_of(&world, &create);
    world.cala.run(["rm", "x"]).success();
    let count = rounds(30);
    for round in 0..count {
        killed_after(&world, &create, whole * round / (count - 2));
        let listed = world.cala.run(["ps", "-a", "--format", "{{.Names}} {{.State}}"]).success();
        assert!(listed.text() == "x created" || listed.text().is_empty(), "{listed:?}");
        // The name is free, or taken by what is listed.
        let again = world.cala.run(create);
        assert_eq!(again.code == 0, listed.text().is_empty(), "{again:?}");
        killed_after(&world, &["rm", "x"], whole * round / (count - 2));
        let listed = world.cala.run(["ps", "-a", "--format", "{{.Names}} {{.State}}"]).success();
        assert!(listed.text() == "x created" || listed.text().is_empty(), "{listed:?}");
        world.cala.run(["rm", "-i", "x"]).success();
    }
    assert_eq!(world.cala.run(["ps", "-aq"]).success().stdout, "");
    // The next commands that make and remove finish what the killed ones began.
    world.cala.run(create).success();
    world.cala.run(["rm", "x"]).success();
    nothing_half_made(&world.cala);
}

#[test]
fn a_killed_rm_of_a_container_that_wrote_leaves_nothing_for_long() {
    let Some(world) = world() else { return };
    let script = "i=0; while [ $i -lt 300 ]; do mkdir -p /d/$i; echo $i >/d/$i/f; i=$((i+1)); done; chown -R 1000:1000 /d";
    for round in 0..rounds(8) {
        let args = ["run", "--name", "w", "--network", "none", &world.image, "sh", "-c", script];
        world.cala.run(args).success();
        killed_after(&world, &["rm", "w"], Duration::from_millis(u64::from(round % 8) * 6));
        world.cala.run(["rm", "-i", "w"]).success();
    }
    // The next command that removes finishes what the killed ones began.
    world.cala.run(["create", "--name", "last", "--network", "none", &world.image]).success();
    world.cala.run(["rm", "last"]).success();
    nothing_half_made(&world.cala);
}

#[test]
fn a_killed_start_has_started_it_or_not() {
    let Some(world) = world() else { return };
    world
        .cala
        .run(["create", "--name", "s", "--network", "none", "--init", &world.image, "sleep", "1000"])
        .success();
    let whole = time_of(&world, &["start", "s"]);
    world.cala.run(["stop", "-t", "1", "s"]).success();
    let count = rounds(20);
    for round in 0..count {
        killed_after(&world, &["start", "s"], whole * round / (count - 2));
        let state = world.inspect("s", "{{.State.Status}}");
        assert!(["created", "exited", "running"].contains(&state.as_str()), "{state}");
        world.cala.run(["start", "s"]).success();
        assert_eq!(world.inspect("s", "{{.State.Status}}"), "running");
        world.cala.run(["stop", "-t", "1", "s"]).success();
    }
    world.cala.run(["rm", "s"]).success();
    nothing_half_made(&world.cala);
}

#[test]
fn starts_that_race_start_it_once() {
    let Some(world) = world() else { return };
    world
        .cala
        .run(["create", "--name", "s", "--network", "none", "--init", &world.image, "sleep", "1000"])
        .success();
    let count = rounds(5);
    for _ in 0..count {
        let starts: Vec<_> = (0..6).map(|_| spawn(&mut world.cala.command(["start", "s"]))).collect();
        for start in starts {
            let output = start.wait_with_output().expect("it ends");
            assert!(output.status.success(), "{output:?}");
        }
        let events = world.cala.run(["exec", "s", "sh", "-c", "ps | grep -c '[s]leep 1000'"]).success();
        assert!(!events.text().is_empty());
        world.cala.run(["stop", "-t", "1", "s"]).success();
    }
    let starts = ["events", "--stream=false", "--filter", "event=start", "--format", "{{.Status}}"];
    assert_eq!(world.cala.run(starts).success().stdout.lines().count(), count as usize);
    world.cala.run(["rm", "s"]).success();
}

#[test]
fn a_stop_whose_monitor_and_command_are_killed_is_over_at_the_next_command() {
    let Some(world) = world() else { return };
    let script = "trap '' TERM; echo ready; while true; do sleep 1; done";
    let args = ["run", "-d", "--network", "none", "--name", "deaf", &world.image, "sh", "-c", script];
    world.cala.run(args).success();
    for delay in [0, 20, 100, 300] {
        world.cala.eventually(["logs", "--tail", "1", "deaf"], |output| output.stdout == "ready\n");
        let pid = world.inspect("deaf", "{{.State.Pid}}");
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
        let monitor = status.lines().find_map(|line| line.strip_prefix("PPid:")).expect("a parent").trim();
        let mut stop = spawn(&mut world.cala.command(["stop", "-t", "10", "deaf"]));
        pause(Duration::from_millis(delay));
        signal(monitor.parse().expect("a number"), "KILL");
        let _ = stop.kill();
        stop.wait().expect("it ends");
        let seen =
            world.cala.eventually(["ps", "-a", "--format", "{{.State}}"], |output| output.text() == "exited");
        assert_eq!(seen.text(), "exited");
        assert_eq!(world.inspect("deaf", "{{.State.ExitCode}}"), "137");
        assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists());
        world.cala.run(["stop", "deaf"]).success();
        world.cala.run(["start", "deaf"]).success();
    }
    world.cala.run(["rm", "-f", "deaf"]).success();
    nothing_half_made(&world.cala);
}

/// The control group of a container as `inspect` shows it.
fn group_of(world: &World, name: &str) -> std::path::PathBuf {
    let path = world.inspect(name, "{{.State.CgroupPath}}");
    std::path::Path::new("/sys/fs/cgroup").join(path.trim_start_matches('/'))
}

fn kill_monitor(world: &World, name: &str) {
    let pid = world.inspect(name, "{{.State.Pid}}");
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let monitor = status.lines().find_map(|line| line.strip_prefix("PPid:")).expect("a parent").trim();
    signal(monitor.parse().expect("a number"), "KILL");
}

fn volumes(world: &World) -> Vec<String> {
    entries(&world.cala.data_root().join("volumes"))
}

#[test]
fn a_killed_monitor_leaves_no_control_group_no_volume_and_no_tree() {
    let Some(world) = world() else { return };
    for round in 0..rounds(4) {
        // It writes, so that its tree belongs to others than the user.
        let script = "chown -R 1000:1000 /d; echo x >/anon/x; trap 'exit 0' TERM; echo ready; while :; do sleep 1; done";
        let script = format!("mkdir /d; {script}");
        let file = world.cala.folder().join("cid").display().to_string();
        let args = [
            "run",
            "-d",
            "--rm",
            "--network",
            "none",
            "--name",
            "gone",
            "-v",
            "/anon",
            "--cidfile",
            &file,
            &world.image,
            "sh",
            "-c",
            &script,
        ];
        world.cala.run(args).success();
        world
            .cala
            .run([
                "run",
                "-d",
                "--network",
                "none",
                "--init",
                "--name",
                "kept",
                &world.image,
                "sleep",
                "1000",
            ])
            .success();
        world.cala.eventually(["logs", "gone"], |output| output.stdout.contains("ready"));
        let groups = [group_of(&world, "gone"), group_of(&world, "kept")];
        assert!(
            groups.iter().all(|group| group.is_dir() && group.to_string_lossy().contains("/cala-")),
            "{groups:?}"
        );
        kill_monitor(&world, "gone");
        kill_monitor(&world, "kept");
        world
            .cala
            .eventually(["ps", "-a", "--format", "{{.Names}} {{.State}}"], |o| o.text() == "kept exited");
        for group in &groups {
            assert!(!group.exists(), "{}", group.display());
        }
        assert_eq!(volumes(&world), [""; 0]);
        assert!(!std::path::Path::new(&file).exists());
        // Any command that changes something deletes the tree.
        match round % 2 {
            0 => world.sh("true").success(),
            _ => world.cala.run(["pull", "-q", &world.image]).success(),
        };
        nothing_half_made(&world.cala);
        world.cala.run(["rm", "kept"]).success();
    }
}

#[test]
fn a_create_killed_at_any_moment_leaves_no_volume_of_nobody() {
    let Some(world) = world() else { return };
    let create = ["create", "--name", "x", "--network", "none", "-v", "/a", "-v", "/b", &world.image];
    let whole = time_of(&world, &create);
    world.cala.run(["rm", "-v", "x"]).success();
    assert_eq!(volumes(&world), [""; 0]);
    let count = rounds(24);
    for round in 0..count {
        killed_after(&world, &create, whole * round / (count - 2));
        world.cala.run(["rm", "-i", "-v", "x"]).success();
        // The next one that makes something finishes what the killed one began.
        world.sh("true").success();
        assert_eq!(volumes(&world), [""; 0], "round {round}");
    }
    nothing_half_made(&world.cala);
}

#[test]
fn a_first_fill_that_is_killed_is_made_again() {
    let Some(world) = world() else { return };
    let layer = (0..400).fold(cala_testkit::LayerBuilder::default().folder("data", 0o711), |layer, n| {
        layer.file(&format!("data/f{n}"), 0o600, b"content")
    });
    let config = serde_json::json!({ "Env": ["PATH=/bin"] });
    let more = cala_testkit::Image::new(vec![layer.tar()], cala_testkit::image::Compression::Gzip, &config);
    let ids: Vec<String> = [&world.busybox, &more]
        .iter()
        .flat_map(|image| {
            let config: serde_json::Value = serde_json::from_slice(&image.config.bytes).expect("JSON");
            config["rootfs"]["diff_ids"].as_array().expect("a list").clone()
        })
        .filter_map(|id| id.as_str().map(str::to_owned))
        .collect();
    let layers = world.busybox.layers.iter().chain(&more.layers).cloned().collect();
    let image = cala_testkit::Image::from_parts(layers, &ids, &config);
    let registry = cala_testkit::ScriptedRegistry::honest(&[("test/full", "1", &image)]);
    let reference = registry.reference("test/full", "1");
    world.cala.run(["pull", "-q", &reference]).success();
    let script = "ls /data | wc -l; stat -c %a /data";
    for round in 0..rounds(12) {
        let volume = format!("v{round}:/data");
        let name = format!("c{round}");
        let args =
            ["create", "--name", &name, "--network", "none", "-v", &volume, &reference, "sh", "-c", script];
        world.cala.run(args).success();
        // Its monitor is killed too, by its volume's lock being the only one that is held there.
        let mut start = spawn(&mut world.cala.command(["start", &name]));
        pause(Duration::from_millis(u64::from(round % 12) * 3));
        for monitor in monitors_of(&name, &world) {
            let _ = std::process::Command::new("kill").args(["-9", &monitor]).status();
        }
        let _ = start.wait();
        let seen = world.cala.run([
            "run",
            "--rm",
            "--network",
            "none",
            "-v",
            &volume,
            &reference,
            "sh",
            "-c",
            script,
        ]);
        assert_eq!(seen.success().stdout, "400\n711\n", "round {round}");
        assert_eq!(
            entries(&world.cala.data_root().join("volumes").join(format!("v{round}"))),
            ["_data", "volume.json"]
        );
    }
}

/// Host pids of the monitors of a container, by their command line.
fn monitors_of(name: &str, world: &World) -> Vec<String> {
    let id = world.inspect(name, "{{.Id}}");
    let processes = std::fs::read_dir("/proc").expect("procfs").flatten();
    let pids = processes.filter_map(|entry| entry.file_name().into_string().ok());
    pids.filter(|pid| {
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).into_owned();
        line.starts_with("cala-monitor") && line.contains(&id[..12])
    })
    .collect()
}
