//! `user[:group]` resolved inside a root file system, by a closed grammar and with limits.

use std::os::fd::BorrowedFd;

/// Who a process runs as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolvedUser {
    /// User id.
    pub uid: u32,
    /// Primary group id.
    pub gid: u32,
    /// Supplementary groups: the primary one and the memberships, sorted, without duplicates.
    pub groups: Vec<u32>,
    /// Home directory.
    pub home: String,
}

/// A user that cannot be resolved.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct UserError(pub String);

/// Resolves `user[:group]` (names or decimal ids; empty is root) against etc/passwd and etc/group below `root`.
///
/// # Errors
///
/// A word outside the grammar, an unknown name, a file that is not a regular file or larger than 1 MiB.
pub fn resolve(_root: BorrowedFd<'_>, _user: &str) -> Result<ResolvedUser, UserError> {
    Err(UserError("not there yet".into()))
}
