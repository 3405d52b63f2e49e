//! `cala system migrate` and `cala system renumber`.

use crate::context::Context;
use crate::failure::Failure;
use crate::output;

/// Stop all containers, so that they start again with the id range that the machine gives now
///
/// To be run after /etc/subuid or /etc/subgid were changed. Records need no change.
#[derive(Debug, clap::Args)]
#[command(after_help = "cala system migrate")]
pub(crate) struct Args {
    /// Not supported: there is one runtime
    #[arg(long, value_name = "string")]
    new_runtime: Option<String>,
    #[arg(hide = true, num_args = 0..)]
    words: Vec<String>,
}

/// Number locks anew: Cala has no numbered locks, so this does nothing
#[derive(Debug, clap::Args)]
#[command(after_help = "cala system renumber")]
pub(crate) struct RenumberArgs {
    #[arg(hide = true, num_args = 0..)]
    words: Vec<String>,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    super::none("migrate", &args.words)?;
    if let Some(name) = &args.new_runtime {
        return Err(Failure::new(format!(
            "change to runtime {name:?} requested but no such runtime is defined: invalid argument"
        ))
        .hint("Cala has a runtime of its own"));
    }
    for id in context.engine()?.migrate()? {
        output::line(format!("stopped {id}"))?;
    }
    Ok(0)
}

pub(super) fn renumber(args: &RenumberArgs) -> Result<u8, Failure> {
    super::none("renumber", &args.words)?;
    Ok(0)
}
