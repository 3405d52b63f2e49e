//! The arrows between the rooms, as `src-tauri/ARCHITECTURE.md` draws them. A new arrow is a decision: it is made here.

#![allow(clippy::expect_used, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, MetadataCommand, Package};

/// Which of our rooms each room may use, apart from its tests.
const ALLOWED: &[(&str, &[&str])] = &[
    ("cala-spec", &[]),
    ("cala-sys", &[]),
    ("cala-hello", &[]),
    ("cala-userns", &["cala-spec", "cala-sys"]),
    ("cala-holder", &["cala-spec", "cala-sys", "cala-userns"]),
    ("cala-runtime", &["cala-spec", "cala-sys"]),
    ("cala-monitor", &["cala-holder", "cala-runtime", "cala-spec", "cala-sys", "cala-userns"]),
    ("cala-network", &["cala-holder", "cala-spec", "cala-sys", "cala-userns"]),
    ("cala-registry", &["cala-spec"]),
    ("cala-store", &["cala-runtime", "cala-spec", "cala-sys", "cala-userns"]),
    (
        "cala-engine",
        &[
            "cala-hello",
            "cala-holder",
            "cala-monitor",
            "cala-network",
            "cala-registry",
            "cala-spec",
            "cala-store",
            "cala-sys",
            "cala-userns",
        ],
    ),
    ("cala-cli", &["cala-engine", "cala-spec", "cala-sys"]),
    ("cala-desktop", &["cala-engine", "cala-spec"]),
    ("cala", &["cala-cli", "cala-monitor", "cala-network", "cala-runtime", "cala-store"]),
    ("cala-testkit", &[]),
    ("xtask", &["cala-testkit"]),
];

/// Libraries that only these rooms may use.
const ONLY_IN: &[(&str, &[&str])] = &[
    ("reqwest", &["cala-registry"]),
    ("oci-client", &["cala-registry"]),
    ("rtnetlink", &["cala-network"]),
    ("clap", &["cala-cli", "cala-desktop", "xtask"]),
    ("tauri", &["cala-desktop"]),
    ("axum", &["cala-desktop"]),
    ("libc", &["cala-sys"]),
];

fn rooms() -> BTreeMap<String, Package> {
    let metadata = MetadataCommand::new().no_deps().exec().expect("cargo metadata answers");
    metadata.packages.into_iter().map(|package| (package.name.to_string(), package)).collect()
}

fn used(package: &Package) -> BTreeSet<String> {
    let normal = |kind| matches!(kind, DependencyKind::Normal | DependencyKind::Build);
    package.dependencies.iter().filter(|d| normal(d.kind)).map(|d| d.name.clone()).collect()
}

#[test]
fn every_room_uses_only_the_rooms_below_it() {
    let rooms = rooms();
    let names: BTreeSet<&str> = rooms.keys().map(String::as_str).collect();
    let listed: BTreeSet<&str> = ALLOWED.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, listed, "a room was added or removed: say here what it may use");
    for (name, allowed) in ALLOWED {
        let wrong: Vec<String> = used(&rooms[*name])
            .into_iter()
            .filter(|d| names.contains(d.as_str()) && !allowed.contains(&d.as_str()))
            .collect();
        assert!(wrong.is_empty(), "{name} must not use {wrong:?}");
    }
}

#[test]
fn doors_to_the_outside_are_in_one_room_each() {
    for (name, package) in rooms() {
        let used = used(&package);
        for (library, owners) in ONLY_IN {
            assert!(
                !used.contains(*library) || owners.contains(&name.as_str()),
                "{name} must not use {library}"
            );
        }
    }
}

#[test]
fn only_cala_sys_may_be_unsafe() {
    for (name, package) in rooms() {
        if matches!(name.as_str(), "cala-sys" | "cala-testkit" | "cala") {
            continue;
        }
        for target in package.targets.iter().filter(|t| t.is_lib()) {
            let text = std::fs::read_to_string(&target.src_path).expect("the source is readable");
            assert!(text.contains("#![forbid(unsafe_code)]"), "{name} does not forbid unsafe code");
        }
    }
}

#[test]
fn every_room_says_what_it_is() {
    for (name, package) in rooms() {
        for target in &package.targets {
            let text = std::fs::read_to_string(&target.src_path).expect("the source is readable");
            assert!(text.starts_with("//!"), "{name}: {} has no heading", target.src_path);
        }
        assert!(package.description.is_some_and(|text| !text.is_empty()), "{name} has no description");
    }
}
