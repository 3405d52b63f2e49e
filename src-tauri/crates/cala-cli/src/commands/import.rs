//! `cala import`.

use std::fs::File;

use cala_engine::ImportOptions;

use crate::context::Context;
use crate::failure::{Failure, reason};
use crate::output;

/// Make an image of a tar archive of a file system
#[derive(Debug, clap::Args)]
#[command(after_help = "cala import web.tar web:exported\ncala export web | cala import -c 'CMD sh' - web:2")]
pub(crate) struct Args {
    /// Architecture of the image; this machine's by default
    #[arg(long, value_name = "string")]
    arch: Option<String>,
    /// Apply an instruction of a Containerfile to the image (CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, ONBUILD,
    /// STOPSIGNAL, USER, VOLUME, WORKDIR)
    #[arg(short, long, value_name = "stringArray")]
    change: Vec<String>,
    /// A word about the image
    #[arg(short, long, value_name = "string")]
    message: Option<String>,
    /// Operating system of the image; linux by default
    #[arg(long, value_name = "string")]
    os: Option<String>,
    /// Print nothing but the image ID
    #[arg(short, long)]
    quiet: bool,
    /// Variant of the architecture
    #[arg(long, value_name = "string")]
    variant: Option<String>,
    #[arg(value_names = ["PATH", "[REFERENCE]"], num_args = 0..)]
    names: Vec<String>,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    let (path, name) = match args.names.as_slice() {
        [path] => (path, None),
        [path, name] => (path, Some(name.clone())),
        names => {
            return Err(Failure::new(format!("accepts between 1 and 2 arg(s), received {}", names.len())));
        }
    };
    let options = ImportOptions {
        name,
        message: args.message.clone(),
        changes: args.change.clone(),
        os: args.os.clone(),
        architecture: args.arch.clone(),
        variant: args.variant.clone(),
    };
    let engine = context.engine()?;
    let id = if path == "-" {
        engine.import(std::io::stdin().lock(), &options)?
    } else if path.starts_with("http://") || path.starts_with("https://") {
        Context::wait_for(engine.import_url(path, &options))??
    } else {
        let file = File::open(path).map_err(|error| {
            Failure::new(format!("error opening {path:?}: open {path}: {}", reason(&error)))
        })?;
        engine.import(file, &options)?
    };
    output::line(id.as_str())?;
    Ok(0)
}
