//! Filters of `events` (podman-events(1)).

use cala_spec::Event;
use cala_spec::event::EventKind;
use cala_spec::invalid::InvalidValue;

use super::{LabelTerm, split, unknown};

const KEYS: &str = "keys are container, event, image, label, type, volume, network";

/// All filters of one call: values of one key are alternatives, different keys must all hold.
#[derive(Debug, Clone, Default)]
pub(crate) struct EventMatcher {
    containers: Vec<String>,
    actions: Vec<String>,
    images: Vec<String>,
    labels: Vec<LabelTerm>,
    kinds: Vec<EventKind>,
    objects: Vec<(EventKind, String)>,
}

impl EventMatcher {
    /// Reads filters.
    ///
    /// # Errors
    /// An unknown key, or a `type` that is none.
    pub(crate) fn parse(filters: &[String]) -> Result<Self, InvalidValue> {
        let mut matcher = Self::default();
        for filter in filters {
            let (key, value) = split(filter, KEYS)?;
            let owned = value.to_owned();
            match key {
                "container" => matcher.containers.push(owned),
                "event" | "status" => matcher.actions.push(owned),
                "image" => matcher.images.push(owned),
                "label" => matcher.labels.push(LabelTerm::parse(value)),
                "type" => matcher.kinds.push(kind(value)?),
                "volume" => matcher.objects.push((EventKind::Volume, owned)),
                "network" => matcher.objects.push((EventKind::Network, owned)),
                other => return Err(unknown(other, KEYS)),
            }
        }
        Ok(matcher)
    }

    pub(crate) fn matches(&self, event: &Event) -> bool {
        let is = |wanted: &String| event.id.starts_with(wanted.as_str()) || event.name == *wanted;
        let is_image = |wanted: &String| match event.kind {
            EventKind::Image => is(wanted) || super::image::reference_matches(wanted, &event.name),
            _ => event.image.as_ref().is_some_and(|image| super::image::reference_matches(wanted, image)),
        };
        (self.containers.is_empty() || (event.kind == EventKind::Container && self.containers.iter().any(is)))
            && (self.actions.is_empty() || self.actions.contains(&event.action))
            && (self.images.is_empty() || self.images.iter().any(is_image))
            && self.labels.iter().all(|label| label.matches(&event.attributes))
            && (self.kinds.is_empty() || self.kinds.contains(&event.kind))
            && (self.objects.is_empty()
                || self.objects.iter().any(|(kind, name)| *kind == event.kind && is(name)))
    }
}

fn kind(text: &str) -> Result<EventKind, InvalidValue> {
    Ok(match text {
        "container" => EventKind::Container,
        "image" => EventKind::Image,
        "volume" => EventKind::Volume,
        "network" => EventKind::Network,
        "system" => EventKind::System,
        other => return Err(InvalidValue::new("invalid_filter", format!("unknown event type {other}"))),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn events_are_picked_by_object_action_image_and_label() {
        let event = Event {
            time_ns: 1,
            kind: EventKind::Container,
            action: "died".into(),
            id: "0123".into(),
            name: "web".into(),
            image: Some("docker.io/library/alpine:latest".into()),
            exit_code: Some(1),
            attributes: BTreeMap::from([("a".into(), "1".into())]),
        };
        for (filters, expected) in [
            (&[][..], true),
            (&["container=web"], true),
            (&["container=01"], true),
            (&["container=other", "container=web"], true),
            (&["event=died", "type=container"], true),
            (&["event=start"], false),
            (&["image=alpine"], true),
            (&["label=a=1"], true),
            (&["label=b"], false),
            (&["type=image"], false),
            (&["volume=web"], false),
        ] {
            let filters: Vec<String> = filters.iter().map(|&f| f.to_owned()).collect();
            assert_eq!(
                EventMatcher::parse(&filters).expect("valid").matches(&event),
                expected,
                "{filters:?}"
            );
        }
        for bad in ["type=nope", "label!=a", "container!=web"] {
            assert!(EventMatcher::parse(&[bad.to_owned()]).is_err(), "{bad}");
        }
    }
}
