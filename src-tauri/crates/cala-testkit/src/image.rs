//! Images made offline: layers of given files, with configuration and manifest.

use std::io::Write as _;
use std::path::Path;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::tar::{Entry, TarBuilder};

/// `sha256:…` of bytes.
#[must_use]
pub fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold("sha256:".to_owned(), |text, byte| format!("{text}{byte:02x}"))
}

/// How a layer is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// `tar`.
    None,
    /// `tar+gzip`.
    Gzip,
    /// `tar+zstd`.
    Zstd,
}

/// A layer under construction.
#[derive(Debug, Default, Clone)]
pub struct LayerBuilder {
    tar: TarBuilder,
}

impl LayerBuilder {
    /// Adds a folder.
    #[must_use]
    pub fn folder(self, path: &str, mode: u32) -> Self {
        self.entry(&Entry { path, kind: b'5', mode, ..Entry::default() })
    }

    /// Adds a file.
    #[must_use]
    pub fn file(self, path: &str, mode: u32, content: &[u8]) -> Self {
        self.entry(&Entry { path, mode, content, ..Entry::default() })
    }

    /// Adds a symbolic link.
    #[must_use]
    pub fn symlink(self, path: &str, target: &str) -> Self {
        self.entry(&Entry { path, kind: b'2', mode: 0o777, link: target, ..Entry::default() })
    }

    /// Adds any entry.
    #[must_use]
    pub fn entry(self, entry: &Entry<'_>) -> Self {
        Self { tar: self.tar.entry(entry) }
    }

    /// The uncompressed tar.
    #[must_use]
    pub fn tar(self) -> Vec<u8> {
        self.tar.finish()
    }
}

/// A blob with its media type.
#[derive(Debug, Clone)]
pub struct Blob {
    /// Media type of its descriptor.
    pub media_type: String,
    /// The bytes as they travel.
    pub bytes: Vec<u8>,
}

impl Blob {
    /// The digest of the bytes.
    #[must_use]
    pub fn digest(&self) -> String {
        digest(&self.bytes)
    }

    fn descriptor(&self) -> Value {
        json!({ "mediaType": self.media_type, "digest": self.digest(), "size": self.bytes.len() })
    }
}

/// A complete image in memory.
#[derive(Debug, Clone)]
pub struct Image {
    /// The layers, lowest first.
    pub layers: Vec<Blob>,
    /// The configuration.
    pub config: Blob,
    /// The manifest.
    pub manifest: Blob,
}

impl Image {
    /// An image of these uncompressed layers; `config` is the inner object (`Cmd`, `Env`, `User`, …).
    #[must_use]
    pub fn new(tars: Vec<Vec<u8>>, compression: Compression, config: &Value) -> Self {
        let diff_ids: Vec<String> = tars.iter().map(|tar| digest(tar)).collect();
        let layers: Vec<Blob> = tars.into_iter().map(|tar| compress(tar, compression)).collect();
        Self::from_parts(layers, &diff_ids, config)
    }

    /// An image whose diff ids are given, true or not.
    #[must_use]
    pub fn from_parts(layers: Vec<Blob>, diff_ids: &[String], config: &Value) -> Self {
        let body = json!({
            "architecture": architecture(), "os": "linux", "created": "2026-01-02T03:04:05Z",
            "config": config, "rootfs": { "type": "layers", "diff_ids": diff_ids },
            "history": diff_ids.iter().map(|_| json!({ "created": "2026-01-02T03:04:05Z", "created_by": "testkit" })).collect::<Vec<_>>(),
        });
        let config = Blob {
            media_type: "application/vnd.oci.image.config.v1+json".into(),
            bytes: serde_json::to_vec(&body).expect("plain JSON"),
        };
        let manifest = json!({
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": config.descriptor(), "layers": layers.iter().map(Blob::descriptor).collect::<Vec<_>>(),
        });
        let manifest = Blob {
            media_type: "application/vnd.oci.image.manifest.v1+json".into(),
            bytes: serde_json::to_vec(&manifest).expect("plain JSON"),
        };
        Self { layers, config, manifest }
    }

    /// The machine's busybox as an image with a shell, users and a few folders; `None` when busybox-static is missing.
    #[must_use]
    pub fn busybox() -> Option<Self> {
        let busybox = ["/bin/busybox", "/usr/bin/busybox"].iter().find(|path| Path::new(path).is_file())?;
        let program = std::fs::read(busybox).expect("busybox is readable");
        let mut layer = LayerBuilder::default();
        for (path, mode) in [("bin", 0o755), ("etc", 0o755), ("root", 0o700), ("tmp", 0o1777), ("var", 0o755)]
        {
            layer = layer.folder(path, mode);
        }
        layer = layer.file("bin/busybox", 0o755, &program);
        for name in APPLETS {
            layer = layer.symlink(&format!("bin/{name}"), "busybox");
        }
        layer = layer
            .file(
                "etc/passwd",
                0o644,
                b"root:x:0:0:root:/root:/bin/sh\nalice:x:1000:1000:Alice:/tmp:/bin/sh\n",
            )
            .file("etc/group", 0o644, b"root:x:0:\naudio:x:29:alice\nalice:x:1000:\n")
            .file("bin/not-executable", 0o644, b"#!/bin/sh\necho never\n");
        let config = json!({ "Cmd": ["sh"], "Env": ["PATH=/bin:/usr/bin"], "WorkingDir": "/" });
        Some(Self::new(vec![layer.tar()], Compression::Gzip, &config))
    }
}

const APPLETS: &[&str] = &[
    "arping",
    "awk",
    "cut",
    "httpd",
    "nslookup",
    "ping",
    "sh",
    "cat",
    "chmod",
    "cp",
    "date",
    "dd",
    "df",
    "du",
    "echo",
    "env",
    "xargs",
    "false",
    "find",
    "grep",
    "head",
    "hostname",
    "id",
    "ip",
    "kill",
    "ln",
    "ls",
    "mkdir",
    "mknod",
    "mount",
    "mv",
    "nc",
    "od",
    "printenv",
    "ps",
    "pwd",
    "readlink",
    "rm",
    "sed",
    "seq",
    "sha256sum",
    "sleep",
    "sort",
    "stat",
    "stty",
    "tail",
    "tee",
    "test",
    "touch",
    "tr",
    "true",
    "tty",
    "umount",
    "uname",
    "unshare",
    "wc",
    "wget",
    "yes",
    "trap",
    "ulimit",
    "sync",
    "mkfifo",
    "setsid",
    "timeout",
    "usleep",
    "base64",
];

fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "aarch64" => "arm64",
        _ => "amd64",
    }
}

/// Compresses a layer and names its media type.
#[must_use]
pub fn compress(tar: Vec<u8>, compression: Compression) -> Blob {
    let (suffix, bytes) = match compression {
        Compression::None => ("", tar),
        Compression::Gzip => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(&tar).expect("memory");
            ("+gzip", encoder.finish().expect("memory"))
        }
        Compression::Zstd => ("+zstd", zstd::encode_all(tar.as_slice(), 1).expect("memory")),
    };
    Blob { media_type: format!("application/vnd.oci.image.layer.v1.tar{suffix}"), bytes }
}
