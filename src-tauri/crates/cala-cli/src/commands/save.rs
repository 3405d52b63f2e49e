//! `cala save`.

use std::fs::File;
use std::io::IsTerminal as _;
use std::os::fd::AsFd as _;
use std::path::PathBuf;

use cala_engine::{ArchiveFormat, SaveOptions, SaveTarget};

use crate::context::Context;
use crate::failure::Failure;

/// Save images to an archive
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "the switches of podman-save(1)")]
#[command(
    after_help = "cala save --output box.tar alpine\ncala save --format oci-archive alpine > alpine.tar\ncala save -m --output both.tar alpine busybox"
)]
pub(crate) struct Args {
    /// Compress the layers of a docker-dir
    #[arg(long)]
    compress: bool,
    /// What is written: docker-archive, oci-archive, oci-dir, docker-dir
    #[arg(long, value_name = "string", default_value = "docker-archive")]
    format: String,
    /// Take further arguments as images and not as names of the first
    #[arg(short, long)]
    multi_image_archive: bool,
    /// Write to this file or folder instead of standard output
    #[arg(short, long, value_name = "string")]
    output: Option<PathBuf>,
    /// Accepted and without meaning: nothing is shown
    #[arg(short, long)]
    quiet: bool,
    /// Leave uncompressed layers of an OCI format as they are
    #[arg(long)]
    uncompressed: bool,
    #[arg(value_names = ["IMAGE", "[IMAGE...]"], num_args = 0..)]
    images: Vec<String>,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    if args.images.is_empty() {
        return Err(Failure::new("need at least 1 argument"));
    }
    let format: ArchiveFormat = args.format.parse::<ArchiveFormat>()?;
    if args.multi_image_archive && args.images.len() > 1 && format != ArchiveFormat::DockerArchive {
        let text =
            format!("unsupported format {:?} for saving multiple images (only docker-archive)", args.format);
        return Err(Failure::new(text));
    }
    if args.compress && format != ArchiveFormat::Dir {
        return Err(Failure::new("--compress can only be set when --format is 'docker-dir'"));
    }
    let target = match &args.output {
        Some(path) => SaveTarget::Path(path.clone()),
        None => SaveTarget::Stream(redirected()?),
    };
    let options = SaveOptions {
        format,
        compress: args.compress,
        uncompressed: args.uncompressed,
        several: args.multi_image_archive,
    };
    context.engine()?.save_images(&args.images, target, &options)?;
    Ok(0)
}

/// Standard output, which nobody must be reading on a screen.
fn redirected() -> Result<File, Failure> {
    let out = std::io::stdout();
    if out.is_terminal() {
        return Err(Failure::new("refusing to save to terminal. Use -o flag or redirect"));
    }
    let copy = out.as_fd().try_clone_to_owned().map_err(|error| Failure::io("writing the output", &error))?;
    Ok(File::from(copy))
}
