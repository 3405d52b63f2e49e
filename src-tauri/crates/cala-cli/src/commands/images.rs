//! `cala images`.

use std::collections::BTreeSet;

use cala_engine::ImageFilter;
use cala_engine::view::ImageSummary;
use cala_spec::{ByteSize, human};

use crate::clock;
use crate::context::Context;
use crate::failure::Failure;
use crate::output;
use crate::report::{self, Format, Headings};
use crate::template::Value;

/// List images
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "the switches of podman-images(1)")]
#[command(
    after_help = "cala images --format json\ncala images --sort repository --format \"table {{.ID}} {{.Repository}} {{.Tag}}\"\ncala images --filter dangling=true"
)]
pub(crate) struct Args {
    /// Accepted and without meaning: there are no intermediate images
    #[arg(short, long)]
    all: bool,
    /// Show digests
    #[arg(long)]
    digests: bool,
    /// Choose images by a condition
    #[arg(short, long, value_name = "stringArray")]
    filter: Vec<String>,
    /// Show images as JSON or by a Go template
    #[arg(long, value_name = "string")]
    format: Option<String>,
    /// Do not cut ids
    #[arg(long)]
    no_trunc: bool,
    /// Do not print headings
    #[arg(short, long)]
    noheading: bool,
    /// Print ids only
    #[arg(short, long)]
    quiet: bool,
    /// Sort by created, id, repository, size, tag
    #[arg(long, value_name = "string", default_value = "created")]
    sort: String,
    #[arg(value_name = "[IMAGE]", num_args = 0..)]
    image: Vec<String>,
}

const HEADINGS: Headings<'_> = &[
    ("Containers", "CONTAINERS"),
    ("Created", "CREATED"),
    ("CreatedAt", "CREATED AT"),
    ("CreatedSince", "CREATED"),
    ("CreatedTime", "CREATED TIME"),
    ("Digest", "DIGEST"),
    ("History", "HISTORY"),
    ("ID", "IMAGE ID"),
    ("Id", "ID"),
    ("Labels", "LABELS"),
    ("Names", "NAMES"),
    ("RepoDigests", "REPO DIGESTS"),
    ("RepoTags", "REPO TAGS"),
    ("Repository", "REPOSITORY"),
    ("SharedSize", "SHARED SIZE"),
    ("Size", "SIZE"),
    ("Tag", "TAG"),
    ("VirtualSize", "VIRTUAL SIZE"),
];

const COLUMNS: &str = "table {{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.Created}}\t{{.Size}}";
const DIGESTS: &str = "table {{.Repository}}\t{{.Tag}}\t{{.Digest}}\t{{.ID}}\t{{.Created}}\t{{.Size}}";

pub(crate) fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    if args.image.len() > 1 {
        return Err(Failure::new(format!("accepts at most 1 arg(s), received {}", args.image.len())));
    }
    if !["created", "id", "repository", "size", "tag"].contains(&args.sort.as_str()) {
        return Err(Failure::new(format!(
            "{:?} is not a valid field for sorting. Choose from: created, id, repository, size, tag",
            args.sort
        )));
    }
    let format = args.format.as_deref().map(|format| Format::parse("images", format)).transpose()?;
    let filter = ImageFilter { reference: args.image.first().cloned(), filters: args.filter.clone() };
    let images = context.engine()?.images(&filter)?;
    output::data(shown(args, format, &images)?)?;
    Ok(0)
}

fn shown(args: &Args, format: Option<Format>, images: &[ImageSummary]) -> Result<String, Failure> {
    let mut rows: Vec<Row<'_>> = images.iter().flat_map(rows_of).collect();
    sort(&mut rows, &args.sort);
    let format = match format {
        Some(Format::Json) => return report::json(&rows.iter().map(|row| row.image).collect::<Vec<_>>(), 4),
        Some(format) => format,
        None if args.quiet => {
            let mut seen = BTreeSet::new();
            let ids =
                rows.iter().filter(|row| seen.insert(&row.image.id)).map(|row| row.id(args.no_trunc) + "\n");
            return Ok(ids.collect());
        }
        None => Format::parse("images", if args.digests { DIGESTS } else { COLUMNS })?,
    };
    let now = clock::now_ns();
    let values: Vec<Value> = rows.iter().map(|row| row.value(args.no_trunc, now)).collect();
    format.render(HEADINGS, !args.noheading, &values)
}

/// An image under one of its names.
#[derive(Debug, Clone, Copy)]
struct Row<'a> {
    image: &'a ImageSummary,
    repository: &'a str,
    tag: &'a str,
}

fn rows_of(image: &ImageSummary) -> Vec<Row<'_>> {
    if image.names.is_empty() {
        return vec![Row { image, repository: "<none>", tag: "<none>" }];
    }
    let row = |name: &'_ String| -> (usize, usize) {
        // The colon of a port is followed by a slash.
        let at = name.rfind(':').filter(|at| !name[*at..].contains('/')).unwrap_or(name.len());
        (at, (at + 1).min(name.len()))
    };
    image
        .names
        .iter()
        .map(|name| {
            let (end, start) = row(name);
            let tag = if start >= name.len() { "<none>" } else { &name[start..] };
            Row { image, repository: &name[..end], tag }
        })
        .collect()
}

/// Newest first; everything else ascending, as Podman.
fn sort(rows: &mut [Row<'_>], by: &str) {
    match by {
        "id" => rows.sort_by(|a, b| a.image.id.cmp(&b.image.id)),
        "repository" => rows.sort_by(|a, b| a.repository.cmp(b.repository)),
        "size" => rows.sort_by_key(|row| row.image.size),
        "tag" => rows.sort_by(|a, b| a.tag.cmp(b.tag)),
        _ => rows.sort_by_key(|row| std::cmp::Reverse(row.image.created)),
    }
}

impl Row<'_> {
    fn id(&self, whole: bool) -> String {
        if whole { format!("sha256:{}", self.image.id) } else { self.image.id.chars().take(12).collect() }
    }

    fn value(&self, whole: bool, now: i64) -> Value {
        let image = self.image;
        let human = human::ago(image.created.saturating_mul(1_000_000_000), now);
        let fields: [(&str, Value); 20] = [
            ("Repository", Value::text(self.repository)),
            ("Tag", Value::text(self.tag)),
            ("Id", Value::text(image.id.as_str())),
            ("ID", Value::text(self.id(whole))),
            ("ParentId", Value::text(image.parent_id.as_str())),
            ("RepoTags", Value::of(&image.repo_tags)),
            ("RepoDigests", Value::of(&image.repo_digests)),
            ("Created", Value::text(human.as_str())),
            ("CreatedSince", Value::text(human.as_str())),
            ("CreatedAt", Value::Time(image.created_at.as_str().into())),
            ("CreatedTime", Value::Time(image.created_at.as_str().into())),
            ("Size", Value::text(ByteSize(image.size).human())),
            ("SharedSize", Value::of(&image.shared_size)),
            ("VirtualSize", Value::of(&image.virtual_size)),
            ("Labels", Value::of(&image.labels)),
            ("Containers", Value::of(&image.containers)),
            ("Dangling", Value::Bool(image.names.is_empty())),
            ("Digest", Value::text(image.digest.as_str())),
            ("History", Value::text(image.names.join(", "))),
            ("Names", Value::of(&image.names)),
        ];
        Value::structure("Image", fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(names: &[&str]) -> ImageSummary {
        serde_json::from_value(serde_json::json!({
            "Id": "98237f630d37904e917fc526f83fd495f7fd54911d8a9f041229b7806d819f26", "ParentId": "", "Names": names,
            "RepoTags": names, "RepoDigests": [], "Digest": "sha256:0b54", "Size": 2_038_887, "SharedSize": 0,
            "VirtualSize": 2_038_887, "Labels": {}, "Containers": 3, "Created": 1_795_574_864,
            "CreatedAt": "2026-11-25T02:47:44Z", "Arch": "amd64", "Os": "linux"
        }))
        .expect("a summary")
    }

    #[test]
    fn an_image_has_a_row_per_name() {
        let image = image(&["docker.io/library/box:latest", "localhost:5000/box:1", "localhost:5000/bare"]);
        let rows: Vec<_> =
            rows_of(&image).iter().map(|row| (row.repository.to_owned(), row.tag.to_owned())).collect();
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        assert_eq!(
            rows,
            [
                pair("docker.io/library/box", "latest"),
                pair("localhost:5000/box", "1"),
                pair("localhost:5000/bare", "<none>")
            ]
        );
    }

    #[test]
    fn the_columns_are_podmans() {
        let image = image(&["docker.io/library/box:latest"]);
        let now = (1_795_574_864 + 54) * 1_000_000_000;
        let rows: Vec<Value> = rows_of(&image).iter().map(|row| row.value(false, now)).collect();
        let text = Format::parse("images", COLUMNS)
            .and_then(|format| format.render(HEADINGS, true, &rows))
            .expect("rows");
        assert_eq!(
            text,
            "REPOSITORY             TAG         IMAGE ID      CREATED         SIZE\n\
             docker.io/library/box  latest      98237f630d37  54 seconds ago  2.04 MB\n"
        );
    }
}
