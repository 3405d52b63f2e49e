//! A container's log as tuples `[time in ns, bits, text]`, and two facts about it: `{"caught_up":true}` once everything
//! that was there has been sent, `{"skipped":n}` when a tail was asked for and n older lines were left out.

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
/// Told once: whoever waits for a silent container's first line knows that there is none.
const CAUGHT_UP: &str = r#"{"caught_up":true}"#;
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
    let mut past = Some(Past::default());
    while !items.is_closed() {
        // Something waits to be handed on: look only whether there is more at once.
        let patience = if chunk.is_empty() && past.is_none() { LOOK_UP } else { Duration::ZERO };
        let next = reader.poll_line(patience).map_err(|error| ErrorBody::of(&error))?;
        let flush = match &next {
            Next::Item(line) => {
                if let Some(past) = &mut past {
                    past.count(line);
                }
                push(&mut chunk, line);
                chunk.len() >= CHUNK
            }
            Next::Idle | Next::End => !chunk.is_empty(),
        };
        let (idle, ended) = (!matches!(next, Next::Item(_)), matches!(next, Next::End));
        if flush && items.blocking_send(Ok(std::mem::take(&mut chunk))).is_err() {
            break;
        }
        if idle && let Some(past) = past.take() {
            if items.blocking_send(Ok(CAUGHT_UP.to_owned())).is_err() {
                break;
            }
            tell_skipped(engine, arguments, &past, items);
        }
        if ended {
            break;
        }
    }
    Ok(())
}

/// What was in the log when it was opened.
#[derive(Debug, Default)]
struct Past {
    lines: u64,
    first_ns: i64,
}

impl Past {
    fn count(&mut self, line: &LogLine<'_>) {
        if self.lines == 0 {
            self.first_ns = line.time_ns();
        }
        self.lines += 1;
    }
}

/// Counts what the tail left out, which means reading it: beside the stream, so that new lines do not wait.
fn tell_skipped(engine: &Engine, arguments: &Arguments, past: &Past, items: &mpsc::Sender<Item>) {
    if arguments.tail.is_none_or(|tail| past.lines < tail) || past.first_ns == 0 {
        return;
    }
    let (engine, id, items, until) = (engine.clone(), arguments.id.clone(), items.clone(), past.first_ns - 1);
    std::thread::spawn(move || {
        let options = LogOptions { until_ns: Some(until), ..LogOptions::default() };
        let Ok(mut reader) = engine.logs(&id, &options) else { return };
        let mut skipped: u64 = 0;
        while let Ok(Some(_)) = reader.next_line() {
            skipped += 1;
        }
        let _ = items.blocking_send(Ok(format!(r#"{{"skipped":{skipped}}}"#)));
    });
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
