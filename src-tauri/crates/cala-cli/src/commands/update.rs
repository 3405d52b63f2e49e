//! `cala update`.

use cala_engine::UpdateOptions;
use cala_spec::RestartPolicy;

use crate::commands::limits::LimitArgs;
use crate::commands::select::bare;
use crate::context::Context;
use crate::failure::Failure;
use crate::output;

/// Change limits and restart policy of a container
///
/// A running container has its new limits at once. What is not named stays.
#[derive(Debug, clap::Args)]
#[command(after_help = "cala update --memory 512m --cpus 2 web\ncala update --restart on-failure:3 web")]
pub(crate) struct Args {
    #[command(flatten)]
    limits: LimitArgs,
    /// What is done when it ends: no, on-failure[:RETRIES], always, unless-stopped
    #[arg(long, value_name = "string")]
    restart: Option<String>,
    #[arg(value_names = ["CONTAINER"], num_args = 0..)]
    names: Vec<String>,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    let [name] = args.names.as_slice() else {
        return Err(Failure::new(format!("accepts 1 arg(s), received {}", args.names.len())));
    };
    let restart = args.restart.as_deref().map(str::parse::<RestartPolicy>).transpose()?;
    let wish = UpdateOptions { restart, ..args.limits.options()? };
    let id = context.engine()?.update(bare(name), &wish)?;
    output::line(id.as_str())?;
    Ok(0)
}
