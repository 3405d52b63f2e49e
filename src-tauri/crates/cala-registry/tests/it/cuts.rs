//! Cases 34, 35 and 39: stalls, cuts, resumes.

use std::time::{Duration, Instant};

use cala_registry::{MemorySink, RegistryError};
use cala_spec::Classify as _;
use cala_spec::progress::PullProgress;

use crate::liar::{Liar, Request, Step, answer, blob, head};
use crate::support::*;

const SIZE: usize = 300_000;

/// A layer whose first download does `first`, all further ones are honest.
async fn first_time(first: impl Fn(&Request, &[u8]) -> Vec<Step> + Send + Sync + 'static) -> (Liar, Vec<u8>) {
    let bytes = noise(SIZE);
    let (image, layer) = (image(&bytes), bytes.clone());
    let liar = liar_about_blobs(&image, move |request| {
        if request.count == 0 { first(request, &layer) } else { blob(request, &layer) }
    })
    .await;
    (liar, bytes)
}

/// The layer arrives whole, without a restart, with one further request that begins at `from`.
async fn resumes_at(liar: &Liar, bytes: &[u8], from: usize) -> Told {
    let (mut sink, told) = (CountingSink::default(), Told::default());
    pull_layer(liar, &mut sink, &told).await.expect("resumed");
    assert!(sink.inner.bytes == bytes, "the bytes are the layer's");
    assert_eq!(sink.restarts, 0);
    let blobs: Vec<_> =
        liar.requests().into_iter().filter(|request| request.path.contains("/blobs/")).collect();
    assert_eq!(blobs.len(), 2);
    assert_eq!(blobs[1].range(), Some(from));
    told
}

#[tokio::test]
async fn case_35_an_early_end_is_resumed() {
    let (liar, bytes) = first_time(|_, bytes| {
        let mut half = head("200 OK", &[("ETag", "\"one\"")], SIZE);
        half.extend_from_slice(&bytes[..SIZE / 2]);
        vec![Step::Send(half)]
    })
    .await;
    let told = resumes_at(&liar, &bytes, SIZE / 2).await;
    assert!(told.has(|step| matches!(step, PullProgress::Retrying { attempt: 2, .. })));
    let last = liar.requests().pop().expect("requests");
    assert_eq!(last.header("if-range"), Some("\"one\""));
    assert!(
        told.has(|step| matches!(step, PullProgress::Downloading { bytes, total, .. } if bytes == total))
    );
}

#[tokio::test]
async fn case_35_an_end_without_length_is_resumed() {
    let (liar, bytes) = first_time(|_, bytes| {
        let mut half = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n".to_vec();
        half.extend_from_slice(&bytes[..1000]);
        vec![Step::Send(half)]
    })
    .await;
    resumes_at(&liar, &bytes, 1000).await;
}

#[tokio::test]
async fn case_35_a_reset_is_resumed() {
    let (liar, bytes) = first_time(|_, bytes| {
        let mut part = head("200 OK", &[], SIZE);
        part.extend_from_slice(&bytes[..5000]);
        // The wait lets the client read before the reset throws away what is on its way.
        vec![Step::Send(part), Step::Wait(Duration::from_millis(200)), Step::Reset]
    })
    .await;
    resumes_at(&liar, &bytes, 5000).await;
}

#[tokio::test]
async fn case_34_a_stall_in_a_blob_is_told_and_resumed() {
    let (liar, bytes) = first_time(|_, bytes| {
        let mut half = head("200 OK", &[], SIZE);
        half.extend_from_slice(&bytes[..SIZE / 2]);
        vec![Step::Send(half), Step::Wait(Duration::from_secs(20))]
    })
    .await;
    let told = resumes_at(&liar, &bytes, SIZE / 2).await;
    assert!(told.has(|step| matches!(step, PullProgress::Retrying { .. })));
}

#[tokio::test]
async fn case_34_a_stall_is_shown_while_it_lasts() {
    let bytes = noise(4000);
    let (image, layer) = (image(&bytes), bytes.clone());
    let liar = liar_about_blobs(&image, move |_| {
        let mut half = head("200 OK", &[], layer.len());
        half.extend_from_slice(&layer[..2000]);
        vec![Step::Send(half), Step::Wait(Duration::from_millis(3400)), Step::Send(layer[2000..].to_vec())]
    })
    .await;
    let mut config = config();
    config.timing.idle = Duration::from_secs(5);
    let client = cala_registry::RegistryClient::new(config).expect("no files");
    let found = resolve(&client, &format!("{}/a:1", liar.address)).await.expect("honest");
    let (told, mut sink) = (Told::default(), MemorySink::default());
    let keep = told.clone();
    client
        .fetch_blob(&found.source, &found.layers[0], &mut sink, &move |step| keep.push(step))
        .await
        .expect("late");
    assert!(told.has(|step| matches!(step, PullProgress::Stalled { .. })), "{:?}", told.all());
    assert_eq!(liar.count("/blobs/"), 1);
}

#[tokio::test]
async fn case_34_silence_before_a_blob_is_shown_and_tried_again() {
    let bytes = noise(4000);
    let (image, layer) = (image(&bytes), bytes.clone());
    let liar = liar_about_blobs(&image, move |request| match request.count {
        0 => vec![Step::Wait(Duration::from_secs(20))],
        _ => blob(request, &layer),
    })
    .await;
    let (mut sink, told) = (MemorySink::default(), Told::default());
    pull_layer(&liar, &mut sink, &told).await.expect("the second time");
    assert!(told.has(|step| matches!(step, PullProgress::Stalled { .. })), "{:?}", told.all());
    assert!(sink.bytes == bytes);
}

#[tokio::test]
async fn case_34_a_registry_that_never_answers_ends_after_three_tries() {
    let liar = Liar::start(|_| vec![Step::Wait(Duration::from_secs(20))]).await;
    let begun = Instant::now();
    let error = resolve(&client(), &format!("{}/a:1", liar.address)).await.expect_err("silence");
    assert_eq!(error.code(), "registry_stalled", "{error}");
    assert_eq!(liar.count("/manifests/"), 3);
    assert!(begun.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn case_34_a_manifest_that_stalls_is_asked_for_again() {
    let image = image(b"layer");
    let (kept, length) = (image.clone(), image.manifest.bytes.len());
    let liar = Liar::start(move |request| match request.count {
        0 => {
            let mut half = head("200 OK", &[("Content-Type", MANIFEST)], length);
            half.extend_from_slice(&kept.manifest.bytes[..20]);
            vec![Step::Send(half), Step::Wait(Duration::from_secs(20))]
        }
        _ => honest(&kept, request),
    })
    .await;
    let found = resolve(&client(), &format!("{}/a:1", liar.address)).await.expect("the second time");
    assert_eq!(found.manifest_digest.as_str(), image.manifest.digest());
}

#[tokio::test]
async fn case_34_a_byte_now_and_then_is_no_progress() {
    let bytes = noise(SIZE);
    let (image, layer) = (image(&bytes), bytes.clone());
    let liar = liar_about_blobs(&image, move |request| {
        let start = request.range().unwrap_or(0);
        let range = format!("bytes {start}-{}/{SIZE}", SIZE - 1);
        let mut steps = vec![Step::Send(match start {
            0 => head("200 OK", &[], SIZE),
            _ => head("206 Partial Content", &[("Content-Range", &range)], SIZE - start),
        })];
        for byte in &layer[start..start + 100] {
            steps.extend([Step::Send(vec![*byte]), Step::Wait(Duration::from_millis(200))]);
        }
        steps
    })
    .await;
    let mut sink = CountingSink::default();
    let error = pull_layer(&liar, &mut sink, &Told::default()).await.expect_err("too slow");
    assert_eq!(error.code(), "registry_stalled", "{error}");
    assert_eq!(liar.count("/blobs/"), 3);
    assert_eq!(sink.restarts, 0, "what came is kept for the next pull");
    assert!(!sink.inner.bytes.is_empty());
}

#[tokio::test]
async fn case_35_a_registry_that_always_cuts_ends_after_three_tries() {
    let bytes = noise(SIZE);
    let (image, layer) = (image(&bytes), bytes.clone());
    let liar = liar_about_blobs(&image, move |request| {
        let start = request.range().unwrap_or(0);
        let range = format!("bytes {start}-{}/{SIZE}", SIZE - 1);
        let mut part = match start {
            0 => head("200 OK", &[], SIZE),
            _ => head("206 Partial Content", &[("Content-Range", &range)], SIZE - start),
        };
        part.extend_from_slice(&layer[start..start + 10]);
        vec![Step::Send(part)]
    })
    .await;
    let error =
        pull_layer(&liar, &mut CountingSink::default(), &Told::default()).await.expect_err("always cut");
    assert_eq!(error.code(), "registry_interrupted", "{error}");
    assert_eq!(liar.count("/blobs/"), 3);
}

#[tokio::test]
async fn case_39_an_earlier_download_is_continued() {
    let (liar, bytes) = first_time(blob).await;
    let mut sink = CountingSink::holding(&bytes[..200_000]);
    pull_layer(&liar, &mut sink, &Told::default()).await.expect("continued");
    assert!(sink.inner.bytes == bytes && sink.restarts == 0);
    let first = liar.requests().into_iter().find(|request| request.path.contains("/blobs/")).expect("one");
    assert_eq!(first.range(), Some(200_000));
}

#[tokio::test]
async fn case_39_a_complete_download_is_only_verified() {
    let (liar, bytes) = first_time(blob).await;
    let mut sink = CountingSink::holding(&bytes);
    pull_layer(&liar, &mut sink, &Told::default()).await.expect("verified");
    assert_eq!(liar.count("/blobs/"), 0);
}

#[tokio::test]
async fn case_39_a_registry_that_ignores_range_needs_no_restart() {
    let (liar, bytes) = first_time(|_, bytes| answer("200 OK", &[], bytes)).await;
    let mut sink = CountingSink::holding(&bytes[..123_456]);
    pull_layer(&liar, &mut sink, &Told::default()).await.expect("continued");
    assert!(sink.inner.bytes == bytes && sink.restarts == 0);
}

#[tokio::test]
async fn case_39_wrong_earlier_bytes_are_fetched_again() {
    let (liar, bytes) = first_time(blob).await;
    let mut damaged = bytes[..1000].to_vec();
    damaged[7] ^= 1;
    let mut sink = CountingSink::holding(&damaged);
    pull_layer(&liar, &mut sink, &Told::default()).await.expect("fetched whole");
    assert!(sink.inner.bytes == bytes);
    assert_eq!((sink.restarts, liar.count("/blobs/")), (1, 2));
}

#[tokio::test]
async fn case_39_too_many_earlier_bytes_are_dropped() {
    let (liar, bytes) = first_time(blob).await;
    let mut sink = CountingSink::holding(&noise(SIZE + 5));
    pull_layer(&liar, &mut sink, &Told::default()).await.expect("fetched whole");
    assert!(sink.inner.bytes == bytes && sink.restarts == 1);
}

#[tokio::test]
async fn case_39_answers_416_and_wrong_ranges_are_asked_again_without_range() {
    for wrong in ["416 Range Not Satisfiable", "206 Partial Content"] {
        let (liar, bytes) = first_time(move |_, bytes| {
            let headers = [("Content-Range", "bytes 5-9/10")];
            answer(wrong, &headers, &bytes[..5])
        })
        .await;
        let mut sink = CountingSink::holding(&bytes[..1000]);
        pull_layer(&liar, &mut sink, &Told::default()).await.expect("the second time");
        assert!(sink.inner.bytes == bytes, "{wrong}");
        assert_eq!(liar.requests().pop().expect("requests").range(), None);
    }
}

#[tokio::test]
async fn a_dropped_download_keeps_its_bytes_and_ends_at_once() {
    let (liar, bytes) = first_time(|_, bytes| {
        let mut half = head("200 OK", &[], SIZE);
        half.extend_from_slice(&bytes[..SIZE / 2]);
        vec![Step::Send(half), Step::Wait(Duration::from_secs(20))]
    })
    .await;
    let mut sink = CountingSink::default();
    let told = Told::default();
    let pull = pull_layer(&liar, &mut sink, &told);
    assert!(tokio::time::timeout(Duration::from_millis(400), pull).await.is_err(), "still stalled");
    assert!(sink.inner.bytes == bytes[..SIZE / 2]);
    pull_layer(&liar, &mut sink, &told).await.expect("continued");
    assert!(sink.inner.bytes == bytes);
}

#[tokio::test]
async fn case_38_failures_pass_and_waits_are_obeyed() {
    let (image, begun) = (image(b"layer"), Instant::now());
    let liar = Liar::start(move |request| match (request.path.contains("/manifests/"), request.count) {
        (true, 0) => answer("500 Internal Server Error", &[], b""),
        (true, 1) => answer("429 Too Many Requests", &[("Retry-After", "1")], b""),
        (false, 0) => answer("503 Service Unavailable", &[], b"oops"),
        (false, 1) => answer("500 Internal Server Error", &[], b""),
        _ => honest(&image, request),
    })
    .await;
    let mut sink = MemorySink::default();
    pull_layer(&liar, &mut sink, &Told::default()).await.expect("the third time");
    assert_eq!(sink.bytes, b"layer");
    assert!(begun.elapsed() >= Duration::from_secs(1), "Retry-After was obeyed");
}

#[tokio::test]
async fn case_38_an_endless_wait_is_an_error_at_once() {
    let begun = Instant::now();
    let body = br#"{"errors":[{"code":"TOOMANYREQUESTS","message":"slow down"}]}"#;
    let liar = Liar::start(|_| answer("429 Too Many Requests", &[("Retry-After", "3600")], body)).await;
    let error = resolve(&client(), &format!("{}/a:1", liar.address)).await.expect_err("an hour");
    assert!(matches!(error, RegistryError::TooManyRequests { retry_after: Some(3600), .. }), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn case_38_a_registry_that_always_fails_ends_after_three_tries() {
    let body = br#"{"errors":[{"code":"UNKNOWN","message":"database is down"}]}"#;
    let liar = Liar::start(|_| answer("500 Internal Server Error", &[], body)).await;
    let error = resolve(&client(), &format!("{}/a:1", liar.address)).await.expect_err("broken");
    assert_eq!(error.code(), "registry_failed");
    assert!(error.to_string().contains("database is down"), "{error}");
    assert_eq!(liar.count("/manifests/"), 3);
}

#[tokio::test]
async fn nobody_there_is_said_at_once() {
    let port =
        std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("bound").port();
    let begun = Instant::now();
    let error = resolve(&client(), &format!("127.0.0.1:{port}/a:1")).await.expect_err("closed");
    assert_eq!(error.code(), "registry_unreachable");
    assert!(cala_spec::error::chain(&error).to_lowercase().contains("connection refused"), "{error:?}");
    assert!(begun.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn downloads_run_in_tasks_of_their_own() {
    let (liar, bytes) = first_time(blob).await;
    let client = client();
    let found = resolve(&client, &format!("{}/a:1", liar.address)).await.expect("honest");
    let task = tokio::spawn(async move {
        let mut sink = MemorySink::default();
        client.fetch_blob(&found.source, &found.layers[0], &mut sink, &|_| ()).await.map(|()| sink.bytes)
    });
    assert!(task.await.expect("no panic").expect("downloaded") == bytes);
}
