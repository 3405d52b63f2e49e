//! `cala system df --verbose`: each object in a table of its sort.

use std::fmt::Write as _;

use cala_engine::view::{ContainerUsage, DiskUsage, ImageUsage};
use cala_spec::human;

use super::shown_size;
use crate::clock;
use crate::failure::Failure;
use crate::table;

/// Three tables, and what is kept for pushing.
pub(super) fn shown(usage: &DiskUsage) -> Result<String, Failure> {
    let now = clock::now_ns();
    let mut out = "Images space usage:\n\n".to_owned();
    let heading = "REPOSITORY\tTAG\tIMAGE ID\tCREATED\tSIZE\tSHARED SIZE\tUNIQUE SIZE\tCONTAINERS".to_owned();
    out += &aligned(heading, usage.images.iter().flat_map(|image| images(image, now)));
    out += "\nContainers space usage:\n\n";
    let heading = "CONTAINER ID\tIMAGE\tCOMMAND\tLOCAL VOLUMES\tSIZE\tCREATED\tSTATUS\tNAMES".to_owned();
    out += &aligned(heading, usage.containers.iter().map(|one| container(one, now)));
    out += "\nLocal Volumes space usage:\n\n";
    let volumes = usage.volumes.iter();
    out += &aligned(
        "VOLUME NAME\tLINKS\tSIZE".to_owned(),
        volumes.map(|volume| format!("{}\t{}\t{}", volume.name, volume.links, shown_size(volume.size))),
    );
    writeln!(
        out,
        "\nManifests and compressed layers, kept so that images are pushed as they were pulled: {}",
        shown_size(usage.blobs_size)
    )
    .map_err(|error| Failure::new(error.to_string()))?;
    Ok(out)
}

fn aligned(heading: String, lines: impl Iterator<Item = String>) -> String {
    let all: Vec<String> = std::iter::once(heading).chain(lines).collect();
    table::align(&(all.join("\n") + "\n"))
}

fn images(image: &ImageUsage, now: i64) -> Vec<String> {
    let line = |repository: &str, tag: &str| {
        format!(
            "{repository}\t{tag}\t{}\t{}\t{}\t{}\t{}\t{}",
            image.id.get(..12).unwrap_or(&image.id),
            human::duration(now.saturating_sub(image.created_ns)),
            shown_size(image.size),
            shown_size(image.shared_size),
            shown_size(image.size.saturating_sub(image.shared_size)),
            image.containers
        )
    };
    if image.names.is_empty() {
        return vec![line("<none>", "<none>")];
    }
    let parted = |name: &String| match name.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => line(repository, tag),
        _ => line(name, "<none>"),
    };
    image.names.iter().map(parted).collect()
}

fn container(one: &ContainerUsage, now: i64) -> String {
    format!(
        "{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}",
        one.id.get(..12).unwrap_or(&one.id),
        one.image_id.get(..12).unwrap_or(&one.image_id),
        one.command.join(" "),
        one.volumes,
        shown_size(one.size),
        human::duration(now.saturating_sub(one.created_ns)),
        one.status,
        one.name
    )
}
