//! `cala port`.

use cala_engine::{ContainerFilter, Engine};
use cala_spec::PortMapping;

use crate::commands::select::{bare, latest};
use crate::context::Context;
use crate::failure::Failure;
use crate::output;

/// List the published ports of a container, or where one of its ports is reached
#[derive(Debug, clap::Args)]
#[command(after_help = "cala port web\ncala port web 80/tcp\ncala port --all")]
pub(crate) struct Args {
    /// List those of all running containers
    #[arg(short, long)]
    all: bool,
    /// Act on the container that was created last
    #[arg(short, long)]
    latest: bool,
    #[arg(value_names = ["CONTAINER", "[PORT[/PROTOCOL]]"], num_args = 0..)]
    words: Vec<String>,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    let engine = context.engine()?;
    let wrong = |text: &str| Err(Failure::new(text));
    let last;
    let (name, wanted) = match (args.all, args.latest, args.words.as_slice()) {
        (true, true, _) => return wrong("--all and --latest cannot be used together"),
        (true, _, []) => return all(&engine),
        (true, ..) => return wrong("no arguments are needed with --all"),
        (_, true, words @ ([] | [_])) => {
            last = latest(&engine)?;
            (last.as_str(), words.first())
        }
        (_, true, _) => return wrong("`port` accepts at most 1 argument with --latest"),
        (_, _, [name]) => (bare(name), None),
        (_, _, [name, wanted]) => (bare(name), Some(wanted)),
        (_, _, []) => return wrong("you must supply a running container name or id"),
        _ => return wrong("`port` accepts at most 2 arguments"),
    };
    let ports = engine.container_ports(name)?;
    match wanted {
        Some(wanted) => one(&ports, name, wanted),
        None => {
            ports.iter().try_for_each(|port| output::line(shown(port)))?;
            Ok(0)
        }
    }
}

/// The ports of all running containers, each with its container's id before it.
fn all(engine: &Engine) -> Result<u8, Failure> {
    for container in engine.containers(&ContainerFilter::default())? {
        for port in engine.container_ports(&container.id)? {
            let short = container.id.get(..12).unwrap_or(&container.id);
            output::line(format!("{short}\t{}", shown(&port)))?;
        }
    }
    Ok(0)
}

/// Where one port of the container is reached.
fn one(ports: &[PortMapping], name: &str, wanted: &str) -> Result<u8, Failure> {
    let (number, protocol) = wanted.split_once('/').unwrap_or((wanted, "tcp"));
    if protocol.contains('/') {
        return Err(Failure::new(format!("port formats are port/protocol. '{wanted}' is invalid")));
    }
    let number: u16 = number.parse().map_err(|_| Failure::new(format!("{wanted:?} is not a port")))?;
    let matching = |port: &&PortMapping| port.container_port == number && port.protocol.as_str() == protocol;
    let found: Vec<&PortMapping> = ports.iter().filter(matching).collect();
    if found.is_empty() {
        return Err(Failure::new(format!("failed to find published port \"{number}/{protocol}\""))
            .hint(format!("`cala port {name}` lists those that are published")));
    }
    found.iter().try_for_each(|port| output::line(port.host_address().to_string()))?;
    Ok(0)
}

fn shown(port: &PortMapping) -> String {
    format!("{}/{} -> {}", port.container_port, port.protocol, port.host_address())
}
