//! Durations in the words of `podman ps`: "3 minutes ago", "Up About an hour".

const SECOND_NS: i64 = 1_000_000_000;
const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// A duration in nanoseconds, rounded as Docker and Podman round it; negative ones count as none.
#[must_use]
pub fn duration(nanoseconds: i64) -> String {
    let seconds = nanoseconds.max(0) / SECOND_NS;
    let minutes = seconds / MINUTE;
    // Hours are rounded to the nearest, everything else down.
    let hours = (seconds + HOUR / 2) / HOUR;
    let days = hours / 24;
    match () {
        () if seconds < 1 => "Less than a second".to_owned(),
        () if seconds == 1 => "1 second".to_owned(),
        () if seconds < MINUTE => format!("{seconds} seconds"),
        () if minutes == 1 => "About a minute".to_owned(),
        () if minutes < 60 => format!("{minutes} minutes"),
        () if hours == 1 => "About an hour".to_owned(),
        () if hours < 48 => format!("{hours} hours"),
        () if days < 14 => format!("{days} days"),
        () if days < 60 => format!("{} weeks", days / 7),
        () if days < 730 => format!("{} months", days / 30),
        () => format!("{} years", seconds / (365 * DAY)),
    }
}

/// `3 minutes ago`: both in nanoseconds since the Unix epoch.
#[must_use]
pub fn ago(then_ns: i64, now_ns: i64) -> String {
    format!("{} ago", duration(now_ns.saturating_sub(then_ns)))
}

/// A duration in nanoseconds as Go prints it: `1h2m3.5s`, `7.742ms`, `12µs`, `0s`.
#[must_use]
pub fn go_duration(nanoseconds: u64) -> String {
    let unit = |whole: u64, unit: u64, name: &str| {
        let (number, rest) = (whole / unit, whole % unit);
        let digits = usize::try_from(unit.ilog10()).unwrap_or(0);
        let fraction = format!("{rest:0digits$}");
        match fraction.trim_end_matches('0') {
            "" => format!("{number}{name}"),
            fraction => format!("{number}.{fraction}{name}"),
        }
    };
    match nanoseconds {
        0 => "0s".to_owned(),
        1..1_000 => format!("{nanoseconds}ns"),
        1_000..1_000_000 => unit(nanoseconds, 1_000, "µs"),
        1_000_000..1_000_000_000 => unit(nanoseconds, 1_000_000, "ms"),
        _ => {
            let (minutes, rest) = (nanoseconds / 60_000_000_000, nanoseconds % 60_000_000_000);
            let seconds = unit(rest, 1_000_000_000, "s");
            match (minutes / 60, minutes % 60) {
                (0, 0) => seconds,
                (0, minutes) => format!("{minutes}m{seconds}"),
                (hours, minutes) => format!("{hours}h{minutes}m{seconds}"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_in_go() {
        for (nanoseconds, text) in [
            (0, "0s"),
            (999, "999ns"),
            (1_500, "1.5µs"),
            (7_742_000, "7.742ms"),
            (1_000_000_000, "1s"),
            (3_899_913_885, "3.899913885s"),
            (65_000_000_000, "1m5s"),
            (3_723_500_000_000, "1h2m3.5s"),
            (7_200_000_000_000, "2h0m0s"),
        ] {
            assert_eq!(go_duration(nanoseconds), text);
        }
    }

    #[test]
    fn durations_read_as_in_podman() {
        for (seconds, text) in [
            (0, "Less than a second"),
            (1, "1 second"),
            (59, "59 seconds"),
            (60, "About a minute"),
            (119, "About a minute"),
            (120, "2 minutes"),
            (HOUR - 1, "59 minutes"),
            (HOUR, "About an hour"),
            (HOUR + HOUR / 2 - 1, "About an hour"),
            (HOUR + HOUR / 2, "2 hours"),
            (47 * HOUR, "47 hours"),
            (48 * HOUR, "2 days"),
            (13 * DAY, "13 days"),
            (14 * DAY, "2 weeks"),
            (60 * DAY, "2 months"),
            (730 * DAY, "2 years"),
        ] {
            assert_eq!(duration(seconds * SECOND_NS), text, "{seconds}");
        }
        assert_eq!(duration(-5), "Less than a second");
        assert_eq!(ago(0, 3 * MINUTE * SECOND_NS), "3 minutes ago");
        assert_eq!(ago(i64::MAX, i64::MIN), "Less than a second ago");
    }
}
