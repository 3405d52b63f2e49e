//! The tree of commands, and the way from typed arguments to the command that runs.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use crate::arguments;
use crate::commands::{
    attach, commit, completion, container, cp, create, diff, events, exec, export, history, image, images,
    import, info, init, inspect, kill, load, login, logout, logs, man, mount, network, not_yet, pause, port,
    ps, publish, pull, push, rename, restart, rm, rmi, run as run_command, save, search, secret, start,
    stats, stop, system, tag, top, unshare, untag, update, version, volume, wait,
};
use crate::context::{Context, Globals};
use crate::failure::Failure;
use crate::{help, output};

/// Manage containers and images
#[derive(Debug, Parser)]
#[command(
    name = "cala",
    disable_help_flag = true,
    disable_help_subcommand = true,
    disable_version_flag = true
)]
struct Top {
    #[command(flatten)]
    globals: Globals,
    /// Version of cala
    #[arg(short = 'v', long)]
    version: bool,
}

#[derive(Debug, Subcommand)]
enum Commands {
    Attach(attach::Args),
    Commit(commit::Args),
    Completion(completion::Args),
    #[command(subcommand, about = "Manage containers")]
    Container(container::Commands),
    Cp(cp::Args),
    Create(create::Args),
    Diff(diff::Args),
    Events(events::Args),
    Exec(exec::Args),
    Export(export::Args),
    /// Help about any command
    Help {
        /// Names of the command
        #[arg(value_name = "COMMAND")]
        names: Vec<String>,
    },
    History(history::Args),
    #[command(subcommand, about = "Manage images")]
    Image(image::Commands),
    Images(images::Args),
    Import(import::Args),
    Info(info::Args),
    Init(init::Args),
    Inspect(inspect::Args),
    Kill(kill::Args),
    Load(load::Args),
    Login(login::Args),
    Logout(logout::Args),
    Logs(logs::Args),
    #[command(hide = true)]
    Man(man::Args),
    Mount(mount::Args),
    #[command(subcommand, about = "Manage networks")]
    Network(network::Commands),
    Pause(pause::Args),
    Port(port::Args),
    Ps(ps::Args),
    Publish(publish::Args),
    Pull(pull::Args),
    Rename(rename::Args),
    Restart(restart::Args),
    Push(push::Args),
    Rm(rm::Args),
    Rmi(rmi::Args),
    Run(run_command::Args),
    Save(save::Args),
    #[command(subcommand, about = "Manage secrets")]
    Secret(secret::Commands),
    Search(search::Args),
    Start(start::Args),
    Stats(stats::Args),
    Stop(stop::Args),
    #[command(subcommand, about = "Manage what Cala keeps")]
    System(system::Commands),
    Tag(tag::Args),
    Top(top::Args),
    Unpause(pause::UnpauseArgs),
    Unpublish(publish::WithdrawArgs),
    Untag(untag::Args),
    Update(update::Args),
    #[command(visible_alias = "umount")]
    Unmount(mount::UnmountArgs),
    Unshare(unshare::Args),
    Version(version::Args),
    #[command(subcommand, about = "Manage volumes")]
    Volume(volume::Commands),
    Wait(wait::Args),
}

/// The clap definition of the whole command line; completions, man pages and help are made of it.
#[must_use]
pub fn command() -> clap::Command {
    not_yet::add_to(Commands::augment_subcommands(top()))
}

/// The same without a command.
pub(crate) fn top() -> clap::Command {
    Top::command()
}

/// Parses arguments that `arguments::read` has put in order, and runs the command. `root` holds at least that command.
pub(crate) fn run(mut root: clap::Command, arguments: Vec<OsString>, path: &str) -> Result<u8, Failure> {
    let parsed = root.try_get_matches_from_mut(arguments);
    let matches = parsed.map_err(|error| said(&command(), path, &error))?;
    if let Some(failure) = not_yet::asked_for(&matches) {
        return Err(failure);
    }
    let wrong = |error: clap::Error| said(&command(), path, &error);
    let top = Top::from_arg_matches(&matches).map_err(wrong)?;
    if top.version {
        output::line(format!("cala version {}", env!("CARGO_PKG_VERSION")))?;
        return Ok(0);
    }
    let context = Context::new(top.globals)?;
    let asked =
        matches.subcommand().map(|_| Commands::from_arg_matches(&matches)).transpose().map_err(wrong)?;
    match asked {
        Some(Commands::Help { names }) => {
            output::data(help::render(&command(), &names)?)?;
            Ok(0)
        }
        Some(asked) => dispatch(asked, &context),
        None => Err(Failure::new("missing command 'cala COMMAND'").hint("`cala --help` lists them")),
    }
}

fn dispatch(command: Commands, context: &Context) -> Result<u8, Failure> {
    match command {
        Commands::Attach(args) => attach::run(&args, context),
        Commands::Commit(args) => commit::run(&args, context),
        Commands::Completion(args) => completion::run(&args),
        Commands::Container(command) => container::run(command, context),
        Commands::Cp(args) => cp::run(&args, context),
        Commands::Create(args) => create::run(&args, context),
        Commands::Diff(args) => diff::run(&args, context),
        Commands::Events(args) => events::run(&args, context),
        Commands::Exec(args) => exec::run(&args, context),
        Commands::Export(args) => export::run(&args, context),
        Commands::Help { .. } => Ok(0),
        Commands::History(args) => history::run(&args, context),
        Commands::Image(command) => image::run(command, context),
        Commands::Images(args) => images::run(&args, context),
        Commands::Import(args) => import::run(&args, context),
        Commands::Info(args) => info::run(&args, context),
        Commands::Init(args) => init::run(&args, context),
        Commands::Inspect(args) => inspect::run(&args, context),
        Commands::Kill(args) => kill::run(&args, context),
        Commands::Load(args) => load::run(&args, context),
        Commands::Login(args) => login::run(&args, context),
        Commands::Logout(args) => logout::run(&args, context),
        Commands::Logs(args) => logs::run(&args, context),
        Commands::Man(args) => man::run(&args),
        Commands::Mount(args) => mount::run(&args, context),
        Commands::Network(command) => network::run(command, context),
        Commands::Pause(args) => pause::run(&args, context),
        Commands::Port(args) => port::run(&args, context),
        Commands::Ps(args) => ps::run(&args, context),
        Commands::Publish(args) => publish::run(&args, context),
        Commands::Pull(args) => pull::run(&args, context),
        Commands::Rename(args) => rename::run(&args, context),
        Commands::Restart(args) => restart::run(&args, context),
        Commands::Push(args) => push::run(&args, context),
        Commands::Rm(args) => rm::run(&args, context),
        Commands::Rmi(args) => rmi::run(&args, context),
        Commands::Run(args) => run_command::run(&args, context),
        Commands::Save(args) => save::run(&args, context),
        Commands::Secret(command) => secret::run(command, context),
        Commands::Search(args) => search::run(&args, context),
        Commands::Start(args) => start::run(&args, context),
        Commands::Stats(args) => stats::run(&args, context),
        Commands::Stop(args) => stop::run(&args, context),
        Commands::System(command) => system::run(command, context),
        Commands::Tag(args) => tag::run(&args, context),
        Commands::Top(args) => top::run(&args, context),
        Commands::Unpause(args) => pause::unpause(&args, context),
        Commands::Unpublish(args) => publish::withdraw(&args, context),
        Commands::Untag(args) => untag::run(&args, context),
        Commands::Update(args) => update::run(&args, context),
        Commands::Unmount(args) => mount::unmount(&args, context),
        Commands::Unshare(args) => unshare::run(&args, context),
        Commands::Version(args) => version::run(&args),
        Commands::Volume(command) => volume::run(command, context),
        Commands::Wait(args) => wait::run(&args, context),
    }
}

/// What clap found wrong, in Podman's words.
fn said(root: &clap::Command, path: &str, error: &clap::Error) -> Failure {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => text.clone(),
        Some(ContextValue::Strings(texts)) => texts.join(", "),
        _ => String::new(),
    };
    let (argument, value) = (text(ContextKind::InvalidArg), text(ContextKind::InvalidValue));
    let flag = name_of_flag(root, path, &argument);
    match error.kind() {
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
            let valid = text(ContextKind::ValidValue);
            let what = if valid.is_empty() {
                std::error::Error::source(error)
                    .map_or_else(|| "it does not fit".to_owned(), ToString::to_string)
            } else {
                format!("{value:?} is not a valid value. Choose from: {valid:?}")
            };
            Failure::usage(path, arguments::invalid_value(&flag, value.as_bytes(), &what))
        }
        ErrorKind::UnknownArgument => Failure::new(format!("`{path}` takes no arguments")),
        _ => {
            let text = error.to_string();
            let line = text.lines().next().unwrap_or_default();
            Failure::usage(path, line.strip_prefix("error: ").unwrap_or(line).to_owned())
        }
    }
}

/// `-n, --last` of clap's `--last <int>`.
fn name_of_flag(root: &clap::Command, path: &str, argument: &str) -> String {
    let mut command = root;
    for name in path.split(' ').skip(1) {
        command = command.find_subcommand(name).unwrap_or(command);
    }
    let long = argument.trim_start_matches('-').split([' ', '=', '[']).next().unwrap_or_default();
    let found = command
        .get_arguments()
        .chain(root.get_arguments())
        .find(|argument| argument.get_long() == Some(long));
    found.map_or_else(|| argument.to_owned(), arguments::shown)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_tree_of_commands_holds_together() {
        super::command().debug_assert();
    }

    #[test]
    fn every_visible_flag_and_command_is_described() {
        fn check(command: &clap::Command) {
            assert!(command.get_about().is_some(), "{} says nothing of itself", command.get_name());
            for argument in command.get_arguments() {
                let described =
                    argument.get_help().is_some() || argument.is_hide_set() || argument.is_positional();
                assert!(described, "--{} of {} is not described", argument.get_id(), command.get_name());
            }
            command.get_subcommands().for_each(check);
        }
        check(&super::command());
    }
}
