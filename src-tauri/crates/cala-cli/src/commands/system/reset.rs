//! `cala system reset`.

use crate::context::Context;
use crate::failure::Failure;
use crate::output;

/// Remove everything that Cala keeps
///
/// All containers, running or not, images, volumes with their files, networks and secrets.
#[derive(Debug, clap::Args)]
#[command(after_help = "cala system reset\ncala --root /srv/old system reset --force")]
pub(crate) struct Args {
    /// Do not ask
    #[arg(short, long)]
    force: bool,
    #[arg(hide = true, num_args = 0..)]
    words: Vec<String>,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    super::none("reset", &args.words)?;
    let engine = context.engine()?;
    let (data, run) = engine.roots()?;
    let warning = format!(
        "WARNING! This will remove:\n        - all containers\n        - all images\n        - all networks\n        - all \
         volumes\n        - all secrets\n        - the data root: {data:?}\n        - the run root: {run:?}"
    );
    if args.force || output::confirmed(&warning)? {
        engine.reset()?;
    }
    Ok(0)
}
