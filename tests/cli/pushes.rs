//! `push`, and `pull` from where it pushes to.

use cala_testkit::image::digest;
use cala_testkit::registry::{PASSWORD, USER};
use cala_testkit::{Cala, Image, Output, Registry};
use serde_json::Value;

use crate::{World, bare, other_program, refused, world};

fn push(world: &World, args: &[&str]) -> Output {
    world.cala.run([&["push", "--tls-verify=false"], args].concat())
}

fn at(world: &World, name: &str) -> String {
    format!("{}/{name}", world.registry.address())
}

fn json_of(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

#[test]
fn what_was_pulled_is_pushed_bit_for_bit() {
    let Some(world) = world() else { return };
    let original = Image::busybox().expect("the world has it").manifest;
    let target = at(&world, "copy/box:2");
    let pushed = push(&world, &["--digestfile", "digest", &world.image, &target]).success();
    assert_eq!(pushed.stdout, "");
    let (media_type, manifest) = world.registry.manifest("copy/box", "2").expect("it is there");
    if !other_program() {
        // Podman compresses anew.
        assert_eq!(
            (media_type.as_str(), manifest.as_bytes()),
            (original.media_type.as_str(), original.bytes.as_slice())
        );
        assert!(pushed.stderr.contains("is there already"), "mounted from the other repository: {pushed:?}");
    }
    let written = std::fs::read_to_string(world.cala.folder().join("digest")).expect("a file");
    assert_eq!(written, digest(manifest.as_bytes()));
    // What came back is the same image.
    let id = world.cala.run(["inspect", "--format", "{{.Id}}", &world.image]).success();
    world.cala.run(["rmi", "-f", id.text()]).success();
    let pulled = world.cala.run(["pull", "-q", "--tls-verify=false", &target]).success();
    assert_eq!(pulled.text(), id.text());
    // The name alone says where to.
    world.cala.run(["tag", &target, &at(&world, "by/name:3")]).success();
    push(&world, &["-q", &at(&world, "by/name:3")]).success();
    assert!(world.registry.manifest("by/name", "3").is_some());
}

#[test]
fn blobs_are_sent_to_a_registry_that_has_them_not() {
    let Some(world) = world() else { return };
    let other = Registry::start().expect("the world has one");
    let target = format!("{}/fresh/box:1", other.address());
    let sent = push(&world, &[&world.image, &target]).success();
    if !other_program() {
        assert!(sent.stderr.contains(" done ("), "{sent:?}");
        let again = push(&world, &[&world.image, &target]).success();
        assert!(!again.stderr.contains(" done ("), "{again:?}");
    }
    let fresh = bare();
    let pulled = fresh.run(["pull", "-q", "--tls-verify=false", &target]).success();
    fresh.run(["run", "--rm", "--network", "none", pulled.text(), "true"]).success();
}

#[test]
fn credentials_are_asked_for_and_used() {
    let Some(world) = world() else { return };
    let closed = Registry::start_with_login().expect("the world has one");
    let target = format!("{}/closed/box:1", closed.address());
    let refused = push(&world, &["--retry", "0", &world.image, &target]).exits_with(125);
    assert!(refused.stderr.contains("authentication required") || other_program(), "{refused:?}");
    let creds = format!("{USER}:{PASSWORD}");
    push(&world, &["--retry", "0", "--creds", &format!("{USER}:wrong"), &world.image, &target])
        .exits_with(125);
    push(&world, &["--creds", &creds, &world.image, &target]).success();
    // By the file of a login as well.
    let entered = world.cala.run_with_input(
        [
            "login",
            "--tls-verify=false",
            "--authfile",
            "auth.json",
            "-u",
            USER,
            "--password-stdin",
            closed.address(),
        ],
        PASSWORD.as_bytes(),
    );
    entered.success();
    let second = format!("{}/closed/second:1", closed.address());
    push(&world, &["--authfile", "auth.json", &world.image, &second]).success();
    let pull = |args: &[&str]| bare().run([&["pull", "-q", "--tls-verify=false"], args].concat());
    pull(&["--retry", "0", &second]).exits_with(125);
    pull(&["--creds", &creds, &second]).success();
}

#[test]
fn the_type_and_the_compression_are_changed_on_request() {
    let Some(world) = world() else { return };
    let push_as = |args: &[&str], name: &str| {
        let target = at(&world, &format!("{name}:1"));
        push(&world, &[args, &[&world.image, &target]].concat()).success();
        let (media_type, manifest) = world.registry.manifest(name, "1").expect("it is there");
        let fresh = bare();
        let pulled = fresh.run(["pull", "-q", "--tls-verify=false", &target]).success();
        fresh.run(["run", "--rm", "--network", "none", pulled.text(), "true"]).success();
        (media_type, json_of(&manifest))
    };
    let (media_type, manifest) = push_as(&["--format", "v2s2"], "as/docker");
    assert_eq!(media_type, "application/vnd.docker.distribution.manifest.v2+json");
    assert_eq!(manifest["config"]["mediaType"], "application/vnd.docker.container.image.v1+json");
    assert_eq!(manifest["layers"][0]["mediaType"], "application/vnd.docker.image.rootfs.diff.tar.gzip");
    let (media_type, manifest) = push_as(
        &["--compression-format", "zstd", "--compression-level", "3", "--force-compression"],
        "as/zstd",
    );
    assert_eq!(media_type, "application/vnd.oci.image.manifest.v1+json");
    assert_eq!(manifest["layers"][0]["mediaType"], "application/vnd.oci.image.layer.v1.tar+zstd");
}

#[test]
fn an_uncompressed_layer_is_compressed_for_a_registry() {
    let Some(world) = world() else { return };
    let archive = world.cala.folder().join("plain.tar");
    let file = archive.to_str().expect("text");
    world.cala.run(["save", "-q", "-o", file, &world.image]).success();
    let id = world.cala.run(["inspect", "--format", "{{.Id}}", &world.image]).success();
    world.cala.run(["rmi", "-f", id.text()]).success();
    world.cala.run(["load", "-q", "-i", file]).success();
    push(&world, &[&world.image, &at(&world, "small/box:1")]).success();
    let (_, manifest) = world.registry.manifest("small/box", "1").expect("it is there");
    let layer = json_of(&manifest)["layers"][0].clone();
    assert_eq!(layer["mediaType"], "application/vnd.docker.image.rootfs.diff.tar.gzip");
    let whole = std::fs::metadata(&archive).expect("a file").len();
    assert!(layer["size"].as_u64().is_some_and(|size| size < whole), "{layer}");
}

#[test]
fn files_and_folders_are_pushed_to_and_pulled_from() {
    let Some(world) = world() else { return };
    let cala = &world.cala;
    let id = cala.run(["inspect", "--format", "{{.Id}}", &world.image]).success().text().to_owned();
    let places = [
        "oci:layout:first",
        "oci:layout:second",
        "oci-archive:one.tar:name",
        "docker-archive:two.tar:foo/bar:7",
        "dir:folder",
    ];
    for place in places {
        push(&world, &["-q", &world.image, place]).success();
    }
    let index = std::fs::read_to_string(cala.folder().join("layout/index.json")).expect("an index");
    assert_eq!(json_of(&index)["manifests"].as_array().map(Vec::len), Some(2));
    assert!(cala.folder().join("folder/version").is_file());
    for place in places {
        let fresh: Cala = bare();
        let path = format!(
            "{}:{}/{}",
            place.split(':').next().unwrap_or_default(),
            cala.folder().display(),
            &place[place.find(':').expect("one") + 1..]
        );
        let pulled = fresh.run(["pull", "-q", &path]).success();
        let first = pulled.text().lines().next().unwrap_or_default();
        if !other_program() {
            assert_eq!(first, id, "{place}");
        }
        fresh.run(["run", "--rm", "--network", "none", first, "true"]).success();
    }
    let wrong = format!("oci:{}/layout:third", cala.folder().display());
    cala.run(["pull", "-q", &wrong]).exits_with(125);
}

#[test]
fn all_tags_of_a_repository_are_pulled() {
    if other_program() {
        // Podman asks for the tags by HTTPS whatever --tls-verify says.
        return;
    }
    let Some(world) = world() else { return };
    for tag in ["a", "b"] {
        push(&world, &["-q", &world.image, &at(&world, &format!("many/box:{tag}"))]).success();
    }
    let fresh = bare();
    let name = at(&world, "many/box");
    let pulled = fresh.run(["pull", "-q", "--tls-verify=false", "--all-tags", &name]).success();
    assert_eq!(pulled.stdout.lines().count(), 2, "{pulled:?}");
    let tags = fresh.run(["images", "--noheading", "--format", "{{.Tag}}", "--sort", "tag"]).success();
    assert_eq!(tags.text(), "a\nb");
    let tagged = format!("{name}:a");
    fresh.run(["pull", "-q", "--tls-verify=false", "-a", &tagged]).exits_with(125);
}

#[test]
fn a_registry_that_is_not_there_is_tried_as_often_as_asked() {
    let Some(world) = world() else { return };
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    drop(listener);
    let target = format!("{address}/x:1");
    push(&world, &["--retry", "1", "--retry-delay", "1ms", &world.image, &target]).exits_with(125);
    let pulled =
        world.cala.run(["pull", "--tls-verify=false", "--retry", "1", "--retry-delay", "1ms", &target]);
    assert!(pulled.exits_with(125).stderr.contains("pinging container registry") || other_program());
}

#[test]
fn what_is_wrong_is_said_in_one_line() {
    let Some(world) = world() else { return };
    let image = world.image.as_str();
    for (args, line) in [
        (&["push"][..], "Error: accepts between 1 and 2 arg(s), received 0"),
        (&["push", "a", "b", "c"], "Error: accepts between 1 and 2 arg(s), received 3"),
        (&["push", "nope", "localhost:1/x"], "Error: nope: image not known"),
    ] {
        refused(&world.cala.run(args), 125, line);
    }
    if other_program() {
        return;
    }
    let id = world.cala.run(["images", "-q"]).success().text().to_owned();
    for (args, line) in [
        (
            &["push", "--format", "v2s1", image, "dir:x"][..],
            "Error: manifests of type \"v2s1\" are not written",
        ),
        (&["push", "--format", "nope", image, "dir:x"], "Error: unknown manifest type \"nope\""),
        (&["push", "--compression-format", "xz", image, "dir:x"], "Error: unknown compression format \"xz\""),
        (
            &["push", "--compression-level", "10", image, "dir:x"],
            "Error: invalid argument \"10\" for \"--compression-level\" flag: it must be between 1 and 9",
        ),
        (
            &["push", "--format", "v2s2", "--compression-format", "zstd", image, "dir:x"],
            "Error: manifests of type v2s2 have no layers of zstd: choose the type oci or the compression gzip",
        ),
        (
            &["push", "--encryption-key", "k", image, "dir:x"],
            "Error: --encryption-key is not supported: images are not encrypted",
        ),
        (
            &["push", "--sign-by", "k", image, "dir:x"],
            "Error: --sign-by is not supported: images are not signed",
        ),
        (
            &["push", "--all", image, "dir:x"],
            "Error: --all is not supported: an image is pushed for its one platform",
        ),
        (&["push", "--creds", "x", image, "dir:x"], "Error: credentials must be USERNAME:PASSWORD"),
        (
            &["push", "--retry-delay", "soon", image, "dir:x"],
            "Error: parsing --retry-delay \"soon\": invalid duration \"soon\"",
        ),
        (
            &["push", "--retry-delay", "-1s", image, "dir:x"],
            "Error: --retry-delay \"-1s\" must not be negative",
        ),
        (&["push", image, "docker-daemon:x:y"], "Error: the transport \"docker-daemon\" is not supported"),
        (&["push", image, "oci:"], "Error: \"oci:\" names no path"),
        (&["push", &id], ""),
        (
            &["pull", "--decryption-key", "k", "x"],
            "Error: --decryption-key is not supported: encrypted images are not read",
        ),
        (&["pull", "dir:/nonexistent"], "Error: cannot read `/nonexistent`: No such file or directory"),
        (&["pull", "containers-storage:x"], "Error: the transport \"containers-storage\" is not supported"),
    ] {
        let line = if line.is_empty() {
            format!("Error: `{id}` is no name of an image: say where to push it")
        } else {
            line.to_owned()
        };
        refused(&world.cala.run(args), 125, &line);
    }
    assert!(!world.cala.folder().join("x").exists());
}
