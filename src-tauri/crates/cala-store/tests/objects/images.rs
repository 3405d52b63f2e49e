//! Names of images, finding them, removing them with what nothing else uses.

use std::path::{Path, PathBuf};

use cala_spec::{Digest, Reference};
use cala_store::{ImageRecord, RemoveLater, Store, StoreError, TreeRemover, parse_manifest};
use serde_json::{Value, json};

use crate::fixture::{Fixture, config, digest_of, image};

fn reference(text: &str) -> Reference {
    text.parse().unwrap()
}

fn pulled(store: &Store, name: &str, salt: &str, layers: &[&str]) -> ImageRecord {
    let made = image(store, salt, layers);
    store.commit_image(&reference(name), &made).unwrap()
}

#[derive(Default)]
struct Seen(Vec<PathBuf>);

impl TreeRemover for Seen {
    fn remove_tree(&mut self, path: &Path) {
        self.0.push(path.to_owned());
        std::fs::remove_dir_all(path).unwrap();
    }
}

#[test]
fn an_image_is_found_by_every_form_of_its_name() {
    let fixture = Fixture::new();
    let store = &fixture.store;
    let alpine = pulled(store, "alpine:3", "a", &["a"]);
    let tool = pulled(store, "quay.io/team/tool:v1", "b", &["b"]);
    let mine = pulled(store, "localhost/mine", "c", &["c"]);
    for text in [
        "alpine:3",
        "docker.io/alpine:3",
        "docker.io/library/alpine:3",
        alpine.image_id.as_str(),
        alpine.image_id.hex(),
        &alpine.image_id.hex()[..12],
        &format!("alpine@{}", alpine.manifest),
        &format!("alpine:3@{}", alpine.manifest),
    ] {
        assert_eq!(store.resolve_image(text).unwrap().image_id, alpine.image_id, "{text}");
    }
    assert_eq!(store.resolve_image("tool:v1").unwrap().image_id, tool.image_id);
    assert_eq!(store.resolve_image("mine").unwrap().image_id, mine.image_id);
    for text in
        ["alpine", "alpine:4", "tool", "0", &format!("alpine@{}", digest_of(b"other")), "ffffffffffff"]
    {
        let error = store.resolve_image(text);
        let ambiguous_or_none = match &error {
            Err(StoreError::NoSuchImage(_)) => true,
            Ok(_) | Err(StoreError::AmbiguousImage { .. }) => text == "0",
            Err(_) => false,
        };
        assert!(ambiguous_or_none, "{text}: {error:?}");
    }
    assert!(matches!(store.resolve_image("UPPER"), Err(StoreError::Reference(_))));
    assert_eq!(store.resolve_image("nope").unwrap_err().to_string(), "nope: image not known");
}

#[test]
fn a_moved_tag_leaves_the_old_image_without_a_name() {
    let fixture = Fixture::new();
    let old = pulled(&fixture.store, "app", "old", &["base", "old"]);
    let new = pulled(&fixture.store, "app", "new", &["base", "new"]);
    assert_eq!(fixture.store.resolve_image("app").unwrap().image_id, new.image_id);
    let images = fixture.store.images().unwrap();
    assert_eq!(images.len(), 2);
    let dangling = images.iter().find(|image| *image.id() == old.image_id).unwrap();
    assert!(dangling.names.is_empty() && dangling.damaged.is_none());
    fixture.store.tag_image(&old, &reference("kept:1")).unwrap();
    let images = fixture.store.images().unwrap();
    let named = images.iter().find(|image| *image.id() == old.image_id).unwrap();
    assert_eq!(named.names, ["docker.io/library/kept:1"]);
    let summaries = fixture.store.image_summaries(&[]).unwrap();
    assert!(summaries.iter().all(|summary| (summary.size, summary.shared_size) == (2000, 1000)));
}

#[test]
fn removal_frees_what_nothing_else_uses() {
    let fixture = Fixture::new();
    let store = &fixture.store;
    let a = pulled(store, "a", "a", &["base", "only a"]);
    let b = pulled(store, "b", "b", &["base", "only b"]);
    let mut seen = Seen::default();
    let removed = store.remove_image("a", false, &mut seen).unwrap();
    assert_eq!(removed.untagged, ["docker.io/library/a:latest"]);
    assert_eq!(removed.deleted, Some(a.image_id.clone()));
    assert!(removed.freed > 1000);
    assert_eq!(seen.0.len(), 1, "the shared layer stays");
    assert!(!store.has_blob(&a.manifest) && !store.has_blob(&a.image_id));
    store.verify_image(&b).unwrap();
    store.remove_image("b", false, &mut seen).unwrap();
    assert_eq!(seen.0.len(), 3);
    for empty in ["images/blobs/sha256", "images/names", "images/removed", "layers", "tmp"] {
        assert_eq!(std::fs::read_dir(fixture.data().join(empty)).unwrap().count(), 0, "{empty}");
    }
    assert!(matches!(store.remove_image("b", false, &mut seen), Err(StoreError::NoSuchImage(_))));
}

#[test]
fn one_of_several_names_goes_alone() {
    let fixture = Fixture::new();
    let record = pulled(&fixture.store, "a:1", "a", &["a"]);
    fixture.store.tag_image(&record, &reference("a:2")).unwrap();
    let error = fixture.store.remove_image(record.image_id.as_str(), false, &mut RemoveLater).unwrap_err();
    assert!(error.to_string().contains("by ID with more than one tag"), "{error}");
    let removed = fixture.store.remove_image("a:1", false, &mut RemoveLater).unwrap();
    assert_eq!((removed.untagged.len(), removed.deleted, removed.freed), (1, None, 0));
    let removed = fixture.store.remove_image(&record.image_id.hex()[..10], false, &mut RemoveLater).unwrap();
    assert_eq!((removed.untagged.len(), removed.deleted), (1, Some(record.image_id)));
    assert!(fixture.store.images().unwrap().is_empty());
}

#[test]
fn an_image_in_use_stays_and_with_force_its_layers_do() {
    let fixture = Fixture::new();
    let store = &fixture.store;
    let record = pulled(store, "a", "a", &["a"]);
    let mut wanted = config("user");
    wanted.image_id = record.image_id.clone();
    wanted.layers = record.layers.iter().map(|layer| layer.key.clone()).collect();
    drop(store.claim_container(&wanted).unwrap());
    let error = store.remove_image("a", false, &mut RemoveLater).unwrap_err();
    let words = format!("image used by {}: image is in use by a container", wanted.id);
    assert!(error.to_string().starts_with(&words), "{error}");
    store.remove_image("a", true, &mut RemoveLater).unwrap();
    assert!(store.layer_diff(&wanted.layers[0]).is_dir() && store.has_leftovers());
    store.remove_container_records(&wanted.id).unwrap();
    store.collect(&mut RemoveLater).unwrap();
    assert!(!store.has_leftovers());
    assert!(!store.layer_diff(&wanted.layers[0]).exists());
    assert!(!store.has_blob(&record.image_id));
    assert_eq!(std::fs::read_dir(fixture.data().join("images/removed")).unwrap().count(), 0);
}

#[test]
fn nothing_is_collected_while_a_pull_is_under_way() {
    let fixture = Fixture::new();
    let record = pulled(&fixture.store, "a", "a", &["a"]);
    let pull = fixture.store.guard_pull().unwrap();
    assert_eq!(fixture.store.remove_image("a", false, &mut RemoveLater).unwrap().freed, 0);
    assert!(fixture.store.has_blob(&record.image_id));
    drop(pull);
    assert!(fixture.store.collect(&mut RemoveLater).unwrap() > 0);
    assert!(!fixture.store.has_blob(&record.image_id));
}

#[test]
fn damage_is_told_of_one_image_and_healed_by_a_pull() {
    let fixture = Fixture::new();
    let a = pulled(&fixture.store, "a", "a", &["a"]);
    pulled(&fixture.store, "b", "b", &["b"]);
    std::fs::remove_dir_all(fixture.store.layer_diff(&a.layers[0].key).parent().unwrap()).unwrap();
    let damaged = |fixture: &Fixture| {
        let summaries = fixture.store.image_summaries(&[]).unwrap();
        summaries.into_iter().filter_map(|summary| summary.damaged).collect::<Vec<_>>()
    };
    assert_eq!(damaged(&fixture), [format!("damaged: layer {} is missing", a.layers[0].key)]);
    assert!(matches!(fixture.store.verify_image(&a), Err(StoreError::ImageDamaged { .. })));
    pulled(&fixture.store, "a", "a", &["a"]);
    assert!(damaged(&fixture).is_empty());
    std::fs::write(fixture.data().join("images/names/docker.io%2Flibrary%2Fa%3Alatest"), "{").unwrap();
    assert_eq!(fixture.store.images().unwrap().len(), 1);
    assert_eq!(fixture.store.damaged_image_names().unwrap().len(), 1);
    pulled(&fixture.store, "a", "a", &["a"]);
    assert_eq!(fixture.store.images().unwrap().len(), 2);
}

#[test]
fn the_directory_is_an_oci_layout() {
    let fixture = Fixture::new();
    let record = pulled(&fixture.store, "a", "a", &["a"]);
    let read = |name: &str| -> Value {
        serde_json::from_slice(&std::fs::read(fixture.data().join("images").join(name)).unwrap()).unwrap()
    };
    assert_eq!(read("oci-layout"), json!({ "imageLayoutVersion": "1.0.0" }));
    let manifest = &read("index.json")["manifests"][0];
    assert_eq!(manifest["digest"], record.manifest.as_str());
    assert_eq!(manifest["annotations"]["org.opencontainers.image.ref.name"], "docker.io/library/a:latest");
    fixture.store.remove_image("a", false, &mut RemoveLater).unwrap();
    assert_eq!(read("index.json")["manifests"], json!([]));
}

#[test]
fn very_long_names_are_names_too() {
    let fixture = Fixture::new();
    let name = format!("registry.example/{}/{}:{}", "a".repeat(100), "b".repeat(130), "t".repeat(128));
    let record = pulled(&fixture.store, &name, "a", &["a"]);
    assert_eq!(fixture.store.resolve_image(&name).unwrap(), record);
    assert_eq!(fixture.store.images().unwrap()[0].names, [name]);
}

#[test]
fn documents_of_two_minds_are_refused() {
    let manifest = "application/vnd.oci.image.manifest.v1+json";
    let index = "application/vnd.oci.image.index.v1+json";
    let config = json!({ "mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest_of(b""), "size": 0 });
    let good = json!({ "schemaVersion": 2, "mediaType": manifest, "config": config, "layers": [] });
    let with = |key: &str, value: Value| {
        let mut document = good.clone();
        document[key] = value;
        document
    };
    for (document, announced, words) in [
        (with("manifests", json!([])), None, "both `layers` and `manifests`"),
        (json!({ "schemaVersion": 2, "manifests": [] }), None, "it is an index"),
        (with("mediaType", json!(index)), None, "it is an index"),
        (good.clone(), Some(index), "it was announced as"),
        (with("mediaType", json!("text/plain")), None, "not the media type of a manifest"),
        (json!({ "schemaVersion": 1, "fsLayers": [] }), None, "schema 1"),
        (with("layers", json!([{ "mediaType": "x", "digest": "../../x", "size": 1 }])), None, ""),
        (json!([]), None, ""),
    ] {
        let bytes = serde_json::to_vec(&document).unwrap();
        let digest: Digest = digest_of(&bytes);
        let error = parse_manifest(&digest, announced, &bytes).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
    let bytes = serde_json::to_vec(&good).unwrap();
    assert!(parse_manifest(&digest_of(&bytes), Some(manifest), &bytes).is_ok());
}
