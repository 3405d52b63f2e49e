//! Images with PostgreSQL, Redis, nginx and Python: one layer of Debian's packages below, a small one of ours above.

use cala_testkit::image::{Blob, Compression, Image, compress, digest};
use cala_testkit::{LayerBuilder, Registry};
use serde_json::json;

/// Names the tar with Debian's packages.
const LAYER: &str = "CALA_LONG_LAYER";

/// References in the registry.
pub(crate) struct Software {
    pub(crate) database: String,
    pub(crate) cache: String,
    pub(crate) application: String,
    pub(crate) web: String,
}

impl Software {
    /// Pushes the images.
    pub(crate) fn push(registry: &Registry) -> Self {
        let path = std::env::var_os(LAYER).expect("run it by `cargo xtask test --long`");
        let tar = std::fs::read(path).expect("the layer can be read");
        let diff = digest(&tar);
        let debian = compress(tar, Compression::Zstd);
        let push = |name: &str, file: &[u8], command: &[&str], port: &str, volumes: &[&str]| {
            push(registry, (&debian, &diff), name, file, command, port, volumes)
        };
        let redis = [
            "setpriv",
            "--reuid=redis",
            "--regid=redis",
            "--init-groups",
            "redis-server",
            "--bind",
            "0.0.0.0",
            "--protected-mode",
            "no",
            "--save",
            "",
            "--dir",
            "/tmp",
        ];
        Self {
            database: push(
                "database",
                include_bytes!("image/database"),
                &["/run-it"],
                "5432/tcp",
                &["/var/lib/postgresql/data"],
            ),
            cache: push("cache", b"", &redis, "6379/tcp", &[]),
            application: push(
                "application",
                include_bytes!("image/application.py"),
                &["python3", "/run-it"],
                "8000/tcp",
                &[],
            ),
            web: push("web", include_bytes!("image/web"), &["/run-it"], "80/tcp", &[]),
        }
    }
}

fn push(
    registry: &Registry,
    (debian, diff): (&Blob, &str),
    name: &str,
    file: &[u8],
    command: &[&str],
    port: &str,
    volumes: &[&str],
) -> String {
    let tar = LayerBuilder::default().file("run-it", 0o755, file).tar();
    let diffs = [diff.to_owned(), digest(&tar)];
    let layers = vec![debian.clone(), compress(tar, Compression::Gzip)];
    let volumes: serde_json::Map<_, _> = volumes.iter().map(|path| ((*path).to_owned(), json!({}))).collect();
    let config = json!({
        "Cmd": command, "ExposedPorts": { port: {} }, "Volumes": volumes,
        "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "PYTHONUNBUFFERED=1"],
    });
    registry.push(&format!("long/{name}"), "1", &Image::from_parts(layers, &diffs, &config))
}
