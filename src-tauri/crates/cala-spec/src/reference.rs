//! Image references as Docker and Podman parse them (distribution/reference).

use serde::{Deserialize, Serialize};

use crate::Digest;

/// A full reference: registry, repository, and a tag or a digest or both.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Reference {
    /// `docker.io`, `localhost:5000`, …
    pub domain: String,
    /// `library/alpine`, …
    pub path: String,
    /// `latest`, …
    pub tag: Option<String>,
    /// The digest, when given.
    pub digest: Option<Digest>,
}
