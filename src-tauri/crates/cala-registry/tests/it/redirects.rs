//! Case 37 and rule R12: where a registry may send its clients, and what they carry there.

use std::time::{Duration, Instant};

use cala_registry::{MemorySink, RegistryError};
use cala_spec::Classify as _;

use crate::liar::{Liar, answer};
use crate::support::*;

/// Fetches a layer from a registry that redirects its blobs to `target`.
async fn redirected(target: String) -> (Result<(), RegistryError>, usize) {
    let liar = liar_about_blobs(&image(b"layer"), move |request| {
        let target = target.replace("{n}", &request.count.to_string());
        answer("307 Temporary Redirect", &[("Location", &target)], b"")
    })
    .await;
    let result = pull_layer(&liar, &mut MemorySink::default(), &Told::default()).await;
    (result, liar.count("/blobs/"))
}

#[tokio::test]
async fn case_37_forbidden_targets_are_refused() {
    for target in [
        "file:///etc/passwd",
        "http://169.254.169.254/latest/meta-data",
        "http://[fe80::1]/",
        "http://[::ffff:169.254.169.254]/",
        "ftp://example.org/",
        "gopher://127.0.0.1/",
    ] {
        let (result, _) = redirected(target.to_owned()).await;
        let error = result.expect_err(target);
        assert_eq!(error.code(), "redirect_refused", "{target}: {error}");
    }
}

#[tokio::test]
async fn case_37_loops_end_soon() {
    let begun = Instant::now();
    let (result, count) = redirected(format!("/v2/a/blobs/{}", cala_testkit::image::digest(b"layer"))).await;
    assert_eq!(result.expect_err("a loop").code(), "redirect_refused");
    assert_eq!(count, 1, "an address is not visited twice");
    // Each hop another address.
    let liar = liar_about_blobs(&image(b"layer"), |request| {
        let hop = request.path.split("?hop=").nth(1).and_then(|n| n.parse::<u32>().ok()).unwrap_or(0) + 1;
        let location = format!("/v2/a/blobs/x?hop={hop}");
        answer("302 Found", &[("Location", &location)], b"")
    })
    .await;
    let error = pull_layer(&liar, &mut MemorySink::default(), &Told::default()).await.expect_err("endless");
    assert!(error.to_string().contains("more than 10"), "{error}");
    assert_eq!(liar.count("/blobs/"), 11);
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn case_37_authorization_does_not_cross_hosts() {
    let other = Liar::start(|_| answer("200 OK", &[], b"layer")).await;
    let (image, target) = (image(b"layer"), format!("http://{}/storage?sig=secret", other.address));
    let registry = Liar::start(move |request| {
        if request.header("authorization").is_none() {
            return answer("401 Unauthorized", &[("WWW-Authenticate", "Basic realm=\"r\"")], b"");
        }
        if request.path.contains("/blobs/") {
            return answer("307 Temporary Redirect", &[("Location", &target)], b"");
        }
        honest(&image, request)
    })
    .await;
    let client = client_with("me:secret");
    let found = resolve(&client, &format!("{}/a:1", registry.address)).await.expect("logged in");
    let mut sink = MemorySink::default();
    client.fetch_blob(&found.source, &found.layers[0], &mut sink, &|_| ()).await.expect("followed");
    assert_eq!(sink.bytes, b"layer");
    let arrived = other.requests();
    assert_eq!(arrived.len(), 1);
    assert_eq!(arrived[0].header("authorization"), None);
    assert_eq!(arrived[0].path, "/storage?sig=secret");
}

#[tokio::test]
async fn case_37_credentials_in_a_location_are_not_used() {
    let other = Liar::start(|_| answer("200 OK", &[], b"layer")).await;
    let (result, _) = redirected(format!("http://me:pw@{}/x", other.address)).await;
    result.expect("followed");
    assert_eq!(other.requests()[0].header("authorization"), None);
}

#[tokio::test]
async fn another_host_that_asks_for_credentials_gets_none() {
    let other =
        Liar::start(|_| answer("401 Unauthorized", &[("WWW-Authenticate", "Basic realm=\"r\"")], b"")).await;
    let (image, target) = (image(b"layer"), format!("http://{}/x", other.address));
    let registry =
        liar_about_blobs(&image, move |_| answer("307 Temporary Redirect", &[("Location", &target)], b""))
            .await;
    let client = client_with("me:secret");
    let found = resolve(&client, &format!("{}/a:1", registry.address)).await.expect("open");
    let error = client
        .fetch_blob(&found.source, &found.layers[0], &mut MemorySink::default(), &|_| ())
        .await
        .expect_err("refused there");
    assert_eq!(error.code(), "registry_unauthorized");
    assert!(other.requests().iter().all(|request| request.header("authorization").is_none()));
}

#[tokio::test]
async fn urls_of_foreign_layers_are_not_followed() {
    let other = Liar::start(|_| answer("200 OK", &[], b"layer")).await;
    let mut image = image(b"layer");
    let mut body: serde_json::Value = serde_json::from_slice(&image.manifest.bytes).expect("JSON");
    body["layers"][0]["urls"] = serde_json::json!([format!("http://{}/x", other.address)]);
    image.manifest.bytes = serde_json::to_vec(&body).expect("JSON");
    let registry = liar_about_blobs(&image, |_| answer("404 Not Found", &[], b"")).await;
    let error =
        pull_layer(&registry, &mut MemorySink::default(), &Told::default()).await.expect_err("not there");
    assert_eq!(error.code(), "blob_not_found");
    assert!(other.requests().is_empty());
}
