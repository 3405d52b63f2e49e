//! Pushes: what is sent, where it goes on after a cut, and who sees credentials.

use std::io::Write as _;

use cala_registry::{BlobDescriptor, Pushed, RegistryError};
use cala_spec::progress::PullProgress;
use cala_testkit::image::digest;

use crate::liar::{Liar, Request, Step, answer};
use crate::support::*;

const SIZE: usize = 300_000;

/// A file of noise and its descriptor.
fn blob() -> (tempfile::NamedTempFile, BlobDescriptor) {
    let bytes = noise(SIZE);
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    file.write_all(&bytes).expect("written");
    let digest = digest(&bytes).parse().expect("a digest");
    (file, BlobDescriptor { media_type: "x/y".to_owned(), digest, size: SIZE as u64 })
}

fn methods(liar: &Liar) -> Vec<String> {
    liar.requests().into_iter().filter(|r| r.path.contains("/blobs/")).map(|r| r.method).collect()
}

/// A registry without the blob; `patch` answers the uploads.
async fn empty_registry(patch: impl Fn(&Request) -> Vec<Step> + Send + Sync + 'static) -> Liar {
    Liar::start(move |request| match request.method.as_str() {
        "HEAD" => answer("404 Not Found", &[], b""),
        "POST" => answer("202 Accepted", &[("Location", "/v2/r/blobs/uploads/one?state=a")], b""),
        "PUT" => answer("201 Created", &[], b""),
        _ => patch(request),
    })
    .await
}

#[tokio::test]
async fn an_upload_goes_on_where_it_was_cut() {
    let liar = empty_registry(|request| match (request.method.as_str(), request.header("content-range")) {
        ("PATCH", None) => vec![Step::Reset],
        ("GET", _) => answer(
            "204 No Content",
            &[("Range", "0-99999"), ("Location", "/v2/r/blobs/uploads/one?state=b")],
            b"",
        ),
        _ => answer("202 Accepted", &[("Location", "/v2/r/blobs/uploads/one?state=c")], b""),
    })
    .await;
    let (file, blob) = blob();
    let told = Told::default();
    let to = reference(&format!("{}/r:1", liar.address));
    let pushed =
        client().push_blob(&to, &blob, file.path(), None, &|step| told.push(step)).await.expect("resumed");
    assert_eq!(pushed, Pushed::Sent);
    assert_eq!(methods(&liar), ["HEAD", "POST", "PATCH", "GET", "PATCH", "PUT"]);
    let requests = liar.requests();
    let second = requests.iter().rfind(|request| request.method == "PATCH").expect("two");
    assert_eq!(second.header("content-range"), Some("100000-299999"));
    assert_eq!(second.header("content-length"), Some("200000"));
    assert!(second.path.ends_with("state=b"), "{second:?}");
    let last = requests.last().expect("a PUT");
    let encoded = blob.digest.to_string().replace(':', "%3A");
    assert!(last.path.ends_with(&format!("state=c&digest={encoded}")), "{last:?}");
    assert!(told.has(|step| matches!(step, PullProgress::Retrying { attempt: 2, .. })));
}

#[tokio::test]
async fn a_blob_that_is_there_is_not_sent_and_one_elsewhere_is_mounted() {
    let (file, blob) = blob();
    let there = Liar::start(|_| answer("200 OK", &[], b"")).await;
    let to = reference(&format!("{}/r:1", there.address));
    let pushed = client().push_blob(&to, &blob, file.path(), None, &|_| ()).await.expect("there");
    assert_eq!((pushed, methods(&there)), (Pushed::Existed, vec!["HEAD".to_owned()]));

    let mounts = Liar::start(|request| match request.method.as_str() {
        "HEAD" => answer("404 Not Found", &[], b""),
        _ => answer("201 Created", &[], b""),
    })
    .await;
    let to = reference(&format!("{}/r:1", mounts.address));
    let from = reference(&format!("{}/other:1", mounts.address));
    let pushed = client().push_blob(&to, &blob, file.path(), Some(&from), &|_| ()).await.expect("mounted");
    assert_eq!((pushed, methods(&mounts)), (Pushed::Mounted, vec!["HEAD".to_owned(), "POST".to_owned()]));
    let post = mounts.requests().pop().expect("a POST");
    assert_eq!(post.path, format!("/v2/r/blobs/uploads/?mount={}&from=other", blob.digest));
    // A repository of another registry is nobody's business there.
    let foreign = reference("example.com/other:1");
    let _ = client().push_blob(&to, &blob, file.path(), Some(&foreign), &|_| ()).await;
    assert_eq!(mounts.count("from=other"), 1);
}

#[tokio::test]
async fn credentials_do_not_follow_an_upload_to_another_host() {
    let elsewhere = Liar::start(|request| match request.method.as_str() {
        "PATCH" => answer("202 Accepted", &[("Location", "/u/2")], b""),
        _ => answer("201 Created", &[], b""),
    })
    .await;
    let address = format!("http://{}/u/1", elsewhere.address);
    let liar = Liar::start(move |request| match (request.header("authorization"), request.method.as_str()) {
        (None, _) => answer("401 Unauthorized", &[("WWW-Authenticate", "Basic realm=\"x\"")], b""),
        (_, "HEAD") => answer("404 Not Found", &[], b""),
        _ => answer("202 Accepted", &[("Location", &address)], b""),
    })
    .await;
    let (file, blob) = blob();
    let to = reference(&format!("{}/r:1", liar.address));
    client_with("ada:secret").push_blob(&to, &blob, file.path(), None, &|_| ()).await.expect("sent");
    let seen = elsewhere.requests();
    assert_eq!(seen.iter().map(|request| request.method.as_str()).collect::<Vec<_>>(), ["PATCH", "PUT"]);
    assert!(seen.iter().all(|request| request.header("authorization").is_none()), "{seen:?}");
}

#[tokio::test]
async fn a_file_of_another_size_is_not_sent() {
    let liar = empty_registry(|_| answer("202 Accepted", &[], b"")).await;
    let (file, blob) = blob();
    let wrong = BlobDescriptor { size: blob.size + 1, ..blob };
    let to = reference(&format!("{}/r:1", liar.address));
    let error = client().push_blob(&to, &wrong, file.path(), None, &|_| ()).await.expect_err("too short");
    assert!(matches!(error, RegistryError::Source { .. }), "{error:?}");
    assert!(!methods(&liar).contains(&"PATCH".to_owned()));
}

#[tokio::test]
async fn a_manifest_that_the_registry_took_for_another_is_an_error() {
    let other = digest(b"something else");
    let liar = Liar::start(move |_| answer("201 Created", &[("Docker-Content-Digest", &other)], b"")).await;
    let to = reference(&format!("{}/r:1", liar.address));
    let bytes = br#"{"schemaVersion":2}"#;
    let own = digest(bytes).parse().expect("a digest");
    let error = client().push_manifest(&to, MANIFEST, &own, bytes).await.expect_err("another digest");
    assert!(matches!(error, RegistryError::DigestMismatch { .. }), "{error:?}");
    let sent = liar.requests().pop().expect("a PUT");
    assert_eq!((sent.method.as_str(), sent.header("content-type")), ("PUT", Some(MANIFEST)));
    let refusing = Liar::start(|_| {
        answer("400 Bad Request", &[], br#"{"errors":[{"code":"MANIFEST_INVALID","message":"no"}]}"#)
    })
    .await;
    let to = reference(&format!("{}/r:1", refusing.address));
    let error = client().push_manifest(&to, MANIFEST, &own, bytes).await.expect_err("refused");
    assert!(matches!(error, RegistryError::Server { status: 400, .. }), "{error:?}");
}
