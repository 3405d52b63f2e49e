//! `cala man`, hidden: packages make their man pages with it.

use std::path::PathBuf;

use crate::failure::Failure;

/// Write a man page per command into a folder
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,
}

pub(crate) fn run(args: &Args) -> Result<u8, Failure> {
    crate::man_pages(&args.folder).map_err(|error| Failure::io("writing the man pages", &error))?;
    Ok(0)
}
