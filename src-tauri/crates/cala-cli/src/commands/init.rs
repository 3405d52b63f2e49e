//! `cala init`.

use cala_spec::ContainerStatus;

use crate::commands::select::{Selection, for_each_at_once};
use crate::context::Context;
use crate::failure::Failure;

/// Make containers ready without starting their programs
///
/// File system, networks and ports are there afterwards, so that they can be looked at; `cala start` lets the program run.
#[derive(Debug, clap::Args)]
#[command(after_help = "cala init web\ncala init --all")]
pub(crate) struct Args {
    /// Make all containers ready that do not run
    #[arg(short, long)]
    all: bool,
    /// Act on the container that was created last
    #[arg(short, long)]
    latest: bool,
    #[arg(value_names = ["CONTAINER", "[CONTAINER...]"], num_args = 0..)]
    names: Vec<String>,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    let engine = context.engine()?;
    let selection =
        Selection { names: &args.names, all: args.all, latest: args.latest, ..Selection::default() };
    let ready = |status| matches!(status, ContainerStatus::Created | ContainerStatus::Exited);
    let names = selection.resolve(&engine, |container| ready(container.state))?;
    for_each_at_once(&names, false, |name| {
        engine.init(name)?;
        Ok(Some(name.to_owned()))
    })
}
