//! `cala system df`.

use cala_engine::view::DiskUsage;
use serde::Serialize;

use super::{df_verbose, shown_size};
use crate::context::Context;
use crate::failure::Failure;
use crate::output;
use crate::report::{self, Format, Headings};
use crate::template::Value;

/// Show what images, containers and volumes occupy
#[derive(Debug, clap::Args)]
#[command(
    after_help = "cala system df\ncala system df --verbose\ncala system df --format '{{.Type}} {{.Size}}'"
)]
pub(crate) struct Args {
    /// Show it as JSON or by a Go template
    #[arg(long, value_name = "string")]
    format: Option<String>,
    /// Show each image, container and volume
    #[arg(short, long)]
    verbose: bool,
    #[arg(hide = true, num_args = 0..)]
    words: Vec<String>,
}

const HEADINGS: Headings<'_> = &[
    ("Active", "ACTIVE"),
    ("RawReclaimable", "RAW RECLAIMABLE"),
    ("RawSize", "RAW SIZE"),
    ("Reclaimable", "RECLAIMABLE"),
    ("Size", "SIZE"),
    ("Total", "TOTAL"),
    ("Type", "TYPE"),
];

const COLUMNS: &str = "table {{.Type}}\t{{.Total}}\t{{.Active}}\t{{.Size}}\t{{.Reclaimable}}";

/// A line; the fields of `podman system df --format json`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Line {
    r#type: &'static str,
    total: usize,
    active: usize,
    raw_size: u64,
    raw_reclaimable: u64,
    total_count: usize,
    size: String,
    reclaimable: String,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    super::none("df", &args.words)?;
    if args.verbose && args.format.is_some() {
        return Err(Failure::new("cannot combine --format and --verbose flags"));
    }
    let format = Format::parse("df", args.format.as_deref().unwrap_or(COLUMNS))?;
    let usage = context.engine()?.disk_usage()?;
    if args.verbose {
        output::data(df_verbose::shown(&usage)?)?;
        return Ok(0);
    }
    let lines = lines(&usage);
    output::data(match format {
        Format::Json => report::json(&lines, 4)?,
        format => format.render(HEADINGS, true, &lines.iter().map(row).collect::<Vec<_>>())?,
    })?;
    Ok(0)
}

fn lines(usage: &DiskUsage) -> Vec<Line> {
    let of = |free: bool, size: u64| if free { size } else { 0 };
    let containers = &usage.containers;
    let volumes = &usage.volumes;
    vec![
        line(
            "Images",
            (usage.images.len(), usage.images.iter().filter(|image| image.containers > 0).count()),
            usage.images_size,
            usage.images_reclaimable,
        ),
        line(
            "Containers",
            (containers.len(), containers.iter().filter(|container| container.running).count()),
            containers.iter().map(|container| container.size).sum(),
            containers.iter().map(|container| of(!container.running, container.size)).sum(),
        ),
        line(
            "Local Volumes",
            (volumes.len(), volumes.iter().filter(|volume| volume.links > 0).count()),
            volumes.iter().map(|volume| volume.size).sum(),
            volumes.iter().map(|volume| of(volume.links == 0, volume.size)).sum(),
        ),
    ]
}

fn line(r#type: &'static str, (total, active): (usize, usize), size: u64, reclaimable: u64) -> Line {
    let percent =
        if size == 0 { 0 } else { (u128::from(reclaimable) * 100 + u128::from(size) / 2) / u128::from(size) };
    Line {
        r#type,
        total,
        active,
        raw_size: size,
        raw_reclaimable: reclaimable,
        total_count: total,
        size: shown_size(size),
        reclaimable: format!("{} ({percent}%)", shown_size(reclaimable)),
    }
}

fn row(line: &Line) -> Value {
    let fields = [
        ("Type", Value::text(line.r#type)),
        ("Total", Value::of(&line.total)),
        ("Active", Value::of(&line.active)),
        ("RawSize", Value::of(&line.raw_size)),
        ("RawReclaimable", Value::of(&line.raw_reclaimable)),
        ("Size", Value::text(line.size.as_str())),
        ("Reclaimable", Value::text(line.reclaimable.as_str())),
    ];
    Value::structure(
        "system.dfSummary",
        fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
    )
}

#[cfg(test)]
mod tests {
    use cala_engine::view::VolumeUsage;

    use super::*;

    #[test]
    fn what_nobody_uses_is_reclaimable() {
        let volume = |links, size| VolumeUsage { name: "v".to_owned(), links, size };
        let usage = DiskUsage {
            images_size: 3000,
            images_reclaimable: 1000,
            volumes: vec![volume(1, 30), volume(0, 70)],
            ..DiskUsage::default()
        };
        let all = lines(&usage);
        let shown: Vec<_> =
            all.iter().map(|line| (line.total, line.active, line.reclaimable.as_str())).collect();
        assert_eq!(shown, [(0, 0, "1kB (33%)"), (0, 0, "0B (0%)"), (2, 1, "70B (70%)")]);
    }
}
