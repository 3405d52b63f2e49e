//! Points in time as Podman prints them.

use jiff::Timestamp;

/// Go's zero time, which Podman prints for "never".
pub(crate) const NEVER: &str = "0001-01-01T00:00:00Z";
/// Go's zero time in seconds since the Unix epoch.
pub(crate) const NEVER_SECONDS: i64 = -62_135_596_800;

const SECOND: i64 = 1_000_000_000;

/// Nanoseconds since the Unix epoch, now.
pub(crate) fn now_ns() -> i64 {
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

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_700_000_000 * SECOND;

    #[test]
    fn times_are_printed_as_podman_does() {
        assert_eq!(rfc3339(0), NEVER);
        assert_eq!(rfc3339(NOW + 5), "2023-11-14T22:13:20.000000005Z");
        assert_eq!((seconds(0), seconds(NOW)), (NEVER_SECONDS, 1_700_000_000));
        assert_eq!(ns_of("2023-11-14T22:13:20.000000005Z"), NOW + 5);
    }
}
