//! A container's record decides what it is called, whatever files are left among the names.

use cala_spec::container::NetworkMode;
use cala_spec::{ContainerName, ContainerState, ContainerStatus};
use cala_store::StoreError;

use crate::fixture::{Fixture, config};

fn name(text: &str) -> ContainerName {
    text.parse().unwrap()
}

fn names(fixture: &Fixture) -> Vec<String> {
    let entries = std::fs::read_dir(fixture.data().join("names/containers")).unwrap().flatten();
    let mut names: Vec<String> =
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn a_renamed_container_has_one_name() {
    let fixture = Fixture::new();
    let store = &fixture.store;
    let web = config("web");
    drop(store.claim_container(&web).unwrap());
    let stage = store.lock_stage(&web.id).unwrap();
    let renamed = store.rename_container(&web.id, &name("shop"), &stage).unwrap();
    assert_eq!(renamed.name, name("shop"));
    assert_eq!(store.read_config(&web.id).unwrap(), renamed);
    assert_eq!(names(&fixture), ["shop"]);
    assert_eq!(store.resolve_container("shop").unwrap(), web.id);
    assert!(matches!(store.resolve_container("web"), Err(StoreError::NoSuchContainer(_))));
    assert!(!fixture.store.container_dir(&web.id).join("name").exists());
}

#[test]
fn a_taken_name_changes_nothing() {
    let fixture = Fixture::new();
    let store = &fixture.store;
    let (web, db) = (config("web"), config("db"));
    drop(store.claim_container(&web).unwrap());
    drop(store.claim_container(&db).unwrap());
    let stage = store.lock_stage(&web.id).unwrap();
    let refused = store.rename_container(&web.id, &name("db"), &stage);
    assert!(matches!(refused, Err(StoreError::NameInUse { id, .. }) if id == db.id));
    assert_eq!(store.read_config(&web.id).unwrap(), web);
    assert_eq!(names(&fixture), ["db", "web"]);
}

#[test]
fn a_killed_rename_leaves_no_name_taken() {
    let fixture = Fixture::new();
    let store = &fixture.store;
    let web = config("web");
    drop(store.claim_container(&web).unwrap());
    // Killed before the record, and before the old name went.
    std::fs::write(store.name_file(&name("before")), web.id.as_str()).unwrap();
    std::fs::write(store.name_file(&name("after")), web.id.as_str()).unwrap();
    for stale in ["before", "after"] {
        assert!(matches!(store.resolve_container(stale), Err(StoreError::NoSuchContainer(_))), "{stale}");
    }
    let other = config("before");
    drop(store.claim_container(&other).unwrap());
    assert_eq!(store.resolve_container("before").unwrap(), other.id);
    let stage = store.lock_stage(&web.id).unwrap();
    store.rename_container(&web.id, &name("after"), &stage).unwrap();
    assert_eq!(store.resolve_container("after").unwrap(), web.id);
    assert_eq!(names(&fixture), ["after", "before"]);
}

#[test]
fn of_two_that_want_a_name_one_gets_it() {
    let fixture = Fixture::new();
    let store = &fixture.store;
    let all: Vec<_> = (0..8).map(|number| config(&format!("old{number}"))).collect();
    for config in &all {
        drop(store.claim_container(config).unwrap());
    }
    let won = std::sync::atomic::AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for config in &all {
            scope.spawn(|| {
                let stage = store.lock_stage(&config.id).unwrap();
                match store.rename_container(&config.id, &name("one"), &stage) {
                    Ok(_) => _ = won.fetch_add(1, std::sync::atomic::Ordering::Relaxed),
                    Err(error) => assert!(matches!(error, StoreError::NameInUse { .. }), "{error}"),
                }
            });
        }
    });
    assert_eq!(won.into_inner(), 1);
    assert_eq!(names(&fixture).len(), 8);
}

#[test]
fn dependents_are_those_whose_record_says_so() {
    let fixture = Fixture::new();
    let store = &fixture.store;
    let base = config("base");
    drop(store.claim_container(&base).unwrap());
    let mut user = config("user");
    user.spec.network = NetworkMode::Container(base.id.to_string());
    store.note_dependencies(&user).unwrap();
    assert!(store.dependents(&base.id).is_empty(), "it is not there yet");
    drop(store.claim_container(&user).unwrap());
    assert_eq!(store.dependents(&base.id), [user.id.clone()]);
    assert!(store.dependents(&user.id).is_empty());
    store.remove_container_records(&user.id).unwrap();
    assert!(store.dependents(&base.id).is_empty());
    store.remove_container_records(&base.id).unwrap();
    assert!(matches!(store.note_dependencies(&user), Err(StoreError::NoSuchContainer(_))));
}

#[test]
fn what_was_only_made_ready_is_lost_without_a_death() {
    let fixture = Fixture::new();
    let store = &fixture.store;
    let mut web = config("web");
    web.spec.remove = true;
    drop(store.claim_container(&web).unwrap());
    for (finished_ns, expected) in [(0, ContainerStatus::Created), (7, ContainerStatus::Exited)] {
        let state = ContainerState {
            status: ContainerStatus::Initialized,
            pid: 4711,
            finished_ns,
            exit_code: 3,
            ..ContainerState::default()
        };
        store.write_state(&web.id, &state, false).unwrap();
        let settled = store.container(&web.id).unwrap().state;
        assert_eq!((settled.status, settled.exit_code, settled.pid), (expected, 3, 0));
        assert_eq!(store.read_state(&web.id).unwrap(), settled);
    }
    let events = cala_store::read_events(&store.events_dir(), None, None).unwrap();
    assert_eq!(events.count(), 0);
}
