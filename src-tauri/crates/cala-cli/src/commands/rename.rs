//! `cala rename`.

use crate::commands::select::bare;
use crate::context::Context;
use crate::failure::Failure;

/// Give a container another name
///
/// Also while it runs: its networks answer to the new name at once and no longer to the old one.
#[derive(Debug, clap::Args)]
#[command(after_help = "cala rename web old-web")]
pub(crate) struct Args {
    #[arg(value_names = ["CONTAINER", "NAME"], num_args = 0..)]
    names: Vec<String>,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    let [name, new] = args.names.as_slice() else {
        return Err(Failure::new(format!("accepts 2 arg(s), received {}", args.names.len())));
    };
    context.engine()?.rename(bare(name), new)?;
    Ok(0)
}
