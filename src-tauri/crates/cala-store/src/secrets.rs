//! Secrets: `secrets/<hash of the name>/`, with the record and the bytes in it; made, replaced and removed by one rename.
//!
//! The directory is named by a hash because the names of secrets may be any text; so each name has one place, and a secret is
//! replaced by exchanging two directories. Everything is readable by the user only. Who makes or removes one holds the
//! directory `secrets` exclusively.

use std::collections::BTreeMap;
use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use cala_sys::durable;
use cala_sys::flock::{FileLock, Mode};
use rustix::fs::{CWD, RenameFlags};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::error::StoreError;
use crate::read::read_limited;
use crate::store::{Store, new_container_id, now_ns};

/// The record.
const RECORD: &str = "secret.json";
/// The bytes.
const DATA: &str = "data";
/// Largest record in bytes.
const MAX_RECORD: usize = 1 << 20;
/// Hex digits of an id, as Podman has them.
const ID_LENGTH: usize = 25;

/// `secret.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Secret {
    /// 25 random hex digits.
    pub id: String,
    /// The name.
    pub name: String,
    /// Labels.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// When the first of this name was made, in nanoseconds since the Unix epoch.
    pub created_ns: i64,
    /// When this one was made.
    pub updated_ns: i64,
}

impl Store {
    /// Keeps a secret; the name and the length were checked. Makes no event.
    ///
    /// # Errors
    /// [`StoreError::SecretNameInUse`] unless `replace`; failed system calls.
    pub fn create_secret(
        &self,
        name: &str,
        data: &[u8],
        labels: BTreeMap<String, String>,
        replace: bool,
    ) -> Result<Secret, StoreError> {
        let _alone = self.lock_secrets()?;
        let place = self.secret_dir(name);
        let before = self.read_secret(&place);
        if place.exists() && !replace {
            return Err(StoreError::SecretNameInUse(name.to_owned()));
        }
        let now = now_ns();
        let secret = Secret {
            id: new_container_id()?.as_str().chars().take(ID_LENGTH).collect(),
            name: name.to_owned(),
            labels,
            created_ns: before.map_or(now, |before| before.created_ns),
            updated_ns: now,
        };
        let making = self.path("tmp").join(format!("create-secret-{}", new_container_id()?));
        let _making = self.lock_making()?;
        let published = write(&making, &secret, data).and_then(|()| publish(&making, &place));
        // What failed, or what was replaced.
        let _ = std::fs::remove_dir_all(&making);
        published.map_err(StoreError::io("write", &place))?;
        Ok(secret)
    }

    /// All secrets by name; damaged ones are left out and told.
    ///
    /// # Errors
    /// The directory cannot be listed.
    pub fn secrets(&self) -> Result<Vec<Secret>, StoreError> {
        let path = self.path("secrets");
        let mut secrets = Vec::new();
        for entry in std::fs::read_dir(&path).map_err(StoreError::io("list", &path))? {
            let place = entry.map_err(StoreError::io("list", &path))?.path();
            match self.read_secret(&place) {
                Ok(secret) => secrets.push(secret),
                Err(error) if place.is_dir() => {
                    tracing::warn!(path = %place.display(), %error, "a secret is damaged and left out");
                }
                Err(_) => {}
            }
        }
        secrets.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(secrets)
    }

    /// The secret with this name, this id, or the only one whose id begins so.
    ///
    /// # Errors
    /// [`StoreError::NoSuchSecret`], [`StoreError::AmbiguousSecret`]; failed system calls.
    pub fn secret(&self, text: &str) -> Result<Secret, StoreError> {
        let secrets = self.secrets()?;
        if let Some(secret) = secrets.iter().find(|secret| secret.name == text) {
            return Ok(secret.clone());
        }
        let none = || StoreError::NoSuchSecret(text.to_owned());
        let mut found = secrets.into_iter().filter(|secret| !text.is_empty() && secret.id.starts_with(text));
        let secret = found.next().ok_or_else(none)?;
        match found.next() {
            Some(_) => Err(StoreError::AmbiguousSecret(text.to_owned())),
            None => Ok(secret),
        }
    }

    /// The bytes of a secret.
    ///
    /// # Errors
    /// [`StoreError::NoSuchSecret`] when it went meanwhile; failed system calls.
    pub fn secret_data(&self, secret: &Secret) -> Result<Vec<u8>, StoreError> {
        let path = self.secret_dir(&secret.name).join(DATA);
        read_limited(&path, cala_spec::secret::MAX_SECRET).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => StoreError::NoSuchSecret(secret.name.clone()),
            _ => StoreError::io("read", &path)(error),
        })
    }

    /// Removes a secret. Containers that were made with it have their own copy. Makes no event.
    ///
    /// # Errors
    /// As [`Store::secret`].
    pub fn remove_secret(&self, text: &str) -> Result<Secret, StoreError> {
        let _alone = self.lock_secrets()?;
        let secret = self.secret(text)?;
        let place = self.secret_dir(&secret.name);
        let aside = self.path("tmp").join(format!("removed-{}", new_container_id()?));
        self.with_reserve(|| durable::rename(&place, &aside, true))
            .map_err(StoreError::io("remove", &place))?;
        // What cannot be removed now is with the next removal.
        let _ = std::fs::remove_dir_all(&aside);
        self.keep_reserve();
        Ok(secret)
    }

    fn lock_secrets(&self) -> Result<FileLock, StoreError> {
        let path = self.path("secrets");
        FileLock::wait(&path, Mode::Exclusive).map_err(StoreError::io("lock", &path))
    }

    fn secret_dir(&self, name: &str) -> PathBuf {
        use std::fmt::Write as _;
        let hash =
            Sha256::digest(name.as_bytes()).iter().fold(String::with_capacity(64), |mut text, byte| {
                // Writing to a String cannot fail.
                let _ = write!(text, "{byte:02x}");
                text
            });
        self.path("secrets").join(hash)
    }

    pub(crate) fn read_secret(&self, place: &Path) -> io::Result<Secret> {
        let secret: Secret = serde_json::from_slice(&read_limited(&place.join(RECORD), MAX_RECORD)?)?;
        if self.secret_dir(&secret.name) == place {
            return Ok(secret);
        }
        Err(io::Error::new(io::ErrorKind::InvalidData, "it is of another name"))
    }
}

fn write(making: &Path, secret: &Secret, data: &[u8]) -> io::Result<()> {
    use std::io::Write as _;
    DirBuilder::new().mode(0o700).create(making)?;
    let file = |name: &str| {
        std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(making.join(name))
    };
    for (name, bytes) in [(DATA, data), (RECORD, &serde_json::to_vec(secret)?)] {
        let mut file = file(name)?;
        file.write_all(bytes)?;
        file.sync_data()?;
    }
    durable::sync_directory(making)
}

/// Puts a secret in its place; what was there is where the new one was.
fn publish(making: &Path, place: &Path) -> io::Result<()> {
    let flags = if place.exists() { RenameFlags::EXCHANGE } else { RenameFlags::NOREPLACE };
    rustix::fs::renameat_with(CWD, making, CWD, place, flags)?;
    durable::sync_directory(place.parent().unwrap_or(place))
}
