//! The command line as Podman reads it, made into one that clap reads without doubt.
//!
//! Podman's flags differ from clap's in small ways that scripts rely on: a value may begin with a dash, `--rm=false`
//! exists, `-h` is `--hostname` for `run` and help elsewhere, `run` stops reading flags at the image, and mistakes are
//! told in fixed words. This module walks the arguments along the tree of commands, says the mistakes, and hands on
//! `--flag=value …  -- positionals`.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};

use clap::{Arg, ArgAction, Command};

use crate::failure::Failure;

/// What the arguments ask for.
#[derive(Debug)]
pub(crate) enum Asked {
    /// To run a command with these arguments, the program's name included.
    Run {
        /// For clap.
        arguments: Vec<OsString>,
        /// `cala run`.
        path: String,
    },
    /// The help of the command with these names.
    Help(Vec<String>),
}

/// Walks the arguments (without the program's name).
pub(crate) fn read(root: &Command, arguments: impl IntoIterator<Item = OsString>) -> Result<Asked, Failure> {
    let mut walk = Walk {
        root,
        command: root,
        names: Vec::new(),
        rest: arguments.into_iter().collect::<Vec<_>>().into_iter(),
        flags: Vec::new(),
        words: vec!["cala".into()],
        positionals: Vec::new(),
    };
    while let Some(argument) = walk.rest.next() {
        let bytes = argument.as_bytes();
        let ask_help = match bytes {
            b"--" => {
                walk.positionals.extend(walk.rest.by_ref());
                break;
            }
            [b'-', b'-', long @ ..] => walk.long(long)?,
            [b'-', shorts @ ..] if !shorts.is_empty() => walk.shorts(shorts)?,
            _ => {
                if walk.word(argument)? {
                    break;
                }
                false
            }
        };
        if ask_help {
            return Ok(Asked::Help(walk.names));
        }
    }
    walk.finish()
}

struct Walk<'a> {
    root: &'a Command,
    command: &'a Command,
    names: Vec<String>,
    rest: std::vec::IntoIter<OsString>,
    /// Flags of the command reached so far, each with its argument's id.
    flags: Vec<(String, OsString)>,
    /// The program, its global flags, the commands.
    words: Vec<OsString>,
    positionals: Vec<OsString>,
}

impl<'a> Walk<'a> {
    fn path(&self) -> String {
        std::iter::once("cala").chain(self.names.iter().map(String::as_str)).collect::<Vec<_>>().join(" ")
    }

    fn mistake(&self, text: String) -> Failure {
        Failure::usage(&self.path(), text)
    }

    fn find(&self, wanted: impl Fn(&Arg) -> bool) -> Option<&'a Arg> {
        let own = self.command.get_arguments().find(|argument| wanted(argument));
        own.or_else(|| {
            self.root.get_arguments().find(|argument| argument.is_global_set() && wanted(argument))
        })
    }

    /// `--name` or `--name=value`; tells whether it asks for help.
    fn long(&mut self, long: &[u8]) -> Result<bool, Failure> {
        let (name, value) = match long.iter().position(|byte| *byte == b'=') {
            Some(at) => (&long[..at], Some(&long[at + 1..])),
            None => (long, None),
        };
        let name = String::from_utf8_lossy(name).into_owned();
        if name == "help" {
            return self.help_flag(value);
        }
        let known = |argument: &Arg| {
            argument.get_long() == Some(&name)
                || argument.get_all_aliases().is_some_and(|names| names.contains(&name.as_str()))
        };
        let Some(argument) = self.find(known) else {
            return Err(self.mistake(format!("unknown flag: --{name}")));
        };
        match value {
            Some(value) => self.with_value(argument, OsStr::from_bytes(value)),
            None if !takes_value(argument) => {
                self.push(argument, None);
                Ok(())
            }
            None => match self.rest.next() {
                Some(value) => self.with_value(argument, &value),
                None => Err(self.mistake(format!("flag needs an argument: --{name}"))),
            },
        }?;
        Ok(false)
    }

    fn help_flag(&mut self, value: Option<&[u8]>) -> Result<bool, Failure> {
        match value {
            None => Ok(true),
            Some(value) => boolean(OsStr::from_bytes(value))
                .map_err(|what| self.mistake(invalid_value("--help", value, &what))),
        }
    }

    /// `-abc`, `-n5`, `-n 5`, `-n=5`; tells whether it asks for help.
    fn shorts(&mut self, cluster: &[u8]) -> Result<bool, Failure> {
        let text = String::from_utf8_lossy(cluster).into_owned();
        for (index, short) in text.char_indices() {
            let Some(argument) = self.find(|argument| argument.get_short() == Some(short)) else {
                if short == 'h' {
                    return Ok(true);
                }
                return Err(self.mistake(format!("unknown shorthand flag: {short:?} in -{text}")));
            };
            let after = &cluster[index + short.len_utf8()..];
            let explicit = after.strip_prefix(b"=");
            if !takes_value(argument) {
                match explicit {
                    Some(value) => {
                        self.with_value(argument, OsStr::from_bytes(value))?;
                        return Ok(false);
                    }
                    None => self.push(argument, None),
                }
                continue;
            }
            let value = match (explicit, after) {
                (Some(value), _) => OsStr::from_bytes(value).to_owned(),
                (None, []) => match self.rest.next() {
                    Some(value) => value,
                    None => return Err(self.mistake(format!("flag needs an argument: {short:?} in -{text}"))),
                },
                (None, value) => OsStr::from_bytes(value).to_owned(),
            };
            self.with_value(argument, &value)?;
            return Ok(false);
        }
        Ok(false)
    }

    /// A flag with its value; for a switch the value turns it on or off.
    fn with_value(&mut self, argument: &Arg, value: &OsStr) -> Result<(), Failure> {
        let switch = matches!(argument.get_action(), ArgAction::SetTrue);
        if !switch && takes_value(argument) {
            self.push(argument, Some(value));
            return Ok(());
        }
        let on = boolean(value)
            .map_err(|what| self.mistake(invalid_value(&shown(argument), value.as_bytes(), &what)))?;
        if !switch {
            // A switch that is on unless turned off.
            self.push(argument, Some(OsStr::new(if on { "true" } else { "false" })));
        } else if on {
            self.push(argument, None);
        } else {
            self.flags.retain(|(id, _)| id != argument.get_id().as_str());
        }
        Ok(())
    }

    fn push(&mut self, argument: &Arg, value: Option<&OsStr>) {
        let id = argument.get_id().as_str();
        // A switch or a single value given twice: the last one counts.
        if !matches!(argument.get_action(), ArgAction::Append) {
            self.flags.retain(|(known, _)| known != id);
        }
        let mut text = match (argument.get_long(), argument.get_short()) {
            (Some(long), _) => format!("--{long}").into_bytes(),
            (None, Some(short)) => format!("-{short}").into_bytes(),
            (None, None) => return,
        };
        if let Some(value) = value {
            text.push(b'=');
            text.extend_from_slice(value.as_bytes());
        }
        self.flags.push((id.to_owned(), OsString::from_vec(text)));
    }

    /// A word: the next command, or a positional; tells whether everything after it is positional too.
    fn word(&mut self, word: OsString) -> Result<bool, Failure> {
        if self.command.has_subcommands() {
            let found = word.to_str().and_then(|name| self.command.find_subcommand(name));
            let Some(command) = found else {
                return Err(self.unrecognized(&word.to_string_lossy()));
            };
            self.words.extend(std::mem::take(&mut self.flags).into_iter().map(|(_, flag)| flag));
            self.words.push(command.get_name().into());
            self.names.push(command.get_name().to_owned());
            self.command = command;
            // What is not there yet takes anything and says so.
            let anything = command.get_positionals().any(Arg::is_allow_hyphen_values_set);
            if anything {
                self.positionals.extend(self.rest.by_ref());
            }
            return Ok(anything);
        }
        self.positionals.push(word);
        let stops = self.command.get_positionals().any(Arg::is_trailing_var_arg_set);
        if stops {
            self.positionals.extend(self.rest.by_ref());
        }
        Ok(stops)
    }

    fn unrecognized(&self, word: &str) -> Failure {
        use std::fmt::Write as _;
        let path = self.path();
        let mut text = format!("unrecognized command `{path} {word}`\n");
        let mut near: Vec<&str> = self
            .command
            .get_subcommands()
            .filter(|command| !command.is_hide_set())
            .map(Command::get_name)
            .filter(|name| distance(name, word) <= 2 || name.starts_with(word))
            .collect();
        near.sort_unstable();
        if !near.is_empty() {
            text.push_str("\nDid you mean this?\n");
            for name in near {
                _ = writeln!(text, "\t{name}");
            }
            text.push('\n');
        }
        _ = write!(text, "Try '{path} --help' for more information");
        Failure::new(text)
    }

    fn finish(mut self) -> Result<Asked, Failure> {
        let path = self.path();
        let version = self.flags.iter().any(|(id, _)| id == "version");
        self.words.extend(self.flags.into_iter().map(|(_, flag)| flag));
        if self.command.has_subcommands() && !version {
            return Err(Failure::new(format!("missing command '{path} COMMAND'"))
                .hint(format!("`{path} --help` lists them")));
        }
        if !self.positionals.is_empty() {
            self.words.push("--".into());
            self.words.append(&mut self.positionals);
        }
        Ok(Asked::Run { arguments: self.words, path })
    }
}

/// Whether the flag is followed by a value.
pub(crate) fn takes_value(argument: &Arg) -> bool {
    argument.get_action().takes_values() && argument.get_num_args().is_none_or(|count| count.min_values() > 0)
}

/// `-n, --last` or `--cpus`.
pub(crate) fn shown(argument: &Arg) -> String {
    let long = argument.get_long().unwrap_or_else(|| argument.get_id().as_str());
    match argument.get_short() {
        Some(short) => format!("-{short}, --{long}"),
        None => format!("--{long}"),
    }
}

/// The sentence for a value that a flag does not take.
pub(crate) fn invalid_value(flag: &str, value: &[u8], what: &str) -> String {
    format!("invalid argument {:?} for \"{flag}\" flag: {what}", String::from_utf8_lossy(value))
}

/// The words that Go takes for true and false.
pub(crate) fn boolean(text: &OsStr) -> Result<bool, String> {
    match text.as_bytes() {
        b"1" | b"t" | b"T" | b"true" | b"TRUE" | b"True" => Ok(true),
        b"0" | b"f" | b"F" | b"false" | b"FALSE" | b"False" => Ok(false),
        _ => Err("it is neither true nor false".to_owned()),
    }
}

/// Edits between two words (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let changed = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root() -> Command {
        let switch =
            |name: &'static str, short| Arg::new(name).long(name).short(short).action(ArgAction::SetTrue);
        Command::new("cala")
            .arg(Arg::new("root").long("root").global(true))
            .subcommand(
                Command::new("run")
                    .arg(switch("tty", 't'))
                    .arg(switch("interactive", 'i'))
                    .arg(Arg::new("hostname").long("hostname").short('h'))
                    .arg(Arg::new("env").long("env").short('e').action(ArgAction::Append))
                    .arg(Arg::new("tls-verify").long("tls-verify").num_args(0..=1).require_equals(true))
                    .arg(Arg::new("words").num_args(0..).trailing_var_arg(true)),
            )
            .subcommand(Command::new("ps").arg(switch("all", 'a')).arg(Arg::new("words").num_args(0..)))
    }

    fn read_words(line: &str) -> String {
        match read(&root(), line.split(' ').map(Into::into)) {
            Ok(Asked::Run { arguments, .. }) => {
                arguments.iter().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
            }
            Ok(Asked::Help(names)) => format!("help {names:?}"),
            Err(failure) => failure.text().lines().next().unwrap_or_default().to_owned(),
        }
    }

    #[test]
    fn flags_are_read_as_podman_reads_them() {
        for (line, expected) in [
            ("--root /x run -it box -v", "cala --root=/x run --interactive --tty -- box -v"),
            ("run --root /x box", "cala run --root=/x -- box"),
            ("run -it=false -h -x box", "cala run --interactive --hostname=-x -- box"),
            ("run -eA=1 -e B=2 -e=C box", "cala run --env=A=1 --env=B=2 --env=C -- box"),
            ("run --tty --tty=false box", "cala run -- box"),
            ("run --tls-verify box", "cala run --tls-verify -- box"),
            ("run --tls-verify=0 -- -box", "cala run --tls-verify=false -- -box"),
            ("ps x -a", "cala ps --all -- x"),
            ("ps -h", "help [\"ps\"]"),
            ("run --help", "help [\"run\"]"),
            ("run box --help", "cala run -- box --help"),
            ("run --nope", "unknown flag: --nope"),
            ("ps -az", "unknown shorthand flag: 'z' in -az"),
            ("run -e", "flag needs an argument: 'e' in -e"),
            ("run --env", "flag needs an argument: --env"),
            (
                "run --tty=x box",
                "invalid argument \"x\" for \"-t, --tty\" flag: it is neither true nor false",
            ),
            ("sp", "unrecognized command `cala sp`"),
        ] {
            let got = read_words(line);
            assert_eq!(got.replace("--tty --interactive", "--interactive --tty"), expected, "{line}");
        }
    }

    #[test]
    fn a_misspelt_command_gets_a_proposal() {
        let failure = read(&root(), ["sp".into()]).expect_err("no such command");
        assert_eq!(
            failure.render(),
            "Error: unrecognized command `cala sp`\n\nDid you mean this?\n\tps\n\nTry 'cala --help' for more information\n"
        );
    }
}
