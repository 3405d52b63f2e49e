//! Filters of `images` (podman-images(1)).

use std::collections::BTreeMap;

use cala_spec::invalid::InvalidValue;

use super::{LabelTerm, glob, split, unknown};

const KEYS: &str = "keys are dangling, reference, label, before, since, until, id, containers";

/// What is known of an image that a filter may ask for.
#[derive(Debug, Clone)]
pub(crate) struct ImageSubject<'a> {
    pub(crate) id: &'a str,
    pub(crate) names: &'a [String],
    pub(crate) labels: &'a BTreeMap<String, String>,
    pub(crate) created_ns: i64,
    pub(crate) containers: usize,
}

/// All filters of one call.
#[derive(Debug, Default)]
pub(crate) struct ImageMatcher {
    dangling: Option<bool>,
    in_use: Option<bool>,
    references: Vec<String>,
    not_references: Vec<String>,
    labels: Vec<LabelTerm>,
    not_labels: Vec<LabelTerm>,
    ids: Vec<String>,
    before: Vec<i64>,
    since: Vec<i64>,
    until: Option<i64>,
}

impl ImageMatcher {
    /// Reads filters; `created_of` tells when an image was built, `now_ns` is what ages count from.
    ///
    /// # Errors
    /// An unknown key or a value that does not fit it; what `created_of` says.
    pub(crate) fn parse<E: From<InvalidValue>>(
        filters: &[String],
        now_ns: i64,
        created_of: impl Fn(&str) -> Result<i64, E>,
    ) -> Result<Self, E> {
        let mut matcher = Self::default();
        for filter in filters {
            let (key, value) = split(filter, KEYS)?;
            match key {
                "dangling" => matcher.dangling = Some(truth(key, value)?),
                "containers" => matcher.in_use = Some(truth(key, value)?),
                "reference" => matcher.references.push(value.to_owned()),
                "reference!" => matcher.not_references.push(value.to_owned()),
                "label!" => matcher.not_labels.push(LabelTerm::parse(value)),
                "label" => matcher.labels.push(LabelTerm::parse(value)),
                "id" => matcher.ids.push(value.strip_prefix("sha256:").unwrap_or(value).to_owned()),
                "before" => matcher.before.push(created_of(value)?),
                "since" | "after" => matcher.since.push(created_of(value)?),
                "until" => super::until(&mut matcher.until, value, now_ns)?,
                other => return Err(unknown(other, KEYS).into()),
            }
        }
        Ok(matcher)
    }

    pub(crate) fn matches(&self, image: &ImageSubject<'_>) -> bool {
        self.dangling.is_none_or(|wanted| wanted == image.names.is_empty())
            && self.in_use.is_none_or(|wanted| wanted == (image.containers > 0))
            && (self.references.is_empty()
                || self
                    .references
                    .iter()
                    .any(|wanted| image.names.iter().any(|name| reference_matches(wanted, name))))
            && !self
                .not_references
                .iter()
                .any(|wanted| image.names.iter().any(|name| reference_matches(wanted, name)))
            && !self.not_labels.iter().any(|label| label.matches(image.labels))
            && self.labels.iter().all(|label| label.matches(image.labels))
            && (self.ids.is_empty() || self.ids.iter().any(|id| image.id.starts_with(id.as_str())))
            && self.before.iter().all(|time| image.created_ns < *time)
            && self.since.iter().all(|time| image.created_ns > *time)
            && self.until.is_none_or(|until| image.created_ns < until)
    }
}

/// The whole name or a part of it from a slash on, with or without the tag; `*` stands for anything.
pub(crate) fn reference_matches(wanted: &str, name: &str) -> bool {
    let untagged = name.rsplit_once(':').filter(|(_, tag)| !tag.contains('/')).map_or(name, |(name, _)| name);
    [name, untagged].into_iter().any(|full| {
        let starts = std::iter::once(0).chain(full.match_indices('/').map(|(at, _)| at + 1));
        starts.filter_map(|at| full.get(at..)).any(|part| glob(wanted, part))
    })
}

fn truth(key: &str, value: &str) -> Result<bool, InvalidValue> {
    match value {
        "true" | "1" | "t" | "True" | "TRUE" => Ok(true),
        "false" | "0" | "f" | "False" | "FALSE" => Ok(false),
        _ => Err(InvalidValue::new(
            "invalid_filter",
            format!("non-boolean value \"{value}\" for {key} filter"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_match_by_part_tag_and_pattern() {
        let name = "docker.io/library/alpine:3.20";
        for (wanted, expected) in [
            ("alpine", true),
            ("alpine:3.20", true),
            ("library/alpine", true),
            ("alp*", true),
            ("*pine:3*", true),
            ("pine", false),
            ("alpine:3", false),
            ("docker.io/library/alpine", true),
        ] {
            assert_eq!(reference_matches(wanted, name), expected, "{wanted}");
        }
        assert!(reference_matches("localhost:5000/a", "localhost:5000/a:1"));
    }

    #[test]
    fn labels_and_references_can_be_negated() {
        let labels = BTreeMap::from([("a".to_owned(), "1".to_owned())]);
        let names = ["docker.io/library/alpine:3".to_owned()];
        let image = ImageSubject { id: "ab", names: &names, labels: &labels, created_ns: 0, containers: 0 };
        for (filter, expected) in
            [("label!=a", false), ("label!=b", true), ("reference!=alpine", false), ("reference!=x", true)]
        {
            let none = |_: &str| Err(InvalidValue::new("x", "no such image"));
            let matcher = ImageMatcher::parse::<InvalidValue>(&[filter.to_owned()], 0, none).expect("valid");
            assert_eq!(matcher.matches(&image), expected, "{filter}");
        }
    }

    #[test]
    fn keys_are_read() {
        let none = |_: &str| Err(InvalidValue::new("x", "no such image"));
        let parse = |text: &str| ImageMatcher::parse::<InvalidValue>(&[text.to_owned()], 0, none);
        assert_eq!(parse("dangling=true").expect("valid").dangling, Some(true));
        for bad in ["dangling=maybe", "dangling!=true", "nope=1", "before=x", "dangling"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
