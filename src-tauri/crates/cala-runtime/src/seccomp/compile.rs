//! Profiles to BPF.

use oci_spec::runtime::LinuxSeccomp;

use super::{Instruction, SeccompError};

/// Compiles a profile of the runtime spec for this machine's architecture.
///
/// # Errors
///
/// [`SeccompError::Unsupported`]: notify actions, too many rules, arguments outside 0..=5.
pub fn compile(_profile: &LinuxSeccomp) -> Result<Vec<Instruction>, SeccompError> {
    Err(SeccompError::Unsupported("not there yet".into()))
}
