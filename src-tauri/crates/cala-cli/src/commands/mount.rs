//! `cala mount` and `cala unmount`.

use std::path::PathBuf;

use serde_json::json;

use crate::commands::select::{Selection, for_each};
use crate::context::Context;
use crate::failure::Failure;
use crate::output;

/// Mount a container's file system, or list what is mounted (in `cala unshare`)
#[derive(Debug, clap::Args)]
#[command(after_help = "cala unshare sh -c 'ls $(cala mount web)'\ncala unshare\ncala mount web")]
pub(crate) struct Args {
    /// Mount all containers
    #[arg(short, long)]
    all: bool,
    /// Change the output format (json)
    #[arg(long, value_name = "string")]
    format: Option<String>,
    /// Act on the container that was created last
    #[arg(short, long)]
    latest: bool,
    /// Do not truncate the output
    #[arg(long, alias = "notruncate")]
    no_trunc: bool,
    #[arg(value_names = ["CONTAINER", "[CONTAINER...]"], num_args = 0..)]
    names: Vec<String>,
}

/// Unmount a container's file system
#[derive(Debug, clap::Args)]
#[command(after_help = "cala unmount web\ncala unmount --all")]
pub(crate) struct UnmountArgs {
    /// Unmount all containers
    #[arg(short, long)]
    all: bool,
    /// For old scripts; who has files open there keeps them anyway
    #[arg(short, long)]
    force: bool,
    /// Act on the container that was created last
    #[arg(short, long)]
    latest: bool,
    #[arg(value_names = ["CONTAINER", "[CONTAINER...]"], num_args = 0..)]
    names: Vec<String>,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    if let Some(format) = args.format.as_deref().filter(|format| !matches!(*format, "" | "json")) {
        return Err(Failure::new(format!("unknown --format argument: {format:?}")));
    }
    let engine = context.engine()?;
    if args.names.is_empty() && !args.all && !args.latest {
        let mounted = engine.mounted()?;
        if args.format.as_deref() == Some("json") {
            let rows: Vec<_> = mounted
                .iter()
                .map(|(id, name, place)| json!({ "id": id, "Names": [name], "mountpoint": place }))
                .collect();
            output::data(crate::report::json(&rows, 1)?)?;
            return Ok(0);
        }
        for (id, _, place) in mounted {
            let id = if args.no_trunc { id.as_str() } else { id.short() };
            output::line(format!("{id}  {}", place.display()))?;
        }
        return Ok(0);
    }
    let selection =
        Selection { names: &args.names, all: args.all, latest: args.latest, ..Selection::default() };
    for_each(&selection.resolve(&engine, |_| true)?, false, |name| {
        let place: PathBuf = engine.mount_container(name)?;
        Ok(Some(place.display().to_string()))
    })
}

pub(crate) fn unmount(args: &UnmountArgs, context: &Context) -> Result<u8, Failure> {
    let engine = context.engine()?;
    let selection =
        Selection { names: &args.names, all: args.all, latest: args.latest, ..Selection::default() };
    for_each(&selection.resolve(&engine, |_| true)?, false, |name| {
        engine.unmount_container(name)?;
        Ok(Some(name.to_owned()))
    })
}
