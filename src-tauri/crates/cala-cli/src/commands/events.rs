//! `cala events`.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::time::Duration;

use cala_engine::{EventOptions, EventReader, Next};
use cala_spec::Event;
use cala_spec::event::EventKind;
use serde::Serialize;

use crate::clock;
use crate::context::Context;
use crate::failure::Failure;
use crate::output;
use crate::report::{self, Format};
use crate::template::Value;

/// Show what happens to containers, images and networks
#[derive(Debug, clap::Args)]
#[command(
    after_help = "cala events\ncala events --filter event=died\ncala events --since 1h30s --stream=false\ncala events --format \"{{.Image}}\""
)]
pub(crate) struct Args {
    /// Choose events by a condition
    #[arg(short, long, value_name = "stringArray")]
    filter: Vec<String>,
    /// Show events as JSON or by a Go template
    #[arg(long, value_name = "string")]
    format: Option<String>,
    /// Do not cut ids
    #[arg(long, action = clap::ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "true", value_name = "bool")]
    no_trunc: bool,
    /// Show events from this time on
    #[arg(long, value_name = "string")]
    since: Option<String>,
    /// Go on with what happens from now on
    #[arg(long, action = clap::ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "true", value_name = "bool")]
    stream: bool,
    /// Show events until this time
    #[arg(long, value_name = "string")]
    until: Option<String>,
    #[arg(hide = true, num_args = 0..)]
    words: Vec<String>,
}

/// An event in Podman's names.
#[derive(Debug, Serialize)]
#[serde(rename = "Event", rename_all = "PascalCase")]
struct Row<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    container_exit_code: Option<i32>,
    #[serde(rename = "ID")]
    id: &'a str,
    #[serde(skip_serializing_if = "is_empty")]
    image: &'a str,
    #[serde(skip_serializing_if = "is_empty")]
    name: &'a str,
    #[serde(rename = "network", skip_serializing_if = "is_empty")]
    network: &'a str,
    status: &'a str,
    #[serde(rename = "time")]
    time: i64,
    #[serde(rename = "timeNano")]
    time_nano: i64,
    #[serde(rename = "Type")]
    kind: EventKind,
    attributes: &'a BTreeMap<String, String>,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    if !args.words.is_empty() {
        return Err(Failure::new("`cala events` takes no arguments"));
    }
    let format = args.format.as_deref().map(|format| Format::parse("events", format)).transpose()?;
    let options = EventOptions {
        since_ns: args.since.as_deref().map(clock::since).transpose()?,
        until_ns: args.until.as_deref().map(clock::until).transpose()?,
        filters: args.filter.clone(),
        stream: args.stream,
    };
    let mut reader = context.engine()?.events(&options)?;
    let mut out = output::buffered();
    while let Some(event) = next(&mut reader, &mut out)? {
        let text = shown(&event, format.as_ref(), args.no_trunc)?;
        out.write_all(text.as_bytes()).map_err(|error| output::lost(&error))?;
    }
    out.flush().map_err(|error| output::lost(&error))?;
    Ok(0)
}

/// The next event; what was said is written out before waiting for it.
fn next(reader: &mut EventReader, out: &mut impl std::io::Write) -> Result<Option<Event>, Failure> {
    match reader.poll_event(Duration::ZERO)? {
        Next::Item(event) => Ok(Some(event)),
        Next::End => Ok(None),
        Next::Idle => {
            out.flush().map_err(|error| output::lost(&error))?;
            Ok(reader.next_event()?)
        }
    }
}

fn shown(event: &Event, format: Option<&Format>, whole: bool) -> Result<String, Failure> {
    match format {
        None => Ok(line(event, whole)),
        Some(Format::Json) => report::compact_json(&row(event)),
        Some(format) => format.render(&[], false, &[value(event)]),
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_empty(text: &&str) -> bool {
    text.is_empty()
}

fn row(event: &Event) -> Row<'_> {
    let (name, network) = match event.kind {
        EventKind::Network => ("", event.name.as_str()),
        _ => (event.name.as_str(), ""),
    };
    Row {
        container_exit_code: event.exit_code,
        id: &event.id,
        image: event.image.as_deref().unwrap_or_default(),
        name,
        network,
        status: &event.action,
        time: event.time_ns.div_euclid(1_000_000_000),
        time_nano: event.time_ns,
        kind: event.kind,
        attributes: &event.attributes,
    }
}

/// Templates may ask for the exit code of any event, and for fields that only some have.
fn value(event: &Event) -> Value {
    let mut fields = match Value::of(&row(event)) {
        Value::Struct(structure) => structure.fields.clone(),
        _ => Vec::new(),
    };
    if event.exit_code.is_none() {
        fields.push(("ContainerExitCode".into(), Value::Nil));
    }
    for name in ["Image", "Name", "Network"] {
        if !fields.iter().any(|(field, _)| field.eq_ignore_ascii_case(name)) {
            fields.push((name.into(), Value::text("")));
        }
    }
    Value::structure("Event", fields)
}

/// `TIME container died ID (image=…, name=…, label=value)`.
fn line(event: &Event, whole: bool) -> String {
    let kind = match event.kind {
        EventKind::Container => "container",
        EventKind::Image => "image",
        EventKind::Volume => "volume",
        EventKind::Network => "network",
        EventKind::System => "system",
    };
    let id: String = if whole { event.id.clone() } else { event.id.chars().take(12).collect() };
    let head = format!("{} {kind} {}", clock::local(event.time_ns), event.action);
    match event.kind {
        EventKind::Container => {
            let image = event.image.as_deref().unwrap_or_default();
            let facts: String =
                event.attributes.iter().map(|(key, value)| format!(", {key}={value}")).collect();
            format!("{head} {id} (image={image}, name={}{facts})\n", event.name)
        }
        EventKind::System => format!("{head}\n"),
        EventKind::Image => format!("{head} {id} {}\n", event.name),
        EventKind::Network => match event.attributes.get("driver") {
            Some(driver) => format!("{head} {id} (name={}, type={driver})\n", event.name),
            // A container that came or went.
            None => format!("{head} {id} (container={id}, name={})\n", event.name),
        },
        EventKind::Volume => format!("{head} {}\n", event.name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event() -> Event {
        Event {
            time_ns: 1_795_574_864_677_737_000,
            kind: EventKind::Container,
            action: "died".into(),
            id: "9112d9e9844f9155ec94fb83957769be81e919c7fc71daa9c68126af12794b45".into(),
            name: "web".into(),
            image: Some("docker.io/library/box:latest".into()),
            exit_code: Some(3),
            attributes: BTreeMap::from([("a".into(), "b".into())]),
        }
    }

    #[test]
    fn events_have_podmans_forms() {
        let event = event();
        assert!(
            line(&event, false).ends_with(
                " container died 9112d9e9844f (image=docker.io/library/box:latest, name=web, a=b)\n"
            )
        );
        assert_eq!(
            shown(&event, Some(&Format::Json), true).unwrap(),
            "{\"ContainerExitCode\":3,\"ID\":\"9112d9e9844f9155ec94fb83957769be81e919c7fc71daa9c68126af12794b45\",\
             \"Image\":\"docker.io/library/box:latest\",\"Name\":\"web\",\"Status\":\"died\",\"time\":1795574864,\
             \"timeNano\":1795574864677737000,\"Type\":\"container\",\"Attributes\":{\"a\":\"b\"}}\n"
        );
        let network = Event {
            kind: EventKind::Network,
            action: "create".into(),
            name: "shop".into(),
            image: None,
            exit_code: None,
            attributes: BTreeMap::from([("driver".into(), "bridge".into())]),
            ..event.clone()
        };
        assert!(line(&network, false).ends_with(" network create 9112d9e9844f (name=shop, type=bridge)\n"));
        let json = shown(&network, Some(&Format::Json), true).unwrap();
        assert!(
            json.contains("4b45\",\"network\":\"shop\",\"Status\":\"create\",") && !json.contains("Image"),
            "{json}"
        );
        let format = Format::parse("events", "{{.Network}}{{.Name}}{{.Image}}").unwrap();
        assert_eq!(shown(&network, Some(&format), true).unwrap(), "shop\n");
        let format =
            Format::parse("events", "{{.Time}} {{.Type}} {{.Status}} {{.ContainerExitCode}} {{.TimeNano}}")
                .unwrap();
        assert_eq!(
            shown(&event, Some(&format), true).unwrap(),
            "1795574864 container died 3 1795574864677737000\n"
        );
    }
}
