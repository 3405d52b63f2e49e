//! `cala untag`.

use crate::context::Context;
use crate::failure::Failure;

/// Take names away from an image
#[derive(Debug, clap::Args)]
#[command(after_help = "cala untag alpine localhost/base:1\ncala untag 0e5574283393   takes all its names")]
pub(crate) struct Args {
    #[arg(value_names = ["IMAGE", "[NAME...]"], num_args = 0..)]
    names: Vec<String>,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    let [image, names @ ..] = args.names.as_slice() else {
        return Err(Failure::new("requires at least 1 arg(s), only received 0"));
    };
    context.engine()?.untag_image(image, names)?;
    Ok(0)
}
