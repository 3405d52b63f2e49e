//! Layers that are large in one way or another.

use std::fs;
use std::io::{Read, Write};
use std::time::{Duration, Instant};

use cala_store::helper::UnpackRequest;

use crate::archive::{archive, directory, file, gzip};
use crate::place::{Place, TAR, diff_id, unpack_with};

#[test]
fn a_million_opaque_whiteouts_end() {
    let place = Place::new();
    let mut bytes = archive(
        std::iter::once(directory("d")).chain((0..2_000).map(|index| file(&format!("d/{index}"), b""))),
    );
    bytes.truncate(bytes.len() - 1024);
    let mut opaque = archive([file("d/.wh..wh..opq", b"")]);
    opaque.truncate(512);
    bytes.extend(std::iter::repeat_n(opaque, 1_000_000).flatten());
    bytes.resize(bytes.len() + 1024, 0);
    let start = Instant::now();
    let tree = place.tree(&bytes);
    let taken = start.elapsed();
    // Looking at every file for every whiteout would be two thousand million looks, which is hours.
    assert!(taken < Duration::from_secs(120), "{taken:?}");
    assert_eq!(fs::read_dir(tree.join("d")).unwrap().count(), 2_000);
    place.helper().remove_tree("layers".as_ref()).unwrap();
}

#[test]
fn a_file_larger_than_the_disk_is_refused_before_it_is_written() {
    let place = Place::new();
    let helper = place.helper();
    let huge = (1_u64 << 50).to_string();
    let mut bytes = archive([file("huge", b"").record("size", huge.as_bytes())]);
    bytes.truncate(bytes.len() - 1024);
    let request = UnpackRequest {
        media_type: TAR.to_owned(),
        diff_id: diff_id(&bytes),
        parent_diff_ids: Vec::new(),
        blob: None,
    };
    let (pipe, pending) = helper.unpack_layer(&request).unwrap();
    let mut pipe = fs::File::from(pipe);
    let zeros = vec![0; 1 << 20];
    let mut written = 0_usize;
    let _ = pipe.write_all(&bytes);
    while written < 1 << 30 && pipe.write_all(&zeros).is_ok() {
        written += zeros.len();
    }
    assert!(written < 64 << 20, "stopped early: {written}");
    drop(pipe);
    let error = pending.wait().unwrap_err();
    assert!(error.to_string().contains("no space left"), "{error}");
    assert_eq!(cala_spec::Classify::code(&error), "no_space");
    place.assert_nothing_left();
}

#[test]
fn a_bomb_of_zeros_is_stopped() {
    let place = Place::new();
    let mut head = archive([file("a", b"")]);
    head.truncate(512);
    // 64 MiB of zeros per member; after the archive's end they cost nothing but time.
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    std::io::copy(&mut std::io::repeat(0).take(64 << 20), &mut encoder).unwrap();
    let member = encoder.finish().unwrap();
    let bomb = [gzip(&head), member.repeat(2000)].concat();
    let start = Instant::now();
    let error = unpack_with(&place.helper(), &bomb, TAR, diff_id(b"x"), &[]).unwrap_err();
    assert!(error.to_string().contains("bomb"), "{error}");
    assert!(start.elapsed() < Duration::from_secs(60), "{:?}", start.elapsed());
    place.assert_nothing_left();
}
