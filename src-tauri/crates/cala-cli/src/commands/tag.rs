//! `cala tag`.

use crate::context::Context;
use crate::failure::Failure;

/// Add further names to an image
#[derive(Debug, clap::Args)]
#[command(after_help = "cala tag alpine localhost/base:1")]
pub(crate) struct Args {
    #[arg(value_names = ["IMAGE", "TARGET_NAME", "[TARGET_NAME...]"], num_args = 0..)]
    names: Vec<String>,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    let [image, names @ ..] = args.names.as_slice() else {
        return Err(Failure::new("requires at least 2 arg(s), only received 0"));
    };
    if names.is_empty() {
        return Err(Failure::new("requires at least 2 arg(s), only received 1"));
    }
    let engine = context.engine()?;
    for name in names {
        engine.tag_image(image, name)?;
    }
    Ok(0)
}
