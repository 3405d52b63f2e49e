//! Pulls that are killed and go on where they were.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use cala_testkit::scripted::{self, Step};
use cala_testkit::{Image, ScriptedRegistry, rounds};

use crate::support::{bare, noise_image, nothing_half_made, pause, spawn, until};

/// Bytes that may be fetched again for each cut.
const LOST: usize = 1 << 20;

/// An image and a registry that sends its layer slowly enough to be killed anywhere.
fn slow(bytes: usize, range: bool) -> (Image, ScriptedRegistry) {
    let image = noise_image(bytes);
    let blob = image.layers[0].clone();
    let registry = ScriptedRegistry::start(&[("a", "1", &image)], move |request| {
        if !request.is_for(&blob) {
            return None;
        }
        let (head, body) = if range {
            scripted::blob_parts(request, &blob.bytes)
        } else {
            (scripted::head("200 OK", &[], blob.bytes.len()), blob.bytes.clone())
        };
        Some(vec![Step::Send(head), Step::Flow(body, 16 << 10, Duration::from_millis(1))])
    });
    (image, registry)
}

#[test]
fn a_pull_killed_again_and_again_fetches_little_twice() {
    let cala = bare();
    let (image, registry) = slow(16 << 20, true);
    let (layer, reference) = (&image.layers[0], registry.reference("a", "1"));
    let size = layer.bytes.len();
    let mut cuts = 0;
    for percent in [10, 30, 50, 70, 90] {
        let mut child = spawn(&mut cala.command(["pull", "-q", &reference]));
        let asked = registry.requests_for(layer).len();
        until("so much was sent", || {
            let requests = registry.requests_for(layer);
            requests
                .get(asked)
                .is_some_and(|request| request.range().unwrap_or(0) + request.sent > size * percent / 100)
        });
        child.kill().expect("it can be killed");
        child.wait().expect("it ends");
        cuts += 1;
        assert_eq!(cala.run(["images", "-q"]).success().stdout, "");
    }
    cala.run(["pull", "-q", &reference]).success();
    let requests = registry.requests_for(layer);
    assert_eq!(requests.len(), cuts + 1);
    for pair in requests.windows(2) {
        let (reached, next) = (pair[0].range().unwrap_or(0) + pair[0].sent, pair[1].range().unwrap_or(0));
        assert!(next + LOST >= reached, "cut at {reached}, went on at {next}");
        assert!(next > pair[0].range().unwrap_or(0), "no progress: {next}");
    }
    nothing_half_made(&cala);
}

#[test]
fn a_registry_without_ranges_gives_the_right_image_all_the_same() {
    let cala = bare();
    let (image, registry) = slow(6 << 20, false);
    let (layer, reference) = (&image.layers[0], registry.reference("a", "1"));
    for _ in 0..2 {
        let mut child = spawn(&mut cala.command(["pull", "-q", &reference]));
        let asked = registry.requests_for(layer).len();
        until("half was sent", || {
            registry
                .requests_for(layer)
                .get(asked)
                .is_some_and(|request| request.sent > layer.bytes.len() / 2)
        });
        child.kill().expect("it can be killed");
        child.wait().expect("it ends");
    }
    cala.run(["pull", "-q", &reference]).success();
    let stored = std::fs::read(cala.data_root().join("images/blobs/sha256").join(&layer.digest()[7..]))
        .expect("it is there");
    assert!(stored == layer.bytes);
    nothing_half_made(&cala);
}

#[test]
fn what_was_left_by_a_liar_is_found_out_and_fetched_anew() {
    let cala = bare();
    let image = noise_image(2 << 20);
    let registry = ScriptedRegistry::honest(&[("a", "1", &image)]);
    cala.run(["images"]).success();
    let partial = cala.data_root().join("images/partial").join(&image.layers[0].digest()[7..]);
    std::fs::write(&partial, vec![b'x'; 1 << 20]).expect("the store is ours");
    cala.run(["pull", "-q", &registry.reference("a", "1")]).success();
    nothing_half_made(&cala);
}

#[test]
fn a_pull_killed_at_any_moment_leaves_an_image_or_none() {
    let cala = bare();
    let counter = Arc::new(AtomicUsize::new(0));
    // Each round a fresh image, so that each round does everything.
    let count = rounds(24);
    for round in 0..u64::from(count) {
        let image = crate::support::small_image(round);
        let registry = ScriptedRegistry::honest(&[("a", "1", &image)]);
        let reference = registry.reference("a", "1");
        let mut child = spawn(&mut cala.command(["pull", "-q", &reference]));
        pause(Duration::from_millis(round % 24 * 5));
        let _ = child.kill();
        child.wait().expect("it ends");
        let listed = cala.run(["images", "--format", "{{.Repository}}:{{.Tag}}"]).success();
        if listed.stdout.lines().any(|line| line == reference) {
            counter.fetch_add(1, Ordering::Relaxed);
            cala.run(["image", "inspect", &reference]).success();
        }
        cala.run(["pull", "-q", &reference]).success();
        cala.run(["rmi", &reference]).success();
    }
    assert!(counter.load(Ordering::Relaxed) < count as usize, "it was never killed in time");
    assert_eq!(cala.run(["images", "-q"]).success().stdout, "");
    assert_eq!(crate::support::entries(&cala.data_root().join("layers")), [""; 0]);
    nothing_half_made(&cala);
}
