//! `cala container clone`.

use cala_engine::CloneOptions;

use crate::commands::limits::LimitArgs;
use crate::commands::select::bare;
use crate::context::Context;
use crate::failure::Failure;
use crate::output;
use crate::progress::Progress;

/// Make a container as another one is
///
/// The copy has the configuration of the original, a file system as fresh as its image, and the same volumes.
#[derive(Debug, clap::Args)]
#[command(after_help = "cala container clone web\ncala container clone --run web web2 httpd:2.4")]
pub(crate) struct Args {
    /// Remove the original
    #[arg(long)]
    destroy: bool,
    /// With --destroy, also when it runs
    #[arg(short, long)]
    force: bool,
    #[command(flatten)]
    limits: LimitArgs,
    /// Name of the copy (default: the name of the original with -clone)
    #[arg(long, value_name = "string")]
    name: Option<String>,
    #[arg(long, hide = true)]
    pod: Option<String>,
    /// Start the copy
    #[arg(long)]
    run: bool,
    #[arg(value_names = ["CONTAINER", "[NAME]", "[IMAGE]"], num_args = 0..)]
    words: Vec<String>,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    let (original, rest) = match args.words.split_first() {
        Some((original, rest)) if rest.len() <= 2 => (original, rest),
        _ => {
            let received = args.words.len();
            return Err(Failure::new(format!("accepts between 1 and 3 arg(s), received {received}")));
        }
    };
    if args.pod.is_some() {
        return Err(Failure::new("--pod is not supported: there are no pods yet"));
    }
    if args.force && !args.destroy {
        return Err(Failure::new("cannot set --force without --destroy: invalid argument"));
    }
    let name = args.name.as_ref().or(rest.first());
    let options = CloneOptions {
        name: name.map(|name| bare(name).parse()).transpose()?,
        image: rest.get(1).cloned(),
        limits: args.limits.options()?,
        destroy: args.destroy,
        force: args.force,
    };
    let engine = context.engine()?;
    let progress = Progress::new(false);
    let tell = |step| progress.on(&step);
    let id = Context::wait_for(engine.clone_container(bare(original), &options, &tell))??;
    if args.run {
        engine.start(id.as_str())?;
    }
    output::line(id.as_str())?;
    Ok(0)
}
