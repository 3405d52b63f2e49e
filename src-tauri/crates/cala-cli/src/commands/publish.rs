//! `cala publish` and `cala unpublish`: ports of a container, without restarting it.

use cala_engine::Engine;
use cala_spec::PortMapping;
use cala_spec::port::parse_publish;

use crate::context::Context;
use crate::failure::Failure;
use crate::output;

/// Publish ports of a container, also while it runs
#[derive(Debug, clap::Args)]
#[command(after_help = "cala publish web 8080:80\ncala publish --move 8080:9090 web")]
pub(crate) struct Args {
    /// Move what is published on one port of the host to another one (OLD:NEW)
    #[arg(long = "move", value_name = "OLD:NEW")]
    moved: Option<String>,
    #[arg(value_names = ["CONTAINER", "[[[ADDRESS:]HOST_PORT:]PORT[/PROTOCOL]...]"], num_args = 0..)]
    words: Vec<String>,
}

/// Withdraw published ports of a container, also while it runs; open connections go on
#[derive(Debug, clap::Args)]
#[command(after_help = "cala unpublish web 8080")]
pub(crate) struct WithdrawArgs {
    #[arg(value_names = ["CONTAINER", "HOST_PORT[/PROTOCOL]..."], num_args = 0..)]
    words: Vec<String>,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    let Some((name, ports)) = args.words.split_first() else {
        return Err(Failure::new("you must supply a container name or id"));
    };
    let engine = context.engine()?;
    if let Some(moved) = &args.moved {
        if !ports.is_empty() {
            return Err(Failure::new("--move and ports cannot be used together"));
        }
        return move_port(&engine, name, moved);
    }
    if ports.is_empty() {
        return Err(
            Failure::new("requires at least one port").hint("such as 8080:80, as `cala run -p` takes it")
        );
    }
    let wishes: Vec<Vec<PortMapping>> =
        ports.iter().map(|text| parse_publish(text)).collect::<Result<_, _>>()?;
    for wish in wishes.concat() {
        output::line(engine.publish_port(name, &wish)?.to_string())?;
    }
    Ok(0)
}

/// The new port is there before the old one goes.
fn move_port(engine: &Engine, name: &str, moved: &str) -> Result<u8, Failure> {
    let invalid = || {
        Failure::new(format!("invalid value {moved:?} for --move")).hint("write OLD:NEW, such as 8080:9090")
    };
    let (old, new) = moved.split_once(':').ok_or_else(invalid)?;
    let new: u16 = new.parse().ok().filter(|port| *port > 0).ok_or_else(invalid)?;
    for port in published(engine, name, old)? {
        let wish = PortMapping { host_port: new, ..port.clone() };
        let there = engine.publish_port(name, &wish)?;
        engine.unpublish_port(name, &port)?;
        output::line(there.to_string())?;
    }
    Ok(0)
}

pub(crate) fn withdraw(args: &WithdrawArgs, context: &Context) -> Result<u8, Failure> {
    let Some((name, ports)) = args.words.split_first() else {
        return Err(Failure::new("you must supply a container name or id"));
    };
    if ports.is_empty() {
        return Err(Failure::new("requires at least one port of the host"));
    }
    let engine = context.engine()?;
    for text in ports {
        for port in published(&engine, name, text)? {
            engine.unpublish_port(name, &port)?;
        }
    }
    Ok(0)
}

/// The ports that are published on a port of the host: `8080`, `8080/udp`.
fn published(engine: &Engine, name: &str, text: &str) -> Result<Vec<PortMapping>, Failure> {
    let (number, protocol) = text.split_once('/').map_or((text, None), |(number, word)| (number, Some(word)));
    let number: u16 =
        number.parse().map_err(|_| Failure::new(format!("{text:?} is not a port of the host")))?;
    let ports = engine.container_ports(name)?;
    let matching = |port: &PortMapping| {
        port.host_port == number && protocol.is_none_or(|protocol| port.protocol.as_str() == protocol)
    };
    let found: Vec<PortMapping> = ports.into_iter().filter(matching).collect();
    if found.is_empty() {
        return Err(Failure::new(format!("{name} publishes nothing on port {text} of the host"))
            .hint(format!("`cala port {name}` lists what it publishes")));
    }
    Ok(found)
}
