//! `cala network exists`: the exit code is the answer.

use super::only;
use crate::context::Context;
use crate::failure::Failure;

/// Check if a network exists
#[derive(Debug, clap::Args)]
#[command(after_help = "cala network exists shop || cala network create shop")]
pub(crate) struct Args {
    #[arg(value_name = "NETWORK", num_args = 0..)]
    names: Vec<String>,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    Ok(u8::from(!context.engine()?.network_exists(only(&args.names)?)?))
}
