//! `cala rm`.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use cala_engine::RemoveOptions;
use cala_spec::ContainerId;

use crate::commands::select::{Selection, for_each_at_once, removal};
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
    /// Remove, before it, the containers that depend on it
    #[arg(long)]
    depend: bool,
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
    /// Accepted and without meaning: there are no containers of other programs
    #[arg(long, hide = true)]
    storage: bool,
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
    let options = RemoveOptions {
        force: args.force,
        volumes: args.volumes,
        timeout: args.time.map(patience),
        depend: args.depend || args.all,
    };
    // With dependents a container may be reached on several ways.
    let told = Mutex::new(BTreeSet::new());
    for_each_at_once(&names, args.ignore || args.force || args.all, |name| {
        let removed = engine.remove_all_of(name, &options).map_err(removal)?;
        Ok(lines(&told, name, &removed))
    })
}

/// What was removed and not yet told: dependents by their ids, the container as it was named.
fn lines(told: &Mutex<BTreeSet<String>>, name: &str, removed: &[ContainerId]) -> Option<String> {
    let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
    let fresh: Vec<_> = removed.iter().filter(|id| told.insert(id.to_string())).collect();
    let last = removed.last();
    let shown: Vec<&str> =
        fresh.into_iter().map(|id| if Some(id) == last { name } else { id.as_str() }).collect();
    (!shown.is_empty()).then(|| shown.join("\n"))
}
