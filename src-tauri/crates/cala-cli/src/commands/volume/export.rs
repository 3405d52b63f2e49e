//! `cala volume export`.

use std::fs::File;
use std::io::IsTerminal as _;
use std::path::PathBuf;

use super::{missing, only};
use crate::context::Context;
use crate::failure::{Failure, reason};

/// Write the files of a volume as a tar archive
#[derive(Debug, clap::Args)]
#[command(
    after_help = "cala volume export data --output data.tar\ncala volume export data | gzip > data.tar.gz"
)]
pub(crate) struct Args {
    /// Write to a file instead of standard output
    #[arg(short, long, value_name = "string")]
    output: Option<PathBuf>,
    #[arg(value_name = "VOLUME", num_args = 0..)]
    names: Vec<String>,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    let name = only(&args.names)?;
    let engine = context.engine()?;
    let Some(path) = args.output.as_ref().filter(|path| path.as_os_str() != "-") else {
        if std::io::stdout().is_terminal() {
            return Err(Failure::new("refusing to export to terminal. Use -o flag or redirect"));
        }
        engine.export_volume(name, std::io::stdout()).map_err(|error| missing(name, error))?;
        return Ok(0);
    };
    // Before a file is made or emptied for nothing.
    engine.inspect_volume(name).map_err(|error| missing(name, error))?;
    let file = File::create(path)
        .map_err(|error| Failure::new(format!("open {}: {}", path.display(), reason(&error))))?;
    engine.export_volume(name, file)?;
    Ok(0)
}
