//! Reading events back.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use cala_spec::Event;

use super::CURRENT;

/// Longest line that is looked at, in bytes: more than any writer writes.
const MAX_LINE: usize = 64 << 10;
/// How each line begins; a torn line may have a whole one behind it.
const BEGINNING: &[u8] = b"{\"time_ns\":";

/// Reads the events of `directory` from the oldest to the newest, with `since_ns <= time_ns < until_ns` (nanoseconds since
/// the Unix epoch; `None` is no bound).
///
/// # Errors
/// The directory cannot be listed.
pub fn read_events(
    directory: &Path,
    since_ns: Option<i64>,
    until_ns: Option<i64>,
) -> io::Result<EventReader> {
    // The current segment is opened before the others are listed: renamed meanwhile it is found twice, never missed.
    let current = File::open(directory.join(CURRENT)).ok();
    let inode = current.as_ref().and_then(|file| file.metadata().ok()).map(|meta| meta.ino());
    let mut segments = open_full(directory, since_ns, inode)?;
    segments.extend(current);
    segments.reverse();
    Ok(EventReader { segments, open: None, since_ns, until_ns })
}

/// The full segments that may hold events from `since_ns` on, without the one that has this inode.
pub(super) fn open_full(directory: &Path, since_ns: Option<i64>, but: Option<u64>) -> io::Result<Vec<File>> {
    // A segment is named by the second of its end; a minute more is on the safe side of a clock that was set.
    let ends_later = |second: u64| {
        since_ns
            .is_none_or(|since| i128::from(second.saturating_add(60)) * 1_000_000_000 >= i128::from(since))
    };
    let segments = full_segments(directory)?.into_iter().filter(|(second, _)| ends_later(*second));
    let open = segments.filter_map(|(_, path)| File::open(path).ok());
    Ok(open.filter(|file| file.metadata().is_ok_and(|meta| Some(meta.ino()) != but)).collect())
}

/// The full segments, the oldest first, with the second of their end.
pub(super) fn full_segments(directory: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let mut segments = Vec::new();
    let entries = match std::fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(segments),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let second = entry.file_name().to_str().and_then(|name| name.strip_suffix(".jsonl")?.parse().ok());
        segments.extend(second.map(|second| (second, entry.path())));
    }
    segments.sort();
    Ok(segments)
}

/// Events of the past. Lines that are no event are passed over.
#[derive(Debug)]
pub struct EventReader {
    /// What is still to read, the next last.
    segments: Vec<File>,
    open: Option<BufReader<File>>,
    since_ns: Option<i64>,
    until_ns: Option<i64>,
}

impl Iterator for EventReader {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        let mut line = Vec::new();
        loop {
            let Some(open) = &mut self.open else {
                self.open = Some(BufReader::new(self.segments.pop()?));
                continue;
            };
            line.clear();
            match open.read_until(b'\n', &mut line) {
                Ok(0) | Err(_) => self.open = None,
                Ok(_) => match parse_line(&line) {
                    Some(event) if self.fits(&event) => return Some(event),
                    _ => {}
                },
            }
        }
    }
}

impl EventReader {
    /// A reader of these segments, the oldest first.
    pub(super) fn of(mut segments: Vec<File>, since_ns: Option<i64>) -> Self {
        segments.reverse();
        Self { segments, open: None, since_ns, until_ns: None }
    }

    fn fits(&self, event: &Event) -> bool {
        self.since_ns.is_none_or(|since| event.time_ns >= since)
            && self.until_ns.is_none_or(|until| event.time_ns < until)
    }
}

/// The event of a line; behind a torn beginning the last whole one.
pub(super) fn parse_line(line: &[u8]) -> Option<Event> {
    if line.len() > MAX_LINE {
        return None;
    }
    if let Ok(event) = serde_json::from_slice(line) {
        return Some(event);
    }
    let last = line.windows(BEGINNING.len()).rposition(|window| window == BEGINNING)?;
    serde_json::from_slice(line.get(last..)?).ok()
}
