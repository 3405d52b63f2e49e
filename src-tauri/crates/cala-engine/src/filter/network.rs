//! Filters of `network ls` and `network prune` (podman-network-ls(1)): values of one key are alternatives, different keys and
//! labels must all hold.

use std::collections::BTreeMap;

use cala_spec::invalid::InvalidValue;
use regex_lite::Regex;

use super::{LabelTerm, regular, until};

const LIST_KEYS: &str = "keys are name, id, driver, label, until, dangling";
const PRUNE_KEYS: &str = "keys are label and until";

/// What is known of a network that a filter may ask for.
#[derive(Debug, Clone)]
pub(crate) struct NetworkSubject<'a> {
    pub(crate) id: &'a str,
    pub(crate) name: &'a str,
    pub(crate) driver: &'a str,
    pub(crate) labels: &'a BTreeMap<String, String>,
    pub(crate) created_ns: i64,
    /// A container is in it, or it is the default network.
    pub(crate) in_use: bool,
}

/// All filters of one call.
#[derive(Debug, Default)]
pub(crate) struct NetworkMatcher {
    ids: Vec<IdTerm>,
    names: Vec<Regex>,
    drivers: Vec<String>,
    labels: Vec<LabelTerm>,
    not_labels: Vec<LabelTerm>,
    until: Option<i64>,
    dangling: Option<bool>,
}

impl NetworkMatcher {
    /// Reads the filters of a listing.
    ///
    /// # Errors
    /// An unknown key or a value that does not fit it.
    pub(crate) fn for_list(filters: &[String], now_ns: i64) -> Result<Self, InvalidValue> {
        Self::parse(filters, now_ns, LIST_KEYS)
    }

    /// Reads the filters of a removal of what is not used.
    ///
    /// # Errors
    /// As `for_list`.
    pub(crate) fn for_prune(filters: &[String], now_ns: i64) -> Result<Self, InvalidValue> {
        Self::parse(filters, now_ns, PRUNE_KEYS)
    }

    fn parse(filters: &[String], now_ns: i64, keys: &'static str) -> Result<Self, InvalidValue> {
        let wrong = |text: String| InvalidValue::new("invalid_filter", text);
        let all = keys == LIST_KEYS;
        let mut matcher = Self::default();
        for filter in filters {
            let Some((key, value)) = filter.split_once('=') else {
                let text = format!("filter input must be in the form of filter=value: {filter} is invalid");
                return Err(wrong(text).allowing(keys));
            };
            match key {
                "label" => matcher.labels.push(LabelTerm::parse(value)),
                "label!" => matcher.not_labels.push(LabelTerm::parse(value)),
                "until" => until(&mut matcher.until, value, now_ns)?,
                "name" if all => matcher.names.push(regular(key, value)?),
                "id" if all => matcher.ids.push(IdTerm::parse(value)?),
                "driver" if all => matcher.drivers.push(value.to_owned()),
                "dangling" if all => matcher.dangling = Some(truth(value)?),
                other => return Err(wrong(format!("invalid filter \"{other}\"")).allowing(keys)),
            }
        }
        Ok(matcher)
    }

    /// Whether it must be known which networks are in use.
    pub(crate) fn asks_for_use(&self) -> bool {
        self.dangling.is_some()
    }

    pub(crate) fn matches(&self, network: &NetworkSubject<'_>) -> bool {
        any(&self.ids, |id| id.matches(network.id))
            && any(&self.names, |name| name.is_match(network.name))
            && any(&self.drivers, |driver| driver == network.driver)
            && self.labels.iter().all(|label| label.matches(network.labels))
            && !self.not_labels.iter().any(|label| label.matches(network.labels))
            && self.until.is_none_or(|until| network.created_ns < until)
            && self.dangling.is_none_or(|dangling| dangling != network.in_use)
    }
}

fn any<T>(wanted: &[T], holds: impl Fn(&T) -> bool) -> bool {
    wanted.is_empty() || wanted.iter().any(holds)
}

/// Digits are the beginning of an id, anything else is an expression.
#[derive(Debug)]
enum IdTerm {
    Prefix(String),
    Pattern(Regex),
}

impl IdTerm {
    fn parse(text: &str) -> Result<Self, InvalidValue> {
        if text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Ok(Self::Prefix(text.to_owned()));
        }
        regular("id", text).map(Self::Pattern)
    }

    fn matches(&self, id: &str) -> bool {
        match self {
            Self::Prefix(prefix) => id.starts_with(prefix),
            Self::Pattern(pattern) => pattern.is_match(id),
        }
    }
}

fn truth(value: &str) -> Result<bool, InvalidValue> {
    match value {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err(InvalidValue::new("invalid_filter", format!("invalid dangling filter value {value:?}"))
            .allowing("dangling is true or false")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_700_000_000_000_000_000;

    fn parse(filters: &[&str]) -> Result<NetworkMatcher, InvalidValue> {
        let filters: Vec<String> = filters.iter().map(|&filter| filter.to_owned()).collect();
        NetworkMatcher::for_list(&filters, NOW)
    }

    fn matches(filters: &[&str]) -> bool {
        let labels = BTreeMap::from([("x".to_owned(), "1".to_owned())]);
        let id = format!("2f259{}", "0".repeat(59));
        let network = NetworkSubject {
            id: &id,
            name: "p1",
            driver: "bridge",
            labels: &labels,
            created_ns: NOW - 60_000_000_000,
            in_use: false,
        };
        parse(filters).expect("valid filters").matches(&network)
    }

    #[test]
    fn filters_choose_as_podmans_do() {
        for (filters, expected) in [
            (&[][..], true),
            (&["name=p"], true),
            (&["name=p2", "name=p1"], true),
            (&["name=^p"], true),
            (&["name=1$"], true),
            (&["name=nope"], false),
            (&["id=2f259"], true),
            (&["id=f259"], false),
            (&["id=$"], true),
            (&["driver=a", "driver=bridge"], true),
            (&["driver=macvlan"], false),
            (&["label=x", "label=x=1"], true),
            (&["label=x=2"], false),
            (&["label!=x"], false),
            (&["label!=y"], true),
            (&["until=10s"], true),
            (&["until=1h"], false),
            (&["until=2099-01-01"], true),
            (&["dangling=true"], true),
            (&["dangling=false"], false),
            (&["name=p", "driver=macvlan"], false),
        ] {
            assert_eq!(matches(filters), expected, "{filters:?}");
        }
    }

    #[test]
    fn what_is_no_filter_is_said_in_podmans_words() {
        for (filters, expected) in [
            (&["foo"][..], "filter input must be in the form of filter=value: foo is invalid"),
            (&["foo=bar"], "invalid filter \"foo\""),
            (&["until=foo"], "failed to parse value as time or duration: \"foo\""),
            (&["until=1h", "until=2h"], "specify exactly one timestamp for until"),
            (&["dangling=maybe"], "invalid dangling filter value \"maybe\""),
        ] {
            assert_eq!(parse(filters).expect_err("wrong").to_string(), expected);
        }
        let error = NetworkMatcher::for_prune(&["name=p".to_owned()], NOW).expect_err("not for prune");
        assert_eq!(error.to_string(), "invalid filter \"name\"");
    }
}
