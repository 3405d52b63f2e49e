//! The CRI text format of logs (Podman's `k8s-file`): `2026-01-02T03:04:05.123456789+00:00 stdout F line`. Pure.
//!
//! `F` ends a line, `P` is a part of one: what a read brought without a line end, and pieces of [`MAX_LINE`].

use std::io::Write as _;

use crate::frames::FrameKind;

/// Bytes of the longest piece of a line.
pub const MAX_LINE: usize = 16 << 10;

/// Which of the two output streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stream {
    /// Standard output, and everything of a terminal.
    Stdout,
    /// Standard error.
    Stderr,
}

impl Stream {
    /// The word in the log.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
        }
    }

    /// The frame that carries its bytes.
    #[must_use]
    pub fn frame(self) -> FrameKind {
        match self {
            Self::Stdout => FrameKind::Stdout,
            Self::Stderr => FrameKind::Stderr,
        }
    }
}

/// What stands before each line of one moment and one stream, up to and with the space before `F` or `P`.
#[must_use]
pub fn prefix(time_ns: i64, stream: Stream) -> Vec<u8> {
    let mut text = Vec::with_capacity(44);
    write_time(&mut text, time_ns);
    text.push(b' ');
    text.extend_from_slice(stream.as_str().as_bytes());
    text.push(b' ');
    text
}

/// Appends a time in UTC as RFC 3339 with nine digits.
pub fn write_time(out: &mut Vec<u8>, time_ns: i64) {
    let seconds = time_ns.div_euclid(1_000_000_000);
    let (year, month, day) = civil_date(seconds.div_euclid(86_400));
    let of_day = seconds.rem_euclid(86_400);
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    let nanos = time_ns.rem_euclid(1_000_000_000);
    // Writing to a vector does not fail.
    let _ = write!(out, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{nanos:09}+00:00");
}

/// The proleptic Gregorian date of a count of days since 1970-01-01: years of 400 that begin in March, so that the leap
/// day is the last of its year.
fn civil_date(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// The piece at the front of `bytes` that becomes one line of the log: its content, whether a line end closes it, and
/// how many bytes it takes.
#[must_use]
pub fn next_piece(bytes: &[u8]) -> Option<(&[u8], bool, usize)> {
    if bytes.is_empty() {
        return None;
    }
    let window = bytes.get(..MAX_LINE).unwrap_or(bytes);
    Some(match memchr::memchr(b'\n', window) {
        Some(end) => (window.get(..end).unwrap_or_default(), true, end + 1),
        // A line end just behind a full piece belongs to it.
        None if bytes.get(MAX_LINE) == Some(&b'\n') => (window, true, MAX_LINE + 1),
        None => (window, false, window.len()),
    })
}

/// What a line of the log (without its line end) carries: the stream, the content, and whether it ends a line. `None`
/// for a torn or foreign line.
#[must_use]
pub fn parse_line(line: &[u8]) -> Option<(Stream, &[u8], bool)> {
    let mut words = line.splitn(4, |byte| *byte == b' ');
    let (_time, stream, tag, content) = (words.next()?, words.next()?, words.next()?, words.next()?);
    let stream = match stream {
        b"stdout" => Stream::Stdout,
        b"stderr" => Stream::Stderr,
        _ => return None,
    };
    match tag {
        b"F" => Some((stream, content, true)),
        b"P" => Some((stream, content, false)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(ns: i64) -> String {
        let mut out = Vec::new();
        write_time(&mut out, ns);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn times_are_those_of_the_calendar() {
        assert_eq!(time(0), "1970-01-01T00:00:00.000000000+00:00");
        assert_eq!(time(951_782_400_000_000_001), "2000-02-29T00:00:00.000000001+00:00");
        assert_eq!(time(1_767_323_045_123_456_789), "2026-01-02T03:04:05.123456789+00:00");
        assert_eq!(time(4_107_542_399_999_999_999), "2100-02-28T23:59:59.999999999+00:00");
        assert_eq!(time(-1), "1969-12-31T23:59:59.999999999+00:00");
    }

    #[test]
    fn bytes_are_cut_into_lines_and_parts() {
        let pieces = |bytes: &[u8]| {
            let (mut rest, mut seen) = (bytes, Vec::new());
            while let Some((content, ends, taken)) = next_piece(rest) {
                seen.push((content.len(), ends));
                rest = &rest[taken..];
            }
            seen
        };
        assert_eq!(pieces(b"ab\n\nc"), [(2, true), (0, true), (1, false)]);
        let long = [vec![b'x'; MAX_LINE], b"\n".to_vec()].concat();
        assert_eq!(pieces(&long), [(MAX_LINE, true)]);
        let longer = [vec![b'x'; MAX_LINE + 2], b"\n".to_vec()].concat();
        assert_eq!(pieces(&longer), [(MAX_LINE, false), (2, true)]);
    }

    #[test]
    fn a_line_is_read_back_and_a_torn_one_is_not() {
        let mut line = prefix(1, Stream::Stderr);
        line.extend_from_slice(b"F a b  c ");
        assert_eq!(parse_line(&line), Some((Stream::Stderr, b"a b  c ".as_slice(), true)));
        assert_eq!(parse_line(b"2026 stdout P "), Some((Stream::Stdout, b"".as_slice(), false)));
        for torn in
            [b"".as_slice(), b"2026", b"2026 stdout", b"2026 stdout F", b"2026 stdin F x", b"2026 stdout X x"]
        {
            assert_eq!(parse_line(torn), None);
        }
    }
}
