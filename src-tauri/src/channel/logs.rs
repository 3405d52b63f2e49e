//! A container's log as tuples `[time in ns, bits, text]`.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use cala_engine::{Engine, LogLine, LogOptions, Next};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::mpsc;

use super::{Item, arguments};
use crate::app::App;
use crate::dto::ErrorBody;

/// How long the reader waits before it looks whether the window is still there.
const LOOK_UP: Duration = Duration::from_millis(500);
/// Bits of an item.
const STDERR: u8 = 1;
const PARTIAL: u8 = 2;
/// Bytes of items joined before they are handed on: one by one, a hundred thousand lines would be slow.
const CHUNK: usize = 16 * 1024;

#[derive(Debug, Deserialize)]
struct Arguments {
    id: String,
    tail: Option<u64>,
    follow: bool,
}

/// Opens the stream.
pub(super) fn spawn(app: &Arc<App>, args: Value, items: mpsc::Sender<Item>) -> Result<(), ErrorBody> {
    let arguments: Arguments = arguments(args)?;
    let engine = app.engine.clone();
    tokio::task::spawn_blocking(move || {
        if let Err(error) = read(&engine, &arguments, &items) {
            let _ = items.blocking_send(Err(error));
        }
    });
    Ok(())
}

fn read(engine: &Engine, arguments: &Arguments, items: &mpsc::Sender<Item>) -> Result<(), ErrorBody> {
    let options = LogOptions { follow: arguments.follow, tail: arguments.tail, ..LogOptions::default() };
    let mut reader = engine.logs(&arguments.id, &options).map_err(|error| ErrorBody::of(&error))?;
    let mut chunk = String::with_capacity(2 * CHUNK);
    while !items.is_closed() {
        // Something waits to be handed on: look only whether there is more at once.
        let patience = if chunk.is_empty() { LOOK_UP } else { Duration::ZERO };
        let next = reader.poll_line(patience).map_err(|error| ErrorBody::of(&error))?;
        let flush = match next {
            Next::Item(line) => {
                push(&mut chunk, &line);
                chunk.len() >= CHUNK
            }
            Next::Idle | Next::End => !chunk.is_empty(),
        };
        let ended = matches!(next, Next::End);
        if flush && items.blocking_send(Ok(std::mem::take(&mut chunk))).is_err() {
            break;
        }
        if ended {
            break;
        }
    }
    Ok(())
}

fn push(chunk: &mut String, line: &LogLine<'_>) {
    if !chunk.is_empty() {
        chunk.push(',');
    }
    let bits = if line.stderr { STDERR } else { 0 } | if line.partial { PARTIAL } else { 0 };
    let text = String::from_utf8_lossy(line.bytes);
    let text = serde_json::to_string(&text).unwrap_or_else(|_| "\"\"".into());
    let _ = write!(chunk, "[{},{bits},{text}]", nanoseconds(line.time));
}

/// The time of a line as nanoseconds since the Unix epoch; 0 when it is something else.
fn nanoseconds(time: &[u8]) -> i64 {
    let text = std::str::from_utf8(time).unwrap_or_default();
    text.parse::<jiff::Timestamp>()
        .ok()
        .and_then(|time| i64::try_from(time.as_nanosecond()).ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_times_become_nanoseconds() {
        for (text, expected) in [
            ("1970-01-01T00:00:00.000000000+00:00", 0),
            ("1970-01-01T00:00:00.000000001Z", 1),
            ("2000-02-29T12:30:15.5+00:00", 951_827_415_500_000_000),
            ("2026-01-02T04:04:05.123456789+01:00", 1_767_323_045_123_456_789),
            ("2026-01-01T22:04:05.123456789-05:00", 1_767_323_045_123_456_789),
            ("yesterday", 0),
            ("", 0),
        ] {
            assert_eq!(nanoseconds(text.as_bytes()), expected, "{text}");
        }
    }
}
