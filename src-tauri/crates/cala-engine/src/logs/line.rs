//! One record of a log file: `TIME STREAM TAG CONTENT` (the Kubernetes container runtime interface's log format).

use std::cmp::Ordering;

use crate::time;

/// One line of a container's log; valid until the reader goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogLine<'a> {
    /// When, RFC 3339 with nanoseconds, as it stands in the file.
    pub time: &'a [u8],
    /// Whether it was written to the error output.
    pub stderr: bool,
    /// Whether the line goes on in the next one (no newline here).
    pub partial: bool,
    /// The line without its newline.
    pub bytes: &'a [u8],
}

impl<'a> LogLine<'a> {
    /// Reads a record without its newline; `None` when it is none (a torn write).
    #[must_use]
    pub fn parse(record: &'a [u8]) -> Option<Self> {
        let (time, rest) = word(record)?;
        let (stream, rest) = word(rest)?;
        let (tag, bytes) = match word(rest) {
            Some(split) => split,
            // An empty line may end with its tag.
            None => (rest, &[][..]),
        };
        let stderr = match stream {
            b"stdout" => false,
            b"stderr" => true,
            _ => return None,
        };
        let partial = match tag.first() {
            Some(b'F') => false,
            Some(b'P') => true,
            _ => return None,
        };
        Some(Self { time, stderr, partial, bytes })
    }

    /// When, nanoseconds since the Unix epoch; 0 when the time cannot be read.
    #[must_use]
    pub fn time_ns(&self) -> i64 {
        std::str::from_utf8(self.time).map_or(0, time::ns_of)
    }
}

fn word(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = memchr::memchr(b' ', bytes)?;
    Some((bytes.get(..end)?, bytes.get(end + 1..)?))
}

/// A point in time that records are compared with; fast for those in UTC with nine digits, as Cala writes them.
#[derive(Debug, Clone)]
pub(super) struct Bound {
    ns: i64,
    text: Vec<u8>,
}

impl Bound {
    pub(super) fn new(ns: i64) -> Self {
        let seconds = time::rfc3339(ns.div_euclid(1_000_000_000).max(1) * 1_000_000_000);
        let text = format!("{}.{:09}", seconds.trim_end_matches('Z'), ns.rem_euclid(1_000_000_000));
        Self { ns, text: text.into_bytes() }
    }

    /// How the line's time compares with this one.
    pub(super) fn order(&self, line: &LogLine<'_>) -> Ordering {
        let (head, zone) = line.time.split_at(line.time.len().min(29));
        if matches!(zone, b"+00:00" | b"Z") && head.len() == self.text.len() {
            return head.cmp(&self.text);
        }
        line.time_ns().cmp(&self.ns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_read_and_torn_ones_refused() {
        let line = LogLine::parse(b"2026-01-02T03:04:05.123456789+00:00 stderr P a b  c").expect("a record");
        assert_eq!(line.time, b"2026-01-02T03:04:05.123456789+00:00");
        assert!(line.stderr && line.partial);
        assert_eq!(line.bytes, b"a b  c");
        assert_eq!(line.time_ns(), 1_767_323_045_123_456_789);
        for empty in [&b"t stdout F "[..], b"t stdout F"] {
            assert_eq!(LogLine::parse(empty).map(|line| line.bytes), Some(&[][..]));
        }
        for torn in [&b""[..], b"2026", b"2026 stdout", b"t nowhere F x", b"t stdout X y"] {
            assert_eq!(LogLine::parse(torn), None);
        }
    }

    #[test]
    fn times_compare_in_any_zone() {
        let bound = Bound::new(1_767_323_045_123_456_789);
        for (time, order) in [
            ("2026-01-02T03:04:05.123456789+00:00", Ordering::Equal),
            ("2026-01-02T03:04:05.123456788Z", Ordering::Less),
            ("2026-01-02T04:04:05.123456790+01:00", Ordering::Greater),
            ("2026-01-02T03:04:05Z", Ordering::Less),
        ] {
            let record = format!("{time} stdout F x");
            assert_eq!(bound.order(&LogLine::parse(record.as_bytes()).expect("a record")), order, "{time}");
        }
    }
}
