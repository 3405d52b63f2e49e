//! `cala network rm`.

use cala_engine::RemoveOptions;

use super::some;
use crate::commands::select::{for_each, removal};
use crate::commands::stop::patience;
use crate::context::Context;
use crate::failure::Failure;

/// Remove one or more networks
#[derive(Debug, clap::Args)]
#[command(after_help = "cala network rm shop\ncala network rm --force shop")]
pub(crate) struct Args {
    /// Remove the containers that are in the network too; do not mind a missing network
    #[arg(short, long)]
    force: bool,
    /// Seconds between the stop signal and SIGKILL, with --force (default 10)
    #[arg(short, long, value_name = "int")]
    time: Option<i64>,
    #[arg(value_names = ["NETWORK", "[NETWORK...]"], num_args = 0..)]
    names: Vec<String>,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    if args.time.is_some() && !args.force {
        return Err(Failure::new("--force option must be specified to use the --time option"));
    }
    let names = some(&args.names)?;
    let engine = context.engine()?;
    let options =
        RemoveOptions { force: args.force, timeout: args.time.map(patience), ..RemoveOptions::default() };
    for_each(names, args.force, |name| {
        engine.remove_network(name, &options).map(|()| Some(name.to_owned())).map_err(removal)
    })
}
