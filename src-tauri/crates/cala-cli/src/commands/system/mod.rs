//! `cala system …`: everything that Cala keeps, as a whole.

mod check;
mod connection;
mod df;
mod df_verbose;
mod migrate;
mod prune;
mod reset;

use super::{events, info, version};
use crate::context::Context;
use crate::failure::Failure;

/// Manage what Cala keeps
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Commands {
    Check(check::Args),
    #[command(subcommand, about = "Connections to other machines")]
    Connection(connection::Commands),
    Df(df::Args),
    Events(events::Args),
    Info(info::Args),
    Migrate(migrate::Args),
    Prune(prune::Args),
    Renumber(migrate::RenumberArgs),
    Reset(reset::Args),
    Version(version::Args),
}

pub(crate) fn run(command: Commands, context: &Context) -> Result<u8, Failure> {
    match command {
        Commands::Check(args) => check::run(&args, context),
        Commands::Connection(command) => connection::run(&command),
        Commands::Df(args) => df::run(&args, context),
        Commands::Events(args) => events::run(&args, context),
        Commands::Info(args) => info::run(&args, context),
        Commands::Migrate(args) => migrate::run(&args, context),
        Commands::Prune(args) => prune::run(&args, context),
        Commands::Renumber(args) => migrate::renumber(&args),
        Commands::Reset(args) => reset::run(&args, context),
        Commands::Version(args) => version::run(&args),
    }
}

/// Refuses words that a command has no use for.
fn none(command: &str, words: &[String]) -> Result<(), Failure> {
    if words.is_empty() {
        Ok(())
    } else {
        Err(Failure::new(format!("`cala system {command}` takes no arguments")))
    }
}

/// Bytes as Podman prints them here: without a blank, other than in `images`.
fn shown_size(bytes: u64) -> String {
    cala_spec::ByteSize(bytes).human().replace(' ', "")
}
