//! Listing and looking at volumes.

use std::collections::BTreeMap;

use cala_spec::ContainerId;
use cala_spec::volume::{LOCAL_DRIVER, VolumeOptions, VolumePlace};
use cala_store::{Store, StoreError, Volume, VolumeEntry};

use crate::filter::{VolumeMatcher, VolumeSubject};
use crate::view::VolumeInspect;
use crate::{Engine, Result, time};

impl Engine {
    /// Lists volumes, oldest first. `filters` are `key=value`: `name`, `driver`, `scope`, `label`, `label!`, `opt`, `dangling`,
    /// `since`, `until`; values of one key are alternatives, labels, options and different keys must all hold.
    ///
    /// # Errors
    /// When a filter is wrong or the store cannot be read.
    pub fn volumes(&self, filters: &[String]) -> Result<Vec<VolumeInspect>> {
        let entries = self.matching_volumes(&self.volume_matcher(filters)?)?;
        let mounted = entries.iter().filter_map(VolumeEntry::sound).any(|volume| !volume.options.is_empty());
        let used = if mounted { self.used_volumes()? } else { BTreeMap::new() };
        let store = self.store()?;
        Ok(entries.iter().map(|entry| shown(store, entry, &used)).collect())
    }

    /// One volume.
    ///
    /// # Errors
    /// When there is none, or its record is damaged.
    pub fn inspect_volume(&self, name: &str) -> Result<VolumeInspect> {
        let store = self.store()?;
        let volume = store.volume(name)?;
        let used = if volume.options.is_empty() { BTreeMap::new() } else { self.used_volumes()? };
        Ok(sound(store, &volume, &used))
    }

    /// Where the files of a volume are on the host.
    ///
    /// # Errors
    /// When there is none, or it lives in the memory of containers only.
    pub fn volume_mountpoint(&self, name: &str) -> Result<String> {
        let store = self.store()?;
        let volume = store.volume(name)?;
        if VolumeOptions::parse(&volume.options)?.place == VolumePlace::Tmpfs {
            return Err(super::archive::in_memory(name));
        }
        Ok(mountpoint(store, &volume))
    }

    pub(super) fn volume_matcher(&self, filters: &[String]) -> Result<VolumeMatcher> {
        let store = self.store()?;
        VolumeMatcher::parse(filters, time::now_ns(), |name| match store.volume(name) {
            Ok(volume) => Ok(volume.created_ns),
            Err(StoreError::VolumeDamaged { .. }) => Ok(0),
            Err(error) => Err(error.into()),
        })
    }

    pub(super) fn matching_volumes(&self, matcher: &VolumeMatcher) -> Result<Vec<VolumeEntry>> {
        let used = if matcher.asks_for_use() { self.used_volumes()? } else { BTreeMap::new() };
        let mut entries = self.store()?.volumes()?;
        let none = BTreeMap::new();
        entries.retain(|entry| {
            let volume = entry.sound();
            matcher.matches(&VolumeSubject {
                name: entry.name(),
                driver: LOCAL_DRIVER,
                labels: volume.map_or(&none, |volume| &volume.labels),
                options: volume.map_or(&none, |volume| &volume.options),
                created_ns: volume.map_or(0, |volume| volume.created_ns),
                in_use: used.contains_key(entry.name()),
            })
        });
        Ok(entries)
    }
}

type Users = BTreeMap<String, Vec<(ContainerId, bool)>>;

fn shown(store: &Store, entry: &VolumeEntry, used: &Users) -> VolumeInspect {
    match entry {
        VolumeEntry::Sound(volume) => sound(store, volume, used),
        VolumeEntry::Damaged(damaged) => {
            let unknown = Volume {
                name: damaged.name.clone(),
                created_ns: 0,
                anonymous: false,
                fresh: false,
                labels: BTreeMap::new(),
                options: BTreeMap::new(),
            };
            VolumeInspect { damaged: Some(damaged.reason.clone()), ..sound(store, &unknown, used) }
        }
    }
}

fn sound(store: &Store, volume: &Volume, used: &Users) -> VolumeInspect {
    // Options were checked when it was made; those of a record that somebody changed mean nothing here.
    let options = VolumeOptions::parse(&volume.options).unwrap_or_default();
    let alive = used.get(&volume.name).map_or(0, |users| users.iter().filter(|(_, alive)| *alive).count());
    let mounted = if options.place == VolumePlace::Kept { 0 } else { alive };
    VolumeInspect {
        name: volume.name.clone(),
        driver: LOCAL_DRIVER.to_owned(),
        mountpoint: mountpoint(store, volume),
        created_at: time::rfc3339(volume.created_ns),
        labels: volume.labels.clone(),
        scope: "local".to_owned(),
        options: volume.options.clone(),
        uid: options.uid.unwrap_or(0),
        gid: options.gid.unwrap_or(0),
        anonymous: volume.anonymous,
        mount_count: u32::try_from(mounted).unwrap_or(u32::MAX),
        needs_copy_up: volume.fresh,
        needs_chown: volume.fresh && options.uid.is_none() && options.gid.is_none(),
        lock_number: 0,
        damaged: None,
    }
}

/// Nothing is ever mounted on a volume's directory on the host: a folder given with `device` is where its files are.
fn mountpoint(store: &Store, volume: &Volume) -> String {
    match VolumeOptions::parse(&volume.options).unwrap_or_default().place {
        VolumePlace::Bind(device) => device,
        VolumePlace::Kept | VolumePlace::Tmpfs => {
            store.data().join("volumes").join(&volume.name).join("_data").to_string_lossy().into_owned()
        }
    }
}
