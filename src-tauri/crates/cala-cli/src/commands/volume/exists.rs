//! `cala volume exists`: the exit code is the answer.

use super::only;
use crate::context::Context;
use crate::failure::Failure;

/// Check if a volume exists
#[derive(Debug, clap::Args)]
#[command(after_help = "cala volume exists data || cala volume create data")]
pub(crate) struct Args {
    #[arg(value_name = "VOLUME", num_args = 0..)]
    names: Vec<String>,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    Ok(u8::from(!context.engine()?.volume_exists(only(&args.names)?)?))
}
