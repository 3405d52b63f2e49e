//! `cala container prune`.

use crate::context::Context;
use crate::failure::Failure;
use crate::output;

/// Remove all containers that do not run
#[derive(Debug, clap::Args)]
#[command(after_help = "cala container prune\ncala container prune --force --filter until=24h")]
pub(crate) struct Args {
    /// Choose containers by a condition: label, label!, until
    #[arg(long, value_name = "stringArray")]
    filter: Vec<String>,
    /// Do not ask
    #[arg(short, long)]
    force: bool,
    #[arg(hide = true, num_args = 0..)]
    words: Vec<String>,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    if !args.words.is_empty() {
        return Err(Failure::new("`cala container prune` takes no arguments"));
    }
    if !args.force && !output::confirmed("WARNING! This will remove all non running containers.")? {
        return Ok(0);
    }
    let mut worst = 0;
    for (id, done) in context.engine()?.prune_containers(&args.filter)? {
        match done {
            Ok(()) => output::line(id.as_str())?,
            Err(error) => {
                let failure = Failure::from(error);
                output::talk(failure.render());
                worst = worst.max(failure.code());
            }
        }
    }
    Ok(worst)
}
