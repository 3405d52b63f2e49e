//! Writing events.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use cala_spec::Event;
use cala_sys::flock::{FileLock, Mode};
use rustix::fs::RenameFlags;

use super::CURRENT;

/// Longest line in bytes, line feed included: one write(2) of it is not mixed with others'.
const MAX_LINE: usize = 4096;
/// Size in bytes from which a segment is full.
const MAX_SEGMENT: u64 = 4 << 20;
/// How many full segments are kept.
const KEPT_SEGMENTS: usize = 8;

/// Appends an event to the log in `directory`. Attributes that make the line too long are left out.
///
/// # Errors
/// Failed system calls; a full disk among them. The event is lost then, and nothing else.
pub fn append_event(directory: &Path, event: &Event) -> io::Result<()> {
    let path = directory.join(CURRENT);
    let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(&path)?;
    let line = line(event)?;
    let written = file.write(&line)?;
    if written < line.len() {
        // The disk is full: end the torn line, so that the next event begins on its own.
        let _ = file.write(b"\n");
        return Err(io::ErrorKind::StorageFull.into());
    }
    // The event is written: that a full segment stays is no failure of this.
    if let Err(error) = file.metadata().and_then(|meta| rotate_when_full(directory, &file, meta.len())) {
        tracing::debug!(%error, "the event log could not be rotated");
    }
    Ok(())
}

fn line(event: &Event) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(event)?;
    if line.len() >= MAX_LINE {
        let mut short = event.clone();
        while line.len() >= MAX_LINE {
            let longest = short.attributes.iter().max_by_key(|(key, value)| key.len() + value.len());
            let Some(key) = longest.map(|(key, _)| key.clone()) else {
                return Err(io::Error::new(io::ErrorKind::InvalidInput, "the event is too long"));
            };
            short.attributes.remove(&key);
            line = serde_json::to_vec(&short)?;
        }
    }
    line.push(b'\n');
    Ok(line)
}

/// Renames the full segment, unless somebody else is at it or has done it.
fn rotate_when_full(directory: &Path, full: &File, length: u64) -> io::Result<()> {
    if length < MAX_SEGMENT {
        return Ok(());
    }
    let Some(_lock) = FileLock::try_take(&directory.join("lock"), Mode::Exclusive)? else { return Ok(()) };
    let current = directory.join(CURRENT);
    let named = match std::fs::metadata(&current) {
        // Renamed a moment ago, and nobody has written since.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        named => named?,
    };
    if full.metadata()?.ino() != named.ino() {
        return Ok(());
    }
    let mut second = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    loop {
        let target = directory.join(format!("{second}.jsonl"));
        let (from, to) = (rustix::fs::CWD, rustix::fs::CWD);
        match rustix::fs::renameat_with(from, &current, to, &target, RenameFlags::NOREPLACE) {
            Ok(()) => break,
            Err(rustix::io::Errno::EXIST) => second += 1,
            Err(error) => return Err(error.into()),
        }
    }
    let mut segments = super::read::full_segments(directory)?;
    let surplus = segments.len().saturating_sub(KEPT_SEGMENTS);
    for (_, path) in segments.drain(..surplus) {
        std::fs::remove_file(path)?;
    }
    Ok(())
}
