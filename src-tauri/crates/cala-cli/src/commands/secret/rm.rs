//! `cala secret rm`.

use crate::commands::select::for_each;
use crate::context::Context;
use crate::failure::Failure;

/// Remove one or more secrets
///
/// Containers that were made with a secret keep what they have.
#[derive(Debug, clap::Args)]
#[command(after_help = "cala secret rm key password\ncala secret rm --all")]
pub(crate) struct Args {
    /// Remove all secrets
    #[arg(short, long)]
    all: bool,
    /// Do not mind a missing secret
    #[arg(short, long)]
    ignore: bool,
    #[arg(value_names = ["SECRET", "[SECRET...]"], num_args = 0..)]
    names: Vec<String>,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    if args.all != args.names.is_empty() {
        return Err(Failure::new("`cala secret rm` requires one argument, or the --all flag"));
    }
    let engine = context.engine()?;
    let all: Vec<String> = if args.all {
        engine.secrets(&[])?.into_iter().map(|secret| secret.id).collect()
    } else {
        Vec::new()
    };
    for_each(if args.all { &all } else { &args.names }, args.ignore, |name| {
        engine.remove_secret(name).map(Some).map_err(Failure::from)
    })
}
