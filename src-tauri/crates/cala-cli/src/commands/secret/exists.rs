//! `cala secret exists`: the exit code is the answer.

use crate::context::Context;
use crate::failure::Failure;

/// Check if a secret exists
#[derive(Debug, clap::Args)]
#[command(after_help = "cala secret exists key || cala secret create key ./key.pem")]
pub(crate) struct Args {
    #[arg(value_name = "SECRET", num_args = 0..)]
    names: Vec<String>,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    let [name] = args.names.as_slice() else {
        return Err(Failure::new(format!("accepts 1 arg(s), received {}", args.names.len())));
    };
    Ok(u8::from(!context.engine()?.secret_exists(name)?))
}
