//! `cala create`.

use std::path::Path;

use cala_engine::{Engine, RemoveOptions};
use cala_spec::{ContainerId, ContainerSpec};

use crate::context::Context;
use crate::failure::Failure;
use crate::options::CreateOptions;
use crate::output;
use crate::progress::Progress;

/// Create but do not start a container
#[derive(Debug, clap::Args)]
#[command(after_help = "cala create --name web -v ./site:/srv:ro httpd\ncala create -it alpine sh")]
pub(crate) struct Args {
    #[command(flatten)]
    options: CreateOptions,
    #[arg(value_names = ["IMAGE", "[COMMAND", "[ARG...]]"], num_args = 0.., trailing_var_arg = true)]
    words: Vec<String>,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    let spec = args.options.spec(&args.words)?;
    let engine = context.engine()?;
    let id = make(&engine, spec, &args.options)?;
    output::line(id.as_str())?;
    Ok(0)
}

/// Makes the container; its id goes into `--cidfile`.
pub(crate) fn make(
    engine: &Engine,
    spec: ContainerSpec,
    options: &CreateOptions,
) -> Result<ContainerId, Failure> {
    let pull = options.pull_options()?;
    if let (true, Some(name)) = (options.replace, &spec.name)
        && engine.container_exists(name.as_str())?
    {
        engine.remove(name.as_str(), &RemoveOptions { force: true, ..RemoveOptions::default() })?;
    }
    let progress = Progress::new(options.quiet);
    let id = Context::wait_for(engine.create_with(spec, &pull, &|step| progress.on(&step)))??;
    if let Some(file) = &options.cidfile
        && let Err(failure) = write_id(file, &id)
    {
        // Nobody would learn of the container.
        let _ = engine.remove(id.as_str(), &RemoveOptions { force: true, ..RemoveOptions::default() });
        return Err(failure);
    }
    Ok(id)
}

fn write_id(file: &Path, id: &ContainerId) -> Result<(), Failure> {
    std::fs::write(file, id.as_str())
        .map_err(|error| Failure::io(&format!("writing CIDFile {}", file.display()), &error))
}
