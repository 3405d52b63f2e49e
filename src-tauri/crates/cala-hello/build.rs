//! Compiles `program/main.rs` as a static program and packs it as an OCI image: one layer, a configuration, a manifest.
//!
//! `rustc` is called directly, so that a plain `cargo build` needs no second target and no network. The result is
//! reproducible: no time, no path and no user of the build machine enters it.
#![allow(clippy::expect_used, clippy::panic, reason = "a build script may stop the build with a sentence")]

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;
use sha2::{Digest as _, Sha256};

/// 1 January 2026: the time of every file and of the image.
const TIME: u64 = 1_767_225_600;
const CREATED: &str = "2026-01-01T00:00:00Z";

fn main() {
    println!("cargo::rerun-if-changed=program");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let program = compile(&out);
    let tar = layer(&program);
    let gzip = compress(&tar);
    let config = config(&digest(&tar));
    let manifest = manifest(&config, &gzip);
    for (name, bytes) in [("layer.tar.gz", &gzip), ("config.json", &config), ("manifest.json", &manifest)] {
        std::fs::write(out.join(name), bytes).expect("OUT_DIR is writable");
    }
    let digests = format!(
        "pub(crate) const DIGESTS: [&str; 4] = [{:?}, {:?}, {:?}, {:?}];\n",
        digest(&manifest),
        digest(&config),
        digest(&gzip),
        digest(&tar)
    );
    std::fs::write(out.join("digests.rs"), digests).expect("OUT_DIR is writable");
}

/// The program as a static executable.
fn compile(out: &Path) -> Vec<u8> {
    let target = std::env::var("TARGET").expect("cargo sets TARGET");
    let rustc = std::env::var_os("RUSTC").expect("cargo sets RUSTC");
    let file = out.join("hello");
    let status = Command::new(rustc)
        .current_dir(std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR"))
        .args(["--edition=2024", "--crate-name=hello", "--crate-type=bin", "--target", &target])
        .args(["-Copt-level=s", "-Cpanic=abort", "-Clto=fat", "-Cstrip=symbols", "-Ccodegen-units=1"])
        .args(["-Ctarget-feature=+crt-static", "-Crelocation-model=static"])
        .arg("-o")
        .arg(&file)
        .arg("program/main.rs")
        .status()
        .expect("rustc starts");
    assert!(status.success(), "the program of cala/hello does not compile (is libc6-dev installed?)");
    std::fs::read(file).expect("rustc wrote the program")
}

/// The layer as an uncompressed tar: the folders that every container expects, and the program.
fn layer(program: &[u8]) -> Vec<u8> {
    let mut tar = Vec::new();
    for (name, mode) in [
        ("dev/", 0o755),
        ("etc/", 0o755),
        ("proc/", 0o755),
        ("run/", 0o755),
        ("sys/", 0o755),
        ("tmp/", 0o1777),
    ] {
        tar.extend(header(name, mode, 0, b'5'));
    }
    file(&mut tar, "etc/passwd", 0o644, b"root:x:0:0:root:/:/hello\nguest:x:1000:1000:guest:/:/hello\n");
    file(&mut tar, "etc/group", 0o644, b"root:x:0:\nguest:x:1000:\n");
    file(&mut tar, "hello", 0o755, program);
    tar.extend([0; 1024]);
    tar
}

fn file(tar: &mut Vec<u8>, name: &str, mode: u32, bytes: &[u8]) {
    tar.extend(header(name, mode, bytes.len(), b'0'));
    tar.extend(bytes);
    tar.resize(tar.len().next_multiple_of(512), 0);
}

/// A ustar header (POSIX.1-2017, pax, "ustar Interchange Format").
fn header(name: &str, mode: u32, size: usize, kind: u8) -> [u8; 512] {
    let mut block = [0; 512];
    let mut put = |at: usize, text: &str| block[at..at + text.len()].copy_from_slice(text.as_bytes());
    put(0, name);
    put(100, &format!("{mode:07o}"));
    put(108, "0000000");
    put(116, "0000000");
    put(124, &format!("{size:011o}"));
    put(136, &format!("{TIME:011o}"));
    put(148, "        ");
    put(257, "ustar\x0000");
    block[156] = kind;
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    block
}

fn compress(tar: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(tar).expect("memory");
    encoder.finish().expect("memory")
}

fn digest(bytes: &[u8]) -> String {
    let hash = Sha256::digest(bytes);
    hash.iter().fold(String::from("sha256:"), |text, byte| format!("{text}{byte:02x}"))
}

/// The image configuration (OCI image specification, config.md).
fn config(diff_id: &str) -> Vec<u8> {
    let architecture = match std::env::var("CARGO_CFG_TARGET_ARCH").expect("cargo sets it").as_str() {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => panic!("cala/hello is not made for {other}"),
    };
    let config = json!({
        "architecture": architecture,
        "os": "linux",
        "created": CREATED,
        "author": "Cala",
        "config": {
            "Entrypoint": ["/hello"],
            "Env": ["PATH=/"],
            "WorkingDir": "/",
            "ExposedPorts": { "8080/tcp": {} },
            "Labels": {
                "org.opencontainers.image.title": "cala/hello",
                "org.opencontainers.image.description": "First container, lessons and tests",
                "org.opencontainers.image.licenses": "Apache-2.0"
            }
        },
        "rootfs": { "type": "layers", "diff_ids": [diff_id] },
        "history": [{ "created": CREATED, "created_by": "cala build of cala/hello" }]
    });
    serde_json::to_vec(&config).expect("plain JSON")
}

/// The manifest (OCI image specification, manifest.md).
fn manifest(config: &[u8], layer: &[u8]) -> Vec<u8> {
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "digest": digest(config),
            "size": config.len()
        },
        "layers": [{
            "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
            "digest": digest(layer),
            "size": layer.len()
        }]
    });
    serde_json::to_vec(&manifest).expect("plain JSON")
}
