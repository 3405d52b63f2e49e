//! `cala commit`.

use std::path::PathBuf;

use cala_engine::{CommitOptions, ImageFormat};

use crate::context::Context;
use crate::failure::{Failure, reason};
use crate::output;

/// Make an image of what a container has become
#[derive(Debug, clap::Args)]
#[command(
    after_help = "cala commit web localhost/web:changed\ncala commit -c 'CMD nginx' -a 'Ana' web web:2"
)]
pub(crate) struct Args {
    /// Who made the image
    #[arg(short, long, value_name = "string")]
    author: Option<String>,
    /// Apply an instruction of a Containerfile to the image (CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, ONBUILD,
    /// STOPSIGNAL, USER, VOLUME, WORKDIR)
    #[arg(short, long, value_name = "stringArray")]
    change: Vec<String>,
    /// Form of the manifest (oci or docker)
    #[arg(short, long, value_name = "string", default_value = "oci")]
    format: String,
    /// Write the image ID to the file
    #[arg(long, value_name = "string")]
    iidfile: Option<PathBuf>,
    /// The places of the container's volumes are the image's volumes too
    #[arg(long)]
    include_volumes: bool,
    /// A word about the image
    #[arg(short, long, value_name = "string")]
    message: Option<String>,
    /// Let the container stand still while its files are read
    #[arg(short, long)]
    pause: bool,
    /// Print nothing but the image ID
    #[arg(short, long)]
    quiet: bool,
    /// One layer with everything in it
    #[arg(short, long)]
    squash: bool,
    #[arg(value_names = ["CONTAINER", "[IMAGE]"], num_args = 0..)]
    names: Vec<String>,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    let (container, name) = match args.names.as_slice() {
        [container] => (container, None),
        [container, name] => (container, Some(name.clone())),
        names => {
            return Err(Failure::new(format!("accepts between 1 and 2 arg(s), received {}", names.len())));
        }
    };
    let format = match args.format.as_str() {
        "oci" => ImageFormat::Oci,
        "docker" => ImageFormat::Docker,
        other => return Err(Failure::new(format!("unrecognized image format {other:?}"))),
    };
    let options = CommitOptions {
        name,
        author: args.author.clone(),
        message: args.message.clone(),
        changes: args.change.clone(),
        pause: args.pause,
        squash: args.squash,
        format,
        include_volumes: args.include_volumes,
    };
    let id = context.engine()?.commit(container, &options)?;
    if let Some(path) = &args.iidfile {
        std::fs::write(path, id.hex()).map_err(|error| {
            Failure::new(format!("failed to write image ID to file {:?}: {}", path.display(), reason(&error)))
        })?;
    }
    output::line(id.hex())?;
    Ok(0)
}
