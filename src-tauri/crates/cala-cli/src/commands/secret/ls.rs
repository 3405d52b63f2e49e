//! `cala secret ls`.

use cala_engine::view::SecretInspect;
use cala_spec::human;

use crate::clock;
use crate::context::Context;
use crate::failure::Failure;
use crate::output;
use crate::report::{self, Format, Headings};
use crate::template::Value;

/// List secrets
#[derive(Debug, clap::Args)]
#[command(after_help = "cala secret ls\ncala secret ls --filter name=key --quiet")]
pub(crate) struct Args {
    /// Choose secrets by a condition: name, id
    #[arg(short, long, value_name = "stringArray")]
    filter: Vec<String>,
    /// Show secrets as JSON or by a Go template
    #[arg(long, value_name = "string")]
    format: Option<String>,
    /// Do not print headings
    #[arg(short, long)]
    noheading: bool,
    /// Print ids only
    #[arg(short, long)]
    quiet: bool,
    #[arg(hide = true, num_args = 0..)]
    words: Vec<String>,
}

const HEADINGS: Headings<'_> = &[
    ("CreatedAt", "CREATED"),
    ("Driver", "DRIVER"),
    ("ID", "ID"),
    ("Name", "NAME"),
    ("UpdatedAt", "UPDATED"),
];

const COLUMNS: &str = "table {{.ID}}\t{{.Name}}\t{{.Driver}}\t{{.CreatedAt}}\t{{.UpdatedAt}}";

pub(super) fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    if !args.words.is_empty() {
        return Err(Failure::new("`cala secret ls` takes no arguments"));
    }
    let format = args.format.as_deref().map(|format| Format::parse("ls", format)).transpose()?;
    let secrets = context.engine()?.secrets(&args.filter)?;
    output::data(shown(args, format, &secrets)?)?;
    Ok(0)
}

fn shown(args: &Args, format: Option<Format>, secrets: &[SecretInspect]) -> Result<String, Failure> {
    if args.quiet {
        return Ok(secrets.iter().map(|secret| format!("{}\n", secret.id)).collect());
    }
    let format = match format {
        // Podman prints the word `json` for each; the form of `secret inspect` is of more use.
        Some(Format::Json) => return report::json(secrets, 4),
        Some(format) => format,
        None => Format::parse("ls", COLUMNS)?,
    };
    let now = clock::now_ns();
    let rows: Vec<Value> = secrets.iter().map(|secret| row(secret, now)).collect();
    format.render(HEADINGS, !args.noheading, &rows)
}

fn row(secret: &SecretInspect, now: i64) -> Value {
    let ago = |text: &str| Value::text(human::ago(clock::ns_of(text), now));
    let fields = [
        ("ID", Value::text(secret.id.as_str())),
        ("Name", Value::text(secret.spec.name.as_str())),
        ("Driver", Value::text(secret.spec.driver.name.as_str())),
        ("CreatedAt", ago(&secret.created_at)),
        ("UpdatedAt", ago(&secret.updated_at)),
    ];
    Value::structure(
        "types.SecretListReport",
        fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
    )
}
