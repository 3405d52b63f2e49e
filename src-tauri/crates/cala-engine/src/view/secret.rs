//! A secret as `secret ls` and `secret inspect` show it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A secret; the fields of `podman secret inspect`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(optional_fields))]
pub struct SecretInspect {
    /// Its id.
    #[serde(rename = "ID")]
    pub id: String,
    /// When the first of its name was made, RFC 3339 in UTC.
    pub created_at: String,
    /// When this one was made.
    pub updated_at: String,
    /// What was asked for.
    pub spec: SecretDetail,
    /// Its bytes as text, when they were asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_data: Option<String>,
}

/// What was asked for of a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct SecretDetail {
    /// Its name.
    pub name: String,
    /// What keeps it.
    pub driver: SecretDriver,
    /// Labels.
    pub labels: BTreeMap<String, String>,
}

/// What keeps a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct SecretDriver {
    /// `file`.
    pub name: String,
    /// `path`: the folder that secrets are in.
    pub options: BTreeMap<String, String>,
}

impl SecretInspect {
    pub(crate) fn new(
        id: String,
        name: String,
        labels: BTreeMap<String, String>,
        (created_at, updated_at): (String, String),
        path: String,
        secret_data: Option<String>,
    ) -> Self {
        let options = BTreeMap::from([("path".to_owned(), path)]);
        let driver = SecretDriver { name: cala_spec::secret::FILE_DRIVER.to_owned(), options };
        Self { id, created_at, updated_at, spec: SecretDetail { name, driver, labels }, secret_data }
    }
}

/// A secret that a container has as a file, in its `inspect`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct InspectSecret {
    /// Its name.
    #[serde(rename = "Name")]
    pub name: String,
    /// Its id when the container was made.
    #[serde(rename = "ID")]
    pub id: String,
    /// The owner of the file.
    #[serde(rename = "UID")]
    pub uid: u32,
    /// Its group.
    #[serde(rename = "GID")]
    pub gid: u32,
    /// Its permission bits.
    #[serde(rename = "Mode")]
    pub mode: u32,
}
