//! `cala image …`: the commands on images under their long names.

use super::{exists, images, inspect, pull, rmi, tag};
use crate::context::Context;
use crate::failure::Failure;

/// Manage images
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Commands {
    /// Check if an image exists
    Exists(exists::ImageArgs),
    /// Display the configuration of images
    Inspect(inspect::OneKind),
    #[command(visible_alias = "ls")]
    List(images::Args),
    Pull(pull::Args),
    Rm(rmi::Args),
    Tag(tag::Args),
}

pub(crate) fn run(command: Commands, context: &Context) -> Result<u8, Failure> {
    match command {
        Commands::Exists(args) => exists::image(&args, context),
        Commands::Inspect(args) => inspect::run(&args.of("image"), context),
        Commands::List(args) => images::run(&args, context),
        Commands::Pull(args) => pull::run(&args, context),
        Commands::Rm(args) => rmi::run(&args, context),
        Commands::Tag(args) => tag::run(&args, context),
    }
}
