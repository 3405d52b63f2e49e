//! Case 36 and rule R11: other bytes, other sizes, other types, ambiguous and oversized documents.

use std::collections::BTreeMap;

use cala_registry::RegistryError;
use cala_spec::{Classify as _, Platform};
use cala_testkit::image::digest;
use serde_json::json;

use crate::liar::{Liar, Step, answer, head};
use crate::support::*;

/// A registry that answers every manifest with this.
async fn manifest_liar(content_type: &'static str, header_digest: Option<String>, body: Vec<u8>) -> Liar {
    Liar::start(move |_| {
        let mut headers = vec![("Content-Type", content_type)];
        headers.extend(header_digest.iter().map(|digest| ("Docker-Content-Digest", digest.as_str())));
        answer("200 OK", &headers, &body)
    })
    .await
}

async fn code_of(liar: &Liar, tail: &str) -> (&'static str, String) {
    let error = resolve(&client(), &format!("{}/a{tail}", liar.address)).await.expect_err("a lie");
    (error.code(), error.to_string())
}

#[tokio::test]
async fn case_36_other_bytes_of_a_blob_are_dropped() {
    let bytes = noise(10_000);
    let mut other = bytes.clone();
    other[9_999] ^= 1;
    let (wanted, got) = (digest(&bytes), digest(&other));
    let liar = liar_about_blobs(&image(&bytes), move |_| answer("200 OK", &[], &other)).await;
    let mut sink = CountingSink::default();
    let error = pull_layer(&liar, &mut sink, &Told::default()).await.expect_err("other bytes");
    let text = error.to_string();
    assert!(matches!(error, RegistryError::DigestMismatch { .. }), "{text}");
    assert!(text.contains(&wanted) && text.contains(&got), "{text}");
    assert_eq!((sink.inner.bytes.len(), sink.restarts), (0, 1));
    assert_eq!(liar.count("/blobs/"), 1, "a lie is not asked for again");
}

#[tokio::test]
async fn case_35_longer_and_shorter_blobs_are_refused() {
    let bytes = noise(1000);
    for length in [900, 1100] {
        let liar = liar_about_blobs(&image(&bytes), move |_| answer("200 OK", &[], &noise(length))).await;
        let error =
            pull_layer(&liar, &mut CountingSink::default(), &Told::default()).await.expect_err("a size");
        assert!(matches!(error, RegistryError::SizeMismatch { expected: 1000, .. }), "{error}");
    }
    // The same without a length in the head.
    let liar = liar_about_blobs(&image(&bytes), move |_| {
        let mut all = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n".to_vec();
        all.extend_from_slice(&noise(1001));
        vec![Step::Send(all)]
    })
    .await;
    let mut sink = CountingSink::default();
    let error = pull_layer(&liar, &mut sink, &Told::default()).await.expect_err("a byte more");
    assert_eq!(error.code(), "digest_mismatch", "{error}");
    assert!(sink.inner.bytes.is_empty());
}

#[tokio::test]
async fn case_36_a_manifest_under_another_digest_is_refused() {
    let image = image(b"layer");
    let lie = digest(b"something else");
    let liar = manifest_liar(MANIFEST, Some(lie.clone()), image.manifest.bytes.clone()).await;
    let (code, text) = code_of(&liar, ":1").await;
    assert_eq!(code, "digest_mismatch");
    assert!(text.contains(&lie) && text.contains(&image.manifest.digest()), "{text}");
    let liar = manifest_liar(MANIFEST, None, image.manifest.bytes.clone()).await;
    assert_eq!(code_of(&liar, &format!("@{lie}")).await.0, "digest_mismatch");
    let liar = manifest_liar(MANIFEST, Some("sha256:../../x".into()), image.manifest.bytes.clone()).await;
    assert_eq!(code_of(&liar, ":1").await.0, "registry_protocol");
}

#[tokio::test]
async fn case_36_another_media_type_is_refused() {
    let body = image(b"layer").manifest.bytes;
    let liar = manifest_liar(INDEX, None, body.clone()).await;
    assert_eq!(code_of(&liar, ":1").await.0, "media_type_mismatch");
    let liar = manifest_liar("application/vnd.docker.distribution.manifest.v2+json", None, body).await;
    assert_eq!(code_of(&liar, ":1").await.0, "media_type_mismatch");
}

#[tokio::test]
async fn a_body_that_is_manifest_and_index_is_refused() {
    let mut body: serde_json::Value = serde_json::from_slice(&image(b"layer").manifest.bytes).expect("JSON");
    body["manifests"] = json!([]);
    for content_type in [MANIFEST, INDEX, "application/json"] {
        let liar = manifest_liar(content_type, None, serde_json::to_vec(&body).expect("JSON")).await;
        assert_eq!(code_of(&liar, ":1").await.0, "manifest_invalid", "{content_type}");
    }
}

#[tokio::test]
async fn hostile_digests_in_a_manifest_never_become_a_request() {
    for bad in ["sha256:../../../etc/passwd", "/etc/passwd", "sha1:da39a3ee5e6b4b0d3255bfef95601890afd80709"]
    {
        let body = json!({
            "schemaVersion": 2, "mediaType": MANIFEST,
            "config": { "mediaType": "x", "digest": digest(b"{}"), "size": 2 },
            "layers": [{ "mediaType": "x", "digest": bad, "size": 2 }],
        });
        let liar = manifest_liar(MANIFEST, None, body.to_string().into_bytes()).await;
        assert_eq!(code_of(&liar, ":1").await.0, "manifest_invalid", "{bad}");
        assert_eq!(liar.requests().len(), 1);
    }
}

#[tokio::test]
async fn an_endless_manifest_is_cut_off() {
    let liar = Liar::start(|_| {
        let mut steps = vec![Step::Send(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n".to_vec())];
        steps.extend((0..10).map(|_| Step::Send(vec![b' '; 1 << 20])));
        steps
    })
    .await;
    assert_eq!(code_of(&liar, ":1").await.0, "manifest_too_large");
    let liar = Liar::start(|_| vec![Step::Send(head("200 OK", &[("Content-Type", INDEX)], 1 << 30))]).await;
    assert_eq!(code_of(&liar, ":1").await.0, "manifest_too_large");
}

#[tokio::test]
async fn garbage_and_foreign_manifests_are_named() {
    let liar = manifest_liar(MANIFEST, None, b"<html>".to_vec()).await;
    assert_eq!(code_of(&liar, ":1").await.0, "manifest_invalid");
    let old = br#"{"schemaVersion":1,"fsLayers":[]}"#.to_vec();
    let liar = manifest_liar("application/vnd.docker.distribution.manifest.v1+prettyjws", None, old).await;
    assert_eq!(code_of(&liar, ":1").await.0, "manifest_unsupported");
}

/// A change to an entry of an index.
type Tweak = Box<dyn Fn(&mut serde_json::Value)>;

/// A registry with an index for these platforms; each leads to the same image.
async fn index_liar(platforms: &[&str], tweak: impl Fn(&mut serde_json::Value)) -> (Liar, String) {
    let image = image(b"layer");
    let entries: Vec<_> = platforms
        .iter()
        .map(|text| {
            let mut words = text.split('/');
            let mut platform = BTreeMap::from([("os", words.next()), ("architecture", words.next())]);
            platform.extend(words.next().map(|variant| ("variant", Some(variant))));
            let mut entry = json!({
                "mediaType": MANIFEST, "digest": image.manifest.digest(), "size": image.manifest.bytes.len(),
                "platform": platform,
            });
            tweak(&mut entry);
            entry
        })
        .collect();
    let index =
        json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": entries }).to_string().into_bytes();
    let index_digest = digest(&index);
    let liar = Liar::start(move |request| {
        if request.path.ends_with("/manifests/1") {
            answer("200 OK", &[("Content-Type", INDEX)], &index)
        } else {
            honest(&image, request)
        }
    })
    .await;
    (liar, index_digest)
}

#[tokio::test]
async fn an_index_leads_to_the_platforms_image() {
    let (liar, index) = index_liar(&["linux/s390x", "linux/arm/v7", "unknown/unknown"], |_| ()).await;
    let wanted: Platform = "linux/arm/v7".parse().expect("a platform");
    let found =
        client().resolve(&reference(&format!("{}/a:1", liar.address)), &wanted).await.expect("offered");
    assert_eq!(found.index.as_ref().map(|(digest, _)| digest.as_str()), Some(index.as_str()));
    assert_eq!(found.manifest_digest.as_str(), image(b"layer").manifest.digest());
    assert_eq!(found.reference_digest().as_str(), index);
}

#[tokio::test]
async fn a_missing_platform_lists_those_that_are_there() {
    let (liar, _) = index_liar(&["linux/s390x", "linux/arm/v7", "unknown/unknown"], |_| ()).await;
    let wanted: Platform = "linux/riscv64".parse().expect("a platform");
    let error =
        client().resolve(&reference(&format!("{}/a:1", liar.address)), &wanted).await.expect_err("none");
    assert_eq!(error.code(), "platform_not_found");
    let text = error.to_string();
    assert!(text.contains("linux/s390x, linux/arm/v7") && !text.contains("unknown/"), "{text}");
}

#[tokio::test]
async fn case_36_an_index_whose_entry_lies_is_refused() {
    let wanted: Platform = "linux/s390x".parse().expect("a platform");
    let docker = "application/vnd.docker.distribution.manifest.v2+json";
    let tweaks: [(&str, Tweak); 2] = [
        ("digest_mismatch", Box::new(|entry| entry["size"] = json!(5))),
        ("media_type_mismatch", Box::new(move |entry| entry["mediaType"] = json!(docker))),
    ];
    for (code, tweak) in tweaks {
        let (liar, _) = index_liar(&["linux/s390x"], tweak).await;
        let error =
            client().resolve(&reference(&format!("{}/a:1", liar.address)), &wanted).await.expect_err("a lie");
        assert_eq!(error.code(), code, "{error}");
    }
}

#[tokio::test]
async fn unknown_images_are_said_in_podmans_words() {
    let body = br#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}"#;
    let liar = Liar::start(|_| answer("404 Not Found", &[], body)).await;
    let (code, text) = code_of(&liar, ":1").await;
    assert_eq!(code, "image_not_found");
    assert_eq!(text, format!("reading manifest 1 in {}/a: manifest unknown", liar.address));
}
