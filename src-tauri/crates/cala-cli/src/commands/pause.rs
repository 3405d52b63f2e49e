//! `cala pause` and `cala unpause`.

use std::path::PathBuf;

use cala_engine::{Engine, EngineError};
use cala_spec::{ContainerId, ContainerStatus};

use crate::commands::select::{Selection, for_each_at_once};
use crate::context::Context;
use crate::failure::Failure;

/// Pause all the processes in one or more containers
///
/// They are frozen by their control group (cgroup v2) and know nothing of it; `cala unpause` lets them go on.
#[derive(Debug, clap::Args)]
#[command(after_help = "cala pause web\ncala pause --all")]
pub(crate) struct Args {
    /// Pause all running containers
    #[arg(short, long)]
    all: bool,
    #[command(flatten)]
    choice: Choice,
}

/// Let the processes of paused containers go on
#[derive(Debug, clap::Args)]
#[command(after_help = "cala unpause web\ncala unpause --all")]
pub(crate) struct UnpauseArgs {
    /// Let all paused containers go on
    #[arg(short, long)]
    all: bool,
    #[command(flatten)]
    choice: Choice,
}

#[derive(Debug, clap::Args)]
struct Choice {
    /// Read the container ID from the file
    #[arg(long, value_name = "stringArray")]
    cidfile: Vec<PathBuf>,
    /// Choose containers by a condition
    #[arg(short, long, value_name = "stringArray")]
    filter: Vec<String>,
    /// Act on the container that was created last
    #[arg(short, long)]
    latest: bool,
    #[arg(value_names = ["CONTAINER", "[CONTAINER...]"], num_args = 0..)]
    names: Vec<String>,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    act(args.all, &args.choice, context, ContainerStatus::Running, Engine::pause)
}

pub(crate) fn unpause(args: &UnpauseArgs, context: &Context) -> Result<u8, Failure> {
    act(args.all, &args.choice, context, ContainerStatus::Paused, Engine::unpause)
}

/// Acts on what is chosen, or on all in this state.
fn act(
    all: bool,
    choice: &Choice,
    context: &Context,
    state: ContainerStatus,
    how: impl Fn(&Engine, &str) -> Result<ContainerId, EngineError> + Sync,
) -> Result<u8, Failure> {
    let engine = context.engine()?;
    let selection = Selection {
        names: &choice.names,
        all,
        latest: choice.latest,
        filters: &choice.filter,
        cidfiles: &choice.cidfile,
        ignore: false,
    };
    let names = selection.resolve(&engine, |container| container.state == state)?;
    for_each_at_once(&names, false, |name| {
        how(&engine, name)?;
        Ok(Some(name.to_owned()))
    })
}
