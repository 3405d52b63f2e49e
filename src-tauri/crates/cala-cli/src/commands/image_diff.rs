//! `cala image diff`.

use serde::Serialize;

use cala_engine::view::{Change, ChangeKind};

use crate::context::Context;
use crate::failure::Failure;
use crate::output;
use crate::report;

/// Show what the topmost layer of an image changes, or what distinguishes two images
#[derive(Debug, clap::Args)]
#[command(after_help = "cala image diff alpine\ncala image diff --format json alpine:3.20 alpine:3.19")]
pub(crate) struct Args {
    /// Change the output format (json)
    #[arg(long, value_name = "string")]
    format: Option<String>,
    #[arg(value_names = ["IMAGE", "[IMAGE]"], num_args = 0..)]
    images: Vec<String>,
}

/// Paths by what became of them; what nothing became of is left out, as in Podman.
#[derive(Debug, Default, Serialize)]
struct Groups<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    changed: Vec<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    added: Vec<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    deleted: Vec<&'a str>,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    let (image, other) = match args.images.as_slice() {
        [image] => (image, None),
        [image, other] => (image, Some(other.as_str())),
        images => {
            return Err(Failure::new(format!("accepts between 1 and 2 arg(s), received {}", images.len())));
        }
    };
    if args.format.as_deref().is_some_and(|format| !matches!(format, "" | "json")) {
        return Err(Failure::new("only supported value for '--format' is 'json'"));
    }
    let changes = context.engine()?.image_changes(image, other)?;
    if args.format.as_deref() == Some("json") {
        return output::data(report::json(&groups(&changes), 5)?).map(|()| 0);
    }
    let lines = changes.iter().map(|change| format!("{} {}\n", change.kind.letter(), change.path));
    output::data(lines.collect::<String>())?;
    Ok(0)
}

fn groups(changes: &[Change]) -> Groups<'_> {
    let mut groups = Groups::default();
    for change in changes {
        let group = match change.kind {
            ChangeKind::Added => &mut groups.added,
            ChangeKind::Changed => &mut groups.changed,
            ChangeKind::Deleted => &mut groups.deleted,
        };
        group.push(&change.path);
    }
    groups
}
