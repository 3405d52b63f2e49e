//! The file of an image's name.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

use cala_spec::{Digest, Platform};
use cala_sys::durable;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::error::StoreError;
use crate::read::read_limited;
use crate::store::Store;

/// Largest name file in bytes: the labels of an image are in it.
const MAX_RECORD: usize = 4 << 20;
/// Longest file name that is the escaped name itself.
const MAX_FILE_NAME: usize = 240;

/// `images/names/<escaped name>`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageRecord {
    /// Full name with tag, or with digest when it was pulled by digest; `None` for an image that lost its last name.
    #[serde(default)]
    pub name: Option<String>,
    /// Digest of the manifest.
    pub manifest: Digest,
    /// Digest of the index the manifest was chosen from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<Digest>,
    /// The image id: the digest of its configuration.
    pub image_id: Digest,
    /// Unpacked size in bytes of all its layers.
    pub size: u64,
    /// When this name was given, nanoseconds since the Unix epoch.
    #[serde(rename = "time")]
    pub tagged_ns: i64,
    /// When the image was built, nanoseconds since the Unix epoch.
    #[serde(default)]
    pub created_ns: i64,
    /// Labels of its configuration.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// The platform it is for.
    pub platform: Platform,
    /// Ports of EXPOSE as `80/tcp`.
    #[serde(default)]
    pub exposed_ports: Vec<String>,
    /// Its layers, lowest first.
    pub layers: Vec<LayerUse>,
}

/// The records that can be read, and the files that cannot, each with the reason.
pub(super) type Records = (Vec<ImageRecord>, Vec<(String, String)>);

/// A layer as an image uses it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerUse {
    /// Name of its directory below `layers/`.
    pub key: String,
    /// Digest of the uncompressed tar.
    pub diff_id: Digest,
    /// Unpacked size in bytes.
    pub size: u64,
}

impl ImageRecord {
    /// The name, else the first digits of the id.
    #[must_use]
    pub fn shown_name(&self) -> String {
        self.name.clone().unwrap_or_else(|| self.image_id.short().to_owned())
    }

    /// What the file is called.
    pub(super) fn file_name(&self) -> String {
        // A name cannot begin with a dot or an `@`: images without one stand apart.
        self.name.as_deref().map_or_else(|| format!("@{}", self.manifest.hex()), escape)
    }
}

/// A name as a file name: whatever is not a letter, digit, `.`, `_` or `-` becomes `%XX`; very long names are hashed.
pub(super) fn escape(name: &str) -> String {
    let mut text = String::with_capacity(name.len() + 16);
    for byte in name.bytes() {
        match byte {
            b'.' | b'_' | b'-' => text.push(char::from(byte)),
            _ if byte.is_ascii_alphanumeric() => text.push(char::from(byte)),
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    if text.len() <= MAX_FILE_NAME {
        return text;
    }
    format!("%{}", Digest::sha256(&Sha256::digest(name).into()).hex())
}

impl Store {
    /// The record of a full name; `None` when the name is not taken.
    pub(super) fn read_record(&self, name: &str) -> Result<Option<ImageRecord>, StoreError> {
        let path = self.record_path(&escape(name));
        match read_limited(&path, MAX_RECORD) {
            Ok(bytes) => parse(&bytes).map(Some).map_err(|reason| damaged(name, reason)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(damaged(name, error.to_string())),
        }
    }

    /// All records that can be read, and the file names of those that cannot.
    pub(super) fn read_records(&self) -> Result<Records, StoreError> {
        let directory = self.path("images/names");
        let (mut records, mut bad) = (Vec::new(), Vec::new());
        for entry in std::fs::read_dir(&directory).map_err(StoreError::io("list", &directory))? {
            let name =
                entry.map_err(StoreError::io("list", &directory))?.file_name().to_string_lossy().into_owned();
            if name.starts_with(durable::TEMPORARY_PREFIX) {
                continue;
            }
            match read_limited(&directory.join(&name), MAX_RECORD) {
                Ok(bytes) => match parse(&bytes) {
                    Ok(record) if record.file_name() == name => records.push(record),
                    Ok(_) => bad.push((name, "it is the record of another name".to_owned())),
                    Err(reason) => bad.push((name, reason)),
                },
                // Removed while we looked.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => bad.push((name, error.to_string())),
            }
        }
        records.sort_by(|a, b| a.name.cmp(&b.name).then_with(|| a.manifest.cmp(&b.manifest)));
        Ok((records, bad))
    }

    /// Writes the record under its name, atomically.
    pub(super) fn write_record(&self, record: &ImageRecord) -> Result<(), StoreError> {
        let path = self.record_path(&record.file_name());
        let bytes =
            serde_json::to_vec(record).map_err(io::Error::from).map_err(StoreError::io("write", &path))?;
        durable::write_atomic(&path, &bytes, true).map_err(StoreError::io("write", &path))
    }

    /// Removes the file of a record.
    pub(super) fn remove_record(&self, file_name: &str) -> Result<(), StoreError> {
        let path = self.record_path(file_name);
        match self.with_reserve(|| std::fs::remove_file(&path)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(StoreError::io("remove", &path)(error))
            }
            _ => durable::sync_directory(&self.path("images/names")).map_err(StoreError::io("sync", &path)),
        }
    }

    fn record_path(&self, file_name: &str) -> PathBuf {
        self.path("images/names").join(file_name)
    }
}

fn parse(bytes: &[u8]) -> Result<ImageRecord, String> {
    serde_json::from_slice(bytes).map_err(|error| error.to_string())
}

fn damaged(name: &str, reason: String) -> StoreError {
    StoreError::ImageDamaged { name: name.to_owned(), reason }
}
