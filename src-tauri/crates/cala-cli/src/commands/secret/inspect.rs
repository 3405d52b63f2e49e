//! `cala secret inspect`.

use std::fmt::Write as _;

use cala_engine::view::SecretInspect;

use crate::context::Context;
use crate::failure::Failure;
use crate::output;
use crate::report::{self, Format};
use crate::template::Value;

/// Display what is known of secrets, their contents only when asked for
#[derive(Debug, clap::Args)]
#[command(
    after_help = "cala secret inspect key\ncala secret inspect --showsecret --format '{{.SecretData}}' key"
)]
pub(crate) struct Args {
    /// Format the output by a Go template or as json
    #[arg(short, long, value_name = "string")]
    format: Option<String>,
    /// Print it for people
    #[arg(long)]
    pretty: bool,
    /// Show the secret itself
    #[arg(long)]
    showsecret: bool,
    #[arg(value_names = ["SECRET", "[SECRET...]"], num_args = 0..)]
    names: Vec<String>,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    if args.names.is_empty() {
        return Err(Failure::new("requires at least 1 arg(s), only received 0"));
    }
    if args.pretty && args.format.is_some() {
        return Err(Failure::new("--format and --pretty cannot be used together"));
    }
    let format = Format::parse("inspect", args.format.as_deref().unwrap_or("json"))?;
    let engine = context.engine()?;
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    for name in &args.names {
        match engine.inspect_secret(name, args.showsecret) {
            Ok(secret) => found.push(secret),
            Err(error) => failures.push(Failure::from(error).within("inspecting secret")),
        }
    }
    let text = if args.pretty { found.iter().map(pretty).collect() } else { shown(args, &format, &found)? };
    output::data(text)?;
    for failure in &failures {
        output::talk(failure.render());
    }
    Ok(failures.iter().map(Failure::code).max().unwrap_or(0))
}

fn shown(args: &Args, format: &Format, found: &[SecretInspect]) -> Result<String, Failure> {
    match format {
        Format::Json => report::json(found, 4),
        _ if args.format.as_deref().is_some_and(report::is_whole) => {
            found.iter().map(report::compact_json).collect()
        }
        format => {
            let rows: Vec<Value> = found.iter().map(row).collect();
            format.render(&[], false, &rows)
        }
    }
}

fn row(secret: &SecretInspect) -> Value {
    let of = |name: &str, fields: Vec<(&str, Value)>| {
        Value::structure(name, fields.into_iter().map(|(field, value)| (field.to_owned(), value)).collect())
    };
    let driver = of(
        "entities.SecretDriverSpec",
        vec![
            ("Name", Value::text(secret.spec.driver.name.as_str())),
            ("Options", Value::of(&secret.spec.driver.options)),
        ],
    );
    let spec = of(
        "entities.SecretSpec",
        vec![
            ("Name", Value::text(secret.spec.name.as_str())),
            ("Driver", driver),
            ("Labels", Value::of(&secret.spec.labels)),
        ],
    );
    of(
        "entities.SecretInfoReport",
        vec![
            ("ID", Value::text(secret.id.as_str())),
            ("CreatedAt", Value::Time(secret.created_at.as_str().into())),
            ("UpdatedAt", Value::Time(secret.updated_at.as_str().into())),
            ("Spec", spec),
            ("SecretData", Value::text(secret.secret_data.as_deref().unwrap_or_default())),
        ],
    )
}

/// As Podman's `--pretty` lays it out.
fn pretty(secret: &SecretInspect) -> String {
    let time = |text: &str| text.replacen('T', " ", 1).replace('Z', " +0000 UTC");
    let mut out = format!("ID:              {}\nName:              {}\n", secret.id, secret.spec.name);
    if !secret.spec.labels.is_empty() {
        out.push_str("Labels:\n");
        for (key, value) in &secret.spec.labels {
            // Writing to a String cannot fail.
            let _ =
                if value.is_empty() { writeln!(out, " - {key}") } else { writeln!(out, " - {key}={value}") };
        }
    }
    let _ = writeln!(out, "Driver:            {}", secret.spec.driver.name);
    let _ = writeln!(out, "Created at:        {}", time(&secret.created_at));
    let _ = writeln!(out, "Updated at:        {}", time(&secret.updated_at));
    if let Some(data) = &secret.secret_data {
        let _ = writeln!(out, "Secret:            {data}");
    }
    out
}
