//! `cala system prune`.

use cala_engine::PruneOptions;
use cala_engine::view::SystemPruned;

use super::shown_size;
use crate::context::Context;
use crate::failure::Failure;
use crate::output;

/// Remove what nobody uses
///
/// Containers that do not run, networks without containers and images without a name; with `--all` all images that no
/// container needs, with `--volumes` all volumes that no container mounts. Secrets stay.
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "the switches of podman-system-prune(1)")]
#[command(after_help = "cala system prune\ncala system prune --all --volumes --force --filter until=24h")]
pub(crate) struct Args {
    /// All images that no container needs
    #[arg(short, long)]
    all: bool,
    /// Containers of builds too: there are none
    #[arg(long)]
    build: bool,
    /// Only what other programs left: nobody else writes here, so nothing
    #[arg(long)]
    external: bool,
    /// Choose by a condition: label, label!, until
    #[arg(long, value_name = "stringArray")]
    filter: Vec<String>,
    /// Do not ask
    #[arg(short, long)]
    force: bool,
    /// Volumes that no container mounts, with all files in them
    #[arg(long)]
    volumes: bool,
    #[arg(hide = true, num_args = 0..)]
    words: Vec<String>,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<u8, Failure> {
    super::none("prune", &args.words)?;
    if args.external {
        if args.all || args.volumes || !args.filter.is_empty() {
            return Err(Failure::new("--external cannot be combined with other options"));
        }
        output::line("Total reclaimed space: 0B")?;
        return Ok(0);
    }
    if !args.force && !output::confirmed(&warning(args))? {
        return Ok(0);
    }
    let options = PruneOptions { all_images: args.all, volumes: args.volumes, filters: args.filter.clone() };
    let pruned = context.engine()?.prune_system(&options)?;
    output::data(report(&pruned))?;
    for failure in &pruned.failures {
        output::talk(format!("Error: {failure}\n"));
    }
    Ok(if pruned.failures.is_empty() { 0 } else { 125 })
}

fn warning(args: &Args) -> String {
    let mut lines = vec!["all stopped containers", "all networks not used by at least one container"];
    if args.volumes {
        lines.push("all volumes not used by at least one container");
    }
    lines.push(match args.all {
        true => "all images without at least one container associated with them",
        false => "all dangling images",
    });
    let list: String = lines.iter().map(|line| format!("\t- {line}\n")).collect();
    format!("WARNING! This command removes:\n{list}")
}

fn report(pruned: &SystemPruned) -> String {
    let mut out = String::new();
    for (heading, names) in [
        ("Deleted Containers", &pruned.containers),
        ("Deleted Volumes", &pruned.volumes),
        ("Deleted Images", &pruned.images),
        ("Deleted Networks", &pruned.networks),
    ] {
        if !names.is_empty() {
            out.extend([heading, "\n"]);
            names.iter().for_each(|name| out.extend([name.as_str(), "\n"]));
        }
    }
    out + &format!("Total reclaimed space: {}\n", shown_size(pruned.freed))
}
