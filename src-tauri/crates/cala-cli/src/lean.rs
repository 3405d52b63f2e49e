//! The part of the command line that one call needs.
//!
//! All commands together have a thousand flags; making them of clap costs more than everything else that `cala version`
//! does, and a sixth of a whole `cala run`. So the common commands are made alone when they are asked for. Help,
//! completion, mistakes and everything else see the whole tree (`app::command`).

use std::ffi::OsString;

use clap::{Args as _, Command};

use crate::app;
use crate::arguments::takes_value;
use crate::commands::{
    cp, create, exec, images, inspect, kill, logs, ps, pull, rm, rmi, run, start, stop, version, wait,
};

/// Makes a command's flags.
type Make = fn(Command) -> Command;

/// The commands that are made alone.
const ALONE: [(&str, Make); 16] = [
    ("cp", cp::Args::augment_args),
    ("create", create::Args::augment_args),
    ("exec", exec::Args::augment_args),
    ("images", images::Args::augment_args),
    ("inspect", inspect::Args::augment_args),
    ("kill", kill::Args::augment_args),
    ("logs", logs::Args::augment_args),
    ("ps", ps::Args::augment_args),
    ("pull", pull::Args::augment_args),
    ("rm", rm::Args::augment_args),
    ("rmi", rmi::Args::augment_args),
    ("run", run::Args::augment_args),
    ("start", start::Args::augment_args),
    ("stop", stop::Args::augment_args),
    ("version", version::Args::augment_args),
    ("wait", wait::Args::augment_args),
];

/// The tree that these arguments (without the program's name) need.
pub(crate) fn command_for(arguments: &[OsString]) -> Command {
    let top = app::top();
    let wanted = command_word(&top, arguments);
    match ALONE.iter().find(|(name, _)| Some(*name) == wanted) {
        Some((name, make)) => top.subcommand(make(Command::new(*name))),
        None => app::command(),
    }
}

/// The first word that is no flag and no flag's value, when that is beyond doubt.
fn command_word<'a>(top: &Command, arguments: &'a [OsString]) -> Option<&'a str> {
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let text = argument.to_str()?;
        let Some(flag) = text.strip_prefix('-') else { return Some(text) };
        let long = flag.strip_prefix('-').filter(|long| !long.is_empty())?;
        let known = |name: &str| top.get_arguments().find(|argument| argument.get_long() == Some(name));
        match long.split_once('=') {
            Some((name, _)) => _ = known(name)?,
            None if takes_value(known(long)?) => _ = rest.next(),
            None => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        line.split(' ').map(Into::into).collect()
    }

    #[test]
    fn a_command_alone_is_the_one_of_the_whole_tree() {
        let whole = app::command();
        for (name, _) in ALONE {
            let alone = command_for(&words(name));
            assert_eq!(alone.get_subcommands().count(), 1, "{name}");
            // The place among the others is for lists of all.
            let of = |root: &Command| {
                format!("{:?}", root.find_subcommand(name).unwrap().clone().display_order(0))
            };
            assert!(of(&alone) == of(&whole), "{name}");
        }
    }

    #[test]
    fn the_command_is_found_behind_global_flags() {
        let top = app::top();
        for (line, expected) in [
            ("ps -a", Some("ps")),
            ("--root ps images", Some("images")),
            ("--root=/x --log-level debug run --rm box ps", Some("run")),
            ("--version ps", Some("ps")),
            ("-v", None),
            ("--", None),
            ("--nope ps", None),
            ("--root", None),
        ] {
            assert_eq!(command_word(&top, &words(line)), expected, "{line}");
        }
    }
}
