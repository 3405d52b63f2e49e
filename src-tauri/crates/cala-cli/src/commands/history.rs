//! `cala history`.

use cala_engine::view::HistoryLayer;
use cala_spec::{ByteSize, human};
use serde::Serialize;

use crate::clock;
use crate::context::Context;
use crate::failure::Failure;
use crate::output;
use crate::report::{self, Format, Headings};
use crate::template::Value;

/// Show how an image was built
#[derive(Debug, clap::Args)]
#[command(
    after_help = "cala history alpine\ncala history --no-trunc alpine\ncala history --format \"{{.ID}} {{.Size}}\" alpine"
)]
pub(crate) struct Args {
    /// Show the steps as JSON or by a Go template
    #[arg(long, value_name = "string")]
    format: Option<String>,
    /// Show times as ages
    #[arg(short = 'H', long, action = clap::ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "true", value_name = "bool")]
    human: bool,
    /// Do not cut ids and instructions
    #[arg(long)]
    no_trunc: bool,
    /// Print ids only
    #[arg(short, long)]
    quiet: bool,
    #[arg(value_name = "IMAGE", num_args = 0..)]
    images: Vec<String>,
}

const HEADINGS: Headings<'_> = &[
    ("Comment", "COMMENT"),
    ("Created", "CREATED"),
    ("CreatedAt", "CREATED AT"),
    ("CreatedBy", "CREATED BY"),
    ("CreatedSince", "CREATED SINCE"),
    ("ID", "ID"),
    ("Size", "SIZE"),
    ("Tags", "TAGS"),
];

const COLUMNS: &str = "table {{.ID}}\t{{.Created}}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}";

/// Longest instruction that is shown whole.
const INSTRUCTION: usize = 45;

/// A step with the second time that Podman's JSON has.
#[derive(Serialize)]
struct Row<'a> {
    #[serde(flatten)]
    layer: &'a HistoryLayer,
    #[serde(rename = "Created")]
    in_seconds: String,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    let [image] = args.images.as_slice() else {
        return Err(Failure::new(format!("accepts 1 arg(s), received {}", args.images.len())));
    };
    let format = args.format.as_deref().map(|format| Format::parse("history", format)).transpose()?;
    let layers = context.engine()?.image_history(image)?;
    output::data(shown(args, format, &layers)?)?;
    Ok(0)
}

fn shown(args: &Args, format: Option<Format>, layers: &[HistoryLayer]) -> Result<String, Failure> {
    let format = match format {
        Some(Format::Json) => {
            let rows =
                layers.iter().map(|layer| Row { layer, in_seconds: clock::utc_seconds(&layer.created) });
            return report::compact_json(&rows.collect::<Vec<_>>());
        }
        _ if args.quiet => Format::parse("history", "{{.ID}}")?,
        Some(format) => format,
        None => Format::parse("history", COLUMNS)?,
    };
    let now = clock::now_ns();
    let values: Vec<Value> = layers.iter().map(|layer| value(layer, args, now)).collect();
    format.render(HEADINGS, true, &values)
}

fn value(layer: &HistoryLayer, args: &Args, now: i64) -> Value {
    let at = clock::utc_seconds(&layer.created);
    let since = human::ago(clock::of_rfc3339(&layer.created), now);
    let id = if args.no_trunc { layer.id.clone() } else { layer.id.chars().take(12).collect() };
    let fields: [(&str, Value); 8] = [
        ("ID", Value::text(id)),
        ("Created", Value::text(if args.human { since.as_str() } else { at.as_str() })),
        ("CreatedSince", Value::text(since.as_str())),
        ("CreatedAt", Value::text(at.as_str())),
        ("CreatedBy", Value::text(instruction(&layer.created_by, args.no_trunc))),
        ("Size", Value::text(ByteSize(layer.size).human_compact(3))),
        ("Tags", Value::of(&layer.tags)),
        ("Comment", Value::text(layer.comment.as_str())),
    ];
    Value::structure("History", fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

/// An instruction of one line: its first letters and `...` when it is long.
fn instruction(text: &str, whole: bool) -> String {
    let line = text.replace(['\t', '\n', '\r'], " ");
    if whole || line.chars().count() <= INSTRUCTION {
        return line;
    }
    line.chars().take(INSTRUCTION - 3).chain("...".chars()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layers() -> Vec<HistoryLayer> {
        let layer = |id: &str, created_by: &str, size| HistoryLayer {
            id: id.to_owned(),
            created: "2026-12-01T03:25:15.119756742Z".to_owned(),
            created_by: created_by.to_owned(),
            tags: Vec::new(),
            size,
            comment: String::new(),
        };
        let long = "/bin/sh -c #(nop) COPY file:ae82cfe958db5d41c3c9bf0eb17adaa1493d20a05227 in /c";
        vec![layer(&"f9".repeat(32), "CMD [\"sh\"]\tx", 0), layer("<missing>", long, 2_027_008)]
    }

    fn args(no_trunc: bool, human: bool) -> Args {
        Args { format: None, human, no_trunc, quiet: false, images: Vec::new() }
    }

    #[test]
    fn the_columns_are_podmans() {
        let text = shown(&args(false, false), None, &layers()).expect("rows");
        assert_eq!(
            text,
            "ID            CREATED               CREATED BY                                     SIZE        COMMENT\n\
             f9f9f9f9f9f9  2026-12-01T03:25:15Z  CMD [\"sh\"] x                                   0B          \n\
             <missing>     2026-12-01T03:25:15Z  /bin/sh -c #(nop) COPY file:ae82cfe958db5d...  2.03MB      \n"
        );
        let whole = shown(&args(true, true), None, &layers()).expect("rows");
        assert!(whole.contains(&"f9".repeat(32)) && whole.contains("05227 in /c"), "{whole}");
        assert!(whole.contains(" ago  "), "{whole}");
    }

    #[test]
    fn json_has_both_times_of_podman() {
        let text = shown(&args(false, true), Some(Format::Json), &layers()[..1]).expect("JSON");
        let expected = format!(
            "[{{\"id\":\"{}\",\"created\":\"2026-12-01T03:25:15.119756742Z\",\"CreatedBy\":\"CMD [\\\"sh\\\"]\\tx\",\"size\":0,\
             \"Created\":\"2026-12-01T03:25:15Z\"}}]\n",
            "f9".repeat(32)
        );
        assert_eq!(text, expected);
    }
}
