//! Commands on images that are here: history, untag, tree, prune.

use cala_testkit::image::{Compression, compress, digest};
use cala_testkit::{Cala, Image, LayerBuilder};
use serde_json::json;

use crate::{World, bare, other_program, program, refused, world};

/// An image upon the layers of the world's, with one more.
fn derived(world: &World) -> String {
    let busybox = Image::busybox().expect("the world has it");
    let more = LayerBuilder::default().file("more", 0o644, b"more").tar();
    let diff_ids: Vec<String> = [busybox_diff_id(&busybox), digest(&more)].to_vec();
    let layers = [busybox.layers.clone(), vec![compress(more, Compression::Gzip)]].concat();
    let image =
        Image::from_parts(layers, &diff_ids, &json!({ "Cmd": ["sh"], "Labels": { "kind": "derived" } }));
    let name = world.registry.push("test/derived", "1", &image);
    world.cala.run(["pull", "--quiet", "--tls-verify=false", &name]).success();
    name
}

fn busybox_diff_id(image: &Image) -> String {
    let config: serde_json::Value = serde_json::from_slice(&image.config.bytes).expect("a configuration");
    config["rootfs"]["diff_ids"][0].as_str().expect("a diff id").to_owned()
}

fn ids(cala: &Cala) -> Vec<String> {
    let listed = cala.run(["images", "-q", "--no-trunc"]).success();
    listed.stdout.lines().map(|line| line.trim_start_matches("sha256:").to_owned()).collect()
}

#[test]
fn history_tells_the_steps_the_last_one_first() {
    let Some(world) = world() else { return };
    let name = derived(&world);
    let base = world.cala.run(["inspect", "--format", "{{.Id}}", &world.image]).success().text().to_owned();
    let top = world.cala.run(["inspect", "--format", "{{.Id}}", &name]).success().text().to_owned();
    let shown = world.cala.run(["history", &name]).success();
    assert!(shown.stdout.starts_with("ID            CREATED"), "{shown:?}");
    assert_eq!(shown.stdout.lines().count(), 3);
    // The image that the lower step ended is here: the step has its id.
    let both = format!("{top}\n{base}\n");
    assert_eq!(world.cala.run(["history", "-q", "--no-trunc", &name]).success().stdout, both);
    let rows = world.cala.run(["image", "history", "--format", "json", &name]).success().json();
    assert_eq!(rows[0]["id"], json!(top));
    assert_eq!(rows[0]["Created"], json!("2026-01-02T03:04:05Z"));
    assert_eq!(rows[0]["CreatedBy"], json!("testkit"));
    assert_eq!(rows[0]["tags"], json!([name]));
    assert_eq!(rows[1]["tags"], json!([world.image]));
    let times =
        world.cala.run(["history", "-H=false", "--format", "{{.Created}} {{.CreatedAt}}", &name]).success();
    assert_eq!(times.stdout.lines().next(), Some("2026-01-02T03:04:05Z 2026-01-02T03:04:05Z"));
    let columns = world.cala.run(["history", "--format", "table {{.ID}} {{.CreatedBy}}", &name]).success();
    assert_eq!(columns.stdout.lines().next(), Some("ID            CREATED BY"));
    // Without the base the step is nobody's.
    world.cala.run(["rmi", &world.image]).success();
    let alone = world.cala.run(["history", "-q", &name]).success();
    assert_eq!(alone.stdout, format!("{}\n<missing>\n", &top[..12]));
}

#[test]
fn untag_takes_names_and_leaves_the_image() {
    let Some(world) = world() else { return };
    let cala = &world.cala;
    cala.run(["tag", &world.image, "short:1", "localhost/long:2", "other"]).success();
    let named = |name: &str| cala.run(["image", "exists", name]).code == 0;
    // A name that is given here without a registry is of localhost.
    assert!(named("localhost/short:1") && named("localhost/other:latest"));
    refused(
        &cala.run(["untag", &world.image, "long:2", "nope"]),
        125,
        "Error: localhost/nope:latest: tag not known",
    );
    // All or nothing; Podman has taken the first by then.
    assert!(named("localhost/long:2") || other_program());
    cala.run(["untag", &world.image, "short:1", "localhost/other"]).success();
    assert!(!named("localhost/short:1") && !named("localhost/other") && named(&world.image));
    let id = ids(cala).remove(0);
    cala.run(["image", "untag", &id]).success();
    assert!(!named(&world.image));
    let rows = cala.run(["images", "--noheading", "--format", "{{.Repository}} {{.Tag}}"]).success();
    assert_eq!(rows.text(), "<none> <none>");
    cala.run(["run", "--rm", "--network", "none", &id, "true"]).success();
}

#[test]
fn a_tree_shows_layers_and_what_lies_upon_them() {
    let Some(world) = world() else { return };
    let name = derived(&world);
    let id = world.cala.run(["inspect", "--format", "{{.Id}}", &name]).success().text().to_owned();
    let flat = world.cala.run(["image", "tree", &name]).success();
    let lines: Vec<&str> = flat.stdout.lines().collect();
    assert_eq!(lines.first().copied(), Some(format!("Image ID: {}", &id[..12]).as_str()));
    assert_eq!(lines.get(1).copied(), Some(format!("Tags:     [{name}]").as_str()));
    assert_eq!(lines.get(3).copied(), Some("Image Layers"));
    let (lower, upper) = (lines.get(4).expect("a layer"), lines.get(5).expect("a layer"));
    assert!(
        lower.starts_with("├── ID: ") && lower.ends_with(&format!(" Top Layer of: [{}]", world.image)),
        "{flat:?}"
    );
    assert!(
        upper.starts_with("└── ID: ") && upper.ends_with(&format!(" Top Layer of: [{name}]")),
        "{flat:?}"
    );
    let upward = world.cala.run(["image", "tree", "--whatrequires", &world.image]).success();
    let lines: Vec<&str> = upward.stdout.lines().collect();
    let drawn: Vec<String> = lines.iter().skip(4).map(|line| line.chars().take(8).collect()).collect();
    assert_eq!(drawn, ["├── ID: ", "└── ID: ", ""], "{upward:?}");
    assert!(
        lines.get(5).is_some_and(|line| line.ends_with(&format!(" Top Layer of: [{name}]"))),
        "{upward:?}"
    );
}

#[test]
fn prune_removes_what_nothing_needs() {
    let Some(world) = world() else { return };
    let cala = &world.cala;
    let name = derived(&world);
    let id = cala.run(["inspect", "--format", "{{.Id}}", &name]).success().text().to_owned();
    cala.run(["create", "--name", "user", &world.image, "true"]).success();
    assert_eq!(cala.run(["image", "prune", "-f"]).success().stdout, "");
    assert_eq!(ids(cala).len(), 2);
    cala.run(["untag", &name]).success();
    // The person says no.
    let asked = cala.run_with_input(["image", "prune"], b"n\n").success();
    let question =
        "WARNING! This command removes all dangling images.\nAre you sure you want to continue? [y/N] ";
    assert_eq!(asked.stdout, question);
    assert_eq!(
        cala.run(["image", "prune", "-f", "--filter", "until=2001-01-01T00:00:00"]).success().stdout,
        ""
    );
    assert_eq!(cala.run(["image", "prune", "-f", "--filter", "label=nope"]).success().stdout, "");
    assert_eq!(ids(cala).len(), 2);
    let pruned =
        cala.run(["image", "prune", "-f", "--build-cache", "--filter", "label=kind=derived"]).success();
    assert_eq!(pruned.text(), id);
    // A container uses the other one.
    assert_eq!(cala.run(["image", "prune", "-a", "-f"]).success().stdout, "");
    cala.run(["rm", "user"]).success();
    let last = ids(cala).remove(0);
    assert_eq!(
        cala.run_with_input(["image", "prune", "-a"], b"y\n")
            .success()
            .text()
            .lines()
            .last()
            .map(|line| line.rsplit(' ').next()),
        Some(Some(last.as_str()))
    );
    assert_eq!(ids(cala).len(), 0);
}

#[test]
fn an_image_pulled_by_digest_is_not_dangling() {
    let Some(world) = world() else { return };
    let cala = &world.cala;
    let pinned = cala.run(["inspect", "--format", "{{index .RepoDigests 0}}", &world.image]).success();
    cala.run(["rmi", &world.image]).success();
    cala.run(["pull", "-q", "--tls-verify=false", pinned.text()]).success();
    assert_eq!(cala.run(["image", "prune", "-f"]).success().stdout, "");
    assert_eq!(ids(cala).len(), 1);
    cala.run(["image", "prune", "-a", "-f"]).success();
    assert_eq!(ids(cala).len(), 0);
}

#[test]
fn diff_tells_what_the_topmost_layer_changes() {
    let Some(world) = world() else { return };
    let name = derived(&world);
    assert_eq!(world.cala.run(["image", "diff", &name]).success().stdout, "A /more\n");
    let against = world.cala.run(["image", "diff", "--format", "json", &name, &world.image]).success();
    assert_eq!(against.json(), json!({ "added": ["/more"] }));
    if !other_program() {
        // Podman compares with the parent whatever the second is.
        let back = world.cala.run(["image", "diff", &world.image, &name]).success();
        assert_eq!(back.stdout, "D /more\n");
    }
}

#[test]
fn what_is_wrong_is_said_in_one_line() {
    let cala = bare();
    for (args, line) in [
        (&["history"][..], "Error: accepts 1 arg(s), received 0"),
        (&["history", "a", "b"], "Error: accepts 1 arg(s), received 2"),
        (&["history", "nope"], "Error: nope: image not known"),
        (&["untag"], "Error: requires at least 1 arg(s), only received 0"),
        (&["untag", "nope"], "Error: nope: image not known"),
        (&["image", "diff"], "Error: accepts between 1 and 2 arg(s), received 0"),
        (&["image", "tree", "nope"], "Error: nope: image not known"),
        (&["image", "tree", "a", "b"], "Error: accepts 1 arg(s), received 2"),
    ] {
        refused(&cala.run(args), 125, line);
    }
    let none = format!("Error: `{} image prune` takes no arguments", program());
    refused(&cala.run(["image", "prune", "-f", "x"]), 125, &none);
    if other_program() {
        return;
    }
    for (args, line) in [
        (
            &["image", "diff", "--format", "x", "y"][..],
            "Error: only supported value for '--format' is 'json'",
        ),
        (&["history", "--format", "{{.Nope", "x"], "Error: template: history:1:0: unclosed action"),
        (&["image", "prune", "-f", "--filter", "nope=1"], "Error: nope is an invalid filter"),
        (
            &["image", "prune", "-f", "--filter", "until=x"],
            "Error: failed to parse value as time or duration: \"x\"",
        ),
        (
            &["image", "prune", "-f", "--filter", "until=1h", "--filter", "until=2h"],
            "Error: specify exactly one timestamp for until",
        ),
    ] {
        refused(&cala.run(args), 125, line);
    }
}
