//! A private store, containers and images to put in it, and children to kill.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use cala_spec::{ContainerConfig, ContainerId, ContainerSpec, Digest};
use cala_store::{NewImage, Store, new_container_id, now_ns};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

/// A store that is gone with the value.
pub(crate) struct Fixture {
    pub(crate) folder: TempDir,
    pub(crate) store: Store,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path());
        Self { folder, store }
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }
}

/// Opens the store below `folder`.
pub(crate) fn open(folder: &Path) -> Store {
    Store::open(&folder.join("data"), &folder.join("run")).unwrap()
}

pub(crate) fn digest_of(bytes: &[u8]) -> Digest {
    Digest::sha256(&Sha256::digest(bytes).into())
}

/// A configuration with no layers.
pub(crate) fn config(name: &str) -> ContainerConfig {
    config_with(new_container_id().unwrap(), name)
}

pub(crate) fn config_with(id: ContainerId, name: &str) -> ContainerConfig {
    ContainerConfig {
        id,
        name: name.parse().unwrap(),
        created_ns: now_ns(),
        image: "docker.io/library/alpine:latest".to_owned(),
        image_id: digest_of(b"image"),
        layers: Vec::new(),
        args: vec!["true".to_owned()],
        entrypoint_len: 0,
        env: vec!["PATH=/bin".to_owned()],
        workdir: "/".to_owned(),
        user: String::new(),
        hostname: "host".to_owned(),
        labels: BTreeMap::new(),
        stop_signal: 15,
        stop_timeout: 10,
        networks: Vec::new(),
        ports: Vec::new(),
        exposed_ports: Vec::new(),
        spec: ContainerSpec { image: "alpine".to_owned(), ..ContainerSpec::default() },
    }
}

/// Puts manifest, configuration, layer blobs and layer directories into the store; `layers` are (content, size).
pub(crate) fn image(store: &Store, salt: &str, layers: &[&str]) -> NewImage {
    let diff_ids: Vec<String> = layers.iter().map(|layer| digest_of(layer.as_bytes()).to_string()).collect();
    let config = json!({
        "architecture": "amd64", "os": "linux", "created": "2024-01-02T03:04:05Z",
        "config": { "Labels": { "salt": salt }, "ExposedPorts": { "80/tcp": {} } },
        "rootfs": { "type": "layers", "diff_ids": diff_ids },
    });
    let config = serde_json::to_vec(&config).unwrap();
    store.put_blob(&digest_of(&config), &config).unwrap();
    let mut descriptors = Vec::new();
    let mut uses = Vec::new();
    for layer in layers {
        let blob = format!("compressed {layer}");
        store.put_blob(&digest_of(blob.as_bytes()), blob.as_bytes()).unwrap();
        descriptors.push(json!({
            "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
            "digest": digest_of(blob.as_bytes()), "size": blob.len(),
        }));
        let key = digest_of(layer.as_bytes()).hex().to_owned();
        std::fs::create_dir_all(store.layer_diff(&key).join("bin")).unwrap();
        uses.push((key, 1000));
    }
    let manifest = json!({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "digest": digest_of(&config), "size": config.len(),
        },
        "layers": descriptors,
    });
    let manifest = serde_json::to_vec(&manifest).unwrap();
    store.put_blob(&digest_of(&manifest), &manifest).unwrap();
    NewImage { manifest: digest_of(&manifest), index: None, layers: uses }
}

/// Starts this test program again in a role (see `crashes::child`).
pub(crate) fn start_child(role: &str, folder: &Path, argument: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .current_dir("/")
        .args(["--exact", "crashes::child", "--nocapture", "--test-threads=1"])
        .env("CALA_STORE_ROLE", role)
        .env("CALA_STORE_FOLDER", folder)
        .env("CALA_STORE_ARGUMENT", argument)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}
