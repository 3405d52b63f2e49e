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
    /// Condition to wait for (stopped, exited, running, removing)
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
    let condition = condition(&args.condition)?;
    if args.interval.parse::<u64>().is_err() {
        cala_spec::duration::parse_duration(&args.interval)?;
    }
    let engine = context.engine()?;
    let selection = Selection { names: &args.names, latest: args.latest, ..Selection::default() };
    let names = selection.resolve(&engine, |_| true)?;
    for_each(&names, false, |name| match engine.wait(name, condition) {
        Ok(code) => Ok(Some(code.to_string())),
        Err(error) if args.ignore && error.kind() == ErrorKind::NotFound => Ok(Some("-1".to_owned())),
        Err(error) => Err(error.into()),
    })
}

fn condition(words: &[String]) -> Result<WaitCondition, Failure> {
    let mut found = WaitCondition::default();
    for word in words {
        found = match word.as_str() {
            "stopped" | "exited" => WaitCondition::Stopped,
            "running" => WaitCondition::Running,
            "removing" | "removed" => WaitCondition::Removed,
            other => {
                return Err(Failure::new(format!("unknown container state: {other}: invalid argument"))
                    .hint("allowed: stopped, exited, running, removing"));
            }
        };
    }
    Ok(found)
}
