//! Signals by name and number (signal(7)).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::invalid::InvalidValue;

/// A signal number, 1 to 64.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(type = "number"))]
pub struct Signal(pub i32);

/// The first and the last real-time signal that a program may use with glibc.
const RTMIN: i32 = 34;
const RTMAX: i32 = 64;

/// Names without `SIG`; the first name of a number is the one shown. Numbers of x86 and ARM.
const NAMES: [(&str, i32); 34] = [
    ("HUP", 1),
    ("INT", 2),
    ("QUIT", 3),
    ("ILL", 4),
    ("TRAP", 5),
    ("ABRT", 6),
    ("IOT", 6),
    ("BUS", 7),
    ("FPE", 8),
    ("KILL", 9),
    ("USR1", 10),
    ("SEGV", 11),
    ("USR2", 12),
    ("PIPE", 13),
    ("ALRM", 14),
    ("TERM", 15),
    ("STKFLT", 16),
    ("CHLD", 17),
    ("CLD", 17),
    ("CONT", 18),
    ("STOP", 19),
    ("TSTP", 20),
    ("TTIN", 21),
    ("TTOU", 22),
    ("URG", 23),
    ("XCPU", 24),
    ("XFSZ", 25),
    ("VTALRM", 26),
    ("PROF", 27),
    ("WINCH", 28),
    ("IO", 29),
    ("POLL", 29),
    ("PWR", 30),
    ("SYS", 31),
];

impl Signal {
    /// SIGHUP.
    pub const HUP: Self = Self(1);
    /// SIGINT.
    pub const INT: Self = Self(2);
    /// SIGTERM.
    pub const TERM: Self = Self(15);
    /// SIGKILL.
    pub const KILL: Self = Self(9);

    /// `SIGTERM`, `SIGRTMIN+3`; `SIG42` style for the two numbers that libc keeps for itself.
    #[must_use]
    pub fn name(self) -> String {
        match NAMES.iter().find(|(_, number)| *number == self.0) {
            Some((name, _)) => format!("SIG{name}"),
            None if self.0 == RTMIN => "SIGRTMIN".to_owned(),
            None if self.0 == RTMAX => "SIGRTMAX".to_owned(),
            None if self.0 > RTMIN && self.0 < RTMAX => format!("SIGRTMIN+{}", self.0 - RTMIN),
            None => format!("SIG{}", self.0),
        }
    }
}

impl FromStr for Signal {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let invalid = || {
            let shown: String = text.chars().take(80).collect();
            InvalidValue::new("invalid_signal", format!("invalid signal: {shown}"))
                .allowing("a signal is a name such as `SIGTERM` or `TERM`, or a number from 1 to 64")
        };
        if let Ok(number) = text.parse::<i32>() {
            return match number {
                1..=RTMAX => Ok(Self(number)),
                0 => Err(invalid()),
                _ => Err(InvalidValue::new("invalid_signal", "valid signals are 1 through 64")),
            };
        }
        let upper = text.to_ascii_uppercase();
        let name = upper.strip_prefix("SIG").unwrap_or(&upper);
        if let Some((_, number)) = NAMES.iter().find(|(known, _)| *known == name) {
            return Ok(Self(*number));
        }
        real_time(name).map(Self).ok_or_else(invalid)
    }
}

/// `RTMIN`, `RTMIN+n`, `RTMAX`, `RTMAX-n`.
fn real_time(name: &str) -> Option<i32> {
    let offset = |rest: &str, sign: char| -> Option<i32> {
        if rest.is_empty() {
            return Some(0);
        }
        rest.strip_prefix(sign)?.parse::<u8>().ok().map(i32::from)
    };
    let number = if let Some(rest) = name.strip_prefix("RTMIN") {
        RTMIN + offset(rest, '+')?
    } else {
        RTMAX - offset(name.strip_prefix("RTMAX")?, '-')?
    };
    (RTMIN..=RTMAX).contains(&number).then_some(number)
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_any_spelling_and_numbers_are_signals() {
        for (text, number) in [
            ("SIGTERM", 15),
            ("term", 15),
            ("sigKill", 9),
            ("9", 9),
            ("RTMIN+3", 37),
            ("SIGRTMAX-1", 63),
            ("64", 64),
        ] {
            assert_eq!(text.parse(), Ok(Signal(number)), "{text}");
        }
        for text in ["FOO", "", "0", "65", "-1", "RTMIN+31", "RTMAX-31", "SIGSIGTERM", "RTMIN-1"] {
            assert!(text.parse::<Signal>().is_err(), "{text}");
        }
    }

    #[test]
    fn every_named_signal_reads_its_own_name() {
        for number in (1..=31).chain(34..=64) {
            assert_eq!(Signal(number).name().parse(), Ok(Signal(number)));
        }
        assert_eq!(Signal(6).name(), "SIGABRT");
        assert_eq!(Signal(37).name(), "SIGRTMIN+3");
    }
}
