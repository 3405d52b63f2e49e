//! The command line.

use std::path::PathBuf;

use super::OciError;

/// A command with its options.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Arguments {
    pub(super) root: Option<PathBuf>,
    pub(super) command: String,
    pub(super) bundle: PathBuf,
    pub(super) pid_file: Option<PathBuf>,
    pub(super) force: bool,
    pub(super) id: String,
    /// The second positional argument: a signal.
    pub(super) extra: Option<String>,
}

const USAGE: &str = "usage: cala-oci [--root DIR] create|run [--bundle DIR] [--pid-file FILE] ID | start ID | state ID | \
                     kill ID [SIGNAL] | delete [--force] ID";

pub(super) fn parse(words: impl Iterator<Item = String>) -> Result<Arguments, OciError> {
    let mut arguments = Arguments { bundle: ".".into(), ..Arguments::default() };
    let mut positional = Vec::new();
    let mut words = words.flat_map(|word| match word.split_once('=') {
        Some((option, value)) if option.starts_with("--") => vec![option.to_owned(), value.to_owned()],
        _ => vec![word],
    });
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or_else(|| OciError::Usage(format!("`{word}` needs a value")));
        match word.as_str() {
            "--root" => arguments.root = Some(value()?.into()),
            "-b" | "--bundle" => arguments.bundle = value()?.into(),
            "--pid-file" => arguments.pid_file = Some(value()?.into()),
            "-f" | "--force" => arguments.force = true,
            "-a" | "--all" | "--systemd-cgroup" => {}
            option if option.starts_with('-') && option.len() > 1 => {
                return Err(OciError::Usage(format!("unknown option `{option}`; {USAGE}")));
            }
            _ => positional.push(word),
        }
    }
    let mut positional = positional.into_iter();
    match (positional.next(), positional.next()) {
        (Some(command), Some(id)) => (arguments.command, arguments.id) = (command, id),
        _ => return Err(OciError::Usage(USAGE.into())),
    }
    arguments.extra = positional.next();
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"_.+-".contains(&byte);
    if !arguments.id.bytes().all(is_name) || arguments.id.starts_with('.') || arguments.id.len() > 255 {
        return Err(OciError::Usage(format!("`{}` cannot be an id", arguments.id.escape_debug())));
    }
    Ok(arguments)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &str) -> Result<Arguments, OciError> {
        super::parse(words.split(' ').map(str::to_owned))
    }

    #[test]
    fn options_and_positionals() {
        let found = parse("--root /r create --bundle=/b --pid-file p c1").expect("parses");
        let wanted = Arguments {
            root: Some("/r".into()),
            command: "create".into(),
            bundle: "/b".into(),
            pid_file: Some("p".into()),
            id: "c1".into(),
            ..Arguments::default()
        };
        assert_eq!(found, wanted);
        assert_eq!(parse("kill c1 KILL").expect("parses").extra.as_deref(), Some("KILL"));
    }

    #[test]
    fn ids_are_no_paths() {
        for words in ["start ../x", "start .", "start a/b", "start", "--what start x"] {
            assert!(parse(words).is_err(), "{words}");
        }
    }
}
