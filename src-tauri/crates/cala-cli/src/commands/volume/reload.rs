//! `cala volume reload`.

use crate::failure::Failure;
use crate::output;

/// Ask volume plugins for their volumes: Cala has no plugins, so this does nothing
#[derive(Debug, clap::Args)]
#[command(after_help = "cala volume reload")]
pub(crate) struct Args {
    #[arg(hide = true, num_args = 0..)]
    words: Vec<String>,
}

pub(super) fn run(args: &Args) -> Result<u8, Failure> {
    if !args.words.is_empty() {
        return Err(Failure::new("`cala volume reload` takes no arguments"));
    }
    output::data("")?;
    Ok(0)
}
