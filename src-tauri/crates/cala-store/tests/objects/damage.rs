//! Damaged files are reported for their object and spoil nothing else.

use std::fs::File;

use cala_spec::ContainerStatus;
use cala_store::StoreError;

use crate::fixture::{Fixture, config};

#[test]
fn a_damaged_state_or_configuration_is_reported_and_removable() {
    let fixture = Fixture::new();
    let sound = config("sound");
    drop(fixture.store.claim_container(&sound).unwrap());
    let contents: [Option<&[u8]>; 5] = [
        Some(b""),
        Some(b"{\"status\":\"exi"),
        Some(b"\x00\xff\x17random\x80"),
        Some(b"{\"version\":99,\"status\":\"levitating\"}"),
        None,
    ];
    for file in ["state.json", "container.json"] {
        for content in contents {
            let config = config("broken");
            let path = fixture.store.claim_container(&config).unwrap().path.join(file);
            match content {
                Some(content) => std::fs::write(&path, content).unwrap(),
                // A gigabyte, which must not be read.
                None => File::create(&path).unwrap().set_len(1 << 30).unwrap(),
            }
            let list = fixture.store.containers().unwrap();
            assert_eq!(list.len(), 2);
            let statuses: Vec<_> =
                list.iter().map(|entry| (entry.name().unwrap().as_str(), entry.status())).collect();
            assert!(statuses.contains(&("sound", ContainerStatus::Created)), "{statuses:?}");
            assert!(statuses.contains(&("broken", ContainerStatus::Damaged)), "{statuses:?}");
            let error = fixture.store.container(&config.id).unwrap_err();
            assert!(
                matches!(&error, StoreError::ContainerDamaged { reason, .. } if reason.contains(file)),
                "{error}"
            );
            assert_eq!(fixture.store.resolve_container("broken").unwrap(), config.id);
            fixture.store.remove_container_records(&config.id).unwrap();
        }
    }
    assert_eq!(fixture.store.containers().unwrap().len(), 1);
}

#[test]
fn missing_files_foreign_names_and_links_spoil_no_listing() {
    let fixture = Fixture::new();
    let config = config("gone");
    let path = fixture.store.claim_container(&config).unwrap().path;
    std::fs::remove_file(path.join("state.json")).unwrap();
    std::fs::create_dir(fixture.data().join("containers/not-an-id")).unwrap();
    std::fs::write(fixture.data().join("containers").join("e".repeat(64)), "a file").unwrap();
    let linked = fixture.data().join("containers").join("f".repeat(64));
    std::fs::create_dir(&linked).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", linked.join("container.json")).unwrap();
    let list = fixture.store.containers().unwrap();
    assert!(list.iter().all(|entry| entry.status() == ContainerStatus::Damaged));
    assert!(list.iter().any(|entry| *entry.id() == config.id));
}

#[test]
fn a_configuration_of_another_container_is_damage() {
    let fixture = Fixture::new();
    let (a, b) = (config("a"), config("b"));
    let from = fixture.store.claim_container(&a).unwrap().path;
    let to = fixture.store.claim_container(&b).unwrap().path;
    std::fs::copy(from.join("container.json"), to.join("container.json")).unwrap();
    let error = fixture.store.container(&b.id).unwrap_err().to_string();
    assert!(error.contains(a.id.as_str()), "{error}");
}

#[test]
fn a_data_root_that_was_emptied_works_again() {
    let fixture = Fixture::new();
    drop(fixture.store.claim_container(&config("web")).unwrap());
    std::fs::remove_dir_all(fixture.data()).unwrap();
    let store = crate::fixture::open(fixture.folder.path());
    assert!(store.containers().unwrap().is_empty());
    drop(store.claim_container(&config("web")).unwrap());
}
