//! Layers whose bytes are wrong although their digests are right: an error that names the layer, never a hang.

use std::time::{Duration, Instant};

use cala_testkit::image::{Blob, Compression, compress, digest};
use cala_testkit::{Cala, Image, LayerBuilder, Output, ScriptedRegistry};

use crate::support::{bare, entries, last_error, noise, nothing_half_made};

/// A tar of compressible and incompressible files.
fn tar() -> Vec<u8> {
    LayerBuilder::default()
        .folder("d", 0o755)
        .file("d/noise", 0o644, &noise(5000))
        .file("d/text", 0o644, "a line of text\n".repeat(300).as_bytes())
        .tar()
}

/// Pulls an image of one layer with these bytes.
fn pull(cala: &Cala, bytes: Vec<u8>, media_type: &str, diff_id: &str) -> Output {
    let layer = Blob { media_type: media_type.to_owned(), bytes };
    let image = Image::from_parts(vec![layer], &[diff_id.to_owned()], &serde_json::json!({ "Cmd": ["x"] }));
    let registry = ScriptedRegistry::honest(&[("a", "1", &image)]);
    let start = Instant::now();
    let output = cala.run(["pull", "-q", &registry.reference("a", "1")]);
    assert!(start.elapsed() < Duration::from_secs(5), "{output:?}");
    output
}

/// Asserts that the failure names the layer (by the digest that the configuration gives it) and left nothing.
#[track_caller]
fn names_the_layer(cala: &Cala, output: &Output, diff_id: &str, what: &str) {
    assert_eq!(output.code, 125, "{what}: {output:?}");
    assert!(last_error(output).contains(&diff_id[7..19]), "{what}: {diff_id} is not named: {output:?}");
    assert_eq!(entries(&cala.data_root().join("layers")), [""; 0], "{what}");
    nothing_half_made(cala);
}

#[test]
fn flipped_bits_are_found_and_the_layer_is_named() {
    let cala = bare();
    let diff_id = digest(&tar());
    for compression in [Compression::Gzip, Compression::Zstd, Compression::None] {
        let blob = compress(tar(), compression);
        let step = blob.bytes.len() / 12;
        for at in (0..blob.bytes.len()).step_by(step) {
            let mut bytes = blob.bytes.clone();
            bytes[at] ^= 1 << (at % 8);
            let what = format!("{compression:?} at {at}");
            let output = pull(&cala, bytes, &blob.media_type, &diff_id);
            // A few bits mean nothing: gzip's header has some.
            if output.code != 0 {
                names_the_layer(&cala, &output, &diff_id, &what);
            } else {
                assert!(at < 20 && compression != Compression::None, "{what} went unnoticed");
                cala.run(["rmi", "-f", "-a"]).success();
            }
        }
    }
}

#[test]
fn streams_that_end_wrongly_are_found_and_legal_oddities_are_taken() {
    let cala = bare();
    let tar = tar();
    let diff_id = digest(&tar);
    let gzip = compress(tar.clone(), Compression::Gzip);
    let zstd = compress(tar.clone(), Compression::Zstd);
    let joined = |parts: &[&[u8]]| parts.concat();
    let two = joined(&[
        &compress(tar[..3000].to_vec(), Compression::Gzip).bytes,
        &compress(tar[3000..].to_vec(), Compression::Gzip).bytes,
    ]);
    let fine = [
        ("two members", two, &gzip.media_type),
        (
            "an empty member behind",
            joined(&[&gzip.bytes, &compress(Vec::new(), Compression::Gzip).bytes]),
            &gzip.media_type,
        ),
    ];
    for (what, bytes, media_type) in fine {
        let output = pull(&cala, bytes, media_type, &diff_id);
        assert_eq!(output.code, 0, "{what}: {output:?}");
        cala.run(["rmi", "-f", "-a"]).success();
    }
    let bad = [
        ("half a gzip", gzip.bytes[..gzip.bytes.len() / 2].to_vec(), &gzip.media_type),
        ("a gzip without trailer", gzip.bytes[..gzip.bytes.len() - 8].to_vec(), &gzip.media_type),
        ("half a zstd", zstd.bytes[..zstd.bytes.len() / 2].to_vec(), &zstd.media_type),
        ("nothing but a header", gzip.bytes[..10].to_vec(), &gzip.media_type),
        ("zstd called gzip, cut", zstd.bytes[..zstd.bytes.len() - 9].to_vec(), &gzip.media_type),
        ("noise", noise(3000), &gzip.media_type),
    ];
    for (what, bytes, media_type) in bad {
        let output = pull(&cala, bytes, media_type, &diff_id);
        names_the_layer(&cala, &output, &diff_id, what);
    }
    // A tar without its end blocks: its digest decides.
    let short = tar[..tar.len() - 1024].to_vec();
    let output =
        pull(&cala, compress(short.clone(), Compression::Gzip).bytes, &gzip.media_type, &digest(&short));
    assert_eq!(output.code, 0, "{output:?}");
}
