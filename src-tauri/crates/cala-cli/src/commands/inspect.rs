//! `cala inspect`, `cala container inspect`, `cala image inspect`.

use cala_engine::Engine;
use cala_engine::view::{ContainerInspect, ImageInspect, NetworkInspect};
use cala_spec::{Classify as _, ErrorKind};
use serde::Serialize;

use crate::commands::network;
use crate::commands::select::latest;
use crate::context::Context;
use crate::failure::Failure;
use crate::output;
use crate::report::{self, Format};
use crate::template::Value;

/// Display the configuration of containers, images and networks
#[derive(Debug, Clone, clap::Args)]
#[command(
    after_help = "cala inspect alpine\ncala inspect --type image alpine\ncala inspect --format \"imageId: {{.Id}} size: {{.Size}}\" alpine"
)]
pub(crate) struct Args {
    /// Format the output by a Go template or as json
    #[arg(short, long, value_name = "string", default_value = "json")]
    format: String,
    /// Act on the container that was created last
    #[arg(short, long)]
    latest: bool,
    /// Accepted; sizes are not there yet
    #[arg(short, long, hide = true)]
    size: bool,
    /// What to inspect: container, image, network or all
    #[arg(short = 't', long = "type", value_name = "string", default_value = "all")]
    kind: String,
    #[arg(value_names = ["{CONTAINER|IMAGE|NETWORK}", "[...]"], num_args = 0..)]
    names: Vec<String>,
}

/// The arguments where the kind is said by the command.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct OneKind {
    /// Format the output by a Go template or as json
    #[arg(short, long, value_name = "string", default_value = "json")]
    format: String,
    /// Act on the container that was created last
    #[arg(short, long)]
    latest: bool,
    /// Accepted; sizes are not there yet
    #[arg(short, long, hide = true)]
    size: bool,
    #[arg(value_names = ["NAME", "[NAME...]"], num_args = 0..)]
    names: Vec<String>,
}

impl OneKind {
    /// As arguments of `inspect --type`.
    pub(crate) fn of(self, kind: &str) -> Args {
        Args {
            format: self.format,
            latest: self.latest,
            size: self.size,
            kind: kind.to_owned(),
            names: self.names,
        }
    }
}

/// What was found.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Found {
    Container(Box<ContainerInspect>),
    Image(Box<ImageInspect>),
    Network(Box<NetworkInspect>),
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    let format = Format::parse("inspect", &args.format)?;
    let engine = context.engine()?;
    let names = names(args, &engine)?;
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    for name in &names {
        match find(&engine, &args.kind, name) {
            Ok(object) => found.push(object),
            Err(failure) => failures.push(failure),
        }
    }
    match &format {
        Format::Json => output::data(report::json(&found, 5)?)?,
        format => {
            let rows: Vec<Value> = found.iter().map(value).collect();
            output::data(format.render(&[], false, &rows)?)?;
        }
    }
    for failure in &failures {
        output::talk(failure.render());
    }
    Ok(failures.iter().map(Failure::code).max().unwrap_or(0))
}

fn names(args: &Args, engine: &Engine) -> Result<Vec<String>, Failure> {
    if !["all", "container", "image", "network"].contains(&args.kind.as_str()) {
        return Err(Failure::new(format!(
            "invalid type {:?}: must be \"image\", \"container\", \"network\" or \"all\"",
            args.kind
        )));
    }
    match (args.latest, args.names.as_slice()) {
        (true, []) => Ok(vec![latest(engine)?]),
        (true, _) => Err(Failure::new("--latest and arguments cannot be used together")),
        (false, []) => Err(Failure::new("no names or ids specified")),
        (false, names) => Ok(names.to_vec()),
    }
}

fn find(engine: &Engine, kind: &str, name: &str) -> Result<Found, Failure> {
    if kind == "network" {
        return Ok(Found::Network(Box::new(engine.inspect_network(name)?)));
    }
    if kind != "image" {
        match engine.inspect_container(name) {
            Ok(container) => return Ok(Found::Container(Box::new(container))),
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.into()),
            Err(_) if kind == "container" => {
                return Err(Failure::new(format!("no such container {name}"))
                    .hint("`cala ps -a` lists all containers"));
            }
            Err(_) => {}
        }
    }
    match engine.inspect_image(name) {
        Ok(image) => Ok(Found::Image(Box::new(image))),
        Err(error) if kind == "image" => Err(error.into()),
        // A name that is no reference may still have been meant for a container or a network.
        Err(_) if engine.network_exists(name).unwrap_or(false) => {
            Ok(Found::Network(Box::new(engine.inspect_network(name)?)))
        }
        Err(_) => Err(Failure::new(format!("no such object: {name:?}"))
            .hint("`cala ps -a` and `cala images` list what is here")),
    }
}

fn value(found: &Found) -> Value {
    with_times(match found {
        Found::Container(container) => Value::of(container),
        Found::Image(image) => Value::of(image),
        Found::Network(network) => network::inspected(network),
    })
}

/// Podman's templates print moments in Go's form and lists that are not there as empty ones.
fn with_times(value: Value) -> Value {
    let Value::Struct(structure) = value else {
        return value;
    };
    let fields = structure.fields.iter().map(|(name, value)| {
        let value = match (name.as_str(), value) {
            ("Created" | "StartedAt" | "FinishedAt", Value::Text(text)) => Value::Time(text.clone()),
            ("Entrypoint" | "Cmd", Value::Nil) => Value::NilList,
            (_, nested @ Value::Struct(_)) => with_times(nested.clone()),
            (_, other) => other.clone(),
        };
        (name.clone(), value)
    });
    Value::structure(&structure.name, fields.collect())
}
