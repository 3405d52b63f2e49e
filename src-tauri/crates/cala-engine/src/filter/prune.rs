//! Filters of `container prune` (podman-container-prune(1)): all must hold.

use std::collections::BTreeMap;

use cala_spec::invalid::InvalidValue;

use super::{LabelTerm, until};

const KEYS: &str = "keys are label, label! and until";

/// All filters of one call.
#[derive(Debug, Default)]
pub(crate) struct PruneMatcher {
    labels: Vec<LabelTerm>,
    not_labels: Vec<LabelTerm>,
    until: Option<i64>,
}

impl PruneMatcher {
    /// Reads filters.
    ///
    /// # Errors
    /// An unknown key or a value that does not fit it.
    pub(crate) fn parse(filters: &[String], now_ns: i64) -> Result<Self, InvalidValue> {
        let wrong = |text: String| InvalidValue::new("invalid_filter", text).allowing(KEYS);
        let mut matcher = Self::default();
        for filter in filters {
            let Some((key, value)) = filter.split_once('=') else {
                return Err(wrong(format!(
                    "filter input must be in the form of filter=value: {filter} is invalid"
                )));
            };
            match key {
                "label" => matcher.labels.push(LabelTerm::parse(value)),
                "label!" => matcher.not_labels.push(LabelTerm::parse(value)),
                "until" => until(&mut matcher.until, value, now_ns)?,
                other => return Err(wrong(format!("{other} is an invalid filter"))),
            }
        }
        Ok(matcher)
    }

    pub(crate) fn matches(&self, labels: &BTreeMap<String, String>, created_ns: i64) -> bool {
        self.labels.iter().all(|label| label.matches(labels))
            && !self.not_labels.iter().any(|label| label.matches(labels))
            && self.until.is_none_or(|until| created_ns < until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_filters_must_hold() {
        let labels = BTreeMap::from([("a".to_owned(), "1".to_owned())]);
        let hour = 3_600_000_000_000_i64;
        for (filters, expected) in [
            (&[][..], true),
            (&["label=a"], true),
            (&["label=a=2"], false),
            (&["label=a", "label=b"], false),
            (&["label!=a"], false),
            (&["label!=a=2"], true),
            (&["until=30m"], true),
            (&["until=2h"], false),
        ] {
            let filters: Vec<String> = filters.iter().map(|filter| (*filter).to_owned()).collect();
            let matcher = PruneMatcher::parse(&filters, 2 * hour).unwrap();
            assert_eq!(matcher.matches(&labels, hour), expected, "{filters:?}");
        }
    }

    #[test]
    fn what_is_no_filter_is_refused() {
        for (filters, expected) in [
            (&["foo"][..], "filter input must be in the form of filter=value: foo is invalid"),
            (&["status=exited"], "status is an invalid filter"),
            (&["until=x"], "failed to parse value as time or duration: \"x\""),
            (&["until=1h", "until=2h"], "specify exactly one timestamp for until"),
        ] {
            let filters: Vec<String> = filters.iter().map(|filter| (*filter).to_owned()).collect();
            assert_eq!(PruneMatcher::parse(&filters, 0).unwrap_err().to_string(), expected);
        }
    }
}
