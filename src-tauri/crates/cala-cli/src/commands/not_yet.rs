//! Commands that Podman has and Cala will have: each says in one line that it is not there yet.

use clap::{Arg, ArgMatches, Command};

use crate::failure::Failure;

const NAMES: &[&str] = &[
    "auto-update",
    "build",
    "commit",
    "compose",
    "cp",
    "diff",
    "export",
    "generate",
    "healthcheck",
    "history",
    "import",
    "init",
    "kube",
    "load",
    "manifest",
    "mount",
    "network",
    "pause",
    "play",
    "pod",
    "port",
    "push",
    "rename",
    "restart",
    "save",
    "search",
    "secret",
    "stats",
    "system",
    "top",
    "unmount",
    "unpause",
    "unshare",
    "untag",
    "update",
    "volume",
];

/// Adds them, hidden, so that they are understood.
pub(crate) fn add_to(root: Command) -> Command {
    NAMES.iter().fold(root, |root, name| {
        let words = Arg::new("words").num_args(0..).trailing_var_arg(true).allow_hyphen_values(true);
        root.subcommand(Command::new(*name).about("Not there yet").hide(true).arg(words))
    })
}

/// Whether this is one of them.
pub(crate) fn contains(name: &str) -> bool {
    NAMES.contains(&name)
}

/// The line it says; groups name the command of theirs that was asked for.
pub(crate) fn failure(name: &str, matches: &ArgMatches) -> Failure {
    let first = matches.get_many::<String>("words").and_then(|mut words| words.next());
    let group = matches!(
        name,
        "generate"
            | "healthcheck"
            | "kube"
            | "manifest"
            | "network"
            | "play"
            | "pod"
            | "secret"
            | "system"
            | "volume"
    );
    match first.filter(|word| group && !word.starts_with('-')) {
        Some(word) => Failure::new(format!("`cala {name} {word}` is not there yet")),
        None => Failure::new(format!("`cala {name}` is not there yet")),
    }
}
