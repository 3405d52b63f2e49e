//! `cala secret …`: what containers need and nobody else is to see.

mod create;
mod exists;
mod inspect;
mod ls;
mod rm;

use crate::context::Context;
use crate::failure::Failure;

/// Manage secrets
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Commands {
    Create(create::Args),
    Exists(exists::Args),
    Inspect(inspect::Args),
    #[command(visible_alias = "list")]
    Ls(ls::Args),
    Rm(rm::Args),
}

pub(crate) fn run(command: Commands, context: &Context) -> Result<u8, Failure> {
    match command {
        Commands::Create(args) => create::run(&args, context),
        Commands::Exists(args) => exists::run(&args, context),
        Commands::Inspect(args) => inspect::run(&args, context),
        Commands::Ls(args) => ls::run(&args, context),
        Commands::Rm(args) => rm::run(&args, context),
    }
}
