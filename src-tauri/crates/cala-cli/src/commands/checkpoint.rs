//! `cala container checkpoint` and `cala container restore`: refused, with the reason.

use crate::failure::Failure;

/// Write a running container down to go on with it later: not possible without root
///
/// It takes CRIU, which needs privileges that Cala does without. `cala pause` lets a container stand still, `cala commit`
/// keeps its files.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[arg(value_names = ["CONTAINER"], num_args = 0.., trailing_var_arg = true, allow_hyphen_values = true)]
    words: Vec<String>,
}

/// Go on with a container that was written down: not possible without root
///
/// It takes CRIU, which needs privileges that Cala does without.
#[derive(Debug, clap::Args)]
pub(crate) struct RestoreArgs {
    #[arg(value_names = ["CONTAINER"], num_args = 0.., trailing_var_arg = true, allow_hyphen_values = true)]
    words: Vec<String>,
}

pub(crate) fn run(args: &Args) -> Result<u8, Failure> {
    Err(refusal("checkpointing", args.words.is_empty()))
}

pub(crate) fn restore(args: &RestoreArgs) -> Result<u8, Failure> {
    Err(refusal("restoring", args.words.is_empty()))
}

fn refusal(act: &str, nothing_named: bool) -> Failure {
    if nothing_named {
        return Failure::new("you must provide at least one name or id");
    }
    Failure::new(format!("{act} a container requires root: it takes CRIU, which Cala does not use"))
        .hint("`cala pause` lets a container stand still until `cala unpause`")
}
