//! Files that are not what they were: only what they belong to suffers, and there is a way out.

use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use crate::support::{World, entries, last_error, noise, nothing_half_made, remove_as_subordinate, world};

/// A container's state file.
fn state_of(world: &World, id: &str) -> PathBuf {
    world.cala.data_root().join("containers").join(id).join("state.json")
}

/// What may befall a file.
fn harms() -> Vec<(&'static str, fn(&Path))> {
    vec![
        ("emptied", |path| std::fs::write(path, "").expect("ours")),
        ("halved", |path| {
            let bytes = std::fs::read(path).expect("ours");
            std::fs::write(path, &bytes[..bytes.len() / 2]).expect("ours");
        }),
        ("noise", |path| std::fs::write(path, noise(1000)).expect("ours")),
        ("other document", |path| std::fs::write(path, r#"{"version":99,"status":"flying"}"#).expect("ours")),
        ("a gibibyte", |path| {
            let file = std::fs::File::options().write(true).open(path).expect("ours");
            file.set_len(1 << 30).expect("sparse");
            file.write_at(b"{", 0).expect("ours");
        }),
        ("gone", |path| std::fs::remove_file(path).expect("ours")),
        ("a folder", |path| {
            std::fs::remove_file(path).expect("ours");
            std::fs::create_dir(path).expect("ours");
        }),
    ]
}

#[test]
fn a_container_whose_state_is_damaged_is_listed_so_and_can_be_removed() {
    let Some(world) = world() else { return };
    world.sleeper("fine");
    for (what, harm) in harms() {
        for running in [false, true] {
            let id = if running {
                world.sleeper("hurt")
            } else {
                let args = ["create", "--name", "hurt", "--network", "none", &world.image];
                world.cala.run(args).success().text().to_owned()
            };
            harm(&state_of(&world, &id));
            let listed = world.cala.run(["ps", "-a", "--format", "{{.Names}} {{.State}}"]).success();
            assert!(listed.stdout.contains("fine running"), "{what}: {listed:?}");
            assert!(listed.stdout.contains("hurt damaged"), "{what}: {listed:?}");
            let looked = world.cala.run(["inspect", "hurt"]);
            assert!(looked.code == 0 || last_error(&looked).contains("damaged"), "{what}: {looked:?}");
            let started = world.cala.run(["start", "hurt"]);
            assert_eq!(started.code, 125, "{what}: {started:?}");
            assert!(last_error(&started).contains("damaged"), "{what}: {started:?}");
            crate::support::hinted(&started, "cala rm -f");
            world.cala.run(["rm", "-f", "hurt"]).success();
            let listed = world.cala.run(["ps", "-a", "--format", "{{.Names}} {{.State}}"]).success();
            assert_eq!(listed.text(), "fine running", "{what}");
        }
    }
    world.cala.run(["rm", "-f", "fine"]).success();
    nothing_half_made(&world.cala);
}

#[test]
fn an_image_whose_layer_is_gone_is_damaged_alone_and_a_pull_heals_it() {
    let Some(world) = world() else { return };
    let other = crate::support::small_image(3);
    let registry = cala_testkit::ScriptedRegistry::honest(&[("other", "1", &other)]);
    let other = registry.reference("other", "1");
    let layers = world.cala.data_root().join("layers");
    let key = entries(&layers).pop().expect("one layer");
    world.cala.run(["pull", "-q", &other]).success();
    remove_as_subordinate(&layers.join(&key));
    world.cala.run(["ps", "-a"]).success();
    assert_eq!(world.cala.run(["images", "-q"]).success().stdout.lines().count(), 2);
    world.cala.run(["image", "inspect", &other]).success();
    world.cala.run(["create", "--name", "o", &other]).success();
    let output = world.sh("true");
    assert_eq!(output.code, 125, "{output:?}");
    assert!(last_error(&output).contains("damaged"), "{output:?}");
    crate::support::hinted(&output, &format!("cala pull {}", world.image));
    assert_eq!(
        world.cala.run(["ps", "-a", "--format", "{{.Names}}"]).success().text(),
        "o",
        "nothing was made"
    );
    world.cala.run(["pull", "-q", &world.image]).success();
    assert_eq!(world.sh("echo healed").success().text(), "healed");
}

#[test]
fn an_image_whose_documents_are_damaged_is_damaged_alone_and_a_pull_heals_it() {
    let Some(world) = world() else { return };
    let blobs = world.cala.data_root().join("images/blobs/sha256");
    for blob in [&world.busybox.config, &world.busybox.manifest, &world.busybox.layers[0]] {
        let path = blobs.join(&blob.digest()[7..]);
        for harm in ["flip", "cut", "gone"] {
            let mut bytes = blob.bytes.clone();
            let middle = bytes.len() / 2;
            match harm {
                "flip" => bytes[middle] ^= 0x20,
                "cut" => bytes.truncate(middle),
                _ => {}
            }
            // A blob is read-only for its owner too.
            std::fs::remove_file(&path).expect("ours");
            if harm != "gone" {
                std::fs::write(&path, &bytes).expect("ours");
            }
            world.cala.run(["ps", "-a"]).success();
            world.cala.run(["images"]).success();
            let output = world.sh("true");
            let layer = std::ptr::eq(blob, &raw const world.busybox.layers[0]);
            // The compressed layer is not needed for running.
            if !layer && output.code != 0 {
                assert_eq!(output.code, 125, "{harm}: {output:?}");
                assert!(last_error(&output).contains("damaged"), "{harm}: {output:?}");
            }
            world.cala.run(["pull", "-q", &world.image]).success();
            assert_eq!(world.sh("echo healed").success().text(), "healed", "{harm}");
            if !(layer && harm == "flip") {
                assert!(std::fs::read(&path).expect("it is there") == blob.bytes, "{harm}");
            }
        }
    }
}

#[test]
fn a_layer_that_is_gone_together_with_its_blob_is_fetched_anew() {
    let Some(world) = world() else { return };
    let blobs = world.cala.data_root().join("images/blobs/sha256");
    let layers = world.cala.data_root().join("layers");
    let blob = &world.busybox.layers[0];
    let path = blobs.join(&blob.digest()[7..]);
    for flip in [false, true] {
        let key = entries(&layers).pop().expect("one layer");
        remove_as_subordinate(&layers.join(&key));
        std::fs::remove_file(&path).expect("ours");
        if flip {
            let mut bytes = blob.bytes.clone();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            std::fs::write(&path, &bytes).expect("ours");
        }
        world.cala.run(["pull", "-q", &world.image]).success();
        assert_eq!(world.sh("echo healed").success().text(), "healed", "flip {flip}");
        assert!(std::fs::read(&path).expect("it is there") == blob.bytes, "flip {flip}");
    }
}

#[test]
fn a_name_file_of_an_image_that_is_damaged_hides_nothing_else() {
    let Some(world) = world() else { return };
    let other = crate::support::small_image(4);
    let registry = cala_testkit::ScriptedRegistry::honest(&[("other", "1", &other)]);
    let other = registry.reference("other", "1");
    world.cala.run(["pull", "-q", &other]).success();
    let names = world.cala.data_root().join("images/names");
    let file = entries(&names).into_iter().find(|name| name.contains("busybox")).expect("its name");
    std::fs::write(names.join(file), "{").expect("ours");
    let listed = world.cala.run(["images", "--format", "{{.Repository}}"]).success();
    assert!(listed.stdout.contains("other"), "{listed:?}");
    let output = world.sh("true");
    // It cannot be read: with the registry at hand it may be fetched anew, else it is damaged.
    assert!(output.code == 0 || last_error(&output).contains("damaged"), "{output:?}");
    world.cala.run(["pull", "-q", &world.image]).success();
    world.sh("true").success();
}

#[test]
fn a_run_root_that_is_wiped_is_no_end_for_what_runs() {
    let Some(world) = world() else { return };
    world.sleeper("on");
    world.sleeper("off");
    std::fs::remove_dir_all(world.cala.run_root()).expect("it is ours");
    let listed = world.cala.run(["ps", "--format", "{{.Names}} {{.State}}"]).success();
    assert_eq!(listed.stdout.lines().count(), 2, "{listed:?}");
    assert_eq!(listed.stderr, "", "no noise");
    assert_eq!(world.inspect("on", "{{.State.Status}}"), "running");
    world.cala.run(["logs", "on"]).success();
    world.cala.run(["stop", "-t", "1", "on"]).success();
    assert_eq!(world.inspect("on", "{{.State.Status}}"), "exited");
    world.cala.run(["start", "on"]).success();
    world.cala.run(["rm", "-f", "off"]).success();
    world.cala.run(["rm", "-f", "on"]).success();
    assert_eq!(world.cala.run(["ps", "-aq"]).success().stdout, "");
}
