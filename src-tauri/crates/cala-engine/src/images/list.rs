//! Listing and describing images.

use std::collections::{BTreeMap, HashMap, HashSet};

use cala_spec::{ContainerConfig, Digest};
use cala_store::{ContainerEntry, Image, StoreError};
use oci_spec::image::ImageConfiguration;

use crate::config::ImageDefaults;
use crate::filter::{ImageMatcher, ImageSubject, reference_matches};
use crate::view::{GraphDriver, HistoryEntry, ImageInspect, ImageInspectConfig, ImageSummary, RootFs};
use crate::{Engine, EngineError, ImageFilter, Result, time};

impl Engine {
    /// Lists images, newest first.
    ///
    /// # Errors
    /// When a filter is wrong or the store cannot be read.
    pub fn images(&self, filter: &ImageFilter) -> Result<Vec<ImageSummary>> {
        let store = self.store()?;
        let created_of = |name: &str| -> Result<i64> { Ok(store.resolve_image(name)?.created_ns) };
        let matcher = ImageMatcher::parse::<EngineError>(&filter.filters, time::now_ns(), created_of)?;
        let containers = store.containers()?;
        let images = store.images()?;
        let users = users(&containers);
        let shared = shared_layers(&images);
        let wanted = |image: &&Image| {
            let subject = ImageSubject {
                id: image.id().hex(),
                names: &image.names,
                labels: &image.record.labels,
                created_ns: image.record.created_ns,
                containers: users.get(image.id()).copied().unwrap_or(0),
            };
            matcher.matches(&subject) && filter.reference.as_deref().is_none_or(|text| is_meant(text, image))
        };
        Ok(images.iter().filter(wanted).map(|image| summary(image, &users, &shared)).collect())
    }

    /// Whether there is an image of this name or id.
    ///
    /// # Errors
    /// When the name is ambiguous or the store cannot be read.
    pub fn image_exists(&self, name: &str) -> Result<bool> {
        match self.store()?.resolve_image(name) {
            Ok(_) => Ok(true),
            Err(StoreError::NoSuchImage(_) | StoreError::Reference(_)) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Everything known of an image.
    ///
    /// # Errors
    /// When there is none of this name or id, or it is damaged.
    pub fn inspect_image(&self, name: &str) -> Result<ImageInspect> {
        let store = self.store()?;
        let record = store.resolve_image(name)?;
        let image = store.image(&record.image_id)?;
        let config = store.image_config(&record)?;
        let (manifest, _) = store.read_manifest(&record.manifest)?;
        let annotations =
            manifest.annotations().iter().flatten().map(|(k, v)| (k.clone(), v.clone())).collect();
        let manifest_type = manifest
            .media_type()
            .as_ref()
            .map_or_else(|| "application/vnd.oci.image.manifest.v1+json".to_owned(), ToString::to_string);
        let directories: Vec<String> = record
            .layers
            .iter()
            .rev()
            .map(|layer| store.layer_diff(&layer.key).to_string_lossy().into_owned())
            .collect();
        let inspect = inspect(&image, &config, &directories);
        Ok(ImageInspect { annotations, manifest_type, ..inspect })
    }
}

/// How many containers use each image.
fn users(containers: &[ContainerEntry]) -> HashMap<&Digest, usize> {
    let mut users = HashMap::new();
    for config in containers.iter().filter_map(ContainerEntry::config) {
        let config: &ContainerConfig = config;
        *users.entry(&config.image_id).or_default() += 1;
    }
    users
}

/// Keys of layers that more than one image uses.
fn shared_layers(images: &[Image]) -> HashSet<&str> {
    let mut seen: HashMap<&str, usize> = HashMap::new();
    for image in images {
        let keys: HashSet<&str> = image.record.layers.iter().map(|layer| layer.key.as_str()).collect();
        keys.into_iter().for_each(|key| *seen.entry(key).or_default() += 1);
    }
    seen.into_iter().filter(|(_, count)| *count > 1).map(|(key, _)| key).collect()
}

fn is_meant(text: &str, image: &Image) -> bool {
    let hex = text.strip_prefix("sha256:").unwrap_or(text);
    let by_id = hex.len() >= 3 && image.id().hex().starts_with(hex);
    by_id || image.names.iter().any(|name| reference_matches(text, name))
}

fn summary(image: &Image, users: &HashMap<&Digest, usize>, shared: &HashSet<&str>) -> ImageSummary {
    let record = &image.record;
    let shared_size = record
        .layers
        .iter()
        .filter(|layer| shared.contains(layer.key.as_str()))
        .map(|layer| layer.size)
        .sum();
    ImageSummary {
        id: record.image_id.hex().to_owned(),
        parent_id: String::new(),
        names: image.names.clone(),
        repo_tags: image.names.clone(),
        repo_digests: image.digests.clone(),
        digest: record.index.as_ref().unwrap_or(&record.manifest).to_string(),
        size: record.size,
        shared_size,
        virtual_size: record.size,
        labels: record.labels.clone(),
        containers: users.get(image.id()).copied().unwrap_or(0),
        created: time::seconds(record.created_ns),
        created_at: time::rfc3339(record.created_ns),
        dangling: image.names.is_empty(),
        arch: record.platform.architecture.clone(),
        os: record.platform.os.clone(),
        exposed_ports: record.exposed_ports.clone(),
        damaged: image.damaged.clone(),
    }
}

fn inspect(image: &Image, config: &ImageConfiguration, directories: &[String]) -> ImageInspect {
    let record = &image.record;
    let defaults = ImageDefaults::from(config);
    let history: Vec<HistoryEntry> = config.history().iter().flatten().map(step).collect();
    ImageInspect {
        id: record.image_id.hex().to_owned(),
        digest: record.index.as_ref().unwrap_or(&record.manifest).to_string(),
        repo_tags: image.names.clone(),
        repo_digests: image.digests.clone(),
        parent: String::new(),
        comment: history.last().and_then(|step| step.comment.clone()).unwrap_or_default(),
        created: config.created().clone().unwrap_or_else(|| time::NEVER.to_owned()),
        version: String::new(),
        author: config.author().clone().unwrap_or_default(),
        architecture: config.architecture().to_string(),
        os: config.os().to_string(),
        size: record.size,
        virtual_size: record.size,
        graph_driver: graph_driver(directories),
        root_fs: RootFs { kind: "layers".to_owned(), layers: config.rootfs().diff_ids().clone() },
        labels: defaults.labels.clone(),
        annotations: BTreeMap::new(),
        manifest_type: String::new(),
        user: defaults.user.clone(),
        history,
        names_history: image.names.clone(),
        config: config_of(defaults),
    }
}

fn graph_driver(directories: &[String]) -> GraphDriver {
    let (upper, lower) =
        directories.split_first().map_or((String::new(), String::new()), |(u, l)| (u.clone(), l.join(":")));
    let mut data = BTreeMap::from([("UpperDir".to_owned(), upper)]);
    if !lower.is_empty() {
        data.insert("LowerDir".to_owned(), lower);
    }
    GraphDriver { name: "overlay".to_owned(), data }
}

fn step(history: &oci_spec::image::History) -> HistoryEntry {
    HistoryEntry {
        created: history.created().clone(),
        created_by: history.created_by().clone(),
        author: history.author().clone(),
        comment: history.comment().clone(),
        empty_layer: history.empty_layer().unwrap_or(false),
    }
}

fn config_of(defaults: ImageDefaults) -> ImageInspectConfig {
    let set = |words: Vec<String>| words.into_iter().map(|word| (word, BTreeMap::new())).collect();
    ImageInspectConfig {
        user: defaults.user,
        exposed_ports: set(defaults.exposed_ports),
        env: defaults.env,
        entrypoint: defaults.entrypoint,
        cmd: defaults.command,
        volumes: set(defaults.volumes),
        working_dir: defaults.workdir,
        labels: defaults.labels,
        stop_signal: defaults.stop_signal,
    }
}
