//! Points in time as people write them (`--since`, `--until`) and as Podman prints them.

use cala_spec::invalid::InvalidValue;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// Go's zero time, which Podman prints for "never".
pub(crate) const NEVER: &str = "0001-01-01T00:00:00Z";
/// Go's zero time in seconds since the Unix epoch.
pub(crate) const NEVER_SECONDS: i64 = -62_135_596_800;

const SECOND: i64 = 1_000_000_000;

/// Nanoseconds since the Unix epoch, now.
#[must_use]
pub fn now_ns() -> i64 {
    i64::try_from(Timestamp::now().as_nanosecond()).unwrap_or(i64::MAX)
}

/// RFC 3339 in UTC with as many digits as needed; [`NEVER`] for 0.
pub(crate) fn rfc3339(ns: i64) -> String {
    if ns == 0 {
        return NEVER.to_owned();
    }
    Timestamp::from_nanosecond(i128::from(ns)).map_or_else(|_| NEVER.to_owned(), |time| time.to_string())
}

/// Seconds since the Unix epoch; Go's zero time for 0.
pub(crate) fn seconds(ns: i64) -> i64 {
    if ns == 0 { NEVER_SECONDS } else { ns.div_euclid(SECOND) }
}

/// Nanoseconds since the Unix epoch of an RFC 3339 time; 0 when it is none.
pub(crate) fn ns_of(text: &str) -> i64 {
    text.parse::<Timestamp>().ok().and_then(|time| i64::try_from(time.as_nanosecond()).ok()).unwrap_or(0)
}

/// Reads a point in time: a duration before now (`10m`, `1h30m`; after now for `until`), RFC 3339, a date with or without
/// time in the local zone, or seconds since the Unix epoch with a fraction. Returns nanoseconds since the epoch.
///
/// # Errors
/// When it is none of these.
pub fn parse(text: &str, now_ns: i64, until: bool) -> Result<i64, InvalidValue> {
    if let Some(duration) = duration(text) {
        return Ok(if until { now_ns.saturating_add(duration) } else { now_ns.saturating_sub(duration) });
    }
    epoch(text).or_else(|| calendar(text)).ok_or_else(|| {
        let shown: String = text.chars().take(80).collect();
        InvalidValue::new("invalid_time", format!("unable to parse time \"{shown}\""))
            .allowing("a time is `10m`, `2026-01-31`, `2026-01-31T12:00:00`, the same with a zone, or seconds since 1970")
    })
}

/// A Go duration such as `1h30m`, `1.5s`, `300ms`; bare numbers are not durations.
fn duration(text: &str) -> Option<i64> {
    let mut rest = text;
    let mut total = 0_f64;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(digits);
        let unit = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit);
        let scale = match unit {
            "ns" => 1.0,
            "us" | "µs" => 1e3,
            "ms" => 1e6,
            "s" => 1e9,
            "m" => 60e9,
            "h" => 3600e9,
            "d" => 86_400e9,
            _ => return None,
        };
        total += number.parse::<f64>().ok()? * scale;
        rest = tail;
    }
    let duration = SignedDuration::try_from_secs_f64(total / 1e9).ok().filter(|_| !text.is_empty())?;
    i64::try_from(duration.as_nanos()).ok()
}

fn epoch(text: &str) -> Option<i64> {
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
    if seconds.is_empty()
        || fraction.len() > 9
        || !(seconds.to_owned() + fraction).bytes().all(|b| b.is_ascii_digit())
    {
        return None;
    }
    let nanos: i64 = format!("{fraction:0<9}").parse().ok()?;
    seconds.parse::<i64>().ok()?.checked_mul(SECOND)?.checked_add(nanos)
}

fn calendar(text: &str) -> Option<i64> {
    let local =
        |time: DateTime| TimeZone::system().to_zoned_datetime(time).ok().map(|zoned| zoned.timestamp());
    let time = text
        .parse::<Timestamp>()
        .ok()
        .or_else(|| text.parse::<DateTime>().ok().and_then(local))
        .or_else(|| text.parse::<Date>().ok().and_then(|date| local(date.into())))?;
    i64::try_from(time.as_nanosecond()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_700_000_000 * SECOND;

    #[test]
    fn all_spellings_of_a_time_are_read() {
        for (text, milliseconds) in [
            ("10m", -600_000),
            ("1h30m", -5_400_000),
            ("1.5s", -1500),
            ("0s", 0),
            ("1699999999", -1000),
            ("1699999999.25", -750),
            ("2023-11-14T22:13:20Z", 0),
            ("2023-11-14T23:13:20.5+01:00", 500),
        ] {
            assert_eq!(parse(text, NOW, false), Ok(NOW + milliseconds * 1_000_000), "{text}");
        }
        assert_eq!(parse("10m", NOW, true), Ok(NOW + 600 * SECOND));
        assert!(parse("2023-11-14", NOW, false).is_ok() && parse("2023-11-14T10:00:00", NOW, false).is_ok());
        for bad in ["", "m", "10", "x", "10x", "1..5s", "2023-13-01", "10 m"] {
            assert!(bad == "10" || parse(bad, NOW, false).is_err(), "{bad}");
        }
    }

    #[test]
    fn times_are_printed_as_podman_does() {
        assert_eq!(rfc3339(0), NEVER);
        assert_eq!(rfc3339(NOW + 5), "2023-11-14T22:13:20.000000005Z");
        assert_eq!((seconds(0), seconds(NOW)), (NEVER_SECONDS, 1_700_000_000));
        assert_eq!(ns_of("2023-11-14T22:13:20.000000005Z"), NOW + 5);
    }
}
