//! `cala export`.

use std::fs::File;
use std::io::IsTerminal as _;
use std::os::fd::AsFd as _;
use std::path::PathBuf;

use crate::context::Context;
use crate::failure::{Failure, reason};
use crate::output;

/// Export a container's file system as a tar archive
#[derive(Debug, clap::Args)]
#[command(after_help = "cala export web > web.tar\ncala export -o web.tar web")]
pub(crate) struct Args {
    /// Write to this file instead of the standard output
    #[arg(short, long, value_name = "string")]
    output: Option<PathBuf>,
    #[arg(value_name = "CONTAINER", num_args = 0..)]
    names: Vec<String>,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    let [name] = args.names.as_slice() else {
        return Err(Failure::new(format!("accepts 1 arg(s), received {}", args.names.len())));
    };
    let stdout = std::io::stdout();
    let engine = context.engine()?;
    let warnings = match &args.output {
        None if stdout.is_terminal() => {
            return Err(Failure::new("refusing to export to terminal. Use -o flag or redirect"));
        }
        None => engine.export(name, stdout.as_fd())?,
        Some(path) => {
            if path.to_string_lossy().contains(':') {
                let path = path.display();
                return Err(Failure::new(format!("invalid filename (should not contain ':') {path:?}")));
            }
            // Bad input changes nothing: the file is made when the container is known.
            engine.resolve_container(name)?;
            let file = File::create(path)
                .map_err(|error| Failure::new(format!("open {}: {}", path.display(), reason(&error))))?;
            engine.export(name, file.as_fd())?
        }
    };
    for line in warnings {
        output::warning(&line);
    }
    Ok(0)
}
