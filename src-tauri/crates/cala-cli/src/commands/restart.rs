//! `cala restart`.

use std::path::PathBuf;

use cala_spec::ContainerStatus;

use crate::commands::select::{Selection, for_each_at_once};
use crate::commands::stop::patience;
use crate::context::Context;
use crate::failure::Failure;

/// Restart one or more containers
#[derive(Debug, clap::Args)]
#[command(after_help = "cala restart web\ncala restart --time 2 web db\ncala restart --running")]
pub(crate) struct Args {
    /// Restart all containers, whether they run or not
    #[arg(short, long)]
    all: bool,
    /// Read the container ID from the file
    #[arg(long, value_name = "stringArray")]
    cidfile: Vec<PathBuf>,
    /// Choose containers by a condition
    #[arg(short, long, value_name = "stringArray")]
    filter: Vec<String>,
    /// Act on the container that was created last
    #[arg(short, long)]
    latest: bool,
    /// Restart only those that run
    #[arg(long)]
    running: bool,
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
        ignore: false,
    };
    let runs = ContainerStatus::Running;
    let mut names = match (args.running, args.names.as_slice()) {
        (true, []) if !args.all && !args.latest && args.filter.is_empty() && args.cidfile.is_empty() => {
            Selection { all: true, ..selection }.resolve(&engine, |container| container.state == runs)?
        }
        _ => selection.resolve(&engine, |_| true)?,
    };
    if args.running {
        let ids: Vec<_> =
            names.iter().map(|name| engine.resolve_container(name)).collect::<Result<_, _>>()?;
        let running = Selection { all: true, ..Selection::default() }
            .resolve(&engine, |container| container.state == runs)?;
        let mut kept = ids.iter().map(|id| running.iter().any(|known| known == id.as_str()));
        names.retain(|_| kept.next().unwrap_or(false));
    }
    let timeout = args.time.map(patience);
    for_each_at_once(&names, false, |name| {
        engine.restart(name, timeout)?;
        Ok(Some(name.to_owned()))
    })
}
