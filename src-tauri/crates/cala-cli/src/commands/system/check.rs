//! `cala system check`.

use std::time::Duration;

use cala_engine::CheckOptions;
use cala_engine::view::CheckProblem;
use cala_spec::duration::parse_duration;

use crate::arguments;
use crate::context::Context;
use crate::failure::Failure;
use crate::output;

/// Check everything on the disk
///
/// Images with their layers and blobs, containers, volumes, networks and secrets, and whether something is left that nothing
/// refers to. Prints what is wrong, a line each. `--repair` removes damaged images, which can be pulled again, and what
/// nothing refers to; `--force` also damaged containers and those of damaged images. Volumes are never removed.
#[derive(Debug, clap::Args)]
#[command(after_help = "cala system check\ncala system check --quick\ncala system check --repair --force")]
pub(crate) struct Args {
    /// Repair, and remove damaged containers too
    #[arg(short, long)]
    force: bool,
    /// What nothing refers to is left as long as it is younger
    #[arg(short, long, value_name = "duration", default_value = "24h0m0s")]
    max: String,
    /// Do not read all bytes and do not count all files
    #[arg(short, long)]
    quick: bool,
    /// Remove damaged images and what nothing refers to
    #[arg(short, long)]
    repair: bool,
    #[arg(hide = true, num_args = 0..)]
    words: Vec<String>,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    super::none("check", &args.words)?;
    let options = CheckOptions {
        quick: args.quick,
        repair: args.repair || args.force,
        force: args.force,
        max_age: age(&args.max)?,
    };
    let problems = context.engine()?.check_system(&options)?;
    for problem in &problems {
        output::line(line(problem))?;
    }
    if problems.iter().all(|problem| problem.repaired) {
        return Ok(0);
    }
    let failure = Failure::new("damage detected in local storage");
    Err(if options.repair {
        failure.hint(
            "what is left is removed by its own command: `cala rm -f`, `cala volume rm`, `cala network rm`",
        )
    } else {
        failure.hint("`cala system check --repair` removes damaged images; `cala pull` brings them back")
    })
}

fn line(problem: &CheckProblem) -> String {
    let done = if problem.repaired { " (removed)" } else { "" };
    format!("{} {}: {}{done}", problem.kind, problem.id, problem.reason)
}

fn age(text: &str) -> Result<Duration, Failure> {
    let wrong = |what: String| {
        let text = arguments::invalid_value("-m, --max", text.as_bytes(), &what);
        Failure::usage("cala system check", text)
    };
    let nanoseconds = parse_duration(text).map_err(|error| wrong(error.to_string()))?;
    let nanoseconds = u64::try_from(nanoseconds).map_err(|_| wrong("it is negative".to_owned()))?;
    Ok(Duration::from_nanos(nanoseconds))
}
