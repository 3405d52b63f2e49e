//! `cala wait`.

use cala_engine::WaitCondition;
use cala_spec::{Classify as _, ErrorKind};

use crate::commands::select::{Selection, for_each};
use crate::context::Context;
use crate::failure::Failure;

/// Wait for containers to end, then print their exit codes
#[derive(Debug, clap::Args)]
#[command(after_help = "cala wait web\ncala wait --condition running web")]
pub(crate) struct Args {
    /// Condition to wait for, several times for whichever comes first (configured, created, exited, healthy, initialized, paused, removing, running, stopped, stopping, unhealthy)
    #[arg(long, value_name = "strings", value_delimiter = ',')]
    condition: Vec<String>,
    /// Do not mind a container that is missing
    #[arg(long)]
    ignore: bool,
    /// Accepted and not needed: nothing is polled
    #[arg(short, long, value_name = "string", default_value = "250ms")]
    interval: String,
    /// Act on the container that was created last
    #[arg(short, long)]
    latest: bool,
    #[arg(value_names = ["CONTAINER", "[CONTAINER...]"], num_args = 0..)]
    names: Vec<String>,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    if args.names.is_empty() && !args.latest {
        return Err(Failure::new("\"cala wait\" requires a name, id, or the \"--latest\" flag"));
    }
    if args.interval.parse::<u64>().is_err() {
        cala_spec::duration::parse_duration(&args.interval)?;
    }
    let conditions = conditions(&args.condition)?;
    let engine = context.engine()?;
    let selection = Selection { names: &args.names, latest: args.latest, ..Selection::default() };
    let names = selection.resolve(&engine, |_| true)?;
    for_each(&names, false, |name| match engine.wait_for(name, &conditions) {
        Ok(code) => Ok(Some(code.to_string())),
        Err(error) if args.ignore && error.kind() == ErrorKind::NotFound => Ok(Some("-1".to_owned())),
        Err(error) => Err(error.into()),
    })
}

fn conditions(words: &[String]) -> Result<Vec<WaitCondition>, Failure> {
    if words.is_empty() {
        return Ok(vec![WaitCondition::Stopped]);
    }
    words.iter().map(|word| condition(word)).collect()
}

fn condition(word: &str) -> Result<WaitCondition, Failure> {
    Ok(match word {
        "stopped" | "exited" => WaitCondition::Stopped,
        "configured" | "created" => WaitCondition::Created,
        "initialized" => WaitCondition::Initialized,
        "running" => WaitCondition::Running,
        "paused" => WaitCondition::Paused,
        "stopping" => WaitCondition::Stopping,
        "removing" | "removed" => WaitCondition::Removed,
        "healthy" => WaitCondition::Healthy,
        "unhealthy" => WaitCondition::Unhealthy,
        other => {
            return Err(Failure::new(format!("unknown container state: {other}: invalid argument")).hint(
                "allowed: configured, created, exited, healthy, initialized, paused, removing, running, stopped, stopping, unhealthy",
            ));
        }
    })
}
