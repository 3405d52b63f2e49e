//! `cala top`.

use cala_engine::Engine;

use crate::commands::select::{bare, latest};
use crate::context::Context;
use crate::failure::Failure;
use crate::{output, table};

/// Display the running processes of a container
///
/// Columns are chosen by the descriptors of podman-top(1), or by -e, -f, aux and -o LIST of ps(1). All is read from outside
/// the container; no program of its image is run. Descriptors: args, capamb, capbnd, capeff, capinh, capprm, comm, etime,
/// group, groups, hgroup, hgroups, hpid, huid, huser, label, nice, pcpu, pgid, pid, ppid, rgroup, rss, ruser, seccomp,
/// state, stime, time, tty, uid, user, vsz.
#[derive(Debug, clap::Args)]
#[command(after_help = "cala top web\ncala top web pid hpid user args\ncala top web -eo pid,comm")]
pub(crate) struct Args {
    /// Act on the container that was created last
    #[arg(short, long)]
    latest: bool,
    /// List the descriptors
    #[arg(long, hide = true)]
    list_descriptors: bool,
    #[arg(value_names = ["CONTAINER", "[FORMAT-DESCRIPTORS|ARGS...]"], num_args = 0.., trailing_var_arg = true)]
    words: Vec<String>,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    if args.list_descriptors {
        output::line(Engine::top_descriptors().join("\n"))?;
        return Ok(0);
    }
    let engine = context.engine()?;
    let (name, columns) = match (args.latest, args.words.split_first()) {
        (true, _) => (latest(&engine)?, args.words.as_slice()),
        (false, Some((name, columns))) => (bare(name).to_owned(), columns),
        (false, None) => {
            return Err(Failure::new("you must provide the name or id of a running container"));
        }
    };
    let shown = engine.top(&name, columns)?;
    let mut out = shown.titles.join("\t") + "\n";
    for process in &shown.processes {
        out.push_str(&process.join("\t"));
        out.push('\n');
    }
    output::data(table::align(&out))?;
    Ok(0)
}
