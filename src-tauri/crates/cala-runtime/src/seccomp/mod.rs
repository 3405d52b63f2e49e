//! System call filters: Docker's default profile as a table, and a compiler of profiles into BPF search trees.

mod assemble;
mod compile;
mod docker;
mod numbers;
#[cfg(target_arch = "aarch64")]
mod numbers_aarch64;
#[cfg(target_arch = "x86_64")]
mod numbers_x86_64;
mod policy;
mod profile;
#[cfg(test)]
mod tests;

use cala_spec::{Classify, ErrorKind};
pub use cala_sys::seccomp::Instruction;
pub use compile::compile;
pub use docker::from_docker_json;
use oci_spec::runtime::Capability;

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

/// Compiles the default profile for a container with the given bounding set. Never empty: should the table not compile
/// (a test sees to it that it does), the program denies everything.
#[must_use]
pub fn default_filter(caps: &[Capability]) -> Vec<Instruction> {
    /// BPF_RET | BPF_K.
    const RETURN: u16 = 0x06;
    assemble::assemble(&profile::policy(caps))
        .unwrap_or_else(|_| vec![Instruction { code: RETURN, jt: 0, jf: 0, k: policy::EPERM }])
}
