//! prctl(2).

use std::ffi::CStr;
use std::io;

use rustix::process::DumpableBehavior;

/// Whether others of the same user may look into this process (PR_GET_DUMPABLE).
///
/// # Errors
///
/// prctl(2).
pub fn is_dumpable() -> io::Result<bool> {
    Ok(matches!(rustix::process::dumpable_behavior()?, DumpableBehavior::Dumpable))
}

/// Says whether others of the same user may look into this process: trace it, read its memory, open its /proc files.
///
/// # Errors
///
/// prctl(2).
pub fn set_dumpable(dumpable: bool) -> io::Result<()> {
    let behavior = if dumpable { DumpableBehavior::Dumpable } else { DumpableBehavior::NotDumpable };
    Ok(rustix::process::set_dumpable_behavior(behavior)?)
}

/// Names this thread, at most 15 bytes (PR_SET_NAME).
///
/// # Errors
///
/// prctl(2).
pub fn set_name(name: &CStr) -> io::Result<()> {
    Ok(rustix::thread::set_name(name)?)
}

/// execve(2) grants no privileges any more, for ever (PR_SET_NO_NEW_PRIVS).
///
/// # Errors
///
/// prctl(2).
pub fn set_no_new_privs() -> io::Result<()> {
    Ok(rustix::thread::set_no_new_privs(true)?)
}

/// Keeps the permitted capabilities when the last user id becomes other than 0 (PR_SET_KEEPCAPS); execve clears it.
///
/// # Errors
///
/// prctl(2).
pub fn keep_capabilities() -> io::Result<()> {
    Ok(rustix::thread::set_keep_capabilities(true)?)
}
