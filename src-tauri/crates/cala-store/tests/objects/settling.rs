//! A container is alive as long as its monitor's lock is held, whatever a file says.

use std::fs::OpenOptions;

use cala_spec::mount::{Mount, MountSource};
use cala_spec::{ContainerConfig, ContainerState, ContainerStatus};
use cala_store::{StoreError, read_events};

use crate::fixture::{Fixture, config};

fn running() -> ContainerState {
    ContainerState { status: ContainerStatus::Running, pid: 4711, started_ns: 1, ..ContainerState::default() }
}

fn claimed(fixture: &Fixture, remove: bool) -> ContainerConfig {
    let mut config = config("web");
    config.spec.remove = remove;
    claim_running(fixture, &config);
    config
}

fn claim_running(fixture: &Fixture, config: &ContainerConfig) {
    drop(fixture.store.claim_container(config).unwrap());
    fixture.store.write_state(&config.id, &running(), false).unwrap();
}

fn volume_mount(name: &str) -> Mount {
    Mount {
        source: MountSource::Volume { name: Some(name.to_owned()) },
        target: format!("/{name}"),
        read_only: false,
        options: Vec::new(),
    }
}

fn actions(fixture: &Fixture) -> Vec<(String, Option<i32>)> {
    let events = read_events(&fixture.store.events_dir(), None, None).unwrap();
    events.map(|event| (event.action, event.exit_code)).collect()
}

#[test]
fn a_held_lock_means_alive_and_its_loss_is_recorded_once() {
    let fixture = Fixture::new();
    let config = claimed(&fixture, false);
    let lock =
        OpenOptions::new().write(true).open(fixture.store.container_dir(&config.id).join("lock")).unwrap();
    assert!(cala_sys::ofd_lock::try_lock(&lock).unwrap());
    assert!(fixture.store.monitor_alive(&config.id));
    let container = fixture.store.container(&config.id).unwrap();
    assert_eq!((container.state, container.alive), (running(), true));
    assert!(matches!(
        fixture.store.remove_container_records(&config.id),
        Err(StoreError::ContainerRunning(_))
    ));
    drop(lock);
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                let state = fixture.store.container(&config.id).unwrap().state;
                assert_eq!((state.status, state.exit_code), (ContainerStatus::Exited, 137));
                assert_eq!((state.error.as_str(), state.pid), ("supervisor lost", 0));
            });
        }
    });
    assert_eq!(fixture.store.read_state(&config.id).unwrap().status, ContainerStatus::Exited);
    assert_eq!(actions(&fixture), [("died".to_owned(), Some(137))]);
}

#[test]
fn a_lost_container_with_rm_is_gone() {
    let fixture = Fixture::new();
    let config = claimed(&fixture, true);
    assert!(fixture.store.containers().unwrap().is_empty());
    assert_eq!(actions(&fixture), [("died".to_owned(), Some(137)), ("remove".to_owned(), None)]);
    assert_eq!(fixture.store.removed_trees().len(), 1);
    assert!(matches!(fixture.store.container(&config.id), Err(StoreError::NoSuchContainer(_))));
}

#[test]
fn its_anonymous_volumes_go_with_it_and_no_others() {
    let fixture = Fixture::new();
    let store = &fixture.store;
    let (own, _) = store.create_anonymous_volume().unwrap();
    let (shared, _) = store.create_anonymous_volume().unwrap();
    store.create_volume_if_absent("kept").unwrap();
    let mut lost = config("lost");
    lost.spec.remove = true;
    lost.spec.mounts = [own.as_str(), &shared, "kept"].map(volume_mount).into();
    claim_running(&fixture, &lost);
    let mut other = config("other");
    other.spec.mounts = vec![volume_mount(&shared)];
    drop(store.claim_container(&other).unwrap());
    assert_eq!(store.containers().unwrap().len(), 1);
    assert!(matches!(store.volume(&own), Err(StoreError::NoSuchVolume(_))));
    for kept in [shared.as_str(), "kept"] {
        store.volume(kept).unwrap();
    }
}

#[test]
fn a_container_that_is_being_started_is_not_settled_by_others() {
    let fixture = Fixture::new();
    let config = claimed(&fixture, false);
    let stage = fixture.store.lock_stage(&config.id).unwrap();
    // The truth is told, but only who holds the stage writes.
    assert_eq!(fixture.store.container(&config.id).unwrap().state.status, ContainerStatus::Exited);
    assert_eq!(fixture.store.read_state(&config.id).unwrap(), running());
    assert!(actions(&fixture).is_empty());
    drop(stage);
    fixture.store.container(&config.id).unwrap();
    assert_eq!(actions(&fixture).len(), 1);
}
