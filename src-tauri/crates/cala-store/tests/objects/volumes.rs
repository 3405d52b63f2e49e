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

#[test]
fn volumes_are_listed_oldest_first_and_a_damaged_one_spoils_nothing() {
    let fixture = Fixture::new();
    let labels = std::collections::BTreeMap::from([("a".to_owned(), "b".to_owned())]);
    fixture.store.create_volume("z", labels.clone(), Default::default()).unwrap();
    fixture.store.create_volume("a", Default::default(), Default::default()).unwrap();
    fixture.store.create_volume("m", Default::default(), Default::default()).unwrap();
    assert!(matches!(
        fixture.store.create_volume("z", Default::default(), Default::default()),
        Err(StoreError::VolumeNameInUse(name)) if name == "z"
    ));
    std::fs::write(fixture.data().join("volumes/m/volume.json"), "{").unwrap();
    let entries = fixture.store.volumes().unwrap();
    let names: Vec<&str> = entries.iter().map(cala_store::VolumeEntry::name).collect();
    assert_eq!(names, ["m", "z", "a"]);
    assert_eq!(entries[1].sound().map(|volume| &volume.labels), Some(&labels));
    assert!(entries[0].sound().is_none());
    assert!(matches!(fixture.store.volume("m"), Err(StoreError::VolumeDamaged { .. })));
    fixture.store.remove_unused_volume("m").unwrap();
    assert!(matches!(fixture.store.remove_unused_volume("m"), Err(StoreError::NoSuchVolume(_))));
    assert!(matches!(fixture.store.remove_unused_volume("../x"), Err(StoreError::NoSuchVolume(_))));
}
