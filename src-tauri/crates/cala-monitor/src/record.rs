//! `state.json`: what a monitor writes down about its container while it lives.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use cala_spec::ContainerState;
use rustix::fs::RenameFlags;
use rustix::io::Errno;

/// Replaces `state.json` of a container, synced if `durable`.
///
/// # Errors
/// Those of the file system; the old file stays then.
pub fn write_state(container_dir: &Path, state: &ContainerState, durable: bool) -> io::Result<()> {
    let path = container_dir.join("state.json");
    let bytes = serde_json::to_vec(state)?;
    if durable {
        return cala_sys::durable::write_atomic(&path, &bytes, true);
    }
    let temporary = container_dir.join(format!("{}state.json", cala_sys::durable::TEMPORARY_PREFIX));
    write_file(&temporary, &bytes)?;
    replace_lazily(&temporary, &path)
}

fn write_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600).open(path)?.write_all(bytes)
}

/// Puts a file in the place of another without waiting for the disk: on ext4 a rename onto an existing file starts
/// writing at once (auto_da_alloc, 1.5 ms), an exchange of the two does not.
fn replace_lazily(from: &Path, to: &Path) -> io::Result<()> {
    let rename = |flags| rustix::fs::renameat_with(rustix::fs::CWD, from, rustix::fs::CWD, to, flags);
    match rename(RenameFlags::NOREPLACE) {
        Ok(()) => return Ok(()),
        Err(Errno::EXIST) => {}
        Err(_) => return fs::rename(from, to),
    }
    match rename(RenameFlags::EXCHANGE) {
        Ok(()) => fs::remove_file(from),
        Err(_) => fs::rename(from, to),
    }
}

/// The last state; the default (created) when there is none or it is damaged.
#[must_use]
pub fn read_state(container_dir: &Path) -> ContainerState {
    let bytes = fs::read(container_dir.join("state.json")).unwrap_or_default();
    serde_json::from_slice(&bytes).unwrap_or_default()
}

/// Now, in nanoseconds since the Unix epoch.
#[must_use]
pub fn now_ns() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

/// The id of this boot; empty when unknown.
#[must_use]
pub fn boot_id() -> String {
    let text = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    text.trim().to_owned()
}

/// Start time of a process in clock ticks since boot (proc_pid_stat(5), field 22); 0 when it is gone.
#[must_use]
pub fn start_time(pid: i32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    start_time_of(&text).unwrap_or(0)
}

/// The name of a process is in parentheses and may hold anything, parentheses too: fields count from the last one.
fn start_time_of(stat: &str) -> Option<u64> {
    stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()
}

/// Whether a process is about to end, or has ended (proc_pid_stat(5), field 9: PF_EXITING).
#[must_use]
pub fn is_exiting(pid: i32) -> bool {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    flags_of(&text).is_none_or(|flags| flags & 4 != 0)
}

fn flags_of(stat: &str) -> Option<u64> {
    stat.rsplit_once(')')?.1.split_whitespace().nth(6)?.parse().ok()
}

/// Our own pid as the mounted /proc names it: the host's, though we are process 1 of a namespace of our own.
#[must_use]
pub fn own_pid() -> i32 {
    let link = fs::read_link("/proc/self").unwrap_or_default();
    link.to_str().and_then(|text| text.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_replaced_and_read_back() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(read_state(folder.path()), ContainerState::default());
        let state = ContainerState { pid: 7, exit_code: 3, ..ContainerState::default() };
        for durable in [false, false, true] {
            write_state(folder.path(), &state, durable).unwrap();
            assert_eq!(read_state(folder.path()), state);
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn the_start_time_is_field_22_whatever_the_name_is() {
        let stat = "1 (a) b) (c) S 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 4242 23";
        // S is field 3 and 2 is field 4, so that 20 is field 22.
        assert_eq!(start_time_of(stat), Some(20));
        let pid = i32::try_from(std::process::id()).unwrap();
        assert!(start_time(pid) > 0);
        assert_eq!(flags_of(stat), Some(7));
        assert!(!is_exiting(pid) && is_exiting(i32::MAX));
        assert_eq!(own_pid(), pid);
    }
}
