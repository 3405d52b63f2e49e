//! registries.conf at work: mirrors, locations, blocks, search lists.

use std::path::Path;

use cala_registry::{MemorySink, RegistryClient, RegistryError};
use cala_spec::{Classify as _, Platform};

use crate::liar::{Liar, answer};
use crate::support::*;

fn with_registries(folder: &Path, text: &str) -> RegistryClient {
    let file = folder.join("registries.conf");
    std::fs::write(&file, text).expect("written");
    let mut config = config();
    config.paths.registries_conf = vec![file];
    RegistryClient::new(config).expect("valid")
}

async fn honest_registry() -> Liar {
    let image = image(b"layer");
    Liar::start(move |request| honest(&image, request)).await
}

#[tokio::test]
async fn the_mirror_is_asked_first_and_for_the_blobs_too() {
    let (mirror, registry) = (honest_registry().await, honest_registry().await);
    let folder = tempfile::tempdir().expect("a folder");
    let client = with_registries(
        folder.path(),
        &format!(
            "[[registry]]\nprefix = \"r.example\"\nlocation = \"{}\"\n[[registry.mirror]]\nlocation = \"{}/copy\"\n",
            registry.address, mirror.address
        ),
    );
    let found = resolve(&client, "r.example/a:1").await.expect("mirrored");
    let mut sink = MemorySink::default();
    client.fetch_blob(&found.source, &found.layers[0], &mut sink, &|_| ()).await.expect("mirrored");
    assert_eq!(mirror.requests()[0].path, "/v2/copy/a/manifests/1");
    assert_eq!((mirror.count("/blobs/"), registry.requests().len()), (1, 0));
    assert_eq!(found.reference.to_string(), "r.example/a:1");
}

#[tokio::test]
async fn the_registry_helps_out_when_the_mirror_fails() {
    let registry = honest_registry().await;
    let empty = Liar::start(|_| answer("404 Not Found", &[], b"")).await;
    let without_blobs = liar_about_blobs(&image(b"layer"), |_| answer("404 Not Found", &[], b"")).await;
    for mirror in [&empty, &without_blobs] {
        let folder = tempfile::tempdir().expect("a folder");
        let client = with_registries(
            folder.path(),
            &format!(
                "[[registry]]\nprefix = \"r.example\"\nlocation = \"{}\"\n[[registry.mirror]]\nlocation = \"{}\"\n",
                registry.address, mirror.address
            ),
        );
        let found = resolve(&client, "r.example/a:1").await.expect("from the registry");
        let mut sink = MemorySink::default();
        client
            .fetch_blob(&found.source, &found.layers[0], &mut sink, &|_| ())
            .await
            .expect("from the registry");
        assert_eq!(sink.bytes, b"layer");
        assert!(!mirror.requests().is_empty());
    }
}

#[tokio::test]
async fn blocked_registries_are_not_asked() {
    let registry = honest_registry().await;
    let folder = tempfile::tempdir().expect("a folder");
    let text = format!("[[registry]]\nlocation = \"{}\"\nblocked = true\n", registry.address);
    let client = with_registries(folder.path(), &text);
    let error = resolve(&client, &format!("{}/a:1", registry.address)).await.expect_err("blocked");
    assert_eq!(error.code(), "registry_blocked");
    assert!(registry.requests().is_empty());
}

#[tokio::test]
async fn short_names_are_looked_up_in_order() {
    let (without, with) = (Liar::start(|_| answer("404 Not Found", &[], b"")).await, honest_registry().await);
    let folder = tempfile::tempdir().expect("a folder");
    let client = with_registries(
        folder.path(),
        &format!("unqualified-search-registries = [\"{}\", \"{}\"]\n", without.address, with.address),
    );
    let found = client.resolve_name("a:1", &Platform::host()).await.expect("in the second");
    assert_eq!(found.reference.to_string(), format!("{}/a:1", with.address));
    assert_eq!(without.requests().len(), 1);

    let client = with_registries(
        folder.path(),
        &format!("unqualified-search-registries = [\"{0}\", \"{0}\"]\n", without.address),
    );
    let error = client.resolve_name("a:1", &Platform::host()).await.expect_err("nowhere");
    assert!(matches!(error, RegistryError::ShortNameNotFound { .. }), "{error}");
    assert_eq!(error.code(), "image_not_found");
}

#[tokio::test]
async fn strict_verification_forbids_plain_http_on_loopback() {
    let registry = honest_registry().await;
    let mut config = config();
    config.tls_verify = Some(true);
    let client = RegistryClient::new(config).expect("no files");
    let error = resolve(&client, &format!("{}/a:1", registry.address)).await.expect_err("plain HTTP");
    assert!(matches!(error.code(), "registry_plain_http" | "registry_unreachable"), "{error}");
    assert!(registry.requests().is_empty());
}

#[test]
fn damaged_files_are_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("registries.conf");
    std::fs::write(&file, "[[registry]\n").expect("written");
    let mut config = config();
    config.paths.registries_conf = vec![file.clone()];
    let error = RegistryClient::new(config).expect_err("damaged");
    assert_eq!(error.code(), "registry_config_invalid");
    assert!(error.to_string().contains(&file.display().to_string()), "{error}");
}
