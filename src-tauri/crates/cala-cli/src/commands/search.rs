//! `cala search`.

use cala_engine::SearchOptions;
use cala_engine::view::SearchResult;
use serde::Serialize;

use crate::context::Context;
use crate::failure::Failure;
use crate::output;
use crate::registry_options::RegistryOptions;
use crate::report::{self, Format, Headings};
use crate::template::Value;

/// Search a registry for images
#[derive(Debug, clap::Args)]
#[command(
    after_help = "cala search --filter is-official --limit 3 alpine\ncala search localhost:5000/   lists all of a registry\ncala search --list-tags quay.io/podman/stable"
)]
pub(crate) struct Args {
    /// Show stars, and what is official and automated
    #[arg(long)]
    compatible: bool,
    /// Choose by a condition: stars, is-official, is-automated
    #[arg(short, long, value_name = "stringArray")]
    filter: Vec<String>,
    /// Show the results as JSON or by a Go template
    #[arg(long, value_name = "string")]
    format: Option<String>,
    /// Most results of each registry
    #[arg(long, value_name = "int", allow_negative_numbers = true)]
    limit: Option<usize>,
    /// List the tags of a repository
    #[arg(long)]
    list_tags: bool,
    /// Do not cut descriptions
    #[arg(long)]
    no_trunc: bool,
    #[command(flatten)]
    registry: RegistryOptions,
    #[arg(value_name = "TERM", num_args = 0..)]
    terms: Vec<String>,
}

const HEADINGS: Headings<'_> = &[
    ("Automated", "AUTOMATED"),
    ("Description", "DESCRIPTION"),
    ("Index", "INDEX"),
    ("Name", "NAME"),
    ("Official", "OFFICIAL"),
    ("Stars", "STARS"),
    ("Tag", "TAG"),
];

const COLUMNS: &str = "table {{.Name}}\t{{.Description}}";
const COMPATIBLE: &str = "table {{.Name}}\t{{.Description}}\t{{.Stars}}\t{{.Official}}\t{{.Automated}}";
const TAGS: &str = "table {{.Name}}\t{{.Tag}}";

/// Longest description that is shown whole.
const DESCRIPTION: usize = 44;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Tags<'a> {
    name: &'a str,
    tags: &'a [String],
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    let [term] = args.terms.as_slice() else {
        return Err(Failure::new(format!("accepts 1 arg(s), received {}", args.terms.len())));
    };
    if args.list_tags && !args.filter.is_empty() {
        return Err(Failure::new("filters are not applicable to list tags result"));
    }
    let format = args.format.as_deref().map(|format| Format::parse("search", format)).transpose()?;
    let options = SearchOptions {
        tls_verify: args.registry.tls_verify,
        credentials: args.registry.credentials()?,
        authfile: args.registry.authfile.clone(),
        cert_dir: args.registry.cert_dir.clone(),
        limit: args.limit,
        filters: args.filter.clone(),
    };
    let engine = context.engine()?;
    let text = if args.list_tags {
        let (name, tags) = Context::wait_for(engine.search_tags(term, &options))??;
        shown_tags(format, &name, &tags)?
    } else {
        let results = Context::wait_for(engine.search_images(term, &options))??;
        shown(args, format, &results)?
    };
    output::data(text)?;
    Ok(0)
}

fn shown(args: &Args, format: Option<Format>, results: &[SearchResult]) -> Result<String, Failure> {
    let format = match format {
        Some(Format::Json) => return report::json(results, 4),
        Some(format) => format,
        // Nothing found is nothing shown, as in Podman.
        None if results.is_empty() => return Ok(String::new()),
        None => Format::parse("search", if args.compatible { COMPATIBLE } else { COLUMNS })?,
    };
    let cut = |result: &SearchResult| SearchResult {
        description: description(&result.description, args.no_trunc),
        ..result.clone()
    };
    let rows: Vec<Value> = results.iter().map(|result| Value::of(&cut(result))).collect();
    format.render(HEADINGS, true, &rows)
}

fn shown_tags(format: Option<Format>, name: &str, tags: &[String]) -> Result<String, Failure> {
    let format = match format {
        Some(Format::Json) => return report::json(&[Tags { name, tags }], 4),
        Some(format) => format,
        None => Format::parse("search", TAGS)?,
    };
    let row =
        |tag: &String| SearchResult { name: name.to_owned(), tag: tag.clone(), ..SearchResult::default() };
    let rows: Vec<Value> = tags.iter().map(|tag| Value::of(&row(tag))).collect();
    format.render(HEADINGS, true, &rows)
}

fn description(text: &str, whole: bool) -> String {
    if whole || text.chars().count() <= DESCRIPTION {
        return text.to_owned();
    }
    text.chars().take(DESCRIPTION).chain("...".chars()).collect()
}
