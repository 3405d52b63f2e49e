//! Listing images: one small file per name, one readdir(3) each for layers and blobs.

use std::collections::{BTreeMap, HashMap, HashSet};

use cala_spec::image::ImageSummary;
use cala_spec::{Digest, Reference};

use super::{Image, ImageRecord};
use crate::containers::ContainerEntry;
use crate::error::StoreError;
use crate::store::Store;

/// Names of directories that are there.
struct Present {
    layers: HashSet<String>,
    blobs: HashSet<String>,
}

impl Store {
    /// All images, the newest first. Damage that presence tells is noticed; [`Store::verify_image`] looks closer.
    ///
    /// # Errors
    /// Directories cannot be listed.
    pub fn images(&self) -> Result<Vec<Image>, StoreError> {
        let (records, bad) = self.read_records()?;
        for (file, reason) in bad {
            tracing::warn!(file, reason, "a name of an image cannot be read");
        }
        let present = self.present();
        let mut groups: BTreeMap<Digest, Vec<ImageRecord>> = BTreeMap::new();
        for record in records {
            groups.entry(record.image_id.clone()).or_default().push(record);
        }
        let mut images: Vec<Image> =
            groups.into_values().filter_map(|records| join(&records, &present)).collect();
        images.sort_by(|a, b| (b.record.created_ns, a.id()).cmp(&(a.record.created_ns, b.id())));
        Ok(images)
    }

    /// All images as lists show them; `containers` tells which are in use.
    ///
    /// # Errors
    /// As [`Store::images`].
    pub fn image_summaries(&self, containers: &[ContainerEntry]) -> Result<Vec<ImageSummary>, StoreError> {
        let images = self.images()?;
        let mut users: HashMap<&Digest, usize> = HashMap::new();
        for config in containers.iter().filter_map(ContainerEntry::config) {
            *users.entry(&config.image_id).or_default() += 1;
        }
        let mut layers: HashMap<&str, usize> = HashMap::new();
        for image in &images {
            let keys: HashSet<&str> = image.record.layers.iter().map(|layer| layer.key.as_str()).collect();
            keys.into_iter().for_each(|key| *layers.entry(key).or_default() += 1);
        }
        let shared = |image: &Image| {
            let shared = image.record.layers.iter().filter(|layer| layers.get(layer.key.as_str()) > Some(&1));
            shared.map(|layer| layer.size).sum()
        };
        Ok(images.iter().map(|i| summary(i, shared(i), users.get(i.id()).copied().unwrap_or(0))).collect())
    }

    /// Name files that cannot be read, each with the reason. `pull` or `rmi` of the name heals them.
    ///
    /// # Errors
    /// The directory cannot be listed.
    pub fn damaged_image_names(&self) -> Result<Vec<(String, String)>, StoreError> {
        self.read_records().map(|(_, bad)| bad)
    }

    fn present(&self) -> Present {
        let names = |below: &str| -> HashSet<String> {
            let entries = std::fs::read_dir(self.path(below)).into_iter().flatten().flatten();
            entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
        };
        let mut blobs = names("images/blobs/sha256");
        blobs.extend(names("images/blobs/sha512"));
        Present { layers: names("layers"), blobs }
    }
}

fn join(records: &[ImageRecord], present: &Present) -> Option<Image> {
    let (mut names, mut digests) = (Vec::new(), Vec::new());
    for record in records {
        let Some(reference) = record.name.as_ref().and_then(|name| Reference::parse_normalized(name).ok())
        else {
            continue;
        };
        digests.push(reference.pinned(record.index.as_ref().unwrap_or(&record.manifest)).to_string());
        if reference.tag.is_some() {
            names.push(reference.to_string());
        }
    }
    digests.sort();
    digests.dedup();
    let record = records.iter().find(|record| record.name.is_some()).or(records.first())?.clone();
    let damaged = damage(&record, present);
    Some(Image { record, names, digests, damaged })
}

fn damage(record: &ImageRecord, present: &Present) -> Option<String> {
    if !present.blobs.contains(record.manifest.hex()) {
        return Some("its manifest is missing".to_owned());
    }
    if !present.blobs.contains(record.image_id.hex()) {
        return Some("its configuration is missing".to_owned());
    }
    let missing = record.layers.iter().find(|layer| !present.layers.contains(&layer.key));
    missing.map(|layer| format!("layer {} is missing", layer.key))
}

fn summary(image: &Image, shared_size: u64, containers: usize) -> ImageSummary {
    let record = &image.record;
    ImageSummary {
        id: record.image_id.clone(),
        digest: record.index.clone().unwrap_or_else(|| record.manifest.clone()),
        names: image.names.clone(),
        created_ns: record.created_ns,
        size: record.size,
        shared_size,
        containers,
        labels: record.labels.clone(),
        platform: record.platform.clone(),
        exposed_ports: record.exposed_ports.clone(),
        damaged: image.damaged.as_ref().map(|reason| format!("damaged: {reason}")),
    }
}
