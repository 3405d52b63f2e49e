//! What killed commands left in `tmp/`: containers half-made, trees half-deleted.
//!
//! Nothing here goes by age. Who makes something holds `tmp/` shared until what he makes has a lock of its own; who
//! deletes a tree holds that tree. What nobody holds belongs to nobody.

use std::fs::{DirBuilder, File};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use cala_spec::ContainerConfig;
use cala_sys::flock::{self, FileLock, Mode};

use super::list::MAX_CONFIG;
use super::settle::monitor_holds;
use super::volumes;
use crate::error::StoreError;
use crate::read::read_limited;
use crate::store::{Store, new_container_id};

/// Prefix of what is in `tmp/` only to be deleted.
const REMOVED: &str = "removed-";

/// A tree that was put aside and that nobody else deletes as long as this lives.
#[derive(Debug)]
pub struct AsideTree {
    path: PathBuf,
    asked: bool,
    _lock: File,
}

impl AsideTree {
    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the caller asked for it; else it was found, and failing to delete it is no failure of his.
    #[must_use]
    pub fn asked(&self) -> bool {
        self.asked
    }
}

impl Store {
    /// Held by who makes something in `tmp/` until it has a lock of its own or is in its place.
    pub(crate) fn lock_making(&self) -> Result<FileLock, StoreError> {
        let tmp = self.path("tmp");
        FileLock::wait(&tmp, Mode::Shared).map_err(StoreError::io("lock", &tmp))
    }

    /// Removes containers and volumes that were half-made when their creator ended. [`Store::claim_container`] does it
    /// by itself. Does nothing while somebody begins to make one.
    pub fn sweep_creations(&self) {
        let tmp = self.path("tmp");
        let mut left = names(&tmp).into_iter().filter(|name| name.starts_with("create-")).peekable();
        if left.peek().is_none() {
            return;
        }
        let Ok(Some(_alone)) = FileLock::try_take(&tmp, Mode::Exclusive) else { return };
        for path in left.map(|name| tmp.join(name)) {
            let free = match File::open(path.join("lock")) {
                Ok(lock) => matches!(flock::try_lock(&lock, Mode::Exclusive), Ok(true)),
                // It has none yet, and nobody is about to give it one.
                Err(error) => error.kind() == std::io::ErrorKind::NotFound,
            };
            if free {
                self.drop_volumes_of(&path);
                let _ = std::fs::remove_dir_all(path);
            }
        }
    }

    /// The anonymous volumes of a container that was never finished.
    fn drop_volumes_of(&self, making: &Path) {
        let config = read_limited(&making.join("container.json"), MAX_CONFIG).ok();
        let config = config.and_then(|bytes| serde_json::from_slice::<ContainerConfig>(&bytes).ok());
        if let Some(config) = config {
            self.drop_unused_volumes(volumes(&config));
        }
    }

    /// Deletes those of these volumes that are anonymous, were never mounted, and that no container names.
    pub(super) fn drop_unused_volumes<'a>(&self, names: impl Iterator<Item = &'a str>) {
        let fresh = |name: &&str| self.volume(name).is_ok_and(|volume| volume.anonymous && volume.fresh);
        let unused = self.unused_volumes(names.filter(fresh).collect());
        for tree in unused.into_iter().filter_map(|name| self.remove_volume(name).ok()) {
            // Nobody has written there; else the next removal goes on with it.
            let _ = self.delete_own_tree(&tree);
        }
    }

    /// Takes hold of these trees in `tmp/`, and of those that others left who were killed while they deleted them. What
    /// is missing in the result is gone or being deleted.
    #[must_use]
    pub fn take_trees(&self, trees: &[PathBuf]) -> Vec<AsideTree> {
        let asked = trees.iter().map(|tree| (tree.clone(), true));
        let found = self.removed_trees().into_iter().map(|tree| (tree, false));
        asked
            .chain(found)
            .filter_map(|(path, asked)| {
                let lock = File::open(&path).ok()?;
                let ours = flock::try_lock(&lock, Mode::Exclusive).ok()?;
                ours.then_some(AsideTree { path, asked, _lock: lock })
            })
            .collect()
    }

    /// An empty directory in `tmp/` that goes when it was deleted, at the latest after its maker has ended.
    ///
    /// # Errors
    /// Failed system calls.
    pub fn make_aside(&self) -> Result<AsideTree, StoreError> {
        loop {
            let path = self.path("tmp").join(format!("{REMOVED}{}", new_container_id()?));
            let failed = |error| StoreError::io("create", &path)(error);
            DirBuilder::new().mode(0o700).create(&path).map_err(failed)?;
            // Somebody who deletes what was left behind may have been faster.
            let Ok(lock) = File::open(&path) else { continue };
            let ours = flock::try_lock(&lock, Mode::Exclusive).is_ok_and(|ours| ours);
            if ours && path.is_dir() {
                return Ok(AsideTree { path, asked: true, _lock: lock });
            }
        }
    }

    /// Whether trees wait for being deleted that no monitor deletes at its own end.
    #[must_use]
    pub fn has_removed_trees(&self) -> bool {
        names(&self.path("tmp")).iter().any(|name| name.starts_with(REMOVED))
    }

    /// Trees in `tmp/` that were put aside and wait for being deleted.
    #[must_use]
    pub fn removed_trees(&self) -> Vec<PathBuf> {
        let tmp = self.path("tmp");
        let trees = names(&tmp).into_iter().filter(|name| is_removed(name)).map(|name| tmp.join(name));
        // A monitor that is still at its end reads its log there.
        trees.filter(|tree| !monitor_holds(&tree.join("lock"))).collect()
    }
}

/// As this crate and the monitors call what they put aside.
fn is_removed(name: &str) -> bool {
    let of_monitor = |name: &str| {
        let (id, time) = name.split_once('.').unwrap_or_default();
        id.len() == 64 && id.bytes().all(|b| b.is_ascii_hexdigit()) && !time.is_empty()
    };
    name.starts_with(REMOVED) || of_monitor(name.strip_prefix("volume-").unwrap_or(name))
}

fn names(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_put_aside_is_known_by_its_name() {
        let id = "a".repeat(64);
        for name in [format!("removed-{id}"), format!("{id}.17"), format!("volume-{id}.17")] {
            assert!(is_removed(&name), "{name}");
        }
        for name in [id.clone(), format!("create-{id}"), format!("layer-{id}.lock"), "images.lock".to_owned()]
        {
            assert!(!is_removed(&name), "{name}");
        }
    }
}
