//! `cala rm`.

use std::path::PathBuf;

use cala_engine::RemoveOptions;

use crate::commands::select::{Selection, for_each, removal};
use crate::commands::stop::patience;
use crate::context::Context;
use crate::failure::Failure;

/// Remove one or more containers
#[derive(Debug, clap::Args)]
#[command(after_help = "cala rm web\ncala rm --force --all")]
pub(crate) struct Args {
    /// Remove all containers
    #[arg(short, long)]
    all: bool,
    /// Read the container ID from the file
    #[arg(long, value_name = "stringArray")]
    cidfile: Vec<PathBuf>,
    /// Choose containers by a condition
    #[arg(long, value_name = "stringArray")]
    filter: Vec<String>,
    /// Remove running containers too; do not mind missing ones
    #[arg(short, long)]
    force: bool,
    /// Do not mind a container that is missing
    #[arg(short, long)]
    ignore: bool,
    /// Act on the container that was created last
    #[arg(short, long)]
    latest: bool,
    /// Seconds between the stop signal and SIGKILL, with --force (default 10)
    #[arg(short, long, value_name = "int")]
    time: Option<i64>,
    /// Remove anonymous volumes of the container
    #[arg(short, long)]
    volumes: bool,
    #[arg(value_names = ["CONTAINER", "[CONTAINER...]"], num_args = 0..)]
    names: Vec<String>,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    if args.time.is_some() && !args.force {
        return Err(Failure::new("--force option must be specified to use the --time option"));
    }
    let engine = context.engine()?;
    let selection = Selection {
        names: &args.names,
        all: args.all,
        latest: args.latest,
        filters: &args.filter,
        cidfiles: &args.cidfile,
        ignore: args.ignore || args.force,
    };
    let names = selection.resolve(&engine, |_| true)?;
    let options =
        RemoveOptions { force: args.force, volumes: args.volumes, timeout: args.time.map(patience) };
    for_each(&names, args.ignore || args.force, |name| {
        engine.remove(name, &options).map(|_| Some(name.to_owned())).map_err(removal)
    })
}
