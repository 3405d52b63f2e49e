//! `cala volume ls`.

use cala_engine::view::VolumeInspect;

use super::row;
use crate::context::Context;
use crate::failure::Failure;
use crate::output;
use crate::report::{self, Format, Headings};
use crate::template::Value;

/// List volumes
#[derive(Debug, clap::Args)]
#[command(
    after_help = "cala volume ls\ncala volume ls --filter dangling=true --quiet\ncala volume ls --format \"table {{.Name}} {{.Mountpoint}}\""
)]
pub(crate) struct Args {
    /// Choose volumes by a condition: name, driver, scope, label, opt, dangling, since, until
    #[arg(short, long, value_name = "stringArray")]
    filter: Vec<String>,
    /// Show volumes as JSON or by a Go template
    #[arg(long, value_name = "string")]
    format: Option<String>,
    /// Do not print headings
    #[arg(short, long)]
    noheading: bool,
    /// Print names only
    #[arg(short, long)]
    quiet: bool,
    #[arg(hide = true, num_args = 0..)]
    words: Vec<String>,
}

const HEADINGS: Headings<'_> = &[
    ("Anonymous", "ANONYMOUS"),
    ("CreatedAt", "CREATED AT"),
    ("Driver", "DRIVER"),
    ("GID", "GID"),
    ("Labels", "LABELS"),
    ("LockNumber", "LOCK NUMBER"),
    ("MountCount", "MOUNT COUNT"),
    ("Mountpoint", "MOUNTPOINT"),
    ("Name", "VOLUME NAME"),
    ("NeedsChown", "NEEDS CHOWN"),
    ("NeedsCopyUp", "NEEDS COPY UP"),
    ("Options", "OPTIONS"),
    ("Scope", "SCOPE"),
    ("Status", "STATUS"),
    ("StorageID", "STORAGE ID"),
    ("Timeout", "TIMEOUT"),
    ("UID", "UID"),
];

const COLUMNS: &str = "table {{.Driver}}\t{{.Name}}";

pub(super) fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    if !args.words.is_empty() {
        return Err(Failure::new("`cala volume ls` takes no arguments"));
    }
    if args.quiet && args.format.is_some() {
        return Err(Failure::new("quiet and format flags cannot be used together"));
    }
    let format = args.format.as_deref().map(|format| Format::parse("ls", format)).transpose()?;
    let volumes = context.engine()?.volumes(&args.filter)?;
    output::data(shown(args, format, &volumes)?)?;
    Ok(0)
}

fn shown(args: &Args, format: Option<Format>, volumes: &[VolumeInspect]) -> Result<String, Failure> {
    if args.quiet {
        return Ok(volumes.iter().map(|volume| format!("{}\n", volume.name)).collect());
    }
    let format = match format {
        Some(Format::Json) => return report::json(volumes, 2),
        Some(_) if args.format.as_deref().is_some_and(report::is_whole) => {
            return volumes.iter().map(report::compact_json).collect();
        }
        Some(format) => format,
        None => Format::parse("ls", COLUMNS)?,
    };
    let rows: Vec<Value> = volumes.iter().map(row::of).collect();
    format.render(HEADINGS, !args.noheading, &rows)
}
