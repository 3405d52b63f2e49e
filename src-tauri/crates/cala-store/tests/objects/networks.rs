//! Networks: claimed by one of many, never half-made, never with each other's subnets.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use cala_spec::network::{NetworkAttachment, Subnet};
use cala_spec::{ContainerConfig, Network};
use cala_store::{NetworkEntry, Store, StoreError, default_network_id, new_container_id, now_ns};

use crate::fixture::{Fixture, config, open};

/// A network in the lowest free subnet of 10.89.0.0/16 and up.
fn plan(name: &str, others: &[NetworkEntry]) -> Result<Network, StoreError> {
    let used: BTreeSet<String> = others
        .iter()
        .filter_map(NetworkEntry::sound)
        .map(|other| other.subnets[0].subnet.to_string())
        .collect();
    let free = (0..=255u32).map(|n| format!("10.89.{n}.0/24")).find(|subnet| !used.contains(subnet)).unwrap();
    Ok(Network {
        id: new_container_id()?.to_string(),
        name: name.to_owned(),
        driver: "bridge".to_owned(),
        created_ns: now_ns(),
        subnets: vec![Subnet {
            subnet: free.parse().unwrap(),
            gateway: free.replace(".0/24", ".1").parse().unwrap(),
            lease_range: None,
        }],
        internal: false,
        dns_enabled: true,
        dns_servers: Vec::new(),
        labels: BTreeMap::new(),
        options: BTreeMap::new(),
    })
}

fn make(store: &Store, name: &str) -> Result<Network, StoreError> {
    store.create_network(|others| plan(name, others))
}

fn in_network(name: &str, network: &Network) -> ContainerConfig {
    let attachment = NetworkAttachment { network: network.id.clone(), ..NetworkAttachment::default() };
    ContainerConfig { networks: vec![attachment], ..config(name) }
}

#[test]
fn a_network_is_found_by_name_id_and_prefix() {
    let fixture = Fixture::new();
    let store = &fixture.store;
    assert!(store.networks().unwrap().is_empty());
    let network = make(store, "web").unwrap();
    for text in ["web", &network.id, &network.id[..5]] {
        assert_eq!(store.resolve_network(text).unwrap(), network.id, "{text}");
    }
    assert_eq!(store.network(&network.id).unwrap(), network);
    for text in ["", "nope", "we", "../web", "webx", &"0".repeat(65)] {
        assert!(matches!(store.resolve_network(text), Err(StoreError::NoSuchNetwork(_))), "{text}");
    }
    let more: Vec<Network> = (0..20).map(|n| make(store, &format!("n{n}")).unwrap()).collect();
    let shared = more.iter().find(|a| more.iter().filter(|b| a.id[..1] == b.id[..1]).count() > 1).unwrap();
    assert!(matches!(store.resolve_network(&shared.id[..1]), Err(StoreError::AmbiguousNetwork { .. })));
    let names: Vec<String> = store.networks().unwrap().iter().map(|entry| entry.name().to_owned()).collect();
    assert!(names.is_sorted(), "{names:?}");
}

#[test]
fn a_name_belongs_to_one_network_until_it_is_removed() {
    let fixture = Fixture::new();
    let store = &fixture.store;
    let first = make(store, "web").unwrap();
    assert!(matches!(make(store, "web"), Err(StoreError::NetworkNameInUse(name)) if name == "web"));
    assert_eq!(store.networks().unwrap().len(), 1);
    store.remove_network(&first.id).unwrap();
    assert!(matches!(store.remove_network(&first.id), Err(StoreError::NoSuchNetwork(_))));
    assert_ne!(make(store, "web").unwrap().id, first.id);
    assert_eq!(std::fs::read_dir(fixture.data().join("tmp")).unwrap().count(), 0);
}

#[test]
fn the_default_network_is_made_once_and_stays() {
    let fixture = Fixture::new();
    let store = &fixture.store;
    let made = |name: &str| {
        store.default_network(|others| {
            Ok::<_, StoreError>(Network { id: default_network_id(), ..plan(name, others)? })
        })
    };
    assert!(matches!(store.network(&default_network_id()), Err(StoreError::NoSuchNetwork(_))));
    let first = made("podman").unwrap();
    assert_eq!(made("other").unwrap(), first);
    for text in ["podman", "bridge", "2f259bab"] {
        assert_eq!(store.resolve_network(text).unwrap(), first.id, "{text}");
    }
    assert!(matches!(store.remove_network(&first.id), Err(StoreError::DefaultNetwork("podman"))));
    std::fs::write(store.network_dir(&first.id).join("network.json"), "{").unwrap();
    assert!(matches!(made("podman"), Err(StoreError::NetworkDamaged { .. })));
    store.remove_network(&first.id).unwrap();
    made("podman").unwrap();
}

#[test]
fn a_network_stays_as_long_as_a_container_is_in_it() {
    let fixture = Fixture::new();
    let store = &fixture.store;
    let network = make(store, "web").unwrap();
    let container = in_network("c", &network);
    drop(store.claim_container(&container).unwrap());
    match store.remove_network(&network.id) {
        Err(StoreError::NetworkInUse { name, containers }) => {
            assert_eq!((name.as_str(), containers), ("web", vec![container.id.clone()]));
        }
        other => panic!("{other:?}"),
    }
    store.remove_container_records(&container.id).unwrap();
    store.remove_network(&network.id).unwrap();
    assert!(matches!(store.claim_container(&in_network("d", &network)), Err(StoreError::NoSuchNetwork(_))));
    assert!(store.containers().unwrap().is_empty());
}

#[test]
fn only_what_may_change_changes() {
    let fixture = Fixture::new();
    let store = &fixture.store;
    let network = make(store, "web").unwrap();
    let changed = store
        .update_network(&network.id, |network| {
            network.dns_servers = vec!["9.9.9.9".parse().unwrap()];
            network.name = "other".to_owned();
            Ok::<_, StoreError>(())
        })
        .unwrap();
    assert_eq!(changed, Network { dns_servers: changed.dns_servers.clone(), ..network.clone() });
    assert_eq!(store.network(&network.id).unwrap(), changed);
    let refused = store.update_network(&network.id, |_| Err(StoreError::NoSuchNetwork("x".to_owned())));
    assert!(matches!(refused, Err(StoreError::NoSuchNetwork(text)) if text == "x"));
}

#[test]
fn a_damaged_record_is_an_entry_of_its_own() {
    let fixture = Fixture::new();
    let store = &fixture.store;
    let (good, bad) = (make(store, "good").unwrap(), make(store, "bad").unwrap());
    let record = store.network_dir(&bad.id).join("network.json");
    let foreign = serde_json::to_vec(&good).unwrap();
    let empty = serde_json::to_vec(&Network { subnets: Vec::new(), ..bad.clone() }).unwrap();
    for content in [&b""[..], b"{", b"null", &foreign, &empty, &vec![b' '; 2 << 20]] {
        std::fs::write(&record, content).unwrap();
        let entries = store.networks().unwrap();
        let [NetworkEntry::Damaged(damaged), NetworkEntry::Sound(_)] = &entries[..] else {
            panic!("{entries:?}");
        };
        assert_eq!((damaged.id.as_str(), damaged.name.as_deref()), (bad.id.as_str(), Some("bad")));
        assert!(damaged.reason.starts_with("network.json: "), "{damaged:?}");
    }
    std::fs::remove_file(&record).unwrap();
    assert!(matches!(store.network(&bad.id), Err(StoreError::NetworkDamaged { .. })));
    assert_eq!(store.resolve_network("bad").unwrap(), bad.id);
    store.remove_network(&bad.id).unwrap();
    make(store, "bad").unwrap();
}

#[test]
fn a_name_without_a_network_is_free() {
    let fixture = Fixture::new();
    let path = fixture.data().join("names/networks/web");
    for stale in ["", "x", &"0".repeat(64)] {
        std::fs::write(&path, stale).unwrap();
        assert!(matches!(fixture.store.resolve_network("web"), Err(StoreError::NoSuchNetwork(_))));
        let network = make(&fixture.store, "web").unwrap();
        fixture.store.remove_network(&network.id).unwrap();
    }
    assert!(!path.exists());
}

/// What the children do; a test that passes when nobody asked it to be one.
#[test]
fn child() {
    let Some(folder) = std::env::var_os("CALA_NETWORKS_FOLDER") else { return };
    let store = open(Path::new(&folder));
    let prefix = std::env::var("CALA_NETWORKS_PREFIX").unwrap();
    for n in 0..std::env::var("CALA_NETWORKS_COUNT").unwrap().parse::<u32>().unwrap() {
        make(&store, &format!("{prefix}{n}")).unwrap();
    }
}

fn start(folder: &Path, prefix: &str, count: u32) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .current_dir("/")
        .args(["--exact", "networks::child", "--test-threads=1"])
        .env("CALA_NETWORKS_FOLDER", folder)
        .env("CALA_NETWORKS_PREFIX", prefix)
        .env("CALA_NETWORKS_COUNT", count.to_string())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn subnets(store: &Store) -> BTreeSet<String> {
    let entries = store.networks().unwrap();
    entries.iter().map(|entry| entry.sound().expect("whole").subnets[0].subnet.to_string()).collect()
}

#[test]
fn two_hundred_made_at_once_have_two_hundred_subnets() {
    let fixture = Fixture::new();
    let children: Vec<Child> = (0..5).map(|n| start(fixture.folder.path(), &format!("p{n}-"), 20)).collect();
    std::thread::scope(|scope| {
        for thread in 0..5 {
            let store = &fixture.store;
            scope.spawn(move || (0..20).for_each(|n| drop(make(store, &format!("t{thread}-{n}")).unwrap())));
        }
    });
    for child in children {
        assert!(child.wait_with_output().unwrap().status.success());
    }
    assert_eq!(fixture.store.networks().unwrap().len(), 200);
    assert_eq!(subnets(&fixture.store).len(), 200);
}

#[test]
fn of_many_with_one_name_one_is_made() {
    let fixture = Fixture::new();
    let made = std::thread::scope(|scope| {
        let makers: Vec<_> = (0..16).map(|_| scope.spawn(|| make(&fixture.store, "web").is_ok())).collect();
        makers.into_iter().map(|maker| maker.join().unwrap()).filter(|made| *made).count()
    });
    assert_eq!((made, fixture.store.networks().unwrap().len()), (1, 1));
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the moment of the kill is what is varied")]
fn a_killed_maker_leaves_nothing_half_made() {
    let fixture = Fixture::new();
    for round in 0..30u32 {
        let prefix = format!("r{round}-");
        let mut child = start(fixture.folder.path(), &prefix, 200);
        let begun = Instant::now();
        while subnets(&fixture.store).len() < 3 && begun.elapsed() < Duration::from_secs(10) {
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_micros(u64::from(round) * 137));
        child.kill().unwrap();
        child.wait().unwrap();
        let entries = fixture.store.networks().unwrap();
        for entry in &entries {
            assert!(entry.sound().is_some(), "{entry:?}");
            assert_eq!(fixture.store.resolve_network(entry.name()).unwrap(), entry.id());
        }
        assert_eq!(subnets(&fixture.store).len(), entries.len());
        // The name that it was at is not lost.
        let next = (0..200)
            .map(|n| format!("{prefix}{n}"))
            .find(|name| fixture.store.resolve_network(name).is_err());
        make(&fixture.store, &next.unwrap()).unwrap();
        for entry in fixture.store.networks().unwrap() {
            fixture.store.remove_network(entry.id()).unwrap();
        }
    }
    fixture.store.sweep_creations();
    assert_eq!(std::fs::read_dir(fixture.data().join("names/networks")).unwrap().count(), 0);
    assert_eq!(std::fs::read_dir(fixture.data().join("tmp")).unwrap().count(), 0);
}
