//! System call numbers of this machine's architecture.

#[cfg(target_arch = "aarch64")]
use super::numbers_aarch64::NUMBERS;
#[cfg(target_arch = "x86_64")]
use super::numbers_x86_64::NUMBERS;

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
compile_error!("the table of system calls of this architecture is missing: see numbers_x86_64.rs");

/// AUDIT_ARCH_* of linux/audit.h, as filters see it.
#[cfg(target_arch = "x86_64")]
pub(super) const AUDIT_ARCH: u32 = 0xc000_003e;
/// AUDIT_ARCH_* of linux/audit.h, as filters see it.
#[cfg(target_arch = "aarch64")]
pub(super) const AUDIT_ARCH: u32 = 0xc000_00b7;

/// How profiles call this architecture in `includes.arches` (Go's names).
#[cfg(target_arch = "x86_64")]
pub(super) const NAME: &str = "amd64";
/// How profiles call this architecture in `includes.arches` (Go's names).
#[cfg(target_arch = "aarch64")]
pub(super) const NAME: &str = "arm64";

/// The number of a name; none where this architecture has no such call.
pub(super) fn of(name: &str) -> Option<u32> {
    NUMBERS
        .binary_search_by_key(&name, |(name, _)| name)
        .ok()
        .and_then(|at| NUMBERS.get(at))
        .map(|(_, number)| *number)
}

/// All known numbers.
pub(super) fn all() -> impl Iterator<Item = u32> {
    NUMBERS.iter().map(|(_, number)| *number)
}
