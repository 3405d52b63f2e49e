//! `system check` finds what is damaged on the disk, tells it of that object alone, and puts right what it may.

use crate::support::{World, entries, remove_as_subordinate, world};

fn problems(world: &World, options: &[&str], code: i32) -> Vec<String> {
    let args = ["system", "check"].iter().chain(options).copied();
    let output = world.cala.run(args);
    assert_eq!(output.code, code, "{output:?}");
    output.stdout.lines().map(str::to_owned).collect()
}

#[test]
fn a_sound_store_is_found_sound() {
    let Some(world) = world() else { return };
    let args = [
        "run",
        "--name",
        "c",
        "--network",
        "none",
        "-v",
        "v:/v",
        &world.image,
        "sh",
        "-c",
        "chown 5 /v; mkdir /new",
    ];
    world.cala.run(args).success();
    world.cala.run_with_input(["secret", "create", "s", "-"], b"x").success();
    world.cala.run(["network", "create", "n"]).success();
    assert_eq!(problems(&world, &[], 0), [""; 0]);
    assert_eq!(problems(&world, &["--quick"], 0), [""; 0]);
}

#[test]
fn a_missing_and_a_changed_layer_are_found_and_a_pull_heals() {
    let Some(world) = world() else { return };
    let layers = world.cala.data_root().join("layers");
    let layer = layers.join(&entries(&layers)[0]);
    let key = entries(&layers)[0].clone();
    std::fs::write(layer.join("diff/added"), "by somebody").expect("written");
    let found = problems(&world, &[], 125);
    assert!(found[0].starts_with(&format!("layer {key}: it has ")), "{found:?}");
    assert!(found[1].starts_with(&format!("image {}: layer {key}", world.image)), "{found:?}");
    assert_eq!(problems(&world, &["--quick"], 0), [""; 0], "only its files are wrong");
    remove_as_subordinate(&layer.join("diff"));
    let found = problems(&world, &["--quick"], 125);
    assert!(found[0].ends_with(": its files are missing"), "{found:?}");
    let repaired = problems(&world, &["--repair"], 0);
    assert!(repaired.iter().all(|line| line.ends_with(" (removed)")), "{repaired:?}");
    assert_eq!(problems(&world, &[], 0), [""; 0]);
    world.cala.run(["pull", "-q", &world.image]).success();
    assert_eq!(world.sh("echo whole").success().text(), "whole");
}

#[test]
fn a_changed_blob_is_found() {
    let Some(world) = world() else { return };
    let blobs = world.cala.data_root().join("images/blobs/sha256");
    let largest = entries(&blobs)
        .into_iter()
        .max_by_key(|name| std::fs::metadata(blobs.join(name)).expect("there").len());
    let path = blobs.join(largest.expect("a blob"));
    let mut bytes = std::fs::read(&path).expect("readable");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&path, bytes).expect("written");
    let found = problems(&world, &[], 125);
    assert!(found[0].contains("digest mismatch"), "{found:?}");
    assert_eq!(problems(&world, &["-q"], 0), [""; 0]);
}

#[test]
fn records_that_cannot_be_read_are_told_and_volumes_stay() {
    let Some(world) = world() else { return };
    let args = ["create", "--name", "c", "--network", "none", "-v", "v:/v", &world.image];
    let id = world.cala.run(args).success().text().to_owned();
    world.cala.run(["volume", "create", "w"]).success();
    world.cala.run_with_input(["secret", "create", "s", "-"], b"x").success();
    let data = world.cala.data_root();
    std::fs::write(data.join("containers").join(&id).join("container.json"), "{").expect("written");
    std::fs::write(data.join("volumes/w/volume.json"), "").expect("written");
    let secret = data.join("secrets").join(&entries(&data.join("secrets"))[0]);
    std::fs::write(secret.join("secret.json"), "x").expect("written");
    let found = problems(&world, &[], 125);
    for kind in [format!("container {id}: "), "volume w: volume.json: ".to_owned(), "secret ".to_owned()] {
        assert!(found.iter().any(|line| line.starts_with(&kind)), "{kind}: {found:?}");
    }
    let left = problems(&world, &["--force"], 125);
    assert!(
        left.iter().any(|line| line.starts_with("container ") && line.ends_with(" (removed)")),
        "{left:?}"
    );
    assert!(data.join("volumes/w/_data").is_dir());
    world.cala.run(["volume", "rm", "w"]).success();
}

#[test]
fn what_nothing_refers_to_goes_when_it_is_old() {
    let Some(world) = world() else { return };
    let data = world.cala.data_root();
    std::fs::create_dir_all(data.join("layers/loose/diff")).expect("made");
    let blob = data.join("images/blobs/sha256").join("a".repeat(64));
    std::fs::write(&blob, "loose").expect("written");
    assert_eq!(problems(&world, &[], 0), [""; 0], "a pull may be making it");
    let found = problems(&world, &["--max", "0s"], 125);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].starts_with("leftover layer loose: nothing refers to it"), "{found:?}");
    problems(&world, &["--max", "0s", "--repair"], 0);
    assert!(!blob.exists() && !data.join("layers/loose").exists());
    assert_eq!(world.sh("echo whole").success().text(), "whole");
}
