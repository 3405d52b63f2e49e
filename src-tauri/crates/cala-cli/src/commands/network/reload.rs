//! `cala network reload`.

use cala_spec::{Classify as _, ContainerStatus, ErrorKind};

use crate::commands::select::{Selection, for_each};
use crate::context::Context;
use crate::failure::Failure;

/// Have the networks of containers read their configuration again
///
/// Podman makes firewall rules again that were lost. Cala has none on the host: it is enough that the networks of the
/// containers read their records.
#[derive(Debug, clap::Args)]
#[command(after_help = "cala network reload web\ncala network reload --all")]
pub(crate) struct Args {
    /// Reload the networks of all running containers
    #[arg(short, long)]
    all: bool,
    /// Act on the container that was created last
    #[arg(short, long)]
    latest: bool,
    #[arg(value_name = "[CONTAINER...]", num_args = 0..)]
    names: Vec<String>,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    let engine = context.engine()?;
    let selection =
        Selection { names: &args.names, all: args.all, latest: args.latest, ..Selection::default() };
    let names = selection.resolve(&engine, |container| container.state == ContainerStatus::Running)?;
    for_each(&names, false, |name| match engine.reload_network(name) {
        Ok(id) => Ok(Some(id.to_string())),
        // It is in no network, or has just ended.
        Err(error) if args.all && matches!(error.kind(), ErrorKind::Conflict | ErrorKind::NotFound) => {
            Ok(None)
        }
        Err(error) => Err(error.into()),
    })
}
