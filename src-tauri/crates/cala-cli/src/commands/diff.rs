//! `cala diff`.

use std::collections::BTreeMap;

use cala_engine::view::{Change, ChangeKind};

use crate::commands::select::latest;
use crate::context::Context;
use crate::failure::Failure;
use crate::output;

/// Show what a container changed in its file system
#[derive(Debug, clap::Args)]
#[command(after_help = "cala diff web\ncala diff --format json web")]
pub(crate) struct Args {
    /// Change the output format (json)
    #[arg(long, value_name = "string")]
    format: Option<String>,
    /// Act on the container that was created last
    #[arg(short, long)]
    latest: bool,
    #[arg(value_name = "CONTAINER", num_args = 0..)]
    names: Vec<String>,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    if args.format.as_deref().is_some_and(|format| !matches!(format, "" | "json")) {
        return Err(Failure::new("only supported value for '--format' is 'json'"));
    }
    let engine = context.engine()?;
    let name = match args.names.as_slice() {
        [] if args.latest => latest(&engine)?,
        [name] if !args.latest => name.clone(),
        [_] => return Err(Failure::new("--latest and arguments cannot be used together")),
        [] => {
            return Err(Failure::new("container must be specified: cala container diff [options] CONTAINER"));
        }
        more => return Err(Failure::new(format!("accepts at most 1 arg(s), received {}", more.len()))),
    };
    if !engine.container_exists(&name)? {
        return Err(Failure::new(format!("{name} not found: layer not known"))
            .hint("`cala ps --all` lists the containers"));
    }
    let changes = engine.container_changes(&name)?;
    if args.format.as_deref() == Some("json") {
        return output::line(json(&changes)?).map(|()| 0);
    }
    let lines = changes.iter().map(|change| format!("{} {}\n", change.kind.letter(), change.path));
    output::data(lines.collect::<String>())?;
    Ok(0)
}

/// Podman's form: the paths by what became of them.
fn json(changes: &[Change]) -> Result<String, Failure> {
    let mut groups: BTreeMap<ChangeKind, Vec<&str>> = BTreeMap::new();
    for change in changes {
        groups.entry(change.kind).or_default().push(&change.path);
    }
    let names = groups.into_iter().map(|(kind, paths)| (word(kind), paths));
    let groups: BTreeMap<&str, Vec<&str>> = names.collect();
    crate::report::json(&groups, 5)
}

fn word(kind: ChangeKind) -> &'static str {
    match kind {
        ChangeKind::Added => "added",
        ChangeKind::Changed => "changed",
        ChangeKind::Deleted => "deleted",
    }
}
