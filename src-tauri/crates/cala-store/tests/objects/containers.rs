//! Names, ids, listings.

use std::time::Instant;

use cala_spec::{Classify as _, ContainerStatus, ErrorKind};
use cala_store::StoreError;

use crate::fixture::{Fixture, config, config_with, open, start_child};

#[test]
fn a_container_is_listed_with_its_first_state() {
    let fixture = Fixture::new();
    let wanted = config("web");
    let made = fixture.store.claim_container(&wanted).unwrap();
    for name in ["container.json", "state.json", "lock", "upper", "work", "merged"] {
        assert!(made.path.join(name).exists(), "{name}");
    }
    let list = fixture.store.containers().unwrap();
    let container = list.first().unwrap().sound().unwrap();
    assert_eq!((list.len(), &container.config), (1, &wanted));
    assert_eq!((container.state.status, container.alive), (ContainerStatus::Created, false));
    assert_eq!(std::fs::read_dir(fixture.data().join("tmp")).unwrap().count(), 0);
}

#[test]
fn a_taken_name_is_refused_with_the_id_of_its_owner() {
    let fixture = Fixture::new();
    let first = config("web");
    drop(fixture.store.claim_container(&first).unwrap());
    let error = fixture.store.claim_container(&config("web")).unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Conflict, "name_in_use"));
    let words = format!("the container name \"web\" is already in use by {}.", first.id);
    assert!(error.to_string().contains(&words), "{error}");
    assert_eq!(fixture.store.containers().unwrap().len(), 1);
}

#[test]
fn of_two_hundred_creators_of_a_name_one_wins() {
    let fixture = Fixture::new();
    let children: Vec<_> =
        (0..10).map(|_| start_child("claim-one-name", fixture.folder.path(), "20")).collect();
    let mut won = 0;
    for child in children {
        let output = child.wait_with_output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{text}");
        won += text.matches("WON").count();
        assert_eq!(text.matches("WON").count() + text.matches("IN USE").count(), 20, "{text}");
    }
    assert_eq!(won, 1);
    let list = fixture.store.containers().unwrap();
    assert_eq!(list.len(), 1);
    let id = list.first().unwrap().id().clone();
    assert_eq!(fixture.store.resolve_container("one").unwrap(), id);
    assert_eq!(std::fs::read_dir(fixture.data().join("tmp")).unwrap().count(), 0);
}

#[test]
fn a_name_whose_container_is_gone_is_free() {
    let fixture = Fixture::new();
    let gone = config("web");
    std::fs::write(fixture.data().join("names/containers/web"), gone.id.as_str()).unwrap();
    assert!(matches!(fixture.store.resolve_container("web"), Err(StoreError::NoSuchContainer(_))));
    let new = config("web");
    drop(fixture.store.claim_container(&new).unwrap());
    assert_eq!(fixture.store.resolve_container("web").unwrap(), new.id);
}

#[test]
fn a_missing_layer_is_said_before_anything_is_there() {
    let fixture = Fixture::new();
    let mut wanted = config("web");
    wanted.layers = vec!["0".repeat(64)];
    assert!(matches!(fixture.store.claim_container(&wanted), Err(StoreError::ImageDamaged { .. })));
    assert!(fixture.store.containers().unwrap().is_empty());
    assert_eq!(std::fs::read_dir(fixture.data().join("names/containers")).unwrap().count(), 0);
}

#[test]
fn names_ids_and_unique_beginnings_are_found() {
    let fixture = Fixture::new();
    let a = config_with(format!("ab{}", "0".repeat(62)).parse().unwrap(), "one");
    let b = config_with(format!("ac{}", "0".repeat(62)).parse().unwrap(), "two");
    let c = config_with("c".repeat(64).parse().unwrap(), "ab");
    for config in [&a, &b, &c] {
        drop(fixture.store.claim_container(config).unwrap());
    }
    let find = |text: &str| fixture.store.resolve_container(text);
    assert_eq!(find("one").unwrap(), a.id);
    assert_eq!(find(a.id.as_str()).unwrap(), a.id);
    assert_eq!(find("ac").unwrap(), b.id);
    // A name goes before the beginning of an id.
    assert_eq!(find("ab").unwrap(), c.id);
    assert!(
        matches!(find("a"), Err(StoreError::AmbiguousContainer { candidates, .. }) if candidates.len() == 2)
    );
    for text in ["d", "", "../containers", "nope", "AB"] {
        let error = find(text).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{text}");
        let words = format!("no container with name or ID \"{text}\" found: no such container");
        assert_eq!(error.to_string(), words);
    }
}

#[test]
fn removal_frees_the_name_and_leaves_a_tree_to_delete() {
    let fixture = Fixture::new();
    let config = config("web");
    let made = fixture.store.claim_container(&config).unwrap();
    std::fs::write(made.path.join("upper/file"), "x").unwrap();
    drop(made);
    std::fs::create_dir(fixture.store.run_dir(&config.id)).unwrap();
    let tree = fixture.store.remove_container_records(&config.id).unwrap();
    assert_eq!(fixture.store.removed_trees(), std::slice::from_ref(&tree));
    assert!(fixture.store.containers().unwrap().is_empty());
    assert!(!fixture.store.run_dir(&config.id).exists());
    assert!(matches!(
        fixture.store.remove_container_records(&config.id),
        Err(StoreError::NoSuchContainer(_))
    ));
    assert!(fixture.store.delete_own_tree(&tree));
    assert!(fixture.store.removed_trees().is_empty());
    assert!(!fixture.store.delete_own_tree(&fixture.data().join("containers")));
    drop(fixture.store.claim_container(&self::config("web")).unwrap());
}

#[test]
fn hundreds_of_containers_are_listed_in_the_order_they_were_made() {
    let fixture = Fixture::new();
    for n in 0..550 {
        let mut config = config(&format!("c{n}"));
        config.created_ns = 1_000_000 - n;
        // As `--rm` does, without syncs: this is about reading.
        config.spec.remove = true;
        drop(fixture.store.claim_container(&config).unwrap());
    }
    let store = open(fixture.folder.path());
    store.containers().unwrap();
    let begin = Instant::now();
    let list = store.containers().unwrap();
    let took = begin.elapsed();
    assert_eq!(list.len(), 550);
    assert!(
        list.windows(2)
            .all(|pair| { pair[0].config().unwrap().created_ns < pair[1].config().unwrap().created_ns })
    );
    println!("550 containers listed in {took:?}");
}
