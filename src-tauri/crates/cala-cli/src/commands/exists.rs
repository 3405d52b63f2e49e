//! `cala container exists` and `cala image exists`: the exit code is the answer.

use crate::context::Context;
use crate::failure::Failure;

/// Arguments of `container exists`.
#[derive(Debug, clap::Args)]
pub(crate) struct ContainerArgs {
    /// Accepted and without meaning: there are no containers of other programs
    #[arg(long)]
    external: bool,
    #[arg(value_name = "CONTAINER", num_args = 0..)]
    names: Vec<String>,
}

/// Arguments of `image exists`.
#[derive(Debug, clap::Args)]
pub(crate) struct ImageArgs {
    #[arg(value_name = "IMAGE", num_args = 0..)]
    names: Vec<String>,
}

pub(crate) fn container(args: &ContainerArgs, context: &Context) -> Result<u8, Failure> {
    Ok(code(context.engine()?.container_exists(only(&args.names)?)?))
}

pub(crate) fn image(args: &ImageArgs, context: &Context) -> Result<u8, Failure> {
    Ok(code(context.engine()?.image_exists(only(&args.names)?)?))
}

fn only(names: &[String]) -> Result<&str, Failure> {
    match names {
        [name] => Ok(name),
        _ => Err(Failure::new(format!("accepts 1 arg(s), received {}", names.len()))),
    }
}

fn code(exists: bool) -> u8 {
    u8::from(!exists)
}
