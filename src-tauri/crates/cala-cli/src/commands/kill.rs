//! `cala kill`.

use std::path::PathBuf;

use cala_spec::Signal;

use crate::commands::select::{Selection, for_each_at_once};
use crate::context::Context;
use crate::failure::Failure;

/// Send a signal to one or more running containers
#[derive(Debug, clap::Args)]
#[command(after_help = "cala kill web\ncala kill --signal TERM web")]
pub(crate) struct Args {
    /// Signal all running containers
    #[arg(short, long)]
    all: bool,
    /// Read the container ID from the file
    #[arg(long, value_name = "stringArray")]
    cidfile: Vec<PathBuf>,
    /// Act on the container that was created last
    #[arg(short, long)]
    latest: bool,
    /// Signal to send to the container
    #[arg(short, long, value_name = "string", default_value = "KILL")]
    signal: String,
    #[arg(value_names = ["CONTAINER", "[CONTAINER...]"], num_args = 0..)]
    names: Vec<String>,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    let signal: Signal = args.signal.parse()?;
    let engine = context.engine()?;
    let selection = Selection {
        names: &args.names,
        all: args.all,
        latest: args.latest,
        cidfiles: &args.cidfile,
        ..Selection::default()
    };
    let names = selection.resolve(&engine, |container| container.state.has_run())?;
    for_each_at_once(&names, false, |name| {
        engine.kill(name, signal)?;
        Ok(Some(name.to_owned()))
    })
}
