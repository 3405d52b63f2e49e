//! `cala volume …`: folders that Cala keeps for containers.

mod create;
mod exists;
mod export;
mod import;
mod inspect;
mod ls;
mod mount;
mod prune;
mod reload;
mod rm;
mod row;

use crate::context::Context;
use crate::failure::Failure;

/// Manage volumes
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Commands {
    Create(create::Args),
    Exists(exists::Args),
    Export(export::Args),
    Import(import::Args),
    Inspect(inspect::Args),
    #[command(visible_alias = "list")]
    Ls(ls::Args),
    Mount(mount::Args),
    Prune(prune::Args),
    Reload(reload::Args),
    #[command(visible_alias = "remove")]
    Rm(rm::Args),
    Unmount(mount::UnmountArgs),
}

pub(crate) fn run(command: Commands, context: &Context) -> Result<u8, Failure> {
    match command {
        Commands::Create(args) => create::run(&args, context),
        Commands::Exists(args) => exists::run(&args, context),
        Commands::Export(args) => export::run(&args, context),
        Commands::Import(args) => import::run(&args, context),
        Commands::Inspect(args) => inspect::run(&args, context),
        Commands::Ls(args) => ls::run(&args, context),
        Commands::Mount(args) => mount::run(&args, context),
        Commands::Prune(args) => prune::run(&args, context),
        Commands::Reload(args) => reload::run(&args),
        Commands::Rm(args) => rm::run(&args, context),
        Commands::Unmount(args) => mount::unmount(&args, context),
    }
}

/// The only name that was given.
fn only(names: &[String]) -> Result<&str, Failure> {
    match names {
        [name] => Ok(name),
        _ => Err(Failure::new(format!("accepts 1 arg(s), received {}", names.len()))),
    }
}

/// The same failure in the words that `volume inspect` and its like have for a missing volume.
fn missing(name: &str, error: cala_engine::EngineError) -> Failure {
    let failure = Failure::from(error);
    if failure.kind() != cala_spec::ErrorKind::NotFound {
        return failure;
    }
    Failure::new(format!("no such volume {name}")).hint("`cala volume ls` lists all volumes")
}
