//! `cala volume rm`.

use cala_engine::RemoveOptions;

use crate::commands::select::{for_each, removal};
use crate::commands::stop::patience;
use crate::context::Context;
use crate::failure::Failure;

/// Remove one or more volumes with all files in them
#[derive(Debug, clap::Args)]
#[command(after_help = "cala volume rm data cache\ncala volume rm --force data\ncala volume rm --all")]
pub(crate) struct Args {
    /// Remove all volumes
    #[arg(short, long)]
    all: bool,
    /// Remove the containers that mount the volume too; do not mind a missing volume
    #[arg(short, long)]
    force: bool,
    /// Seconds between the stop signal and SIGKILL, with --force (default 10)
    #[arg(short, long, value_name = "int")]
    time: Option<i64>,
    #[arg(value_names = ["VOLUME", "[VOLUME...]"], num_args = 0..)]
    names: Vec<String>,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    if args.all != args.names.is_empty() {
        return Err(Failure::new("choose either one or more volumes or all"));
    }
    if args.time.is_some() && !args.force {
        return Err(Failure::new("--force option must be specified to use the --time option"));
    }
    let engine = context.engine()?;
    let options =
        RemoveOptions { force: args.force, volumes: false, timeout: args.time.map(patience), depend: false };
    let all: Vec<String> =
        if args.all { engine.volumes(&[])?.into_iter().map(|v| v.name).collect() } else { Vec::new() };
    for_each(if args.all { &all } else { &args.names }, args.force, |name| {
        engine.remove_volume(name, &options).map(|()| Some(name.to_owned())).map_err(removal)
    })
}
