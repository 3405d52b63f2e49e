//! The processes of a container.

use serde::{Deserialize, Serialize};

/// What `top` shows; the fields of Docker's `GET /containers/{id}/top`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ProcessTable {
    /// Headings.
    pub titles: Vec<String>,
    /// A row per process, a text per heading.
    pub processes: Vec<Vec<String>>,
}
