//! The event log: `events/current.jsonl` and older segments, a line of JSON per event.
//!
//! Writers open, write once with O_APPEND, and close; nobody locks. A line that a full disk or a killed machine tore is
//! passed over by readers. A segment that has grown is renamed to the second of its end; followers notice.

mod append;
mod follow;
mod read;

pub use append::append_event;
pub use follow::EventFollower;
pub use read::{EventReader, read_events};

/// The segment that is written to.
const CURRENT: &str = "current.jsonl";
