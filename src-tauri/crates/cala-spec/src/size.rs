//! Sizes in bytes as people write and read them (Docker's and Podman's units).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::invalid::InvalidValue;

/// A number of bytes. Parsed with binary units as `--memory` and `--shm-size` do: `1k`, `1kb` and `1KiB` are 1024.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(type = "number"))]
pub struct ByteSize(pub u64);

const DECIMAL: [&str; 7] = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];
const BINARY: [&str; 7] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

impl ByteSize {
    /// Parses with decimal units, as `--log-opt max-size` does: `1k` and `1kB` are 1000.
    ///
    /// # Errors
    /// The text is not a size, or more than 2^64 - 1 bytes.
    pub fn parse_decimal(text: &str) -> Result<Self, InvalidValue> {
        parse(text, 1000)
    }

    /// In decimal units with three digits, as `podman images` shows it: `8.1 MB`.
    #[must_use]
    pub fn human(self) -> String {
        scaled(self.0, 1000, 3, &DECIMAL, " ")
    }

    /// In decimal units with `digits` digits and no space, as `docker images` and `podman ps --size` show it: `8.1MB`.
    #[must_use]
    pub fn human_compact(self, digits: usize) -> String {
        scaled(self.0, 1000, digits, &DECIMAL, "")
    }

    /// In binary units with four digits, as `docker stats` shows memory: `7.725MiB`.
    #[must_use]
    pub fn human_binary(self) -> String {
        scaled(self.0, 1024, 4, &BINARY, "")
    }
}

impl FromStr for ByteSize {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        parse(text, 1024)
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

fn invalid(text: &str) -> InvalidValue {
    let shown: String = text.chars().take(80).collect();
    InvalidValue::new("invalid_size", format!("invalid size: '{shown}'"))
        .allowing("a size is a number with an optional unit: b, k, m, g, t or p, such as `512m` or `1.5g`")
}

fn parse(text: &str, base: u128) -> Result<ByteSize, InvalidValue> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit = unit.strip_prefix(' ').unwrap_or(unit).to_ascii_lowercase();
    let unit = unit.strip_suffix('b').unwrap_or(&unit);
    let power = match unit.strip_suffix('i').unwrap_or(unit) {
        "" if unit.is_empty() => 0,
        "k" => 1,
        "m" => 2,
        "g" => 3,
        "t" => 4,
        "p" => 5,
        _ => return Err(invalid(text)),
    };
    let scale = base.pow(power);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() || fraction.len() > 18 || number.ends_with('.') {
        return Err(invalid(text));
    }
    let whole: u128 = whole.parse().map_err(|_| invalid(text))?;
    let part: u128 = if fraction.is_empty() { 0 } else { fraction.parse().map_err(|_| invalid(text))? };
    let divisor = 10u128.pow(u32::try_from(fraction.len()).map_err(|_| invalid(text))?);
    let bytes = whole.checked_mul(scale).and_then(|bytes| bytes.checked_add(part * scale / divisor));
    bytes.and_then(|bytes| u64::try_from(bytes).ok()).map(ByteSize).ok_or_else(|| invalid(text))
}

fn scaled(bytes: u64, base: u64, digits: usize, units: &[&str; 7], space: &str) -> String {
    let (mut power, mut scale) = (0, 1u64);
    while power + 1 < units.len() && bytes / scale >= base {
        scale *= base;
        power += 1;
    }
    let number = significant(bytes, scale, digits);
    format!("{number}{space}{}", units.get(power).unwrap_or(&"B"))
}

/// `bytes / scale` rounded to `digits` significant digits, without trailing zeros.
fn significant(bytes: u64, scale: u64, digits: usize) -> String {
    let whole_digits = (bytes / scale).max(1).to_string().len();
    let decimals = digits.saturating_sub(whole_digits);
    let text = format!("{:.*}", decimals, bytes as f64 / scale as f64);
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn units_are_binary_in_every_spelling() {
        for (text, bytes) in [
            ("0", 0),
            ("42", 42),
            ("1b", 1),
            ("1k", 1 << 10),
            ("1kb", 1 << 10),
            ("1KiB", 1 << 10),
            ("1.5m", 3 << 19),
            ("2 GB", 2 << 30),
            ("1t", 1 << 40),
        ] {
            assert_eq!(text.parse::<ByteSize>().map(|size| size.0), Ok(bytes), "{text}");
        }
        assert_eq!(ByteSize::parse_decimal("10mb").map(|size| size.0), Ok(10_000_000));
    }

    #[test]
    fn wrong_sizes_are_refused() {
        for text in [
            "",
            "foo",
            "k",
            "1x",
            "-1",
            "1.",
            ".5",
            "1.2.3",
            "1ii",
            "1i",
            "20000000t",
            "99999999999999999999",
        ] {
            assert!(text.parse::<ByteSize>().is_err(), "{text}");
        }
    }

    #[test]
    fn people_read_three_digits() {
        for (bytes, text) in
            [(0, "0 B"), (999, "999 B"), (8_100_000, "8.1 MB"), (2_044_000, "2.04 MB"), (13_400, "13.4 kB")]
        {
            assert_eq!(ByteSize(bytes).human(), text);
        }
        assert_eq!(ByteSize(8_100_000).human_binary(), "7.725MiB");
        assert_eq!(ByteSize(1024).human_binary(), "1KiB");
        assert_eq!(ByteSize(8_100_000).human_compact(3), "8.1MB");
    }

    proptest! {
        #[test]
        fn plain_numbers_round_trip(bytes in 0..=u64::MAX) {
            prop_assert_eq!(ByteSize(bytes).to_string().parse::<ByteSize>(), Ok(ByteSize(bytes)));
        }

        #[test]
        fn no_text_panics(text in ".{0,30}") {
            let _ = text.parse::<ByteSize>();
        }
    }
}
