//! `cala volume import`.

use std::fs::File;

use super::missing;
use crate::context::Context;
use crate::failure::{Failure, reason};

/// Put the files of a tar archive into a volume
///
/// The archive may be compressed with gzip or zstd; `-` reads it from standard input. Files of the volume that are in the
/// archive too are replaced, all others stay. A bad archive changes nothing.
#[derive(Debug, clap::Args)]
#[command(after_help = "cala volume import data data.tar\ngunzip -c data.tar.gz | cala volume import data -")]
pub(crate) struct Args {
    #[arg(value_names = ["VOLUME", "[SOURCE]"], num_args = 0..)]
    words: Vec<String>,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    let [name, source] = args.words.as_slice() else {
        return Err(Failure::new(format!("accepts 2 arg(s), received {}", args.words.len())));
    };
    let engine = context.engine()?;
    let done = if source == "-" {
        engine.import_volume(name, std::io::stdin())
    } else {
        let file =
            File::open(source).map_err(|error| Failure::new(format!("open {source}: {}", reason(&error))))?;
        engine.import_volume(name, file)
    };
    done.map(|()| 0).map_err(|error| missing(name, error))
}
