//! The clock and the zone of the person; the only place of this crate that reads them.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::failure::Failure;

/// Now, in nanoseconds since the Unix epoch.
pub(crate) fn now_ns() -> i64 {
    i64::try_from(Timestamp::now().as_nanosecond()).unwrap_or(i64::MAX)
}

/// Nanoseconds since the Unix epoch of an RFC 3339 time; 0 when it is none.
pub(crate) fn ns_of(text: &str) -> i64 {
    text.parse::<Timestamp>().ok().and_then(|time| i64::try_from(time.as_nanosecond()).ok()).unwrap_or(0)
}

fn at(nanoseconds: i64) -> Timestamp {
    Timestamp::from_nanosecond(nanoseconds.into()).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// As Go prints a local time: `2026-01-02 03:04:05.5 +0100 CET`.
pub(crate) fn local(nanoseconds: i64) -> String {
    let time = at(nanoseconds).to_zoned_datetime(TimeZone::system());
    let fraction = format!("{:09}", nanoseconds.rem_euclid(1_000_000_000));
    let fraction = fraction.trim_end_matches('0');
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{}{point}{fraction} {}", time.strftime("%Y-%m-%d %H:%M:%S"), time.strftime("%z %Z"))
}

/// Nanoseconds since the Unix epoch of an RFC 3339 time; 0 when it is none.
pub(crate) fn of_rfc3339(text: &str) -> i64 {
    text.parse::<Timestamp>().ok().and_then(|time| i64::try_from(time.as_nanosecond()).ok()).unwrap_or(0)
}

/// An RFC 3339 time in UTC without a fraction; what is none stays as it is.
pub(crate) fn utc_seconds(text: &str) -> String {
    text.parse::<Timestamp>()
        .map_or_else(|_| text.to_owned(), |time| time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
}

/// The moment that `--since` names, in nanoseconds since the Unix epoch; a duration is before now.
pub(crate) fn since(text: &str) -> Result<i64, Failure> {
    moment("--since", text)
}

/// The moment that `--until` names, in nanoseconds since the Unix epoch; a duration is from now on, as Podman has it.
pub(crate) fn until(text: &str) -> Result<i64, Failure> {
    // All digits are a Unix time.
    let number = text.bytes().all(|byte| byte.is_ascii_digit());
    match cala_spec::duration::parse_duration(text) {
        Ok(duration) if !number => Ok(now_ns().saturating_add(duration)),
        _ => moment("--until", text),
    }
}

fn moment(flag: &str, text: &str) -> Result<i64, Failure> {
    let now = now_ns();
    let offset = TimeZone::system().to_offset(at(now)).seconds();
    cala_spec::duration::parse_time(text, now, offset)
        .map_err(|error| error.within(&format!("parsing {flag} {text:?}")).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_and_shown() {
        assert_eq!(
            moment("--since", "1970-01-01T00:00:01Z").map_err(|e| e.text().to_owned()),
            Ok(1_000_000_000)
        );
        assert!(since("foo").is_err());
        assert!(until("foo").is_err());
        assert!(until("1h").is_ok_and(|time| time > now_ns()));
        assert!(since("1h").is_ok_and(|time| time < now_ns()));
        assert_eq!(until("1").map_err(|e| e.text().to_owned()), Ok(1_000_000_000));
        assert!(local(1_500_000_000).contains(":01.5 "));
    }
}
