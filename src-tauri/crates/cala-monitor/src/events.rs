//! Appending to the event log: `D/events/current.jsonl`, one line and one `write` with O_APPEND per event, no lock.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use cala_spec::Event;

/// Bytes of the longest line, with its line end: what one write puts there in one piece.
pub const MAX_EVENT: usize = 4096;

/// The name of the segment that is written.
pub const CURRENT_SEGMENT: &str = "current.jsonl";

/// Appends an event. One that is too long loses its attributes.
///
/// # Errors
/// Those of open(2) and write(2). A caller in the middle of a container's life goes on without the event: a full disk
/// must not hold it up.
pub fn append_event(events_dir: &Path, event: &Event) -> io::Result<()> {
    let mut line = serde_json::to_vec(event)?;
    if line.len() >= MAX_EVENT {
        let short = Event { attributes: std::collections::BTreeMap::new(), ..event.clone() };
        line = serde_json::to_vec(&short)?;
    }
    line.push(b'\n');
    let mut file =
        OpenOptions::new().append(true).create(true).mode(0o600).open(events_dir.join(CURRENT_SEGMENT))?;
    file.write_all(&line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use cala_spec::event::EventKind;

    #[test]
    fn each_event_is_a_line_and_a_long_one_loses_its_attributes() {
        let folder = tempfile::tempdir().unwrap();
        let mut event = Event {
            time_ns: 1,
            kind: EventKind::Container,
            action: "start".into(),
            id: "ab".into(),
            name: "x".into(),
            image: None,
            exit_code: None,
            attributes: std::collections::BTreeMap::new(),
        };
        append_event(folder.path(), &event).unwrap();
        event.attributes.insert("label".into(), "v".repeat(5000));
        append_event(folder.path(), &event).unwrap();
        let text = std::fs::read_to_string(folder.path().join(CURRENT_SEGMENT)).unwrap();
        let read: Vec<Event> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(read.len(), 2);
        assert!(read[1].attributes.is_empty());
    }
}
