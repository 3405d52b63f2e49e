//! `system check`: everything on the disk is looked at (design: the file system is the database, so it is what is checked).
//!
//! Damage is told of each object alone. Repairing means removing what is damaged and can be had again; volumes, which cannot,
//! are told and left.

use std::collections::HashSet;
use std::path::Path;
use std::time::{Duration, SystemTime};

use cala_spec::Digest;
use cala_store::helper::StoreHelper;
use cala_store::{ContainerEntry, Image, NetworkEntry, StoreError, VolumeEntry, layers};

use crate::view::CheckProblem;
use crate::{Engine, RemoveOptions, Result};

/// How much is checked and what is done about it.
#[derive(Debug, Clone)]
pub struct CheckOptions {
    /// Do not read the bytes of blobs and do not count the files of layers.
    pub quick: bool,
    /// Remove damaged images that no container needs, and what nothing refers to.
    pub repair: bool,
    /// With `repair`: also damaged containers, and damaged images with their containers.
    pub force: bool,
    /// What nothing refers to stays as long as it is younger.
    pub max_age: Duration,
}

impl Engine {
    /// Checks everything on the disk; what was found, and whether it was put right.
    ///
    /// # Errors
    /// When the store cannot be read at all.
    pub fn check_system(&self, options: &CheckOptions) -> Result<Vec<CheckProblem>> {
        self.store()?.sweep_creations();
        self.delete_what_others_left();
        let mut check = Check { engine: self, options, helper: None, problems: Vec::new() };
        check.images()?;
        check.containers()?;
        check.records()?;
        check.loose()?;
        Ok(check.problems)
    }
}

struct Check<'a> {
    engine: &'a Engine,
    options: &'a CheckOptions,
    helper: Option<StoreHelper>,
    problems: Vec<CheckProblem>,
}

impl Check<'_> {
    fn found(&mut self, kind: &str, id: impl Into<String>, reason: impl Into<String>, repaired: bool) {
        let (id, reason) = (id.into(), reason.into());
        self.problems.push(CheckProblem { kind: kind.to_owned(), id, reason, repaired });
    }

    fn images(&mut self) -> Result<()> {
        let store = self.engine.store()?;
        let mut layers_seen: HashSet<String> = HashSet::new();
        let mut bad: Vec<(String, String)> = Vec::new();
        for image in store.images()? {
            for layer in &image.record.layers {
                if layers_seen.insert(layer.key.clone())
                    && let Some(reason) = self.layer(&layer.key)?
                {
                    self.found("layer", &layer.key, &reason, false);
                    bad.push((layer.key.clone(), reason));
                }
            }
            let of_layer =
                image.record.layers.iter().find_map(|layer| bad.iter().find(|(key, _)| *key == layer.key));
            let reason = match of_layer {
                Some((key, reason)) => Some(format!("layer {key}: {reason}")),
                None => self.image(&image),
            };
            if let Some(reason) = reason {
                let repaired = self.options.repair && self.remove_image(&image);
                if repaired {
                    self.forget_layers(&image);
                }
                self.found("image", shown(&image), reason, repaired);
            }
        }
        for (name, reason) in store.damaged_image_names()? {
            self.found("image", name, reason, false);
        }
        Ok(())
    }

    /// What is wrong with an image besides its unpacked layers.
    fn image(&self, image: &Image) -> Option<String> {
        let store = self.engine.store().ok()?;
        let whole = store
            .verify_image(&image.record)
            .and_then(|()| store.read_manifest(&image.record.manifest))
            .map_err(|error| cala_spec::error::chain(&error));
        let (manifest, _) = match whole {
            Ok(documents) => documents,
            Err(reason) => return Some(reason),
        };
        if self.options.quick {
            return None;
        }
        let digests =
            manifest.layers().iter().filter_map(|layer| layer.digest().to_string().parse::<Digest>().ok());
        digests
            .filter_map(|digest| match store.verify_blob(&digest) {
                // It was built here, or made of what was there.
                Ok(()) | Err(StoreError::NoSuchBlob(_)) => None,
                Err(error) => Some(format!("blob {}: {}", digest.short(), cala_spec::error::chain(&error))),
            })
            .next()
    }

    fn layer(&mut self, key: &str) -> Result<Option<String>> {
        let store = self.engine.store()?;
        let Some(record) = layers::read_record(store.data(), key) else {
            return Ok(Some("its record is missing or cannot be read".to_owned()));
        };
        let tree = store.layer_diff(key);
        if !tree.is_dir() {
            return Ok(Some("its files are missing".to_owned()));
        }
        if self.options.quick {
            return Ok(None);
        }
        let helper = match &mut self.helper {
            Some(helper) => helper,
            none => none.insert(self.engine.helper()?),
        };
        let usage = match helper.disk_usage(&tree) {
            Ok(usage) => usage,
            Err(error) => return Ok(Some(cala_spec::error::chain(&error))),
        };
        let found = (usage.inodes, usage.size);
        let told = (record.files, record.size);
        Ok((found != told).then(|| {
            format!("it has {} files of {} bytes, {} of {} were unpacked", found.0, found.1, told.0, told.1)
        }))
    }

    /// True when it is gone.
    fn remove_image(&self, image: &Image) -> bool {
        let names =
            if image.names.is_empty() { vec![image.id().hex().to_owned()] } else { image.names.clone() };
        names.iter().all(|name| self.engine.remove_image(name, self.options.force).is_ok())
    }

    /// The layers of a removed image went with it.
    fn forget_layers(&mut self, image: &Image) {
        for problem in self.problems.iter_mut().filter(|problem| problem.kind == "layer") {
            problem.repaired |= image.record.layers.iter().any(|layer| layer.key == problem.id);
        }
    }

    fn containers(&mut self) -> Result<()> {
        let store = self.engine.store()?;
        for entry in store.containers()? {
            let reason = match &entry {
                ContainerEntry::Damaged(damaged) => Some(damaged.reason.clone()),
                ContainerEntry::Sound(container) => {
                    let missing = container.config.all_layers().find(|key| !store.layer_diff(key).is_dir());
                    missing.map(|key| format!("layer {key} is missing"))
                }
            };
            let Some(reason) = reason else { continue };
            let options = RemoveOptions { force: true, ..RemoveOptions::default() };
            let repaired = self.options.repair
                && self.options.force
                && self.engine.remove(entry.id().as_str(), &options).is_ok();
            self.found("container", entry.id().as_str(), reason, repaired);
        }
        Ok(())
    }

    /// Networks, volumes and secrets: what can be said of them is whether their records can be read.
    fn records(&mut self) -> Result<()> {
        let store = self.engine.store()?;
        for entry in store.networks()? {
            if let NetworkEntry::Damaged(damaged) = entry {
                self.found("network", damaged.id, damaged.reason, false);
            }
        }
        for entry in store.volumes()? {
            let name = entry.name().to_owned();
            match entry {
                VolumeEntry::Damaged(damaged) => self.found("volume", name, damaged.reason, false),
                VolumeEntry::Sound(_) if !store.volume_data(&name)?.is_dir() => {
                    self.found("volume", name, "its files are missing", false);
                }
                VolumeEntry::Sound(_) => {}
            }
        }
        for name in store.damaged_secrets() {
            self.found("secret", name, "its record cannot be read", false);
        }
        Ok(())
    }

    /// What nothing refers to. A pull that is under way has such things, so what is young stays.
    fn loose(&mut self) -> Result<()> {
        let store = self.engine.store()?;
        let referenced = store.referenced()?;
        for key in store.layer_keys().into_iter().filter(|key| !referenced.layers.contains(key)) {
            if !self.is_old(&store.data().join("layers").join(&key)) {
                continue;
            }
            let remove = || self.engine.delete_trees(&[store.put_layer_aside(&key)?]);
            let repaired = self.options.repair && remove().is_ok();
            self.found("leftover", format!("layer {key}"), "nothing refers to it", repaired);
        }
        for digest in store.blobs().into_iter().filter(|digest| !referenced.blobs.contains(digest)) {
            let path = store.blob_path(&digest);
            if self.is_old(&path) {
                let repaired = self.options.repair && std::fs::remove_file(&path).is_ok();
                self.found("leftover", format!("blob {digest}"), "nothing refers to it", repaired);
            }
        }
        Ok(())
    }

    fn is_old(&self, path: &Path) -> bool {
        let age = path.metadata().and_then(|metadata| metadata.modified());
        age.is_ok_and(|time| {
            SystemTime::now().duration_since(time).is_ok_and(|age| age >= self.options.max_age)
        })
    }
}

fn shown(image: &Image) -> String {
    image.names.first().cloned().unwrap_or_else(|| image.id().hex().to_owned())
}
