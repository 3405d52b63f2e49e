//! A disk that is full: said with numbers, survived by everything that reads or frees.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use cala_testkit::image::Compression;
use cala_testkit::{Cala, Image, LayerBuilder, ScriptedRegistry};

use crate::support::{World, bare, entries, hinted, last_error, noise_image, pause, until, world_in};

/// The small disk of this run, or a counted skip.
fn small_disk() -> Option<PathBuf> {
    let disk = std::env::var_os("CALA_TEST_SMALL_DISK").map(PathBuf::from);
    if disk.is_none() {
        cala_testkit::require::skip("no small disk: it takes the runner started as root");
    }
    disk
}

/// A Cala whose data root is on the small disk.
fn cala_on(disk: &Path) -> Cala {
    bare().with_data_root(&disk.join("data"))
}

fn world_on(disk: &Path) -> Option<World> {
    world_in(cala_on(disk))
}

/// Fills the disk to its last byte.
fn fill(disk: &Path) {
    use std::io::Write as _;
    let mut file = std::fs::File::create(disk.join("filler")).expect("there is room for an inode");
    for size in [1 << 20, 4096, 1] {
        while file.write_all(&vec![1; size]).is_ok() {}
    }
    assert!(free_blocks(disk) == 0, "{} blocks are free", free_blocks(disk));
}

/// Free blocks, as df(1) says.
fn free_blocks(disk: &Path) -> u64 {
    let output =
        std::process::Command::new("stat").args(["-f", "-c", "%a"]).arg(disk).output().expect("stat");
    String::from_utf8_lossy(&output.stdout).trim().parse().expect("a number")
}

#[test]
fn a_pull_without_room_says_how_much_is_lacking_and_keeps_what_came() {
    let Some(disk) = small_disk() else { return };
    let cala = cala_on(&disk);
    let image = noise_image(90 << 20);
    let registry = ScriptedRegistry::honest(&[("big", "1", &image)]);
    let output = cala.run(["pull", "-q", &registry.reference("big", "1")]);
    assert_eq!(output.code, 125, "{output:?}");
    let line = last_error(&output);
    assert!(line.contains("no space left") && line.contains("needed") && line.contains("free"), "{line}");
    hinted(&output, "cala rmi");
    assert_eq!(cala.run(["images", "-q"]).success().stdout, "");
    let data = cala.data_root();
    assert_eq!(entries(&data.join("layers")), [""; 0]);
    assert_eq!(entries(&data.join("images/partial")).len(), 1, "what came is kept");
    let trees: Vec<_> =
        entries(&data.join("tmp")).into_iter().filter(|name| data.join("tmp").join(name).is_dir()).collect();
    assert!(trees.is_empty(), "{trees:?}");
    // The reserve was not touched.
    assert_eq!(std::fs::metadata(data.join("reserve")).expect("it is there").len(), 4 << 20);
    cala.run(["ps", "-a"]).success();
}

#[test]
fn a_layer_with_more_files_than_the_disk_has_room_for_says_inodes() {
    let Some(disk) = small_disk() else { return };
    let cala = cala_on(&disk);
    let names: Vec<String> = (0..6000).map(|n| format!("f{n}")).collect();
    let layer = names.iter().fold(LayerBuilder::default(), |layer, name| layer.file(name, 0o644, b""));
    let image = Image::new(vec![layer.tar()], Compression::Gzip, &serde_json::json!({}));
    let registry = ScriptedRegistry::honest(&[("many", "1", &image)]);
    let output = cala.run(["pull", "-q", &registry.reference("many", "1")]);
    assert_eq!(output.code, 125, "{output:?}");
    hinted(&output, "free some space");
    assert_eq!(cala.run(["images", "-q"]).success().stdout, "");
    assert_eq!(entries(&cala.data_root().join("layers")), [""; 0]);
    cala.run(["info"]).success();
    assert!(last_error(&output).contains("no inodes left"), "{output:?}");
}

#[test]
fn on_a_full_disk_everything_works_that_reads_stops_or_frees() {
    let Some(disk) = small_disk() else { return };
    let Some(world) = world_on(&disk) else { return };
    world.sleeper("running");
    world.sleeper("other");
    world.cala.run(["run", "--name", "done", "--network", "none", &world.image, "echo", "said"]).success();
    fill(&disk);
    let before = free_blocks(&disk);
    let run = |args: &[&str]| world.cala.run(args).success();
    assert_eq!(run(&["ps", "-aq"]).stdout.lines().count(), 3);
    assert_eq!(run(&["logs", "done"]).stdout, "said\n");
    run(&["images"]);
    run(&["inspect", "running"]);
    run(&["image", "inspect", &world.image]);
    run(&["exec", "running", "true"]);
    run(&["stop", "-t", "2", "running"]);
    assert_eq!(world.inspect("running", "{{.State.Status}}"), "exited");
    run(&["kill", "other"]);
    run(&["wait", "other"]);
    run(&["rm", "running"]);
    run(&["rm", "-f", "other", "done"]);
    run(&["rmi", &world.image]);
    assert_eq!(run(&["ps", "-aq"]).stdout, "");
    assert_eq!(run(&["images", "-q"]).stdout, "");
    assert!(free_blocks(&disk) > before + 50, "space was freed");
    // And a new life afterwards.
    std::fs::remove_file(disk.join("filler")).expect("it is ours");
    run(&["pull", "-q", &world.image]);
    assert_eq!(world.sh("echo again").success().text(), "again");
}

#[test]
fn on_a_full_disk_creating_says_so_and_leaves_nothing() {
    let Some(disk) = small_disk() else { return };
    let Some(world) = world_on(&disk) else { return };
    fill(&disk);
    let output = world.cala.run(["create", "--name", "late", "--network", "none", &world.image]);
    assert_eq!(output.code, 125, "{output:?}");
    assert!(last_error(&output).contains("No space left"), "{output:?}");
    hinted(&output, "cala rm");
    assert_eq!(world.cala.run(["ps", "-aq"]).success().stdout, "");
    std::fs::remove_file(disk.join("filler")).expect("it is ours");
    world.cala.run(["create", "--name", "late", "--network", "none", &world.image]).success();
}

#[test]
fn a_container_writes_on_when_its_log_cannot_be_kept() {
    let Some(disk) = small_disk() else { return };
    let Some(world) = world_on(&disk) else { return };
    let script = "echo early; while [ ! -e /dev/shm/go ]; do usleep 20000; done; \
                  seq 1 60000; touch /dev/shm/through; while [ ! -e /dev/shm/end ]; do usleep 20000; done; echo late; exit 7";
    let args = ["run", "-d", "--network", "none", "--name", "talker", &world.image, "sh", "-c", script];
    world.cala.run(args).success();
    world.cala.eventually(["logs", "talker"], |output| output.stdout == "early\n");
    fill(&disk);
    let start = Instant::now();
    world.cala.run(["exec", "talker", "touch", "/dev/shm/go"]).success();
    world.cala.eventually(["exec", "talker", "test", "-e", "/dev/shm/through"], |output| output.code == 0);
    assert!(start.elapsed() < Duration::from_secs(8), "it was not held up");
    std::fs::remove_file(disk.join("filler")).expect("it is ours");
    world.cala.run(["exec", "talker", "touch", "/dev/shm/end"]).success();
    assert_eq!(world.cala.run(["wait", "talker"]).success().text(), "7");
    let logs = world.cala.run(["logs", "talker"]).success();
    assert!(logs.stdout.starts_with("early\n"), "{}", logs.stdout.len());
    assert!(
        logs.stdout.ends_with("late\n"),
        "what came when there was room again: {:?}",
        logs.stdout.lines().last()
    );
    let all = format!("{}{}", logs.stdout, logs.stderr);
    assert!(
        all.contains("dropped") || all.contains("lost"),
        "how much is missing is told: {:?}",
        &all[all.len().saturating_sub(300)..]
    );
    pause(Duration::ZERO);
    until("nobody runs", || world.cala.run(["ps", "-q"]).stdout.is_empty());
}
