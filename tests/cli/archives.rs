//! `save` and `load`: what is written, what is read, what is refused.

use std::path::Path;

use cala_testkit::image::{Compression, compress, digest};
use cala_testkit::tar::{Entry, TarBuilder};
use cala_testkit::{Cala, Image, LayerBuilder, Output};
use serde_json::{Value, json};

use crate::{World, bare, other_program, program, refused, world};

/// A file of a tar by the system's tar(1): another reader than ours.
fn member(archive: &Path, name: &str) -> Vec<u8> {
    let output =
        std::process::Command::new("tar").arg("-xOf").arg(archive).arg(name).output().expect("tar is there");
    assert!(output.status.success(), "{name}: {output:?}");
    output.stdout
}

fn json_of(archive: &Path, name: &str) -> Value {
    serde_json::from_slice(&member(archive, name)).expect("JSON")
}

fn id_of(cala: &Cala, name: &str) -> String {
    cala.run(["inspect", "--format", "{{.Id}}", name]).success().text().to_owned()
}

/// What is in the data root's store of blobs and layers, names of temporary files too.
fn stored(cala: &Cala) -> Vec<String> {
    let mut names = Vec::new();
    for folder in ["images/blobs/sha256", "images/names", "images/removed", "layers", "tmp"] {
        let entries = std::fs::read_dir(cala.data_root().join(folder)).into_iter().flatten().flatten();
        names.extend(entries.map(|entry| format!("{folder}/{}", entry.file_name().to_string_lossy())));
    }
    names.sort();
    names
}

fn saved(world: &World, args: &[&str], file: &str) -> std::path::PathBuf {
    let path = world.cala.folder().join(file);
    let all: Vec<&str> = [&["save", "-q", "-o", path.to_str().expect("text")], args].concat();
    world.cala.run(all).success();
    path
}

#[test]
fn every_form_comes_back_as_the_same_image() {
    let Some(world) = world() else { return };
    let cala = &world.cala;
    let mut id = id_of(cala, &world.image);
    for format in ["docker-archive", "oci-archive", "oci-dir", "docker-dir"] {
        let file = format!("{format}.out");
        saved(&world, &["--format", format, &world.image], &file);
        cala.run(["rmi", "-f", &id]).success();
        let loaded = cala.run(["load", "-q", "-i", &file]).success();
        // Directories name no image in Podman, and `dir:` nowhere.
        let named = format.ends_with("archive") || (format == "oci-dir" && !other_program());
        if other_program() {
            // It writes another configuration into Docker's forms.
            loaded.text().trim_start_matches("Loaded image: ").clone_into(&mut id);
            id = id_of(cala, &id);
        }
        let name = if named { world.image.clone() } else { format!("sha256:{id}") };
        assert_eq!(loaded.text(), format!("Loaded image: {name}"), "{format}");
        assert_eq!(loaded.stderr, "", "{format}");
        let ran = cala.run(["run", "--rm", "--network", "none", &id, "cat", "/etc/group"]).success();
        assert!(ran.stdout.starts_with("root:x:0:\n"), "{format}: {ran:?}");
        if !named {
            cala.run(["tag", &id, &world.image]).success();
        }
    }
}

#[test]
fn a_docker_archive_has_uncompressed_layers_and_all_names() {
    let Some(world) = world() else { return };
    world.cala.run(["tag", &world.image, "localhost/two:2"]).success();
    let one = saved(&world, &[&world.image, "extra/tag", "second:3"], "one.tar");
    let list = json_of(&one, "manifest.json");
    let mut tags: Vec<&str> =
        list[0]["RepoTags"].as_array().expect("tags").iter().filter_map(Value::as_str).collect();
    tags.sort_unstable();
    let mut expected = [world.image.as_str(), "localhost/extra/tag:latest", "localhost/second:3"];
    expected.sort_unstable();
    assert_eq!(tags, expected);
    let layer = list[0]["Layers"][0].as_str().expect("a layer");
    assert_eq!(format!("sha256:{}", layer.trim_end_matches(".tar")), digest(&member(&one, layer)));
    let config = list[0]["Config"].as_str().expect("a configuration");
    assert_eq!(config, format!("{}.json", id_of(&world.cala, &world.image)));
    // Both names are of one image.
    let both = saved(&world, &["-m", &world.image, "localhost/two:2"], "both.tar");
    assert_eq!(json_of(&both, "manifest.json").as_array().map(Vec::len), Some(1));
    // Through a pipe the same bytes arrive.
    let piped = Output::of(
        world
            .cala
            .command(["save", "-q", &world.image])
            .stdout(std::fs::File::create(world.cala.folder().join("piped.tar")).expect("writable")),
    );
    piped.success();
    let alone = saved(&world, &[&world.image], "alone.tar");
    let bytes = |path: &Path| std::fs::read(path).expect("readable");
    assert!(bytes(&alone) == bytes(&world.cala.folder().join("piped.tar")));
    // By its id it has no name.
    let id = id_of(&world.cala, &world.image);
    let nameless = saved(&world, &[&id[..12]], "nameless.tar");
    let tags = &json_of(&nameless, "manifest.json")[0]["RepoTags"];
    assert!(tags.is_null() || tags.as_array().is_some_and(Vec::is_empty), "{tags}");
}

#[test]
fn an_oci_archive_keeps_the_manifest_of_an_oci_image() {
    let Some(world) = world() else { return };
    let path = saved(&world, &["--format", "oci-archive", &world.image], "oci.tar");
    let index = json_of(&path, "index.json");
    assert_eq!(index["manifests"][0]["annotations"]["org.opencontainers.image.ref.name"], json!(world.image));
    let named = index["manifests"][0]["digest"].as_str().expect("a digest").to_owned();
    let manifest = member(&path, &format!("blobs/sha256/{}", &named[7..]));
    assert_eq!(digest(&manifest), named);
    if !other_program() {
        let pulled = Image::busybox().expect("the world has it");
        assert_eq!(manifest, pulled.manifest.bytes);
    }
}

#[test]
fn archives_are_read_compressed_and_from_standard_input() {
    let Some(world) = world() else { return };
    let cala = &world.cala;
    let plain = std::fs::read(saved(&world, &[&world.image], "plain.tar")).expect("readable");
    let gzip = compress(plain.clone(), Compression::Gzip).bytes;
    let zstd = compress(plain.clone(), Compression::Zstd).bytes;
    for (name, bytes) in [("plain", &plain), ("gzip", &gzip), ("zstd", &zstd)] {
        cala.run(["rmi", &world.image]).success();
        let loaded = cala.run_with_input(["load", "-q"], bytes).success();
        assert_eq!(loaded.text(), format!("Loaded image: {}", world.image), "{name}");
    }
}

#[test]
fn a_file_is_replaced_whole_or_not_at_all() {
    if other_program() {
        // Podman refuses to write over an archive.
        return;
    }
    let Some(world) = world() else { return };
    let path = world.cala.folder().join("kept.tar");
    std::fs::write(&path, b"old").expect("writable");
    refused(&world.cala.run(["save", "-o", "kept.tar", "nope"]), 125, "Error: nope: image not known");
    let blobs = world.cala.data_root().join("images/blobs/sha256");
    let layer = Image::busybox().expect("the world has it").layers[0].digest();
    let blob = blobs.join(&layer[7..]);
    let good = std::fs::read(&blob).expect("readable");
    let mut bad = good.clone();
    let middle = bad.len() / 2;
    bad[middle] ^= 0xff;
    std::fs::write(&blob, &bad).expect("writable");
    world.cala.run(["save", "-o", "kept.tar", &world.image]).exits_with(125);
    assert_eq!(std::fs::read(&path).expect("readable"), b"old");
    let beside = std::fs::read_dir(world.cala.folder()).expect("readable").flatten();
    assert!(!beside.into_iter().any(|entry| entry.file_name().to_string_lossy().starts_with(".kept")));
    std::fs::write(&blob, &good).expect("writable");
    world.cala.run(["save", "-o", "kept.tar", &world.image]).success();
    assert_eq!(json_of(&path, "manifest.json")[0]["RepoTags"][0], json!(world.image));
}

/// The parts of a docker-archive.
struct Parts {
    layer: Vec<u8>,
    config: Vec<u8>,
}

fn parts() -> Parts {
    let layer = LayerBuilder::default().folder("etc", 0o755).file("etc/name", 0o644, b"x\n").tar();
    let image = Image::new(vec![layer.clone()], Compression::None, &json!({ "Cmd": ["x"] }));
    Parts { layer, config: image.config.bytes }
}

fn docker_archive(parts: &Parts, change: impl Fn(TarBuilder) -> TarBuilder, list: &Value) -> Vec<u8> {
    let name = format!("{}.json", &digest(&parts.config)[7..]);
    let tar = TarBuilder::default()
        .entry(&Entry { path: "layer.tar", content: &parts.layer, ..Entry::default() })
        .entry(&Entry { path: &name, content: &parts.config, ..Entry::default() });
    let list = serde_json::to_vec(list).expect("JSON");
    change(tar).entry(&Entry { path: "manifest.json", content: &list, ..Entry::default() }).finish()
}

fn list(parts: &Parts, layer: &str, tags: &Value) -> Value {
    json!([{ "Config": format!("{}.json", &digest(&parts.config)[7..]), "RepoTags": tags, "Layers": [layer] }])
}

#[test]
fn links_and_names_of_docker_are_understood() {
    if other_program() {
        // Podman takes the link for the layer.
        return;
    }
    let cala = bare();
    let parts = parts();
    // As Docker wrote archives for years: a layer by way of a link, names without a registry.
    let link = |tar: TarBuilder| {
        tar.entry(&Entry { path: "abc/layer.tar", kind: b'2', link: "../layer.tar", ..Entry::default() })
    };
    let archive = docker_archive(&parts, link, &list(&parts, "abc/layer.tar", &json!(["thing:1"])));
    let loaded = cala.run_with_input(["load", "-q"], &archive).success();
    assert_eq!(loaded.text(), "Loaded image: localhost/thing:1");
    let nameless = docker_archive(&parts, |tar| tar, &list(&parts, "layer.tar", &Value::Null));
    cala.run(["rmi", "thing:1"]).success();
    let loaded = cala.run_with_input(["load", "-q"], &nameless).success();
    assert_eq!(loaded.text(), format!("Loaded image: {}", digest(&parts.config)));
    assert_eq!(cala.run(["images", "-q", "--filter", "dangling=true"]).success().stdout.lines().count(), 1);
}

#[test]
fn what_lies_or_leads_out_is_refused_and_leaves_nothing() {
    let cala = bare();
    cala.run(["images"]).success();
    let before = stored(&cala);
    let good = parts();
    let tags = json!(["thing:1"]);
    let plain = |tar: TarBuilder| tar;
    let other = Parts {
        layer: LayerBuilder::default().file("other", 0o644, b"y").tar(),
        config: good.config.clone(),
    };
    let wrong_name =
        json!([{ "Config": format!("{}.json", "0".repeat(64)), "RepoTags": tags, "Layers": ["layer.tar"] }]);
    let renamed = TarBuilder::default()
        .entry(&Entry { path: "layer.tar", content: &good.layer, ..Entry::default() })
        .entry(&Entry {
            path: &format!("{}.json", "0".repeat(64)),
            content: &good.config,
            ..Entry::default()
        })
        .entry(&Entry {
            path: "manifest.json",
            content: wrong_name.to_string().as_bytes(),
            ..Entry::default()
        })
        .finish();
    let twice =
        |tar: TarBuilder| tar.entry(&Entry { path: "./layer.tar", content: b"z", ..Entry::default() });
    let device = |tar: TarBuilder| tar.entry(&Entry { path: "null", kind: b'3', ..Entry::default() });
    let cut = docker_archive(&good, plain, &list(&good, "layer.tar", &tags));
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("no archive", b"hello\n".to_vec(), "archive ends in the middle of an entry"),
        ("nothing", Vec::new(), "it has neither `manifest.json` nor `index.json`"),
        (
            "a plain tar",
            good.layer.clone(),
            "it has neither `manifest.json` nor `index.json`: no archive of images",
        ),
        ("cut off", cut[..2000].to_vec(), "archive ends in the middle of an entry"),
        ("another layer", docker_archive(&other, plain, &list(&good, "layer.tar", &tags)), "digest mismatch"),
        ("another configuration", renamed, "digest mismatch"),
        (
            "no such layer",
            docker_archive(&good, plain, &list(&good, "nope.tar", &tags)),
            "`nope.tar` is not in it",
        ),
        (
            "a path upwards",
            docker_archive(&good, plain, &list(&good, "../../etc/passwd", &tags)),
            "leads out of the archive",
        ),
        (
            "a wrong name",
            docker_archive(&good, plain, &list(&good, "layer.tar", &json!(["UPPER"]))),
            "must be lowercase",
        ),
        (
            "a file twice",
            docker_archive(&good, twice, &list(&good, "layer.tar", &tags)),
            "`layer.tar` is in it twice",
        ),
        (
            "a device",
            docker_archive(&good, device, &list(&good, "layer.tar", &tags)),
            "neither a file nor a directory nor a link",
        ),
        ("no images", docker_archive(&good, plain, &json!([])), "lists 0 images"),
    ];
    for (what, bytes, reason) in cases {
        let output = cala.run_with_input(["load", "-q"], &bytes);
        if !other_program() {
            assert!(output.code == 125 && output.stderr.contains(reason), "{what}: {output:?}");
            assert_eq!(stored(&cala), before, "{what}");
        }
    }
    for (path, kind, link) in [("../out", b'0', ""), ("/out", b'0', ""), ("a/b", b'2', "../../../etc/passwd")]
    {
        let out = |tar: TarBuilder| tar.entry(&Entry { path, kind, link, content: b"", ..Entry::default() });
        let bytes = docker_archive(&good, out, &list(&good, "layer.tar", &tags));
        let output = cala.run_with_input(["load", "-q"], &bytes);
        assert!(!cala.folder().join("out").exists() && !Path::new("/out").exists());
        if !other_program() {
            assert!(output.code == 125 && output.stderr.contains("leads out of the archive"), "{output:?}");
            assert_eq!(stored(&cala), before, "{path}");
        }
    }
}

#[test]
fn a_layer_that_fails_late_takes_the_earlier_ones_with_it() {
    if other_program() {
        return;
    }
    let cala = bare();
    cala.run(["images"]).success();
    let before = stored(&cala);
    let good = LayerBuilder::default().folder("a", 0o755).tar();
    let gzip = compress(good.clone(), Compression::Gzip);
    // Its own digest is right, its content is not what the configuration says.
    let lie = compress(LayerBuilder::default().file("b", 0o644, b"b").tar(), Compression::Gzip);
    let image = Image::from_parts(
        vec![gzip, lie],
        &[digest(&good), digest(b"something else")],
        &json!({ "Cmd": ["x"] }),
    );
    let index = json!({ "schemaVersion": 2, "manifests": [
        { "mediaType": image.manifest.media_type, "digest": image.manifest.digest(), "size": image.manifest.bytes.len() }
    ] });
    let mut tar = TarBuilder::default();
    for blob in image.layers.iter().chain([&image.config, &image.manifest]) {
        let path = format!("blobs/sha256/{}", &blob.digest()[7..]);
        tar = tar.entry(&Entry { path: &path, content: &blob.bytes, ..Entry::default() });
    }
    let bytes = tar
        .entry(&Entry { path: "index.json", content: index.to_string().as_bytes(), ..Entry::default() })
        .finish();
    let output = cala.run_with_input(["load", "-q"], &bytes).exits_with(125);
    assert!(output.stderr.contains("cannot unpack layer"), "{output:?}");
    assert_eq!(stored(&cala), before);
}

#[test]
fn what_is_wrong_is_said_in_one_line() {
    let Some(world) = world() else { return };
    let cala = &world.cala;
    for (args, line) in [
        (&["save"][..], "Error: need at least 1 argument"),
        (&["save", "-o", "x.tar", "nope"], "Error: nope: image not known"),
        (
            &["save", "--format", "nope", "x"],
            "Error: format value must be one of oci-dir oci-archive docker-dir docker-archive",
        ),
        (
            &["save", "--compress", "-o", "x.tar", "x"],
            "Error: --compress can only be set when --format is 'docker-dir'",
        ),
        (
            &["save", "-m", "--format", "oci-archive", "-o", "x.tar", "a", "b"],
            "Error: unsupported format \"oci-archive\" for saving multiple images (only docker-archive)",
        ),
    ] {
        refused(&cala.run(args), 125, line);
    }
    refused(&cala.run(["load", "x"]), 125, &format!("Error: `{} load` takes no arguments", program()));
    cala.run(["load", "-i", "nosuch.tar"]).exits_with(125);
    if !other_program() {
        refused(
            &cala.run(["load", "-i", "nosuch.tar"]),
            125,
            "Error: cannot read `nosuch.tar`: No such file or directory",
        );
        refused(
            &cala.run(["save", "--format", "oci-dir", &world.image]),
            125,
            "Error: a directory needs a path: name one with --output",
        );
        std::fs::create_dir(cala.folder().join("full")).expect("writable");
        std::fs::write(cala.folder().join("full/mine"), b"").expect("writable");
        refused(
            &cala.run(["save", "--format", "docker-dir", "-o", "full", &world.image]),
            125,
            "Error: `full` is not empty and holds no image of `dir:`",
        );
    }
    assert!(!cala.folder().join("x.tar").exists());
}
