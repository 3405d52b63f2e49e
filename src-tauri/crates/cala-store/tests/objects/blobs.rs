//! Blobs: verified, resumed, written once.

use cala_spec::{Classify as _, Digest};
use cala_store::{StoreError, Verification};

use crate::fixture::{Fixture, digest_of};

#[test]
fn a_download_is_verified_and_named_at_its_end() {
    let fixture = Fixture::new();
    let digest = digest_of(b"hello world");
    let mut writer = fixture.store.begin_blob(&digest, 11, Verification::Here).unwrap().unwrap();
    writer.write(b"hello ").unwrap();
    assert!(!fixture.store.has_blob(&digest));
    writer.write(b"world").unwrap();
    writer.finish().unwrap();
    assert_eq!(fixture.store.read_blob(&digest, 100).unwrap(), b"hello world");
    assert!(fixture.store.begin_blob(&digest, 11, Verification::Here).unwrap().is_none());
}

#[test]
fn an_interrupted_download_goes_on() {
    let fixture = Fixture::new();
    for verification in [Verification::Here, Verification::Caller] {
        let bytes = format!("hello {verification:?}");
        let digest = digest_of(bytes.as_bytes());
        let size = bytes.len() as u64;
        let mut writer = fixture.store.begin_blob(&digest, size, verification).unwrap().unwrap();
        writer.write(b"hello").unwrap();
        drop(writer);
        let mut writer = fixture.store.begin_blob(&digest, size, verification).unwrap().unwrap();
        assert_eq!(writer.offset(), 5);
        let mut replayed = Vec::new();
        writer.replay(&mut |bytes| replayed.extend_from_slice(bytes)).unwrap();
        assert_eq!(replayed, b"hello");
        writer.write(&bytes.as_bytes()[5..]).unwrap();
        writer.finish().unwrap();
        assert_eq!(fixture.store.read_blob(&digest, 100).unwrap(), bytes.as_bytes());
    }
}

#[test]
fn wrong_bytes_are_refused_and_removed() {
    let fixture = Fixture::new();
    let digest = digest_of(b"right");
    let mut writer = fixture.store.begin_blob(&digest, 5, Verification::Here).unwrap().unwrap();
    writer.write(b"wrong").unwrap();
    let error = writer.finish().unwrap_err();
    let words = format!("digest mismatch: expected {digest}, got {}", digest_of(b"wrong"));
    assert_eq!((error.to_string(), error.code()), (words, "digest_mismatch"));
    assert!(!fixture.store.has_blob(&digest));
    let mut writer = fixture.store.begin_blob(&digest, 5, Verification::Here).unwrap().unwrap();
    assert_eq!(writer.offset(), 0);
    assert!(writer.write(b"too long").is_err());
    writer.write(b"ri").unwrap();
    assert!(matches!(writer.finish(), Err(StoreError::SizeMismatch { expected: 5, got: 2, .. })));
    let mut writer = fixture.store.begin_blob(&digest, 5, Verification::Here).unwrap().unwrap();
    writer.restart().unwrap();
    writer.write(b"right").unwrap();
    writer.finish().unwrap();
}

#[test]
fn of_two_downloads_the_second_waits_and_finds_it_done() {
    let fixture = Fixture::new();
    let digest = digest_of(b"once");
    let mut first = fixture.store.begin_blob(&digest, 4, Verification::Here).unwrap().unwrap();
    std::thread::scope(|scope| {
        let second =
            scope.spawn(|| fixture.store.begin_blob(&digest, 4, Verification::Here).unwrap().is_none());
        first.write(b"once").unwrap();
        first.finish().unwrap();
        assert!(second.join().unwrap());
    });
}

#[test]
fn stored_bytes_that_changed_are_noticed_and_replaced() {
    let fixture = Fixture::new();
    let digest = digest_of(b"content");
    assert!(matches!(fixture.store.put_blob(&digest, b"other"), Err(StoreError::DigestMismatch { .. })));
    fixture.store.put_blob(&digest, b"content").unwrap();
    std::fs::write(fixture.store.blob_path(&digest), b"flipped").unwrap();
    assert!(matches!(fixture.store.read_blob(&digest, 100), Err(StoreError::DigestMismatch { .. })));
    assert!(matches!(fixture.store.read_blob(&digest, 3), Err(StoreError::TooLarge { .. })));
    fixture.store.put_blob(&digest, b"content").unwrap();
    assert!(fixture.store.read_blob(&digest, 100).is_ok());
}

#[test]
fn long_digests_are_verified_too() {
    let fixture = Fixture::new();
    // SHA-512 of nothing (FIPS 180-4).
    let digest: Digest = "sha512:cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e"
        .parse()
        .unwrap();
    fixture.store.put_blob(&digest, b"").unwrap();
    assert!(fixture.store.put_blob(&digest, b"x").is_err());
}
