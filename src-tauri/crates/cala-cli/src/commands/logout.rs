//! `cala logout`.

use std::path::PathBuf;

use cala_engine::LoginOptions;

use crate::commands::login::registry_name;
use crate::context::Context;
use crate::failure::Failure;
use crate::output;

/// Log out of a registry
#[derive(Debug, clap::Args)]
#[command(after_help = "cala logout quay.io\ncala logout --all")]
pub(crate) struct Args {
    /// Forget the credentials of all registries
    #[arg(short, long)]
    all: bool,
    /// Path of the authentication file
    #[arg(long, value_name = "string")]
    authfile: Option<PathBuf>,
    #[arg(value_name = "[REGISTRY]", num_args = 0..)]
    registry: Vec<String>,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    let options = LoginOptions { authfile: args.authfile.clone(), ..LoginOptions::default() };
    let engine = context.engine()?;
    match (args.registry.as_slice(), args.all) {
        ([], true) => {
            Context::wait_for(engine.logout(None, &options))??;
            output::line("Removed login credentials for all registries")?;
        }
        ([_, ..], true) => return Err(Failure::new("--all takes no arguments")),
        ([], false) => log_out(&engine, "docker.io", &options)?,
        ([registry], false) => log_out(&engine, registry_name(registry), &options)?,
        (many, false) => {
            return Err(Failure::new(format!("accepts at most 1 arg(s), received {}", many.len())));
        }
    }
    Ok(0)
}

fn log_out(engine: &cala_engine::Engine, registry: &str, options: &LoginOptions) -> Result<(), Failure> {
    Context::wait_for(engine.logout(Some(registry), options))??;
    output::line(format!("Removed login credentials for {registry}"))
}
