//! `--filter key=value` for containers, images, networks and events: read once, checked before anything is listed. Pure.

mod container;
mod event;
mod image;
mod network;
mod prune;
mod volume;

pub(crate) use container::{ContainerMatcher, Subject};
pub(crate) use event::EventMatcher;
pub(crate) use image::{ImageMatcher, ImageSubject, reference_matches};
pub(crate) use network::{NetworkMatcher, NetworkSubject};
pub(crate) use prune::PruneMatcher;
pub(crate) use volume::{VolumeMatcher, VolumeSubject};

use std::collections::BTreeMap;

use cala_spec::duration::parse_time;
use cala_spec::invalid::InvalidValue;
use regex_lite::Regex;

/// Splits a filter into its key and value. The `!` of `label!=x` stays with the key: a key that cannot be negated is
/// unknown with it. The key is lower-cased by nobody: Podman's are exact.
fn split<'a>(filter: &'a str, keys: &'static str) -> Result<(&'a str, &'a str), InvalidValue> {
    filter.split_once('=').filter(|(key, _)| !key.is_empty()).ok_or_else(|| {
        InvalidValue::new(
            "invalid_filter",
            format!("invalid filter \"{filter}\": must be in the form of KEY=VALUE"),
        )
        .allowing(keys)
    })
}

fn unknown(key: &str, keys: &'static str) -> InvalidValue {
    InvalidValue::new("invalid_filter", format!("{key} is an invalid filter")).allowing(keys)
}

/// A `label=name` or `label=name=value`; also `name*` for all that begin so.
#[derive(Debug, Clone, PartialEq, Eq)]
struct LabelTerm {
    name: String,
    value: Option<String>,
}

impl LabelTerm {
    fn parse(text: &str) -> Self {
        match text.split_once('=') {
            Some((name, value)) => Self { name: name.to_owned(), value: Some(value.to_owned()) },
            None => Self { name: text.to_owned(), value: None },
        }
    }

    fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        labels.iter().any(|(name, value)| {
            glob(&self.name, name) && self.value.as_ref().is_none_or(|wanted| glob(wanted, value))
        })
    }
}

/// A regular expression as `name=` takes it; it matches anywhere in the text unless it says otherwise.
pub(crate) fn regular(key: &str, text: &str) -> Result<Regex, InvalidValue> {
    Regex::new(text).map_err(|error| {
        InvalidValue::new(
            "invalid_filter",
            format!("{key} filter {text:?} is not a regular expression: {error}"),
        )
        .allowing("a part of the name, or an expression such as ^web or a|b")
    })
}

/// Reads the one value of `until`: a time, or a duration before now; nanoseconds since the Unix epoch.
fn until(place: &mut Option<i64>, value: &str, now_ns: i64) -> Result<(), InvalidValue> {
    if place.is_some() {
        return Err(InvalidValue::new("invalid_filter", "specify exactly one timestamp for until")
            .allowing("leave out all but one `until`"));
    }
    // Without a zone a time is local; the engine does not know the person's and takes the machine's.
    let offset = jiff::tz::TimeZone::system().to_offset(jiff::Timestamp::now()).seconds();
    let time = parse_time(value, now_ns, offset).map_err(|_| {
        InvalidValue::new("invalid_time", format!("failed to parse value as time or duration: {value:?}"))
            .allowing("a time is `2026-01-31T12:00:00`, or a duration before now such as `24h`")
    })?;
    *place = Some(time);
    Ok(())
}

/// Whether a pattern with `*` and `?` covers a whole text.
pub(crate) fn glob(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t, mut star) = (0, 0, None);
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(c) if *c == '?' || text.get(t) == Some(c) => {
                p += 1;
                t += 1;
            }
            // Let the last star swallow one more.
            _ => match star {
                Some((at, swallowed)) => {
                    star = Some((at, swallowed + 1));
                    p = at + 1;
                    t = swallowed + 1;
                }
                None => return false,
            },
        }
    }
    pattern.get(p..).unwrap_or_default().iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_cover_whole_texts() {
        for (pattern, text, expected) in [
            ("a*c", "abbc", true),
            ("a*c", "abcd", false),
            ("*", "", true),
            ("?", "", false),
            ("*alpine:*", "docker.io/library/alpine:3", true),
            ("a*b*c", "aXbYbZc", true),
            ("abc", "abc", true),
        ] {
            assert_eq!(glob(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn labels_match_by_name_value_and_pattern() {
        let labels = BTreeMap::from([("app.kind".to_owned(), "web=1".to_owned())]);
        for (term, expected) in [
            ("app.kind", true),
            ("app.kind=web=1", true),
            ("app.kind=web", false),
            ("app.*", true),
            ("app", false),
        ] {
            assert_eq!(LabelTerm::parse(term).matches(&labels), expected, "{term}");
        }
    }
}
