//! `cala container …`: the commands on containers under their long names.

use super::{
    attach, checkpoint, clone, commit, cp, create, diff, exec, exists, export, init, inspect, kill, logs,
    mount, pause, port, prune, ps, rename, restart, rm, run as run_command, start, stats, stop, top, update,
    wait,
};
use crate::context::Context;
use crate::failure::Failure;

/// Manage containers
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Commands {
    Attach(attach::Args),
    Commit(commit::Args),
    Cp(cp::Args),
    Checkpoint(checkpoint::Args),
    Clone(clone::Args),
    Create(create::Args),
    Diff(diff::Args),
    Exec(exec::Args),
    /// Check if a container exists
    Exists(exists::ContainerArgs),
    Init(init::Args),
    Export(export::Args),
    /// Display the configuration of containers
    Inspect(inspect::OneKind),
    Kill(kill::Args),
    #[command(visible_alias = "ls")]
    List(ps::Args),
    Logs(logs::Args),
    Pause(pause::Args),
    Mount(mount::Args),
    Port(port::Args),
    Prune(prune::Args),
    Ps(ps::Args),
    Rename(rename::Args),
    Restart(restart::Args),
    Restore(checkpoint::RestoreArgs),
    Rm(rm::Args),
    Run(run_command::Args),
    Start(start::Args),
    Stats(stats::Args),
    Stop(stop::Args),
    Top(top::Args),
    Unpause(pause::UnpauseArgs),
    Update(update::Args),
    #[command(visible_alias = "umount")]
    Unmount(mount::UnmountArgs),
    Wait(wait::Args),
}

pub(crate) fn run(command: Commands, context: &Context) -> Result<u8, Failure> {
    match command {
        Commands::Attach(args) => attach::run(&args, context),
        Commands::Commit(args) => commit::run(&args, context),
        Commands::Cp(args) => cp::run(&args, context),
        Commands::Checkpoint(args) => checkpoint::run(&args),
        Commands::Clone(args) => clone::run(&args, context),
        Commands::Create(args) => create::run(&args, context),
        Commands::Diff(args) => diff::run(&args, context),
        Commands::Exec(args) => exec::run(&args, context),
        Commands::Exists(args) => exists::container(&args, context),
        Commands::Init(args) => init::run(&args, context),
        Commands::Export(args) => export::run(&args, context),
        Commands::Inspect(args) => inspect::run(&args.of("container"), context),
        Commands::Kill(args) => kill::run(&args, context),
        Commands::List(args) | Commands::Ps(args) => ps::run(&args, context),
        Commands::Logs(args) => logs::run(&args, context),
        Commands::Pause(args) => pause::run(&args, context),
        Commands::Mount(args) => mount::run(&args, context),
        Commands::Port(args) => port::run(&args, context),
        Commands::Prune(args) => prune::run(&args, context),
        Commands::Rename(args) => rename::run(&args, context),
        Commands::Restart(args) => restart::run(&args, context),
        Commands::Restore(args) => checkpoint::restore(&args),
        Commands::Rm(args) => rm::run(&args, context),
        Commands::Run(args) => run_command::run(&args, context),
        Commands::Start(args) => start::run(&args, context),
        Commands::Stats(args) => stats::run(&args, context),
        Commands::Stop(args) => stop::run(&args, context),
        Commands::Top(args) => top::run(&args, context),
        Commands::Unpause(args) => pause::unpause(&args, context),
        Commands::Update(args) => update::run(&args, context),
        Commands::Unmount(args) => mount::unmount(&args, context),
        Commands::Wait(args) => wait::run(&args, context),
    }
}
