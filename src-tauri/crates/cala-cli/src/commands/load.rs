//! `cala load`.

use std::io::IsTerminal as _;
use std::path::PathBuf;

use crate::context::Context;
use crate::failure::Failure;
use crate::output;
use crate::progress::Progress;

/// Load images from an archive
#[derive(Debug, clap::Args)]
#[command(after_help = "cala load --input images.tar\nzcat images.tar.gz | cala load")]
pub(crate) struct Args {
    /// Read this archive, or directory of an image, instead of standard input
    #[arg(short, long, value_name = "string")]
    input: Option<PathBuf>,
    /// Do not show the progress
    #[arg(short, long)]
    quiet: bool,
    #[arg(hide = true, num_args = 0..)]
    words: Vec<String>,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    if !args.words.is_empty() {
        return Err(Failure::new("`cala load` takes no arguments"));
    }
    let engine = context.engine()?;
    let progress = Progress::new(args.quiet);
    let shown = |step| progress.on(&step);
    let loaded = match &args.input {
        Some(path) => engine.load_images_from(path, None, &shown)?,
        None if std::io::stdin().is_terminal() => {
            return Err(Failure::new(
                "cannot read from terminal, use command-line redirection or the --input flag",
            ));
        }
        None => engine.load_images(std::io::stdin().lock(), "standard input", &shown)?,
    };
    for image in loaded {
        let names = if image.names.is_empty() { vec![format!("sha256:{}", image.id)] } else { image.names };
        output::data(names.iter().map(|name| format!("Loaded image: {name}\n")).collect::<String>())?;
    }
    Ok(0)
}
