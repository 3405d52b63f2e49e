//! `commit`: an image of what a container has become.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cala_spec::mount::MountSource;
use cala_spec::{ContainerConfig, ContainerStatus, Digest, Reference};
use cala_store::{ImageRecord, StoreError};
use serde_json::{Map, Value, json};

use super::build::{Base, NewLayer};
use super::change;
use crate::containers::{Held, cgroup_of};
use crate::{CommitOptions, Engine, EngineError, Result, cgroup, time};

/// How long the kernel may take to stop all processes of a container.
const FREEZE_LIMIT: Duration = Duration::from_secs(10);

impl Engine {
    /// Makes an image of a container: its image's layers and one more with what it changed. Returns the image's id.
    ///
    /// # Errors
    /// When there is no such container, its image is gone, an instruction is wrong, or something cannot be read.
    pub fn commit(&self, name: &str, options: &CommitOptions) -> Result<Digest> {
        let reference = options.name.as_deref().map(local_reference).transpose()?;
        let held = self.hold(name)?;
        let config = &held.container.config;
        let base = self.base_of(config)?;
        let document = self.document(config, &base, options)?;
        let (layers, layer) = {
            let _still = options.pause.then(|| self.freeze_held(&held)).transpose()?.flatten();
            let layer = self.layer_of(&held, options.squash)?;
            (if options.squash { Base::default() } else { base.below }, layer)
        };
        let record = self.store_image(reference.as_ref(), layers, layer, document, options.format)?;
        self.container_event(config, "commit", &[])?;
        Ok(record.image_id)
    }

    fn layer_of(&self, held: &Held, squash: bool) -> Result<NewLayer> {
        let blob = self.store()?.new_blob()?;
        let done = self.write_layer(held, squash, blob.file())?;
        for warning in &done.warnings {
            tracing::warn!("{warning}");
        }
        let missing = || EngineError::Internal("a layer without a digest".to_owned());
        let diff_id = done.diff_id.ok_or_else(missing)?;
        Ok(NewLayer { blob, digest: diff_id.clone(), diff_id, size: done.size, compression: "" })
    }

    fn base_of(&self, config: &ContainerConfig) -> Result<Image> {
        let store = self.store()?;
        let gone = |error| match error {
            StoreError::NoSuchImage(_) => EngineError::ImageNotHere(config.image.clone()),
            error => error.into(),
        };
        let record = store.resolve_image(config.image_id.hex()).map_err(gone)?;
        let (_, manifest) = store.read_manifest(&record.manifest)?;
        let (_, document) = store.read_image_config(&record.image_id)?;
        let wrong = |error: serde_json::Error| EngineError::Internal(error.to_string());
        let manifest: Value = serde_json::from_slice(&manifest).map_err(wrong)?;
        let document: Map<String, Value> = serde_json::from_slice(&document).map_err(wrong)?;
        Ok(Image { below: below(&record, &manifest), document })
    }

    /// The configuration of the new image, but for its layers.
    fn document(&self, container: &ContainerConfig, base: &Image, options: &CommitOptions) -> Result<Value> {
        let mut document = base.document.clone();
        let created = time::rfc3339(time::now_ns());
        document.insert("created".to_owned(), created.clone().into());
        let mut config = match document.remove("config") {
            Some(Value::Object(config)) => config,
            _ => Map::new(),
        };
        self.take_over(container, options.include_volumes, &mut config);
        for instruction in &options.changes {
            change::apply(&mut config, instruction)?;
        }
        document.insert("config".to_owned(), Value::Object(config));
        match &options.author {
            Some(author) => document.insert("author".to_owned(), author.clone().into()),
            None => document.remove("author"),
        };
        let from = format!("FROM {}", container.image);
        let comment = options.message.clone().unwrap_or(from);
        if options.format == crate::ImageFormat::Docker {
            document.insert("comment".to_owned(), options.message.clone().unwrap_or_default().into());
        }
        let mut entry = json!({ "created": created, "created_by": "/bin/sh", "comment": comment });
        if let Some(author) = &options.author {
            entry["author"] = author.clone().into();
        }
        let mut history = match document.remove("history") {
            Some(Value::Array(history)) if !options.squash => history,
            _ => Vec::new(),
        };
        history.push(entry);
        document.insert("history".to_owned(), Value::Array(history));
        Ok(Value::Object(document))
    }

    /// What the container was told about its process becomes what the image says.
    fn take_over(&self, container: &ContainerConfig, all_volumes: bool, config: &mut Map<String, Value>) {
        let (entrypoint, command) =
            container.args.split_at(container.entrypoint_len.min(container.args.len()));
        for (name, words) in [("Entrypoint", entrypoint), ("Cmd", command)] {
            match words {
                [] => _ = config.remove(name),
                words => _ = config.insert(name.to_owned(), json!(words)),
            }
        }
        for (name, value) in container.env.iter().filter_map(|line| line.split_once('=')) {
            if !is_the_containers_own(container, name, value) {
                change::set_env(config, name, value);
            }
        }
        if !container.user.is_empty() {
            config.insert("User".to_owned(), container.user.clone().into());
        }
        config.insert("WorkingDir".to_owned(), container.workdir.clone().into());
        let published =
            container.ports.iter().map(|port| format!("{}/{}", port.container_port, port.protocol));
        let ports: Vec<String> = published.chain(container.exposed_ports.iter().cloned()).collect();
        let fill = |config: &mut Map<String, Value>, name: &str, more: Vec<(String, Value)>| {
            if !more.is_empty() {
                change::within(config, name, |all| all.extend(more));
            }
        };
        fill(config, "ExposedPorts", ports.into_iter().map(|port| (port, json!({}))).collect());
        let labels = container.labels.iter().map(|(name, value)| (name.clone(), value.clone().into()));
        fill(config, "Labels", labels.collect());
        let places = container.spec.mounts.iter().filter(|mount| match &mount.source {
            MountSource::Volume { name: Some(name) } => all_volumes || self.is_anonymous(name),
            MountSource::Bind { .. } => all_volumes,
            MountSource::Volume { name: None }
            | MountSource::Tmpfs
            | MountSource::Image { .. }
            | MountSource::Glob { .. }
            | MountSource::Devpts => false,
        });
        fill(config, "Volumes", places.map(|mount| (mount.target.clone(), json!({}))).collect());
    }

    fn is_anonymous(&self, volume: &str) -> bool {
        self.store().is_ok_and(|store| store.volume(volume).is_ok_and(|volume| volume.anonymous))
    }

    /// Stops all processes of a running container until the result is dropped; nothing to do for one that does not run.
    fn freeze_held(&self, held: &Held) -> Result<Option<Frozen>> {
        let Held { container, .. } = held;
        if !container.alive || container.state.status == ContainerStatus::Paused {
            return Ok(None);
        }
        let dir = self.store()?.container_dir(&container.config.id);
        let group = cgroup_of(&dir).ok_or(EngineError::MissingController {
            controller: "freezer",
            what: "a container's processes while it is committed",
        })?;
        Frozen::new(&group).map(Some).map_err(|error| EngineError::io("freeze", &group, error))
    }
}

/// Whether a variable is what each container gets anew, and nobody's wish: another container of the image has another host
/// name.
fn is_the_containers_own(container: &ContainerConfig, name: &str, value: &str) -> bool {
    let of_container = match name {
        "HOSTNAME" => value == container.hostname,
        "container" => true,
        "TERM" => container.spec.tty,
        _ => false,
    };
    of_container && !container.spec.env.iter().any(|(wished, _)| wished == name)
}

/// An image as a base.
struct Image {
    below: Base,
    document: Map<String, Value>,
}

fn below(record: &ImageRecord, manifest: &Value) -> Base {
    Base {
        descriptors: manifest["layers"].as_array().cloned().unwrap_or_default(),
        diff_ids: record.layers.iter().map(|layer| layer.diff_id.clone()).collect(),
        layers: record.layers.iter().map(|layer| (layer.key.clone(), layer.size)).collect(),
    }
}

/// A name for what is made here: without a registry it is `localhost`'s.
pub(super) fn local_reference(name: &str) -> Result<Reference> {
    let full = if Reference::parse_normalized(name).is_ok() && cala_spec::reference::is_short_name(name) {
        format!("localhost/{name}")
    } else {
        name.to_owned()
    };
    let reference = Reference::parse_normalized(&full);
    Ok(reference.map_err(StoreError::from)?.with_default_tag())
}

/// A control group whose processes stand still as long as this lives (cgroup v2, `cgroup.freeze`).
struct Frozen(PathBuf);

impl Frozen {
    fn new(group: &Path) -> io::Result<Self> {
        std::fs::write(group.join("cgroup.freeze"), "1")?;
        // Thaws again when the rest fails.
        let frozen = Self(group.to_owned());
        if cgroup::await_frozen(group, FREEZE_LIMIT) {
            Ok(frozen)
        } else {
            Err(io::ErrorKind::TimedOut.into())
        }
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        let _ = std::fs::write(self.0.join("cgroup.freeze"), "0");
    }
}
