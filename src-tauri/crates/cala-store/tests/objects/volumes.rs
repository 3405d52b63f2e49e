//! Volumes are made once and whole.

use cala_store::StoreError;

use crate::fixture::Fixture;

#[test]
fn a_volume_is_made_once_also_by_many() {
    let fixture = Fixture::new();
    let made = std::sync::atomic::AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                let (path, fresh) = fixture.store.create_volume_if_absent("data").unwrap();
                assert!(path.ends_with("volumes/data/_data") && path.is_dir());
                made.fetch_add(usize::from(fresh), std::sync::atomic::Ordering::Relaxed);
            });
        }
    });
    assert_eq!(made.into_inner(), 1);
    assert_eq!(std::fs::read_dir(fixture.data().join("tmp")).unwrap().count(), 0);
    assert!(!fixture.store.volume("data").unwrap().anonymous);
}

#[test]
fn names_are_checked_and_anonymous_ones_are_hex() {
    let fixture = Fixture::new();
    for name in ["../x", "", "a/b", ".hidden"] {
        assert!(
            matches!(fixture.store.create_volume_if_absent(name), Err(StoreError::InvalidVolumeName(_))),
            "{name}"
        );
    }
    let (name, path) = fixture.store.create_anonymous_volume().unwrap();
    assert_eq!(name.len(), 64);
    assert!(path.is_dir() && fixture.store.volume(&name).unwrap().anonymous);
    fixture.store.remove_volume(&name).unwrap();
    assert!(matches!(fixture.store.volume(&name), Err(StoreError::NoSuchVolume(_))));
    assert!(matches!(fixture.store.remove_volume("nope"), Err(StoreError::NoSuchVolume(_))));
}
