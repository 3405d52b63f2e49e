//! `cala stop`.

use std::path::PathBuf;
use std::time::Duration;

use cala_engine::Stopped;

use crate::commands::select::{Selection, for_each_at_once};
use crate::context::Context;
use crate::failure::Failure;
use crate::output;

/// Stop one or more containers
#[derive(Debug, clap::Args)]
#[command(after_help = "cala stop web\ncala stop --time 2 web db")]
pub(crate) struct Args {
    /// Stop all running containers
    #[arg(short, long)]
    all: bool,
    /// Read the container ID from the file
    #[arg(long, value_name = "stringArray")]
    cidfile: Vec<PathBuf>,
    /// Choose containers by a condition
    #[arg(short, long, value_name = "stringArray")]
    filter: Vec<String>,
    /// Do not mind a container that is missing
    #[arg(short, long)]
    ignore: bool,
    /// Act on the container that was created last
    #[arg(short, long)]
    latest: bool,
    /// Seconds between the stop signal and SIGKILL (default 10); -1 for no end
    #[arg(short, long, value_name = "int", alias = "timeout")]
    time: Option<i64>,
    #[arg(value_names = ["CONTAINER", "[CONTAINER...]"], num_args = 0..)]
    names: Vec<String>,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    let engine = context.engine()?;
    let selection = Selection {
        names: &args.names,
        all: args.all,
        latest: args.latest,
        filters: &args.filter,
        cidfiles: &args.cidfile,
        ignore: args.ignore,
    };
    let names = selection.resolve(&engine, |container| container.state.is_alive())?;
    let timeout = args.time.map(patience);
    for_each_at_once(&names, args.ignore, |name| {
        if let Stopped::Killed(after) = engine.stop(name, timeout)? {
            // `--time 0` asks for it.
            if !after.is_zero() {
                output::warning(&format!(
                    "container {name} did not stop within {} s of its stop signal, sent SIGKILL",
                    after.as_secs()
                ));
            }
        }
        Ok(Some(name.to_owned()))
    })
}

/// Seconds as a duration; a negative number is as long as it takes.
pub(crate) fn patience(seconds: i64) -> Duration {
    u64::try_from(seconds).map_or(Duration::from_secs(u32::MAX.into()), |seconds| {
        Duration::from_secs(seconds.min(u32::MAX.into()))
    })
}
