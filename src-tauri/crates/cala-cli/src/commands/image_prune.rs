//! `cala image prune`.

use crate::context::Context;
use crate::failure::Failure;
use crate::output;

/// Remove the images that nothing needs
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "the switches of podman-image-prune(1)")]
#[command(after_help = "cala image prune\ncala image prune --all --force --filter until=240h")]
pub(crate) struct Args {
    /// Remove all images that no container uses, not only those without a name
    #[arg(short, long)]
    all: bool,
    /// Accepted and without meaning: there is no cache of builds
    #[arg(long)]
    build_cache: bool,
    /// Accepted and without meaning: there are no containers of other programs
    #[arg(long)]
    external: bool,
    /// Choose images by a condition: label, label!, until, and those of `images`
    #[arg(long, value_name = "stringArray")]
    filter: Vec<String>,
    /// Do not ask
    #[arg(short, long)]
    force: bool,
    #[arg(hide = true, num_args = 0..)]
    words: Vec<String>,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    if !args.words.is_empty() {
        return Err(Failure::new("`cala image prune` takes no arguments"));
    }
    let warning = if args.all {
        "WARNING! This command removes all images without at least one container associated with them."
    } else {
        "WARNING! This command removes all dangling images."
    };
    if !args.force && !output::confirmed(warning)? {
        return Ok(0);
    }
    let pruned = context.engine()?.prune_images(args.all, &args.filter)?;
    output::data(pruned.deleted.iter().map(|id| format!("{id}\n")).collect::<String>())?;
    Ok(0)
}
