//! Durations as Go writes them (`1h30m`) and moments of `--since` and `--until`. Pure: the clock is passed in.

use crate::invalid::InvalidValue;

const SECOND_NS: i128 = 1_000_000_000;

fn invalid_duration(text: &str) -> InvalidValue {
    let shown: String = text.chars().take(80).collect();
    InvalidValue::new("invalid_duration", format!("invalid duration {shown:?}"))
        .allowing("a duration is a row of numbers with units, such as `1h30m` or `10s`")
}

fn invalid_time(text: &str) -> InvalidValue {
    let shown: String = text.chars().take(80).collect();
    InvalidValue::new("invalid_time", format!("unable to interpret time value: {shown:?}")).allowing(
        "a time is `2026-01-31T12:00:00`, a Unix time in seconds, or a duration before now such as `10m`",
    )
}

/// A duration in nanoseconds: decimal numbers with `h`, `m`, `s`, `ms`, `us` (`µs`) or `ns`, in a row, maybe signed.
///
/// # Errors
/// The text is no duration, or longer than 292 years.
pub fn parse_duration(text: &str) -> Result<i64, InvalidValue> {
    let invalid = || invalid_duration(text);
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut total: i128 = 0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(invalid)?;
        let (number, after) = rest.split_at(digits);
        let letters = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (unit, after) = after.split_at(letters);
        let scale = match unit {
            "ns" => 1,
            "us" | "µs" | "μs" => 1_000,
            "ms" => 1_000_000,
            "s" => SECOND_NS,
            "m" => 60 * SECOND_NS,
            "h" => 3600 * SECOND_NS,
            _ => return Err(invalid()),
        };
        total = decimal(number, scale).and_then(|part| total.checked_add(part)).ok_or_else(invalid)?;
        rest = after;
    }
    i64::try_from(if negative { -total } else { total }).map_err(|_| invalid())
}

/// `number * scale`, for a number with at most 18 digits on each side of the point.
fn decimal(number: &str, scale: i128) -> Option<i128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = |text: &str| text.len() <= 18 && text.bytes().all(|b| b.is_ascii_digit());
    if (whole.is_empty() && fraction.is_empty()) || !digits(whole) || !digits(fraction) {
        return None;
    }
    let value = |text: &str| if text.is_empty() { Some(0) } else { text.parse::<i128>().ok() };
    let divisor = 10i128.pow(u32::try_from(fraction.len()).ok()?);
    Some(value(whole)? * scale + value(fraction)? * scale / divisor)
}

/// A moment in nanoseconds since the Unix epoch: a date and time (RFC 3339, its end may be left out), a Unix time in
/// seconds, or a duration before `now_ns`. Without a zone it is local time, `offset_s` seconds east of UTC.
///
/// # Errors
/// The text is none of these.
pub fn parse_time(text: &str, now_ns: i64, offset_s: i32) -> Result<i64, InvalidValue> {
    let invalid = || invalid_time(text);
    let narrow = |ns: i128| i64::try_from(ns).map_err(|_| invalid());
    if let Ok(duration) = parse_duration(text)
        && !text.bytes().all(|b| b.is_ascii_digit())
    {
        return now_ns.checked_sub(duration).ok_or_else(invalid);
    }
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    if let Some(ns) = decimal(unsigned, SECOND_NS).filter(|_| !unsigned.starts_with('.')) {
        return narrow(if unsigned.len() < text.len() { -ns } else { ns });
    }
    narrow(date_time(text, offset_s).ok_or_else(invalid)?)
}

/// `YYYY-MM-DD[THH[:MM[:SS[.fraction]]]][Z|±HH:MM]`.
fn date_time(text: &str, offset_s: i32) -> Option<i128> {
    let (date, time) = text.split_once(['T', 't', ' ']).unwrap_or((text, ""));
    let (date, time, offset_s) = match time {
        "" => match date.strip_suffix(['Z', 'z']) {
            Some(date) => (date, "", 0),
            None => (date, "", offset_s),
        },
        _ => {
            let (time, offset_s) = zone(time, offset_s)?;
            (date, time, offset_s)
        }
    };
    let mut parts = date.split('-');
    let (year, month, day) =
        (number(parts.next()?, 4)?, number(parts.next()?, 2)?, number(parts.next()?, 2)?);
    if parts.next().is_some() || !(1..=12).contains(&month) || day < 1 || day > days_of_month(year, month) {
        return None;
    }
    let seconds_ns = if time.is_empty() { 0 } else { time_of_day(time)? };
    Some(
        (i128::from(days_since_epoch(year, month, day)) * 86_400 - i128::from(offset_s)) * SECOND_NS
            + seconds_ns,
    )
}

fn zone(time: &str, offset_s: i32) -> Option<(&str, i32)> {
    if let Some(time) = time.strip_suffix(['Z', 'z']) {
        return Some((time, 0));
    }
    let Some(at) = time.rfind(['+', '-']) else { return Some((time, offset_s)) };
    let (time, zone) = time.split_at(at);
    let (hours, minutes) = zone.get(1..)?.split_once(':')?;
    let seconds = i32::try_from(number(hours, 2)? * 3600 + number(minutes, 2)? * 60).ok()?;
    Some((time, if zone.starts_with('-') { -seconds } else { seconds }))
}

fn time_of_day(time: &str) -> Option<i128> {
    let mut parts = time.splitn(3, ':');
    let hours = number(parts.next()?, 2).filter(|n| *n < 24)?;
    let minutes = parts.next().map_or(Some(0), |text| number(text, 2)).filter(|n| *n < 60)?;
    let seconds = match parts.next() {
        Some(text) => decimal(text, SECOND_NS).filter(|ns| *ns < 61 * SECOND_NS && text.len() >= 2)?,
        None => 0,
    };
    Some(i128::from(hours * 3600 + minutes * 60) * SECOND_NS + seconds)
}

fn number(text: &str, digits: usize) -> Option<i64> {
    (text.len() == digits && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok())?
}

fn days_of_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 in the proleptic Gregorian calendar, counted in years that begin in March.
fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let month = (month + 9) % 12;
    let day_of_year = (153 * month + 2) / 5 + day - 1;
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    365 * year + leap_days + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const S: i64 = 1_000_000_000;

    #[test]
    fn durations_are_gos() {
        for (text, ns) in [
            ("1h30m", 5400 * S),
            ("1.5s", S * 3 / 2),
            ("-2m", -120 * S),
            ("0", 0),
            ("10ms", 10_000_000),
            ("3µs", 3000),
        ] {
            assert_eq!(parse_duration(text), Ok(ns), "{text}");
        }
        for text in ["", "-", "5", "h", "1x", "1h30", ".s", "1.2.3s", "9999999h"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn times_are_moments_or_before_now() {
        let now = 1_700_000_000 * S;
        for (text, ns) in [
            ("10m", now - 600 * S),
            ("1700000000", now),
            ("1700000000.5", now + S / 2),
            ("2023-11-14T22:13:20Z", now),
            ("2023-11-14T23:13:20+01:00", now),
            ("2023-11-14T23:13:20", now),
            ("2023-11-14T23:13:20.25", now + S / 4),
            ("2023-11-14T23:13", now - 20 * S),
            ("2023-11-14", 1_699_916_400 * S),
            ("1970-01-01Z", 0),
            ("2000-02-29T00:00:00Z", 951_782_400 * S),
        ] {
            assert_eq!(parse_time(text, now, 3600), Ok(ns), "{text}");
        }
        for text in [
            "foo",
            "",
            "2023-13-01",
            "2023-02-29",
            "2023-11-14T25:00",
            "1700000000x",
            "2023-11-14T23:13:20+0100",
        ] {
            assert!(parse_time(text, now, 0).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[0-9hmsT:Z.+-]{0,24}", now: i64) {
            let _ = parse_duration(&text);
            let _ = parse_time(&text, now, 3600);
        }
    }
}
