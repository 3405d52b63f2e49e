//! `cala network disconnect`.

use crate::context::Context;
use crate::failure::Failure;

/// Disconnect a container from a network, also while it runs
#[derive(Debug, clap::Args)]
#[command(after_help = "cala network disconnect shop postgres")]
pub(crate) struct Args {
    /// It is no error when the container is not connected
    #[arg(short, long)]
    force: bool,
    #[arg(value_names = ["NETWORK", "CONTAINER"], num_args = 0..)]
    names: Vec<String>,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    let [network, container] = args.names.as_slice() else {
        return Err(Failure::new(format!("accepts 2 arg(s), received {}", args.names.len())));
    };
    context.engine()?.disconnect_network(container, network, args.force)?;
    Ok(0)
}
