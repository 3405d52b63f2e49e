//! credentials(7): setresuid(2), setresgid(2), setgroups(2), for single-threaded programs.

use std::io;

use rustix::process::{Gid, Uid};

/// Sets real, effective and saved user id. Ids are those of this process's user namespace, never `u32::MAX`.
///
/// # Errors
///
/// EINVAL for an unmapped id, EPERM; setresuid(2).
pub fn set_uid(uid: u32) -> io::Result<()> {
    let uid = Uid::from_raw(checked(uid)?);
    Ok(rustix::thread::set_thread_res_uid(uid, uid, uid)?)
}

/// Sets real, effective and saved group id.
///
/// # Errors
///
/// EINVAL for an unmapped id, EPERM; setresgid(2).
pub fn set_gid(gid: u32) -> io::Result<()> {
    let gid = Gid::from_raw(checked(gid)?);
    Ok(rustix::thread::set_thread_res_gid(gid, gid, gid)?)
}

/// Sets the supplementary groups.
///
/// # Errors
///
/// EPERM where /proc/self/setgroups says `deny`, EINVAL for an unmapped id; setgroups(2).
pub fn set_groups(groups: &[u32]) -> io::Result<()> {
    let groups: Vec<Gid> =
        groups.iter().map(|gid| checked(*gid).map(Gid::from_raw)).collect::<io::Result<_>>()?;
    Ok(rustix::thread::set_thread_groups(&groups)?)
}

/// -1 means "leave it": never what is asked for here.
fn checked(id: u32) -> io::Result<u32> {
    if id == u32::MAX { Err(io::Error::from_raw_os_error(libc::EINVAL)) } else { Ok(id) }
}
