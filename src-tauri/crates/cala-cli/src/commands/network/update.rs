//! `cala network update`.

use super::{only, parted};
use crate::context::Context;
use crate::failure::Failure;
use crate::output;

/// Change the resolvers of a network, also while containers run in it
#[derive(Debug, clap::Args)]
#[command(after_help = "cala network update --dns-add 9.9.9.9 --dns-drop 192.0.2.53 shop")]
pub(crate) struct Args {
    /// Add a resolver
    #[arg(long, value_name = "strings")]
    dns_add: Vec<String>,
    /// Drop a resolver
    #[arg(long, value_name = "strings")]
    dns_drop: Vec<String>,
    #[arg(value_name = "NETWORK", num_args = 0..)]
    names: Vec<String>,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    let name = only(&args.names)?;
    context.engine()?.update_network(name, &parted(&args.dns_add), &parted(&args.dns_drop))?;
    output::line(name)?;
    Ok(0)
}
