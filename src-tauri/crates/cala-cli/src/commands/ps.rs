//! `cala ps`.

use std::collections::BTreeMap;
use std::rc::Rc;

use cala_engine::ContainerFilter;
use cala_engine::view::{ContainerSummary, PortMapping};
use cala_spec::{ByteSize, human};

use crate::clock;
use crate::context::Context;
use crate::failure::Failure;
use crate::output;
use crate::report::{self, Format, Headings};
use crate::template::Value;

/// List containers
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "the switches of podman-ps(1)")]
#[command(
    after_help = "cala ps -a\ncala ps -a --format \"{{.ID}}  {{.Image}}  {{.Labels}}  {{.Mounts}}\"\ncala ps --size --sort names"
)]
pub(crate) struct Args {
    /// Show all containers, not only running ones
    #[arg(short, long)]
    all: bool,
    /// Accepted and without meaning: there are no containers of other programs
    #[arg(long, hide = true)]
    external: bool,
    /// Choose containers by a condition
    #[arg(short, long, value_name = "stringArray")]
    filter: Vec<String>,
    /// Show containers as JSON or by a Go template
    #[arg(long, value_name = "string")]
    format: Option<String>,
    /// Show the n containers that were created last (default -1)
    #[arg(short = 'n', long, value_name = "int")]
    last: Option<i64>,
    /// Show the container that was created last
    #[arg(short, long)]
    latest: bool,
    /// Do not cut ids and commands
    #[arg(long)]
    no_trunc: bool,
    /// Do not print headings
    #[arg(long)]
    noheading: bool,
    /// Print ids only
    #[arg(short, long)]
    quiet: bool,
    /// Show sizes
    #[arg(short, long)]
    size: bool,
    /// Sort the containers
    #[arg(long, value_name = "choice", default_value = "created", value_parser = ["command", "created", "id", "image", "names", "runningfor", "size", "status"])]
    sort: String,
    #[arg(hide = true, num_args = 0..)]
    words: Vec<String>,
}

const HEADINGS: Headings<'_> = &[
    ("AutoRemove", "AUTO REMOVE"),
    ("Command", "COMMAND"),
    ("Created", "CREATED"),
    ("CreatedAt", "CREATED AT"),
    ("CreatedHuman", "CREATED"),
    ("ExitCode", "EXIT CODE"),
    ("Exited", "EXITED"),
    ("ExitedAt", "EXITED AT"),
    ("ID", "CONTAINER ID"),
    ("Image", "IMAGE"),
    ("ImageID", "IMAGE ID"),
    ("Labels", "LABELS"),
    ("Mounts", "MOUNTS"),
    ("Names", "NAMES"),
    ("Networks", "NETWORKS"),
    ("Pid", "PID"),
    ("Pod", "POD ID"),
    ("PodName", "PODNAME"),
    ("Ports", "PORTS"),
    ("Restarts", "RESTARTS"),
    ("RunningFor", "RUNNING FOR"),
    ("Size", "SIZE"),
    ("StartedAt", "STARTED AT"),
    ("State", "STATE"),
    ("Status", "STATUS"),
];

pub(crate) fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    if !args.words.is_empty() {
        return Err(Failure::new("`cala ps` takes no arguments"));
    }
    if args.quiet && args.size {
        return Err(Failure::new("quiet conflicts with size and namespace"));
    }
    let format = args.format.as_deref().map(|format| Format::parse("ps", format)).transpose()?;
    let last = if args.latest {
        Some(1)
    } else {
        args.last.and_then(|n| usize::try_from(n).ok()).filter(|n| *n > 0)
    };
    let filter = ContainerFilter {
        all: args.all || last.is_some(),
        last,
        filters: args.filter.clone(),
        size: args.size || args.sort == "size",
    };
    let mut containers = context.engine()?.containers(&filter)?;
    sort(&mut containers, &args.sort);
    output::data(shown(args, format, &containers)?)?;
    Ok(0)
}

fn shown(args: &Args, format: Option<Format>, containers: &[ContainerSummary]) -> Result<String, Failure> {
    let format = match format {
        Some(Format::Json) => return report::json(containers, 2),
        Some(format) => format,
        None if args.quiet => {
            return Ok(containers.iter().map(|c| id(&c.id, args.no_trunc) + "\n").collect());
        }
        None => Format::parse("ps", if args.size { SIZED } else { COLUMNS })?,
    };
    let now = clock::now_ns();
    let rows: Vec<Value> = containers.iter().map(|container| row(container, args.no_trunc, now)).collect();
    format.render(HEADINGS, !args.noheading, &rows)
}

const COLUMNS: &str =
    "table {{.ID}}\t{{.Image}}\t{{.Command}}\t{{.CreatedHuman}}\t{{.Status}}\t{{.Ports}}\t{{.Names}}";
const SIZED: &str = "table {{.ID}}\t{{.Image}}\t{{.Command}}\t{{.CreatedHuman}}\t{{.Status}}\t{{.Ports}}\t{{.Names}}\t{{.Size}}";

/// The engine lists the oldest first, as Podman shows them.
fn sort(containers: &mut [ContainerSummary], by: &str) {
    match by {
        "command" => containers.sort_by(|a, b| a.command.cmp(&b.command)),
        "id" => containers.sort_by(|a, b| a.id.cmp(&b.id)),
        "image" => containers.sort_by(|a, b| a.image.cmp(&b.image)),
        "names" => containers.sort_by(|a, b| a.names.cmp(&b.names)),
        "runningfor" => containers.sort_by_key(|container| container.started_at),
        "size" => containers.sort_by_key(|container| container.size),
        "status" => containers.sort_by(|a, b| a.state.as_str().cmp(b.state.as_str())),
        _ => {}
    }
}

fn id(id: &str, whole: bool) -> String {
    if whole { id.to_owned() } else { id.chars().take(12).collect() }
}

/// A container as templates see it: Podman's field names, in the order of its own report.
fn row(container: &ContainerSummary, whole: bool, now: i64) -> Value {
    let human = human::ago(container.created.saturating_mul(1_000_000_000), now);
    let command = container.command.join(" ");
    let cut = !whole && command.chars().count() > 17;
    let command = if cut { command.chars().take(17).chain("...".chars()).collect() } else { command };
    let labels: BTreeMap<String, Value> =
        container.labels.iter().map(|(key, value)| (key.clone(), Value::text(value.as_str()))).collect();
    let labels = Rc::new(labels);
    let started = || {
        (container.started_at > 0)
            .then(|| human::ago(container.started_at.saturating_mul(1_000_000_000), now))
    };
    let fields: [(&str, Value); 30] = [
        ("AutoRemove", Value::Bool(container.auto_remove)),
        ("Command", Value::text(command)),
        ("Created", Value::Time(container.created_at.as_str().into())),
        ("CreatedAt", Value::Time(container.created_at.as_str().into())),
        ("CreatedHuman", Value::text(human.as_str())),
        ("CIDFile", Value::text("")),
        ("Exited", Value::Bool(container.exited)),
        ("ExitedAt", Value::Int(container.exited_at)),
        ("ExitCode", Value::Int(container.exit_code.into())),
        ("ID", Value::text(id(&container.id, whole))),
        ("Image", Value::text(container.image.as_str())),
        ("ImageID", Value::text(id(&container.image_id, whole))),
        ("IsInfra", Value::Bool(false)),
        ("Labels", Value::Map(Rc::clone(&labels))),
        ("Label", Value::Lookup(labels)),
        ("Mounts", Value::of(&container.mounts)),
        ("Names", Value::text(container.names.join(","))),
        ("Namespaces", Value::structure("ListContainerNamespaces", Vec::new())),
        ("Networks", Value::text(container.networks.join(","))),
        ("Pid", Value::Int(container.pid.into())),
        ("Pod", Value::text("")),
        ("PodID", Value::text("")),
        ("PodName", Value::text("")),
        ("Ports", Value::text(ports(&container.ports, &container.exposed_ports))),
        ("Restarts", Value::Int(container.restarts.into())),
        ("RunningFor", Value::text(started().unwrap_or(human))),
        (
            "Size",
            Value::text(container.size.map_or_else(String::new, |size| ByteSize(size).human_compact(3))),
        ),
        ("StartedAt", Value::Int(container.started_at)),
        ("State", Value::text(container.state.as_str())),
        ("Status", Value::text(container.status.as_str())),
    ];
    Value::structure("Container", fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

/// Published ports, then those that are exposed and not published; TCP first, by number.
fn ports(ports: &[PortMapping], exposed: &BTreeMap<String, Vec<String>>) -> String {
    let one = |port: &PortMapping| {
        let address = if port.host_ip.is_empty() { "0.0.0.0" } else { &port.host_ip };
        let span = |first: u16| match port.range {
            0 | 1 => first.to_string(),
            count => format!("{first}-{}", first.saturating_add(count - 1)),
        };
        format!("{address}:{}->{}/{}", span(port.host_port), span(port.container_port), port.protocol)
    };
    let published = |number: u16, protocol: &str| {
        ports.iter().any(|port| {
            let behind = number.checked_sub(port.container_port);
            port.protocol == protocol && behind.is_some_and(|behind| behind < port.range.max(1))
        })
    };
    let numbered = exposed.iter().filter_map(|(number, protocols)| Some((number.parse().ok()?, protocols)));
    let mut only: Vec<(bool, &str, u16)> = numbered
        .flat_map(|(number, protocols)| protocols.iter().map(move |p| (p != "tcp", p.as_str(), number)))
        .filter(|(_, protocol, number)| !published(*number, protocol))
        .collect();
    only.sort_unstable();
    let only = only.iter().map(|(_, protocol, number)| format!("{number}/{protocol}"));
    ports.iter().map(one).chain(only).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn container() -> ContainerSummary {
        serde_json::from_value(serde_json::json!({
            "AutoRemove": false, "Command": ["sh", "-c", "echo out; echo err >&2; exit 3"],
            "CreatedAt": "2026-11-25T02:47:44.799301117Z", "Exited": true, "ExitedAt": 1_795_574_864, "ExitCode": 3,
            "Id": "1e9b804cc853a25799fbe8b296423f6a8bcb593b980835bf99cfe4cc0b155a6a",
            "Image": "docker.io/library/box:latest",
            "ImageID": "98237f630d37904e917fc526f83fd495f7fd54911d8a9f041229b7806d819f26",
            "Labels": {"a": "b"}, "Mounts": ["/mnt"], "Names": ["done"], "Networks": [], "Pid": 0,
            "Ports": [{"host_ip": "", "container_port": 80, "host_port": 8080, "range": 1, "protocol": "tcp"}],
            "Restarts": 0, "StartedAt": 1_795_574_864, "State": "exited", "Status": "Exited (3) 48 seconds ago",
            "Created": 1_795_574_864
        }))
        .expect("a summary")
    }

    fn shown(format: &str) -> String {
        let format = Format::parse("ps", format).expect("a format");
        let now = (1_795_574_864 + 48) * 1_000_000_000;
        format
            .render(HEADINGS, true, &[row(&container(), false, now)])
            .unwrap_or_else(|failure| failure.text().to_owned())
    }

    #[test]
    fn the_columns_are_podmans() {
        assert_eq!(
            shown(COLUMNS),
            "CONTAINER ID  IMAGE                         COMMAND               CREATED         STATUS                     PORTS                 NAMES\n\
             1e9b804cc853  docker.io/library/box:latest  sh -c echo out; e...  48 seconds ago  Exited (3) 48 seconds ago  0.0.0.0:8080->80/tcp  done\n"
        );
    }

    #[test]
    fn exposed_ports_follow_the_published_ones() {
        let published = container().ports;
        let exposed: BTreeMap<String, Vec<String>> = serde_json::from_value(serde_json::json!({
            "80": ["tcp", "udp"], "53": ["udp"], "443": ["tcp"]
        }))
        .expect("ports");
        assert_eq!(ports(&published, &exposed), "0.0.0.0:8080->80/tcp, 443/tcp, 53/udp, 80/udp");
        assert_eq!(ports(&[], &exposed), "80/tcp, 443/tcp, 53/udp, 80/udp");
    }

    #[test]
    fn templates_see_podmans_fields() {
        assert_eq!(
            shown(
                "{{.Names}} {{.State}} {{.Labels}} {{.Label \"a\"}} {{.Mounts}} {{.CreatedAt}} {{.ExitCode}}"
            ),
            "done exited map[a:b] b [/mnt] 2026-11-25 02:47:44.799301117 +0000 UTC 3\n"
        );
        assert_eq!(shown("{{json .Names}} {{json .Labels}}"), "\"done\" {\"a\":\"b\"}\n");
        assert_eq!(
            shown("{{.Nope}}"),
            "template: ps:1:2: executing \"ps\" at <.Nope>: can't evaluate field Nope in type Container"
        );
        for (name, _) in HEADINGS {
            assert!(!shown(&format!("{{{{.{name}}}}}")).contains("can't evaluate"), "{name}");
        }
    }
}
