//! What the volumes of a container are mounts of: a volume may be a folder of the host or memory (`volume create -o type=…`).

use cala_spec::mount::{Mount, MountSource};
use cala_spec::volume::{VolumeOptions, VolumePlace};
use cala_store::{Store, StoreError};

use super::mounts::{self, Surroundings};
use crate::{EngineError, Result};

/// The mounts with what their volumes are in place of those. A volume that is not there yet will be a plain one.
///
/// # Errors
/// When a record is damaged.
pub(super) fn effective(store: &Store, wishes: &[Mount]) -> Result<Vec<Mount>> {
    wishes.iter().map(|wish| Ok(resolved(store, wish)?.unwrap_or_else(|| wish.clone()))).collect()
}

/// Checks the folders of the host that named volumes stand for, as if they had been asked for themselves.
///
/// # Errors
/// As [`mounts::check`].
pub(super) fn check(store: &Store, wishes: &[Mount], around: &Surroundings<'_>) -> Result<()> {
    for wish in wishes {
        if let Some(mount) = resolved(store, wish)? {
            mounts::check(&[mount], around)?;
        }
    }
    Ok(())
}

/// The options of a wish's volume; those of a plain one when it is no volume or not there.
pub(super) fn options(store: &Store, wish: &Mount) -> Result<VolumeOptions> {
    let MountSource::Volume { name: Some(name) } = &wish.source else { return Ok(VolumeOptions::default()) };
    match store.volume(name) {
        Ok(volume) => Ok(VolumeOptions::parse(&volume.options)?),
        Err(StoreError::NoSuchVolume(_)) => Ok(VolumeOptions::default()),
        Err(error) => Err(error.into()),
    }
}

/// `None` for what is no volume, or a volume that has files of its own.
fn resolved(store: &Store, wish: &Mount) -> Result<Option<Mount>> {
    let options = options(store, wish)?;
    let (source, foreign): (_, &[&str]) = match options.place {
        VolumePlace::Kept => return Ok(None),
        VolumePlace::Bind(path) => (MountSource::Bind { path, create: false }, &["copy", "nocopy"]),
        // Memory has nothing to be bound and is nobody's before.
        VolumePlace::Tmpfs => (MountSource::Tmpfs, &["copy", "nocopy", "bind", "rbind", "O"]),
    };
    if source == MountSource::Tmpfs && wish.subpath().is_some() {
        return Err(EngineError::invalid(
            "invalid_mount",
            "cannot set option \"subpath\" on a volume that is made anew in the memory of each container",
        ));
    }
    let mut words = options.mount;
    if source == MountSource::Tmpfs {
        words.extend(options.uid.map(|uid| format!("uid={uid}")));
        words.extend(options.gid.map(|gid| format!("gid={gid}")));
        if options.no_copy {
            words.push("notmpcopyup".to_owned());
        }
    }
    let own = wish.options.iter().filter(|word| !foreign.contains(&word.as_str()) && !words.contains(word));
    let own: Vec<String> = own.cloned().collect();
    words.extend(own);
    let read_only = wish.read_only || options.read_only;
    Ok(Some(Mount { source, target: wish.target.clone(), read_only, options: words }))
}
