//! Secrets are kept by name, readable by nobody else, and replaced in one step.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt as _;

use cala_store::StoreError;

use crate::fixture::Fixture;

#[test]
fn a_secret_has_one_place_by_its_name_and_is_replaced_in_one_step() {
    let fixture = Fixture::new();
    let store = &fixture.store;
    let labels = BTreeMap::from([("a".to_owned(), "b".to_owned())]);
    let first = store.create_secret("..", b"one", labels.clone(), false).unwrap();
    assert_eq!((first.id.len(), &first.labels), (25, &labels));
    assert!(matches!(
        store.create_secret("..", b"two", BTreeMap::new(), false),
        Err(StoreError::SecretNameInUse(name)) if name == ".."
    ));
    assert_eq!(store.secret_data(&first).unwrap(), b"one");
    let second = store.create_secret("..", b"two", BTreeMap::new(), true).unwrap();
    assert_ne!(second.id, first.id);
    assert_eq!(second.created_ns, first.created_ns);
    assert!(second.updated_ns > first.updated_ns);
    assert_eq!(store.secret_data(&store.secret("..").unwrap()).unwrap(), b"two");
    assert_eq!(store.secret(&second.id[..6]).unwrap(), second);
    assert!(matches!(store.secret(&first.id), Err(StoreError::NoSuchSecret(_))));
    assert_eq!(store.secrets().unwrap().len(), 1);
    store.remove_secret("..").unwrap();
    assert!(matches!(store.remove_secret(".."), Err(StoreError::NoSuchSecret(_))));
    assert_eq!(std::fs::read_dir(fixture.data().join("tmp")).unwrap().count(), 0);
    assert_eq!(std::fs::read_dir(fixture.data().join("secrets")).unwrap().count(), 0);
}

#[test]
fn nobody_else_can_read_it_and_a_damaged_one_spoils_nothing() {
    let fixture = Fixture::new();
    let store = &fixture.store;
    store.create_secret("s", b"hidden", BTreeMap::new(), false).unwrap();
    store.create_secret("t", b"hidden", BTreeMap::new(), false).unwrap();
    for entry in std::fs::read_dir(fixture.data().join("secrets")).unwrap() {
        let place = entry.unwrap().path();
        assert_eq!(std::fs::metadata(&place).unwrap().mode() & 0o777, 0o700);
        for name in ["data", "secret.json"] {
            assert_eq!(std::fs::metadata(place.join(name)).unwrap().mode() & 0o777, 0o600, "{name}");
        }
        if std::fs::read_to_string(place.join("secret.json")).unwrap().contains("\"t\"") {
            std::fs::write(place.join("secret.json"), "{").unwrap();
        }
    }
    let names: Vec<String> = store.secrets().unwrap().into_iter().map(|secret| secret.name).collect();
    assert_eq!(names, ["s"]);
    // It heals by being made again.
    store.create_secret("t", b"anew", BTreeMap::new(), true).unwrap();
    assert_eq!(store.secret_data(&store.secret("t").unwrap()).unwrap(), b"anew");
}
