//! Commands that Podman has and Cala will have: each says in one line that it is not there yet.

use clap::{Arg, ArgMatches, Command};

use crate::failure::Failure;

const NAMES: &[&str] =
    &["auto-update", "build", "compose", "generate", "healthcheck", "kube", "manifest", "play", "pod"];

/// Those of the groups that are there, by the name of the group.
const IN_GROUPS: &[(&str, &[&str])] = &[
    ("container", &["cleanup", "runlabel"]),
    ("image", &["build", "mount", "scp", "sign", "trust", "unmount"]),
    ("system", &["service", "setup-boot"]),
];

/// Adds them, hidden, so that they are understood.
pub(crate) fn add_to(root: Command) -> Command {
    let root = add(root, NAMES);
    IN_GROUPS.iter().fold(root, |root, (group, names)| root.mut_subcommand(group, |group| add(group, names)))
}

fn add(group: Command, names: &[&'static str]) -> Command {
    names.iter().fold(group, |group, name| {
        let words = Arg::new("words").num_args(0..).trailing_var_arg(true).allow_hyphen_values(true);
        group.subcommand(Command::new(*name).about("Not there yet").hide(true).arg(words))
    })
}

/// What was asked for is one of them: the line that says so.
pub(crate) fn asked_for(matches: &ArgMatches) -> Option<Failure> {
    let (name, below) = matches.subcommand()?;
    if NAMES.contains(&name) {
        return Some(failure(name, below));
    }
    let (_, names) = IN_GROUPS.iter().find(|(group, _)| *group == name)?;
    let (word, _) = below.subcommand()?;
    names.contains(&word).then(|| Failure::new(format!("`cala {name} {word}` is not there yet")))
}

/// The line it says; groups name the command of theirs that was asked for.
fn failure(name: &str, matches: &ArgMatches) -> Failure {
    let first = matches.get_many::<String>("words").and_then(|mut words| words.next());
    let group = matches!(name, "generate" | "healthcheck" | "kube" | "manifest" | "play" | "pod");
    match first.filter(|word| group && !word.starts_with('-')) {
        Some(word) => Failure::new(format!("`cala {name} {word}` is not there yet")),
        None => Failure::new(format!("`cala {name}` is not there yet")),
    }
}
