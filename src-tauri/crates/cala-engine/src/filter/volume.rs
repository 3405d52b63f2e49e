//! Filters of `volume ls` and `volume prune` (podman-volume-ls(1)): values of one key are alternatives; labels, options and
//! different keys must all hold.

use std::collections::BTreeMap;

use cala_spec::invalid::InvalidValue;
use regex_lite::Regex;

use super::{LabelTerm, regular};

const KEYS: &str = "keys are name, driver, scope, label, opt, dangling, since, until";

/// What is known of a volume that a filter may ask for.
#[derive(Debug, Clone)]
pub(crate) struct VolumeSubject<'a> {
    pub(crate) name: &'a str,
    pub(crate) driver: &'a str,
    pub(crate) labels: &'a BTreeMap<String, String>,
    pub(crate) options: &'a BTreeMap<String, String>,
    pub(crate) created_ns: i64,
    /// A container mounts it.
    pub(crate) in_use: bool,
}

/// All filters of one call.
#[derive(Debug, Default)]
pub(crate) struct VolumeMatcher {
    names: Vec<Regex>,
    drivers: Vec<String>,
    scopes: Vec<String>,
    labels: Vec<LabelTerm>,
    not_labels: Vec<LabelTerm>,
    options: Vec<(String, Option<String>)>,
    since: Vec<i64>,
    until: Option<i64>,
    dangling: Option<bool>,
}

impl VolumeMatcher {
    /// Reads filters; `created` tells when the volume of a name was made, for `since`.
    ///
    /// # Errors
    /// An unknown key, a value that does not fit it, or what `created` says.
    pub(crate) fn parse<E: From<InvalidValue>>(
        filters: &[String],
        now_ns: i64,
        created: impl Fn(&str) -> Result<i64, E>,
    ) -> Result<Self, E> {
        let wrong = |text: String| E::from(InvalidValue::new("invalid_filter", text).allowing(KEYS));
        let mut matcher = Self::default();
        for filter in filters {
            let Some((key, value)) = filter.split_once('=') else {
                return Err(wrong(format!(
                    "filter input must be in the form of filter=value: {filter} is invalid"
                )));
            };
            match key {
                "name" => matcher.names.push(regular(key, value)?),
                "driver" => matcher.drivers.push(value.to_owned()),
                "scope" => matcher.scopes.push(value.to_owned()),
                "label" => matcher.labels.push(LabelTerm::parse(value)),
                "label!" => matcher.not_labels.push(LabelTerm::parse(value)),
                "opt" => {
                    let (name, value) = value.split_once('=').map_or((value, None), |(n, v)| (n, Some(v)));
                    matcher.options.push((name.to_owned(), value.map(str::to_owned)));
                }
                "since" | "after" => matcher.since.push(created(value)?),
                "until" => super::until(&mut matcher.until, value, now_ns)?,
                "dangling" => matcher.dangling = Some(truth(value)?),
                other => return Err(wrong(format!("\"{other}\" is an invalid volume filter"))),
            }
        }
        Ok(matcher)
    }

    /// Whether it must be known which volumes are in use.
    pub(crate) fn asks_for_use(&self) -> bool {
        self.dangling.is_some()
    }

    pub(crate) fn matches(&self, volume: &VolumeSubject<'_>) -> bool {
        any(&self.names, |name| name.is_match(volume.name))
            && any(&self.drivers, |driver| driver == volume.driver)
            && any(&self.scopes, |scope| scope == "local")
            && self.labels.iter().all(|label| label.matches(volume.labels))
            && !self.not_labels.iter().any(|label| label.matches(volume.labels))
            && self.options.iter().all(|(name, wanted)| {
                volume.options.get(name).is_some_and(|value| wanted.as_ref().is_none_or(|w| w == value))
            })
            && any(&self.since, |since| volume.created_ns > *since)
            && self.until.is_none_or(|until| volume.created_ns < until)
            && self.dangling.is_none_or(|dangling| dangling != volume.in_use)
    }
}

fn any<T>(wanted: &[T], holds: impl Fn(&T) -> bool) -> bool {
    wanted.is_empty() || wanted.iter().any(holds)
}

fn truth(value: &str) -> Result<bool, InvalidValue> {
    match value {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err(InvalidValue::new(
            "invalid_filter",
            format!("{value:?} is not a valid value for the \"dangling\" filter - must be true or false"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_700_000_000_000_000_000;

    fn parse(filters: &[&str]) -> Result<VolumeMatcher, InvalidValue> {
        let filters: Vec<String> = filters.iter().map(|&filter| filter.to_owned()).collect();
        VolumeMatcher::parse(&filters, NOW, |name| match name {
            "older" => Ok(NOW - 120_000_000_000),
            "same" => Ok(NOW - 60_000_000_000),
            _ => Err(InvalidValue::new("x", "no such volume")),
        })
    }

    fn matches(filters: &[&str]) -> bool {
        let of = |key: &str, value: &str| BTreeMap::from([(key.to_owned(), value.to_owned())]);
        let (labels, options) = (of("x", "1"), of("type", "tmpfs"));
        let volume = VolumeSubject {
            name: "v1",
            driver: "local",
            labels: &labels,
            options: &options,
            created_ns: NOW - 60_000_000_000,
            in_use: false,
        };
        parse(filters).expect("valid filters").matches(&volume)
    }

    #[test]
    fn filters_choose_as_podmans_do() {
        for (filters, expected) in [
            (&[][..], true),
            (&["name=v"], true),
            (&["name=v2", "name=^v1$"], true),
            (&["name=nope"], false),
            (&["driver=local"], true),
            (&["driver=image"], false),
            (&["scope=local"], true),
            (&["scope=global", "scope=local"], true),
            (&["label=x", "label=x=1"], true),
            (&["label=x=2"], false),
            (&["label!=x"], false),
            (&["opt=type", "opt=type=tmpfs"], true),
            (&["opt=type=bind"], false),
            (&["opt=device"], false),
            (&["since=older"], true),
            (&["after=same"], false),
            (&["until=10s"], true),
            (&["until=1h"], false),
            (&["dangling=true"], true),
            (&["dangling=0"], false),
        ] {
            assert_eq!(matches(filters), expected, "{filters:?}");
        }
    }

    #[test]
    fn what_is_no_filter_is_said_in_podmans_words() {
        for (filter, expected) in [
            ("foo", "filter input must be in the form of filter=value: foo is invalid"),
            ("foo=bar", "\"foo\" is an invalid volume filter"),
            ("anonymous=true", "\"anonymous\" is an invalid volume filter"),
            ("until=foo", "failed to parse value as time or duration: \"foo\""),
            ("dangling=x", "\"x\" is not a valid value for the \"dangling\" filter - must be true or false"),
            ("since=nosuch", "no such volume"),
        ] {
            assert_eq!(parse(&[filter]).expect_err("wrong").to_string(), expected);
        }
    }
}
