//! `--ulimit NAME=SOFT[:HARD]` (setrlimit(2)).

use std::str::FromStr;

use crate::container::Ulimit;
use crate::invalid::InvalidValue;

/// The limits of setrlimit(2) by name.
pub const NAMES: [&str; 15] = [
    "core",
    "cpu",
    "data",
    "fsize",
    "locks",
    "memlock",
    "msgqueue",
    "nice",
    "nofile",
    "nproc",
    "rss",
    "rtprio",
    "rttime",
    "sigpending",
    "stack",
];

impl FromStr for Ulimit {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let invalid = |reason: String| {
            let place = format!("ulimit option {text:?} requires name=SOFT:HARD, failed to be parsed");
            InvalidValue::new("invalid_ulimit", reason)
                .within(&place)
                .allowing("a limit is `NAME=SOFT[:HARD]`, such as `nofile=1024:4096`; -1 is unlimited")
        };
        // All limits as they are outside.
        if text == "host" {
            return Ok(Self { name: text.to_owned(), soft: -1, hard: -1 });
        }
        let Some((name, values)) = text.split_once('=') else {
            return Err(invalid(format!("invalid ulimit argument: {text}")));
        };
        if !NAMES.contains(&name) {
            return Err(invalid(format!("invalid ulimit type: {name}")));
        }
        let number = |value: &str| match value {
            "unlimited" => Ok(-1),
            _ => value
                .parse::<i64>()
                .ok()
                .filter(|n| *n >= -1)
                .ok_or_else(|| invalid(format!("{value:?} is no limit"))),
        };
        let (soft, hard) = match values.split(':').collect::<Vec<_>>().as_slice() {
            [both] => (number(both)?, number(both)?),
            [soft, hard] => (number(soft)?, number(hard)?),
            _ => {
                return Err(invalid(format!(
                    "too many limit value arguments - {values}, can only have up to two"
                )));
            }
        };
        if hard != -1 && (soft == -1 || soft > hard) {
            let sentence =
                format!("ulimit soft limit must be less than or equal to hard limit: {soft} > {hard}");
            return Err(invalid(sentence));
        }
        Ok(Self { name: name.to_owned(), soft, hard })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_have_a_soft_and_a_hard_value() {
        let limit = |text: &str| text.parse::<Ulimit>().map(|limit| (limit.soft, limit.hard)).ok();
        assert_eq!(limit("host"), Some((-1, -1)));
        assert_eq!(limit("nofile=1024"), Some((1024, 1024)));
        assert_eq!(limit("nofile=10:20"), Some((10, 20)));
        assert_eq!(limit("core=0:-1"), Some((0, -1)));
        assert_eq!(limit("stack=unlimited"), Some((-1, -1)));
        for text in
            ["nofile", "foo=1", "nofile=a", "nofile=10:5", "nofile=1:2:3", "nofile=-2", "nofile=-1:5", ""]
        {
            assert_eq!(limit(text), None, "{text}");
        }
    }
}
