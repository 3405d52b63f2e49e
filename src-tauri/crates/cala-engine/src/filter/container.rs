//! Filters of `ps` (podman-ps(1)): values of one key are alternatives, different keys and labels must all hold.

use std::collections::BTreeMap;

use cala_spec::invalid::InvalidValue;
use cala_spec::{ContainerStatus, Digest};

use regex_lite::Regex;

use super::{LabelTerm, regular, split, unknown};

const KEYS: &str = "keys are id, name, label, status, ancestor, exited, before, since, volume, network";

/// What is known of a container that a filter may ask for.
#[derive(Debug, Clone)]
pub(crate) struct Subject<'a> {
    pub(crate) id: &'a str,
    pub(crate) name: &'a str,
    pub(crate) labels: &'a BTreeMap<String, String>,
    pub(crate) status: ContainerStatus,
    pub(crate) exit_code: i32,
    pub(crate) image: &'a str,
    pub(crate) image_id: Option<&'a Digest>,
    pub(crate) created_ns: i64,
    pub(crate) volumes: Vec<&'a str>,
    pub(crate) network: &'a str,
}

/// All filters of one call.
#[derive(Debug, Default)]
pub(crate) struct ContainerMatcher {
    ids: Vec<String>,
    names: Vec<Regex>,
    labels: Vec<LabelTerm>,
    not_labels: Vec<LabelTerm>,
    statuses: Vec<Vec<ContainerStatus>>,
    ancestors: Vec<String>,
    exited: Vec<i32>,
    before: Vec<i64>,
    since: Vec<i64>,
    volumes: Vec<String>,
    networks: Vec<String>,
}

impl ContainerMatcher {
    /// Reads filters; `created_of` tells when the container of a name or id was created, for `before` and `since`.
    ///
    /// # Errors
    /// An unknown key or a value that does not fit it; what `created_of` says.
    pub(crate) fn parse<E: From<InvalidValue>>(
        filters: &[String],
        created_of: impl Fn(&str) -> Result<i64, E>,
    ) -> Result<Self, E> {
        let mut matcher = Self::default();
        for filter in filters {
            let (key, value) = split(filter, KEYS)?;
            let owned = || value.to_owned();
            match key {
                "id" => matcher.ids.push(owned()),
                "name" => matcher.names.push(regular(key, value.strip_prefix('/').unwrap_or(value))?),
                "label!" => matcher.not_labels.push(LabelTerm::parse(value)),
                "label" => matcher.labels.push(LabelTerm::parse(value)),
                "status" => matcher.statuses.push(status(value)?),
                "ancestor" => matcher.ancestors.push(owned()),
                "exited" => matcher.exited.push(exit_code(value)?),
                "before" => matcher.before.push(created_of(value)?),
                "since" => matcher.since.push(created_of(value)?),
                "volume" => matcher.volumes.push(owned()),
                "network" => matcher.networks.push(owned()),
                other => return Err(unknown(other, KEYS).into()),
            }
        }
        Ok(matcher)
    }

    /// Whether a filter asks for stopped containers, so that they are listed without `-a`.
    pub(crate) fn asks_for_any_status(&self) -> bool {
        !self.statuses.is_empty() || !self.exited.is_empty()
    }

    pub(crate) fn matches(&self, subject: &Subject<'_>) -> bool {
        any(&self.ids, |id| subject.id.starts_with(id.as_str()))
            && any(&self.names, |name| name.is_match(subject.name))
            && self.labels.iter().all(|label| label.matches(subject.labels))
            && !self.not_labels.iter().any(|label| label.matches(subject.labels))
            && any(&self.statuses, |statuses| statuses.contains(&subject.status))
            && any(&self.ancestors, |ancestor| is_ancestor(ancestor, subject))
            && any(&self.exited, |code| {
                subject.status == ContainerStatus::Exited && subject.exit_code == *code
            })
            && any(&self.before, |time| subject.created_ns < *time)
            && any(&self.since, |time| subject.created_ns > *time)
            && any(&self.volumes, |volume| subject.volumes.iter().any(|known| known == volume))
            && any(&self.networks, |network| subject.network == network)
    }
}

fn any<T>(wanted: &[T], holds: impl Fn(&T) -> bool) -> bool {
    wanted.is_empty() || wanted.iter().any(holds)
}

/// The image by id, id prefix, name, name without registry, or name without tag.
fn is_ancestor(wanted: &str, subject: &Subject<'_>) -> bool {
    let hex = wanted.strip_prefix("sha256:").unwrap_or(wanted);
    let by_id = hex.len() >= 3 && subject.image_id.is_some_and(|id| id.hex().starts_with(hex));
    let untagged = subject
        .image
        .rsplit_once(':')
        .filter(|(_, tag)| !tag.contains('/'))
        .map_or(subject.image, |(name, _)| name);
    let ends =
        |name: &str| name == wanted || name.strip_suffix(wanted).is_some_and(|rest| rest.ends_with('/'));
    by_id || ends(subject.image) || ends(untagged)
}

fn status(text: &str) -> Result<Vec<ContainerStatus>, InvalidValue> {
    Ok(match text {
        "created" | "configured" => vec![ContainerStatus::Created],
        "initialized" => vec![ContainerStatus::Initialized],
        "running" => vec![ContainerStatus::Running, ContainerStatus::Stopping],
        "paused" => vec![ContainerStatus::Paused],
        "stopping" => vec![ContainerStatus::Stopping],
        "exited" | "stopped" => vec![ContainerStatus::Exited],
        "removing" => vec![ContainerStatus::Removing],
        "damaged" | "dead" => vec![ContainerStatus::Damaged],
        "restarting" => vec![ContainerStatus::Restarting],
        "unknown" => Vec::new(),
        other => {
            return Err(InvalidValue::new("invalid_filter", format!("{other} is not a valid status"))
                .allowing(
                    "statuses are created, initialized, running, paused, stopping, exited, removing, damaged",
                ));
        }
    })
}

fn exit_code(text: &str) -> Result<i32, InvalidValue> {
    text.parse().map_err(|_| {
        InvalidValue::new("invalid_filter", format!("exited code out of range: {text} is not a number"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(filters: &[&str]) -> bool {
        let labels = BTreeMap::from([("a".to_owned(), "1".to_owned()), ("b".to_owned(), "2".to_owned())]);
        let id = Digest::sha256(&[0xab; 32]);
        let subject = Subject {
            id: "0123456789ab",
            name: "calm_reef",
            labels: &labels,
            status: ContainerStatus::Exited,
            exit_code: 3,
            image: "docker.io/library/alpine:3.20",
            image_id: Some(&id),
            created_ns: 100,
            volumes: vec!["vol", "/data"],
            network: "none",
        };
        let filters: Vec<String> = filters.iter().map(|&f| f.to_owned()).collect();
        let created = |name: &str| name.parse().map_err(|_| InvalidValue::new("x", "no such container"));
        ContainerMatcher::parse::<InvalidValue>(&filters, created).expect("valid filters").matches(&subject)
    }

    #[test]
    fn one_key_is_or_and_several_are_and() {
        assert!(matches(&[]));
        assert!(matches(&["name=nope", "name=reef"]));
        assert!(!matches(&["name=reef", "status=running"]));
        assert!(matches(&["label=a", "label=b=2"]));
        assert!(!matches(&["label=a", "label=b=3"]));
        assert!(!matches(&["label!=a"]));
    }

    #[test]
    fn every_key_asks_for_its_field() {
        for (filter, expected) in [
            ("id=0123", true),
            ("id=123", false),
            ("name=^calm", true),
            ("name=^reef", false),
            ("name=reef$", true),
            ("name=c.*f", true),
            ("name=nope|reef", true),
            ("name=calm[_-]reef", true),
            ("name=/calm", true),
            ("status=exited", true),
            ("status=created", false),
            ("exited=3", true),
            ("exited=0", false),
            ("ancestor=alpine", true),
            ("ancestor=alpine:3.20", true),
            ("ancestor=pine", false),
            ("ancestor=docker.io/library/alpine", true),
            ("ancestor=abab", true),
            ("before=101", true),
            ("before=100", false),
            ("since=99", true),
            ("since=100", false),
            ("volume=vol", true),
            ("volume=/data", true),
            ("volume=other", false),
            ("network=none", true),
            ("network=host", false),
        ] {
            assert_eq!(matches(&[filter]), expected, "{filter}");
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for bad in [
            "name",
            "name=(",
            "name!=web",
            "status!=running",
            "nope=1",
            "status=dancing",
            "exited=x",
            "=x",
            "before=x",
        ] {
            let created = |_: &str| Err(InvalidValue::new("x", "no such container"));
            assert!(ContainerMatcher::parse::<InvalidValue>(&[bad.to_owned()], created).is_err(), "{bad}");
        }
    }
}
