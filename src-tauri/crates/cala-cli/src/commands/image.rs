//! `cala image …`: the commands on images under their long names.

use super::{
    exists, history, image_diff, image_prune, image_tree, images, import, inspect, load, pull, push, rmi,
    save, search, tag, untag,
};
use crate::context::Context;
use crate::failure::Failure;

/// Manage images
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Commands {
    Diff(image_diff::Args),
    /// Check if an image exists
    Exists(exists::ImageArgs),
    History(history::Args),
    Import(import::Args),
    /// Display the configuration of images
    Inspect(inspect::OneKind),
    #[command(visible_alias = "ls")]
    List(images::Args),
    Load(load::Args),
    Prune(image_prune::Args),
    Pull(pull::Args),
    Push(push::Args),
    Rm(rmi::Args),
    Save(save::Args),
    Search(search::Args),
    Tag(tag::Args),
    Tree(image_tree::Args),
    Untag(untag::Args),
}

pub(crate) fn run(command: Commands, context: &Context) -> Result<u8, Failure> {
    match command {
        Commands::Diff(args) => image_diff::run(&args, context),
        Commands::Exists(args) => exists::image(&args, context),
        Commands::History(args) => history::run(&args, context),
        Commands::Import(args) => import::run(&args, context),
        Commands::Inspect(args) => inspect::run(&args.of("image"), context),
        Commands::List(args) => images::run(&args, context),
        Commands::Load(args) => load::run(&args, context),
        Commands::Prune(args) => image_prune::run(&args, context),
        Commands::Pull(args) => pull::run(&args, context),
        Commands::Push(args) => push::run(&args, context),
        Commands::Rm(args) => rmi::run(&args, context),
        Commands::Save(args) => save::run(&args, context),
        Commands::Search(args) => search::run(&args, context),
        Commands::Tag(args) => tag::run(&args, context),
        Commands::Tree(args) => image_tree::run(&args, context),
        Commands::Untag(args) => untag::run(&args, context),
    }
}
