//! `cala network prune`.

use crate::context::Context;
use crate::failure::Failure;
use crate::output;

const WARNING: &str = "WARNING! This will remove all networks not used by at least one container.";

/// Remove the networks that no container is in
#[derive(Debug, clap::Args)]
#[command(after_help = "cala network prune\ncala network prune --force --filter until=24h")]
pub(crate) struct Args {
    /// Choose networks by a condition: label, until
    #[arg(long, value_name = "stringArray")]
    filter: Vec<String>,
    /// Do not ask
    #[arg(short, long)]
    force: bool,
    #[arg(hide = true, num_args = 0..)]
    words: Vec<String>,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    if !args.words.is_empty() {
        return Err(Failure::new("`cala network prune` takes no arguments"));
    }
    if !args.force && !output::confirmed(WARNING)? {
        return Ok(0);
    }
    let mut worst = 0;
    for (name, done) in context.engine()?.prune_networks(&args.filter)? {
        match done {
            Ok(()) => output::line(name)?,
            Err(error) => {
                let failure = Failure::from(error);
                output::talk(failure.render());
                worst = worst.max(failure.code());
            }
        }
    }
    Ok(worst)
}
