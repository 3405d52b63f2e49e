//! `cala network inspect`.

use cala_engine::view::NetworkInspect;

use super::{row, some};
use crate::context::Context;
use crate::failure::Failure;
use crate::output;
use crate::report::{self, Format};
use crate::template::Value;

/// Display the configuration of networks and the containers that run in them
#[derive(Debug, clap::Args)]
#[command(
    after_help = "cala network inspect podman\ncala network inspect --format '{{range .Subnets}}{{.Subnet}} {{end}}' shop"
)]
pub(crate) struct Args {
    /// Format the output by a Go template or as json
    #[arg(short, long, value_name = "string", default_value = "json")]
    format: String,
    #[arg(value_names = ["NETWORK", "[NETWORK...]"], num_args = 0..)]
    names: Vec<String>,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    let names = some(&args.names)?;
    let format = Format::parse("inspect", &args.format)?;
    let engine = context.engine()?;
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    for name in names {
        match engine.inspect_network(name) {
            Ok(network) => found.push(network),
            Err(error) => failures.push(Failure::from(error).within(&format!("network {name}"))),
        }
    }
    output::data(shown(&args.format, &format, &found)?)?;
    for failure in &failures {
        output::talk(failure.render());
    }
    Ok(failures.iter().map(Failure::code).max().unwrap_or(0))
}

fn shown(text: &str, format: &Format, found: &[NetworkInspect]) -> Result<String, Failure> {
    match format {
        Format::Json => report::json(found, 5),
        _ if report::is_whole(text) => found.iter().map(report::compact_json).collect(),
        format => {
            let rows: Vec<Value> = found.iter().map(row::inspected).collect();
            format.render(&[], false, &rows)
        }
    }
}
