//! `cala rmi`.

use cala_engine::ImageFilter;

use crate::commands::select::{for_each, removal};
use crate::context::Context;
use crate::failure::Failure;

/// Remove one or more images
#[derive(Debug, clap::Args)]
#[command(after_help = "cala rmi alpine\ncala rmi --force alpine\ncala rmi --all")]
pub(crate) struct Args {
    /// Remove all images
    #[arg(short, long)]
    all: bool,
    /// Remove also the containers that use the image; do not mind a missing image
    #[arg(short, long)]
    force: bool,
    /// Do not mind an image that is missing
    #[arg(short, long)]
    ignore: bool,
    /// Accepted and without meaning: nothing dangles after a removal
    #[arg(long, hide = true)]
    no_prune: bool,
    #[arg(value_names = ["IMAGE", "[IMAGE...]"], num_args = 0..)]
    images: Vec<String>,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    if args.all && !args.images.is_empty() {
        return Err(Failure::new("when using the --all switch, you may not pass any images names or IDs"));
    }
    if !args.all && args.images.is_empty() {
        return Err(Failure::new("image name or ID must be specified"));
    }
    let engine = context.engine()?;
    let names: Vec<String> = if args.all {
        // By name, so that an image goes with its last one; those without a name by id.
        let images = engine.images(&ImageFilter::default())?;
        images
            .into_iter()
            .flat_map(|image| if image.names.is_empty() { vec![image.id] } else { image.names })
            .collect()
    } else {
        args.images.clone()
    };
    for_each(&names, args.ignore || args.force, |name| {
        let removed = engine.remove_image(name, args.force).map_err(removal)?;
        let untagged = removed.untagged.iter().map(|name| format!("Untagged: {name}"));
        let deleted = removed.deleted.iter().map(|id| format!("Deleted: {id}"));
        Ok(Some(untagged.chain(deleted).collect::<Vec<_>>().join("\n")).filter(|text| !text.is_empty()))
    })
}
