//! `cala network …`: networks and who is in them.

mod connect;
mod create;
mod disconnect;
mod doctor;
mod exists;
mod inspect;
mod ls;
mod prune;
mod reach;
mod reload;
mod rm;
mod row;
mod update;

pub(crate) use row::inspected;

use crate::context::Context;
use crate::failure::Failure;
use crate::output;

/// Manage networks
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Commands {
    Connect(connect::Args),
    Create(create::Args),
    Disconnect(disconnect::Args),
    Doctor(doctor::Args),
    Exists(exists::Args),
    Inspect(inspect::Args),
    #[command(visible_alias = "list")]
    Ls(ls::Args),
    Prune(prune::Args),
    Reach(reach::Args),
    Reload(reload::Args),
    #[command(visible_alias = "remove")]
    Rm(rm::Args),
    Update(update::Args),
}

pub(crate) fn run(command: Commands, context: &Context) -> Result<u8, Failure> {
    match command {
        Commands::Connect(args) => connect::run(&args, context),
        Commands::Create(args) => create::run(&args, context),
        Commands::Disconnect(args) => disconnect::run(&args, context),
        Commands::Doctor(args) => doctor::run(&args, context),
        Commands::Exists(args) => exists::run(&args, context),
        Commands::Inspect(args) => inspect::run(&args, context),
        Commands::Ls(args) => ls::run(&args, context),
        Commands::Prune(args) => prune::run(&args, context),
        Commands::Reach(args) => reach::run(&args, context),
        Commands::Reload(args) => reload::run(&args, context),
        Commands::Rm(args) => rm::run(&args, context),
        Commands::Update(args) => update::run(&args, context),
    }
}

/// The only name that was given.
fn only(names: &[String]) -> Result<&str, Failure> {
    match names {
        [name] => Ok(name),
        _ => Err(Failure::new(format!("accepts 1 arg(s), received {}", names.len()))),
    }
}

/// At least one name.
fn some(names: &[String]) -> Result<&[String], Failure> {
    if names.is_empty() {
        return Err(Failure::new("requires at least 1 arg(s), only received 0"));
    }
    Ok(names)
}

/// Values that may be given one by one or with commas between them; empty ones are none.
fn parted(texts: &[String]) -> Vec<String> {
    texts.iter().flat_map(|text| text.split(',')).filter(|text| !text.is_empty()).map(str::to_owned).collect()
}

/// Whether JSON is asked for, the only form that these commands have beside their own.
fn is_json(format: Option<&str>) -> Result<bool, Failure> {
    match format {
        None => Ok(false),
        Some("json") => Ok(true),
        Some(other) => {
            Err(Failure::new(format!("unknown format {other:?}"))
                .hint("`--format json` is the only one here"))
        }
    }
}

/// What to do, beside the answer.
fn hinted(hints: &[String]) {
    for (index, hint) in hints.iter().enumerate() {
        output::talk(format!("{}hint: {hint}\n", if index == 0 { "\n" } else { "" }));
    }
}
