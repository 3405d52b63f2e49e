//! Processes that are killed while they change the store, and what must hold afterwards.

use std::collections::HashSet;
use std::io::Read as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use cala_spec::{ContainerState, ContainerStatus};
use cala_store::{RemoveLater, Store, StoreError, Verification};

use crate::fixture::{Fixture, config, digest_of, image, open, start_child};

/// What the children do; as a test of its own it does nothing.
#[test]
fn child() {
    let Ok(role) = std::env::var("CALA_STORE_ROLE") else { return };
    let folder = PathBuf::from(std::env::var_os("CALA_STORE_FOLDER").unwrap());
    let argument = std::env::var("CALA_STORE_ARGUMENT").unwrap();
    let store = open(&folder);
    match role.as_str() {
        "claim-one-name" => claim_one_name(&store, argument.parse().unwrap()),
        "claim-and-remove" => claim_and_remove(&store),
        "write-state" => write_state(&store, &argument),
        "images" => tag_and_remove(&store),
        "blob" => write_blob(&store),
        _ => panic!("no such role"),
    }
}

fn claim_one_name(store: &Store, threads: usize) {
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| match store.claim_container(&config("one")) {
                Ok(_) => println!("WON"),
                Err(StoreError::NameInUse { .. }) => println!("IN USE"),
                Err(error) => println!("{error}"),
            });
        }
    });
}

fn claim_and_remove(store: &Store) {
    println!("READY");
    for n in 0u32.. {
        let mut config = config(&format!("n{}", n % 4));
        // Without syncs more rounds fit; a killed process loses nothing by that.
        config.spec.remove = n % 3 != 0;
        match store.claim_container(&config) {
            Ok(_) | Err(StoreError::NameInUse { .. }) => {}
            Err(error) => panic!("{error}"),
        }
        if n % 2 == 1
            && let Ok(id) = store.resolve_container(&format!("n{}", (n / 2) % 4))
        {
            let _ = store.remove_container_records(&id);
        }
    }
}

fn write_state(store: &Store, id: &str) {
    println!("READY");
    let id = id.parse().unwrap();
    for n in 0.. {
        let status = if n % 2 == 0 { ContainerStatus::Exited } else { ContainerStatus::Created };
        let state =
            ContainerState { status, exit_code: n, error: "x".repeat(5000), ..ContainerState::default() };
        store.write_state(&id, &state, false).unwrap();
    }
}

fn tag_and_remove(store: &Store) {
    println!("READY");
    for n in 0.. {
        let salt = format!("{}", n % 3);
        let _guard = store.guard_pull().unwrap();
        let made = image(store, &salt, &["base", &salt]);
        let reference = format!("app:{}", n % 2).parse().unwrap();
        store.commit_image(&reference, &made).unwrap();
        drop(_guard);
        if n % 2 == 1 {
            let _ = store.remove_image("app:0", false, &mut RemoveLater);
        }
    }
}

fn blob_bytes() -> Vec<u8> {
    (0..3_000_000u32).map(|n| (n % 251) as u8).collect()
}

fn write_blob(store: &Store) {
    println!("READY");
    let bytes = blob_bytes();
    let writer = store.begin_blob(&digest_of(&bytes), bytes.len() as u64, Verification::Here).unwrap();
    let Some(mut writer) = writer else { return };
    let from = writer.offset() as usize;
    for piece in bytes[from..].chunks(1000) {
        writer.write(piece).unwrap();
    }
    writer.finish().unwrap();
}

/// Starts the role and kills it some time after it said that it is at work.
fn kill_after(role: &str, fixture: &Fixture, argument: &str, delay: Duration) {
    let mut child = start_child(role, fixture.folder.path(), argument);
    let mut stdout = child.stdout.take().unwrap();
    let mut seen = Vec::new();
    let mut byte = [0];
    while !seen.ends_with(b"READY") && stdout.read(&mut byte).unwrap_or(0) == 1 {
        seen.push(byte[0]);
    }
    let end = Instant::now() + delay;
    while Instant::now() < end {
        std::hint::spin_loop();
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_killed_creator_leaves_whole_containers_and_usable_names() {
    let fixture = Fixture::new();
    for round in 0..25 {
        kill_after("claim-and-remove", &fixture, "", Duration::from_micros(700 * round + 137));
        let store = open(fixture.folder.path());
        let list = store.containers().unwrap();
        let mut names = HashSet::new();
        for entry in &list {
            let container = entry.sound().unwrap_or_else(|| panic!("damaged: {entry:?}"));
            assert!(
                names.insert(container.config.name.clone()),
                "two containers are called {}",
                container.config.name
            );
            assert_eq!(store.resolve_container(container.config.name.as_str()).unwrap(), container.config.id);
        }
        // Whatever name is left can be used.
        for n in 0..4 {
            let name = format!("n{n}");
            match store.claim_container(&config(&name)) {
                Ok(made) => {
                    drop(made);
                    let id = store.resolve_container(&name).unwrap();
                    store.remove_container_records(&id).unwrap();
                }
                Err(StoreError::NameInUse { id, .. }) => assert!(list.iter().any(|entry| *entry.id() == id)),
                Err(error) => panic!("{error}"),
            }
        }
        store.sweep_creations();
        let half_made = std::fs::read_dir(fixture.data().join("tmp")).unwrap().flatten();
        let half_made = half_made.filter(|entry| entry.file_name().to_string_lossy().starts_with("create-"));
        assert_eq!(half_made.count(), 0);
    }
}

#[test]
fn a_killed_writer_leaves_the_old_or_the_new_state() {
    let fixture = Fixture::new();
    let config = config("web");
    drop(fixture.store.claim_container(&config).unwrap());
    for round in 0..25 {
        kill_after("write-state", &fixture, config.id.as_str(), Duration::from_micros(311 * round));
        let state = fixture.store.read_state(&config.id).unwrap();
        assert!(state.error.is_empty() || state.error.len() == 5000);
    }
}

#[test]
fn a_killed_remover_of_images_leaves_readable_names_and_no_hole() {
    let fixture = Fixture::new();
    for round in 0..25 {
        kill_after("images", &fixture, "", Duration::from_micros(2500 * round));
        let store = open(fixture.folder.path());
        assert_eq!(store.damaged_image_names().unwrap(), []);
        for image in store.images().unwrap() {
            assert_eq!(image.damaged, None, "{image:?}");
            store.verify_image(&image.record).unwrap();
        }
    }
    // What the killed ones left half removed goes with the next collection.
    let store = open(fixture.folder.path());
    for image in store.images().unwrap() {
        store.remove_image(image.id().as_str(), true, &mut RemoveLater).unwrap();
    }
    store.collect(&mut RemoveLater).unwrap();
    // Blobs and layers of a pull that was killed stay for the next one.
    for empty in ["images/removed", "images/names"] {
        let left: Vec<_> = std::fs::read_dir(fixture.data().join(empty)).unwrap().flatten().collect();
        assert!(left.is_empty(), "{empty}: {left:?}");
    }
}

#[test]
fn a_killed_download_is_resumed_where_it_was_cut() {
    let fixture = Fixture::new();
    let bytes = blob_bytes();
    let digest = digest_of(&bytes);
    let mut last = 0;
    for round in 0..10 {
        kill_after("blob", &fixture, "", Duration::from_millis(1 + round % 3));
        if fixture.store.has_blob(&digest) {
            break;
        }
        let partial = fixture.data().join("images/partial").join(digest.hex());
        let there = std::fs::metadata(&partial).map_or(0, |meta| meta.len());
        assert!(there >= last, "what was fetched is kept");
        last = there;
    }
    write_blob(&fixture.store);
    assert_eq!(fixture.store.read_blob(&digest, 4 << 20).unwrap(), bytes);
    assert_eq!(fixture.store.partial_bytes(), 0);
}
