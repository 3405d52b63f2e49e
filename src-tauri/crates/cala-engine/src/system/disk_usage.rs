//! `system df`: what everything occupies.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use cala_store::helper::StoreHelper;
use cala_store::{ContainerEntry, Image};

use crate::view::{ContainerUsage, DiskUsage, ImageUsage, VolumeUsage};
use crate::{Engine, Result};

impl Engine {
    /// What images, containers and volumes occupy. Counts all files of containers and volumes.
    ///
    /// # Errors
    /// When the store cannot be read or the program that counts does not start.
    pub fn disk_usage(&self) -> Result<DiskUsage> {
        let store = self.store()?;
        let containers = store.containers()?;
        let images = store.images()?;
        let mut usage = of_images(&images, &containers);
        usage.blobs_size = sum_of_files(&store.data().join("images/blobs/sha256"));
        let mut counter = Counter { engine: self, helper: None };
        for entry in &containers {
            usage.containers.push(counter.container(entry)?);
        }
        let used = self.used_volumes()?;
        for entry in store.volumes()? {
            let name = entry.name();
            usage.volumes.push(VolumeUsage {
                name: name.to_owned(),
                links: used.get(name).map_or(0, Vec::len),
                size: counter.size(&store.volume_data(name)?)?,
            });
        }
        Ok(usage)
    }

    /// Bytes of the files in a directory of the data root; 0 when it is not there.
    pub(super) fn size_of(&self, path: &Path) -> Result<u64> {
        Counter { engine: self, helper: None }.size(path)
    }
}

/// Counts through one program, which is started when it is needed.
struct Counter<'a> {
    engine: &'a Engine,
    helper: Option<StoreHelper>,
}

impl Counter<'_> {
    fn size(&mut self, path: &Path) -> Result<u64> {
        if !path.is_dir() {
            return Ok(0);
        }
        let helper = match &mut self.helper {
            Some(helper) => helper,
            none => none.insert(self.engine.helper()?),
        };
        match helper.disk_usage(path) {
            // Removed meanwhile.
            Err(_) if !path.is_dir() => Ok(0),
            counted => Ok(counted?.size),
        }
    }

    fn container(&mut self, entry: &ContainerEntry) -> Result<ContainerUsage> {
        let dir = self.engine.store()?.container_dir(entry.id());
        let config = entry.config();
        Ok(ContainerUsage {
            id: entry.id().to_string(),
            name: config.map_or_else(String::new, |config| config.name.to_string()),
            image_id: config.map_or_else(String::new, |config| config.image_id.hex().to_owned()),
            command: config.map_or_else(Vec::new, |config| config.args.clone()),
            volumes: config.map_or(0, |config| cala_store::volumes(config).count()),
            size: self.size(&dir.join("upper"))?,
            created_ns: config.map_or(0, |config| config.created_ns),
            status: entry.status().to_string(),
            running: entry.status().is_alive(),
        })
    }
}

fn of_images(images: &[Image], containers: &[ContainerEntry]) -> DiskUsage {
    let mut users: HashMap<&str, usize> = HashMap::new();
    // What cannot be read may need any layer.
    let mut needed: HashSet<&str> = HashSet::new();
    for config in containers.iter().filter_map(ContainerEntry::config) {
        config.images().for_each(|id| *users.entry(id.hex()).or_default() += 1);
        needed.extend(config.all_layers().map(String::as_str));
    }
    let mut layers: BTreeMap<&str, (u64, usize)> = BTreeMap::new();
    for image in images {
        let own: HashSet<_> =
            image.record.layers.iter().map(|layer| (layer.key.as_str(), layer.size)).collect();
        for (key, size) in own {
            layers.entry(key).or_insert((size, 0)).1 += 1;
        }
        if users.contains_key(image.id().hex()) {
            needed.extend(image.record.layers.iter().map(|layer| layer.key.as_str()));
        }
    }
    let shared = |image: &Image| -> u64 {
        let own = image.record.layers.iter();
        own.filter(|layer| layers.get(layer.key.as_str()).is_some_and(|(_, images)| *images > 1))
            .map(|layer| layer.size)
            .sum()
    };
    let usage = |image: &Image| ImageUsage {
        id: image.id().hex().to_owned(),
        names: image.names.clone(),
        created_ns: image.record.created_ns,
        size: image.record.size,
        shared_size: shared(image),
        containers: users.get(image.id().hex()).copied().unwrap_or(0),
    };
    DiskUsage {
        images: images.iter().map(usage).collect(),
        images_size: layers.values().map(|(size, _)| size).sum(),
        images_reclaimable: layers
            .iter()
            .filter(|(key, _)| !needed.contains(*key))
            .map(|(_, (size, _))| size)
            .sum(),
        ..DiskUsage::default()
    }
}

fn sum_of_files(directory: &Path) -> u64 {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.metadata().ok()).map(|metadata| metadata.len()).sum()
}
