//! `cala volume inspect`.

use cala_engine::view::VolumeInspect;

use super::{missing, row};
use crate::context::Context;
use crate::failure::Failure;
use crate::output;
use crate::report::{self, Format};
use crate::template::Value;

/// Display what is known of volumes
#[derive(Debug, clap::Args)]
#[command(
    after_help = "cala volume inspect data\ncala volume inspect --all --format '{{.Name}} {{.Mountpoint}}'"
)]
pub(crate) struct Args {
    /// All volumes
    #[arg(short, long)]
    all: bool,
    /// Format the output by a Go template or as json
    #[arg(short, long, value_name = "string", default_value = "json")]
    format: String,
    #[arg(value_names = ["VOLUME", "[VOLUME...]"], num_args = 0..)]
    names: Vec<String>,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    if args.all != args.names.is_empty() {
        return Err(Failure::new("provide one or more volume names or use --all"));
    }
    let format = Format::parse("inspect", &args.format)?;
    let engine = context.engine()?;
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    if args.all {
        found = engine.volumes(&[])?;
    }
    for name in &args.names {
        match engine.inspect_volume(name) {
            Ok(volume) => found.push(volume),
            Err(error) => failures.push(missing(name, error)),
        }
    }
    output::data(shown(&args.format, &format, &found)?)?;
    for failure in &failures {
        output::talk(failure.render());
    }
    Ok(failures.iter().map(Failure::code).max().unwrap_or(0))
}

fn shown(text: &str, format: &Format, found: &[VolumeInspect]) -> Result<String, Failure> {
    match format {
        Format::Json => report::json(found, 5),
        _ if report::is_whole(text) => found.iter().map(report::compact_json).collect(),
        format => {
            let rows: Vec<Value> = found.iter().map(row::of).collect();
            format.render(&[], false, &rows)
        }
    }
}
