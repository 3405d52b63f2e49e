//! System call filters: Docker's default profile as a table, and a compiler of profiles into BPF search trees.

mod compile;

use cala_spec::{Classify, ErrorKind};
pub use cala_sys::seccomp::Instruction;
pub use compile::compile;
use oci_spec::runtime::{Capability, LinuxSeccomp};

/// Why a profile cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SeccompError {
    /// Not JSON, or not of the known form.
    #[error("cannot parse the seccomp profile")]
    Parse(#[source] serde_json::Error),
    /// Something in it cannot be compiled.
    #[error("cannot use the seccomp profile: {0}")]
    Unsupported(String),
}

impl Classify for SeccompError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::InvalidArgument
    }

    fn code(&self) -> &'static str {
        "seccomp_profile_invalid"
    }
}

/// Compiles the default profile for a container with the given bounding set.
#[must_use]
pub fn default_filter(_caps: &[Capability]) -> Vec<Instruction> {
    Vec::new()
}

/// Reads a profile in Docker's JSON form (`--security-opt seccomp=FILE`): includes and excludes are decided for this
/// machine's architecture and kernel and for the given bounding set.
///
/// # Errors
///
/// [`SeccompError`].
pub fn from_docker_json(_text: &str, _caps: &[Capability]) -> Result<LinuxSeccomp, SeccompError> {
    Err(SeccompError::Unsupported("not there yet".into()))
}
