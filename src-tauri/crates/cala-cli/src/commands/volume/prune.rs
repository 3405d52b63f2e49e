//! `cala volume prune`.

use crate::context::Context;
use crate::failure::Failure;
use crate::output;

/// Remove the volumes that no container mounts
///
/// Named and anonymous ones alike, with all files in them.
#[derive(Debug, clap::Args)]
#[command(after_help = "cala volume prune\ncala volume prune --force --filter label=project=shop")]
pub(crate) struct Args {
    /// Choose volumes by a condition: name, driver, scope, label, opt, since, until
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
        return Err(Failure::new("`cala volume prune` takes no arguments"));
    }
    let engine = context.engine()?;
    if !args.force && !confirmed(&engine.prunable_volumes(&args.filter)?)? {
        return Ok(0);
    }
    let mut worst = 0;
    for (name, done) in engine.prune_volumes(&args.filter)? {
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

fn confirmed(names: &[String]) -> Result<bool, Failure> {
    let mut text = "WARNING! This will remove all volumes not used by at least one container.".to_owned();
    if names.is_empty() {
        text.push_str(" There is none.");
    } else {
        text.push_str(" The following volumes will be removed:");
        names.iter().for_each(|name| text.extend(["\n", name.as_str()]));
    }
    output::confirmed(&text)
}
