//! Pull, list, remove: with a real registry.

use cala_testkit::image::{Compression, Image, digest};
use cala_testkit::tar::Entry;
use cala_testkit::{LayerBuilder, Registry};
use serde_json::json;

use crate::world;

#[test]
fn an_image_is_listed_inspected_and_removed_with_its_space() {
    let Some(world) = world() else { return };
    let listed = world.cala.run(["images", "--format", "{{.Repository}}:{{.Tag}}"]).success();
    assert_eq!(listed.text(), world.image);
    let inspected = world.cala.run(["image", "inspect", &world.image]).success().json();
    assert_eq!(inspected[0]["Config"]["Cmd"][0], "sh");
    world.cala.run(["create", "--name", "user", "--network", "none", &world.image]).success();
    let refused = world.cala.run(["rmi", &world.image]).exits_with(2);
    assert!(refused.stderr.contains("in use"), "{refused:?}");
    world.cala.run(["rm", "user"]).success();
    world.cala.run(["rmi", &world.image]).success();
    world.cala.run(["image", "exists", &world.image]).exits_with(1);
    let layers: Vec<_> =
        std::fs::read_dir(world.cala.data_root().join("layers")).expect("the store").collect();
    assert!(layers.is_empty(), "{layers:?}");
    let blobs: Vec<_> =
        std::fs::read_dir(world.cala.data_root().join("images/blobs/sha256")).expect("the store").collect();
    assert!(blobs.is_empty(), "{blobs:?}");
}

#[test]
fn every_compression_gives_the_same_files() {
    let Some(world) = world() else { return };
    let busybox =
        std::fs::read("/bin/busybox").or_else(|_| std::fs::read("/usr/bin/busybox")).expect("busybox");
    for (name, compression) in
        [("gzip", Compression::Gzip), ("zstd", Compression::Zstd), ("plain", Compression::None)]
    {
        let layer = LayerBuilder::default()
            .folder("bin", 0o755)
            .file("bin/busybox", 0o755, &busybox)
            .symlink("bin/sha256sum", "busybox")
            .file("marker", 0o600, name.as_bytes());
        let image = Image::new(vec![layer.tar()], compression, &json!({ "Env": ["PATH=/bin"] }));
        let reference = world.registry.push(&format!("test/{name}"), "1", &image);
        let args = ["run", "--rm", "--network", "none", &reference, "sha256sum", "/marker"];
        let printed = world.cala.run(args).success();
        let expected = digest(name.as_bytes());
        assert!(printed.stdout.starts_with(expected.trim_start_matches("sha256:")), "{name}: {printed:?}");
    }
}

#[test]
fn layers_cover_and_remove_what_is_below() {
    let Some(world) = world() else { return };
    let Some(base) = Image::busybox() else { return };
    let middle = LayerBuilder::default()
        .folder("data", 0o755)
        .file("data/kept", 0o644, b"1")
        .file("data/gone", 0o644, b"2")
        .folder("old", 0o755)
        .file("old/hidden", 0o644, b"3");
    let top = LayerBuilder::default()
        .file("data/.wh.gone", 0o644, b"")
        .folder("old", 0o755)
        .file("old/.wh..wh..opq", 0o644, b"")
        .file("old/fresh", 0o644, b"4")
        .entry(&Entry { path: "data/link", kind: b'1', link: "data/kept", ..Entry::default() });
    // The bottom layer as it is, decompressed by pushing it under its own media type.
    let mut image =
        Image::new(vec![middle.tar(), top.tar()], Compression::Gzip, &json!({ "Env": ["PATH=/bin"] }));
    let lower: serde_json::Value = serde_json::from_slice(&base.config.bytes).expect("JSON");
    let upper: serde_json::Value = serde_json::from_slice(&image.config.bytes).expect("JSON");
    let ids: Vec<String> = [&lower, &upper]
        .iter()
        .flat_map(|config| config["rootfs"]["diff_ids"].as_array().expect("a list").clone())
        .filter_map(|id| id.as_str().map(str::to_owned))
        .collect();
    let mut layers = base.layers.clone();
    layers.append(&mut image.layers);
    let image = Image::from_parts(layers, &ids, &json!({ "Env": ["PATH=/bin"] }));
    let reference = world.registry.push("test/layers", "1", &image);
    let args = [
        "run",
        "--rm",
        "--network",
        "none",
        &reference,
        "sh",
        "-c",
        "ls /data /old; cat /data/link; stat -c %h /data/link",
    ];
    assert_eq!(world.cala.run(args).success().stdout, "/data:\nkept\nlink\n\n/old:\nfresh\n12\n");
}

#[test]
fn processes_side_by_side_fetch_a_layer_once() {
    let Some(world) = world() else { return };
    world.cala.run(["rmi", &world.image]).success();
    let children: Vec<_> = (0..8)
        .map(|_| {
            let mut command = world.cala.command(["pull", "--quiet", &world.image]);
            command
                .stdout(std::process::Stdio::piped())
                .stderr(std::process::Stdio::piped())
                .spawn()
                .expect("it starts")
        })
        .collect();
    for child in children {
        let output = child.wait_with_output().expect("it ends");
        assert!(output.status.success(), "{output:?}");
    }
    let layers: Vec<_> =
        std::fs::read_dir(world.cala.data_root().join("layers")).expect("the store").collect();
    assert_eq!(layers.len(), 1);
    assert_eq!(world.run_rm(&[], &["true"]).code, 0);
}

#[test]
fn a_lie_about_the_diff_id_is_refused_and_leaves_nothing() {
    let Some(world) = world() else { return };
    let honest =
        Image::new(vec![LayerBuilder::default().file("a", 0o644, b"a").tar()], Compression::Gzip, &json!({}));
    let lie = Image::from_parts(honest.layers, &[digest(b"something else")], &json!({ "Cmd": ["x"] }));
    let reference = world.registry.push("test/lie", "1", &lie);
    let refused = world.cala.run(["pull", &reference]).exits_with(125);
    assert!(refused.stderr.contains("sha256:"), "{refused:?}");
    world.cala.run(["image", "exists", &reference]).exits_with(1);
}

#[test]
fn an_unreachable_registry_and_an_unknown_image_are_different_errors() {
    let Some(world) = world() else { return };
    let unknown =
        world.cala.run(["pull", &format!("{}/no/such:1", world.registry.address())]).exits_with(125);
    assert!(
        unknown.stderr.contains("manifest unknown") || unknown.stderr.contains("not found"),
        "{unknown:?}"
    );
    let unreachable = world.cala.run(["pull", "127.0.0.1:1/no/such:1"]).exits_with(125);
    assert!(unreachable.stderr.contains("refused"), "{unreachable:?}");
}

#[test]
fn a_digest_that_does_not_match_is_refused() {
    let Some(world) = world() else { return };
    let registry: &Registry = &world.registry;
    let reference = format!("{}/test/busybox@{}", registry.address(), digest(b"other"));
    world.cala.run(["pull", &reference]).exits_with(125);
}
