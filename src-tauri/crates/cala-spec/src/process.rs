//! What the process of a container is given beyond its command: groups, kernel parameters, umask, time zone, annotations,
//! and what becomes of its environment.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::InvalidValue;
use crate::env::Pair;

/// Options of `run` and `create` about the process; empty is "as usual".
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(optional_fields))]
pub struct ProcessOptions {
    /// Groups of the container to be in too, names or numbers (`--group-add`).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// Kernel parameters of the container's own namespaces (`--sysctl`).
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub sysctls: BTreeMap<String, String>,
    /// Mode bits that new files do not get, 0 to 0o777 (`--umask`); 0o022 by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub umask: Option<u32>,
    /// How gladly the kernel ends it when memory runs out, -1000 to 1000 (`--oom-score-adj`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oom_score_adj: Option<i32>,
    /// Time zone as in `Europe/Madrid`, or `local` for the host's (`--tz`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
    /// Annotations of the runtime specification (`--annotation`).
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// Variables made of the image's: `$NAME` and `${NAME}` in a value are replaced (`--env-merge`).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub env_merge: Vec<(String, String)>,
    /// Variables of the image, or set by default, that it does not get (`--unsetenv`).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unset_env: Vec<String>,
    /// It gets none of those (`--unsetenv-all`).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub unset_all_env: bool,
    /// A user that is only a number gets no line in /etc/passwd (`--passwd=false`).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub no_passwd: bool,
}

/// Parses `--umask`: up to four octal digits, of which the last three count.
///
/// # Errors
/// Something else.
pub fn parse_umask(text: &str) -> Result<u32, InvalidValue> {
    let is_octal = (1..=4).contains(&text.len()) && text.bytes().all(|digit| (b'0'..=b'7').contains(&digit));
    let mask = u32::from_str_radix(text, 8).ok().filter(|_| is_octal);
    mask.map(|mask| mask & 0o777).ok_or_else(|| {
        InvalidValue::new("invalid_umask", format!("invalid umask string {text}: invalid argument"))
            .allowing("a umask is up to four octal digits, such as 0022")
    })
}

/// Parses `--sysctl KEY=VALUE`.
///
/// # Errors
/// It has no `=`, or the key is nothing that could be a parameter of a namespace.
pub fn parse_sysctl(text: &str) -> Result<Pair, InvalidValue> {
    let pair = text.split_once('=').filter(|(key, _)| !key.is_empty());
    let (key, value) = pair.ok_or_else(|| {
        InvalidValue::new(
            "invalid_sysctl",
            format!("{text} is invalid, sysctl values must be in the form of KEY=VALUE"),
        )
        .allowing("such as net.ipv4.ip_forward=1")
    })?;
    let names = ["net.", "fs.mqueue.", "kernel.shm", "kernel.msg"];
    if !names.iter().any(|prefix| key.replace('/', ".").starts_with(prefix)) && key != "kernel.sem" {
        return Err(InvalidValue::new("sysctl_not_allowed", format!("sysctl '{key}' is not allowed"))
            .allowing(
                "parameters of the container's own: net.*, fs.mqueue.*, kernel.msg*, kernel.sem, kernel.shm*",
            ));
    }
    Ok((key.to_owned(), value.to_owned()))
}

/// Parses `--annotation KEY=VALUE`.
///
/// # Errors
/// It has no `=` or no key.
pub fn parse_annotation(text: &str) -> Result<Pair, InvalidValue> {
    let pair = text.split_once('=').filter(|(key, _)| !key.is_empty());
    pair.map(|(key, value)| (key.to_owned(), value.to_owned())).ok_or_else(|| {
        InvalidValue::new("invalid_annotation", "annotations must be formatted KEY=VALUE")
            .allowing(format!("not {text:?}"))
    })
}

/// Parses `--env-merge NAME=VALUE`.
///
/// # Errors
/// It has no `=` or no name.
pub fn parse_env_merge(text: &str) -> Result<Pair, InvalidValue> {
    let pair = text.split_once('=').filter(|(name, _)| !name.is_empty());
    pair.map(|(name, value)| (name.to_owned(), value.to_owned())).ok_or_else(|| {
        InvalidValue::new("invalid_env", format!("missing `=` for --env-merge substitution {text}"))
            .allowing("such as PATH=${PATH}:/opt/bin")
    })
}

/// Replaces `$NAME` and `${NAME}` by what `value` knows, by nothing if it does not; a `$` before anything else stays.
#[must_use]
pub fn expand(text: &str, value: impl Fn(&str) -> Option<String>) -> String {
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(at) = rest.find('$') {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let after = from.get(1..).unwrap_or_default();
        let braced = after.strip_prefix('{').and_then(|inner| inner.split_once('}'));
        let end = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(after.len());
        let (name, left) = braced.unwrap_or_else(|| after.split_at(end));
        if name.is_empty() {
            out.push('$');
            rest = after;
        } else {
            out.push_str(&value(name).unwrap_or_default());
            rest = left;
        }
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn umasks_are_octal() {
        for (text, mask) in [("0022", 0o22), ("77", 0o77), ("1777", 0o777), ("0", 0)] {
            assert_eq!(parse_umask(text), Ok(mask), "{text}");
        }
        for wrong in ["", "9", "00777", "+77", "0x1", "-1"] {
            assert!(parse_umask(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn parameters_are_of_namespaces() {
        for good in [
            "net.ipv4.ip_forward=1",
            "net/core/somaxconn=1",
            "kernel.sem=1 2 3 4",
            "kernel.shmmax=1",
            "net.a=",
        ] {
            assert!(parse_sysctl(good).is_ok(), "{good}");
        }
        for (wrong, code) in [
            ("foo", "is invalid, sysctl values must be"),
            ("=1", "is invalid"),
            ("kernel.core_pattern=x", "sysctl 'kernel.core_pattern' is not allowed"),
            ("vm.swappiness=1", "not allowed"),
            ("kernel.semx=1", "not allowed"),
        ] {
            assert!(parse_sysctl(wrong).is_err_and(|error| error.to_string().contains(code)), "{wrong}");
        }
    }

    #[test]
    fn variables_are_made_of_others() {
        let known = |name: &str| (name == "A").then(|| "image".to_owned());
        for (text, expected) in [
            ("${A}-more", "image-more"),
            ("$A/$A", "image/image"),
            ("$B.$A", ".image"),
            ("$", "$"),
            ("$$A", "$image"),
            ("${A", "$image".replace("$image", "${A").as_str()),
            ("a$-b", "a$-b"),
            ("plain", "plain"),
        ] {
            assert_eq!(expand(text, known), expected, "{text}");
        }
        assert!(parse_env_merge("A").is_err() && parse_env_merge("=x").is_err());
        assert!(parse_annotation("foo").is_err() && parse_annotation("a=b=c").is_ok());
    }
}
