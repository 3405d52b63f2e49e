//! `cala port`.

use cala_engine::ContainerFilter;
use cala_spec::PortMapping;

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
    #[arg(value_names = ["CONTAINER", "[PORT[/PROTOCOL]]"], num_args = 0..)]
    words: Vec<String>,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    let engine = context.engine()?;
    match (args.all, args.words.as_slice()) {
        (true, []) => {
            for container in engine.containers(&ContainerFilter::default())? {
                for port in engine.container_ports(&container.id)? {
                    let short = container.id.get(..12).unwrap_or(&container.id);
                    output::line(format!("{short}\t{}", shown(&port)))?;
                }
            }
            Ok(0)
        }
        (true, _) => Err(Failure::new("--all and arguments cannot be used together")),
        (false, [name]) => {
            for port in engine.container_ports(name)? {
                output::line(shown(&port))?;
            }
            Ok(0)
        }
        (false, [name, wanted]) => one(&engine.container_ports(name)?, name, wanted),
        (false, []) => Err(Failure::new("you must supply a container name or id")),
        (false, _) => Err(Failure::new("`port` requires at most 2 arguments")),
    }
}

/// Where one port of the container is reached.
fn one(ports: &[PortMapping], name: &str, wanted: &str) -> Result<u8, Failure> {
    let (number, protocol) = wanted.split_once('/').unwrap_or((wanted, "tcp"));
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
