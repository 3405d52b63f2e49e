//! Why a command failed, as the person reads it: one line, then hints, then the exit code by kind.

use std::fmt::Write as _;
use std::io;

use cala_spec::{Classify, ErrorKind, Hints};

/// A failed command.
#[derive(Debug)]
pub(crate) struct Failure {
    /// The line behind `Error: `; empty when nothing is to be said.
    text: String,
    hints: Vec<String>,
    /// `cala run`, whose help is pointed at.
    see: Option<String>,
    code: u8,
    kind: ErrorKind,
}

impl Failure {
    /// A wrong request, in one line.
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), hints: Vec::new(), see: None, code: 125, kind: ErrorKind::InvalidArgument }
    }

    /// A wrong flag or argument of the command with this path (`cala run`).
    pub(crate) fn usage(path: &str, text: impl Into<String>) -> Self {
        Self { see: Some(path.to_owned()), ..Self::new(text) }
    }

    /// An end without a word: broken pipe, or an exit code that says it all.
    pub(crate) fn silent(code: u8) -> Self {
        Self { code, ..Self::new("") }
    }

    /// Something of the machine that did not work.
    pub(crate) fn io(act: &str, error: &io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::silent(0);
        }
        Self { kind: ErrorKind::Internal, ..Self::new(format!("{act}: {}", reason(error))) }
    }

    /// The same with a further hint.
    pub(crate) fn hint(mut self, line: impl Into<String>) -> Self {
        self.hints.push(line.into());
        self
    }

    /// The same with words before the line: the object that it is about.
    pub(crate) fn within(mut self, place: &str) -> Self {
        self.text = format!("{place}: {}", self.text);
        self
    }

    /// The same with another exit code.
    pub(crate) fn exit(mut self, code: u8) -> Self {
        self.code = code;
        self
    }

    /// The exit code.
    pub(crate) fn code(&self) -> u8 {
        self.code
    }

    /// What sort of failure it is.
    pub(crate) fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The line behind `Error: `.
    #[cfg(test)]
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// What is printed on standard error.
    pub(crate) fn render(&self) -> String {
        let mut out = String::new();
        if self.text.is_empty() {
            return out;
        }
        _ = writeln!(out, "Error: {}", self.text);
        if let Some(path) = &self.see {
            _ = writeln!(out, "See '{path} --help'");
        }
        for (index, hint) in self.hints.iter().enumerate() {
            _ = writeln!(out, "{}hint: {hint}", if index == 0 { "\n" } else { "" });
        }
        out
    }
}

/// A text without Rust's ` (os error 2)`.
fn without_numbers(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(" (os error ") {
        let (before, found) = rest.split_at(at);
        let end = found.find(')').map_or(found.len(), |end| end + 1);
        out.push_str(before);
        rest = &found[end..];
    }
    out + rest
}

/// What the system said, without Rust's ` (os error 2)`.
pub(crate) fn reason(error: &io::Error) -> String {
    let text = without_numbers(&error.to_string());
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}

impl<E: Classify> From<E> for Failure {
    fn from(error: E) -> Self {
        let hints: Hints = error.hints();
        Self {
            text: without_numbers(&cala_spec::error::chain(&error)),
            hints: hints.iter().map(str::to_owned).collect(),
            see: None,
            code: error.kind().exit_code(),
            kind: error.kind(),
        }
    }
}

impl From<crate::template::TemplateError> for Failure {
    fn from(error: crate::template::TemplateError) -> Self {
        Self::new(error.to_string()).hint("`--format '{{json .}}'` shows the fields there are")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_person_reads_a_line_then_hints() {
        let failure = Failure::new("x is wrong").hint("do y").hint("or z");
        assert_eq!(failure.render(), "Error: x is wrong\n\nhint: do y\nhint: or z\n");
        let failure = Failure::usage("cala run", "unknown flag: --x");
        assert_eq!(failure.render(), "Error: unknown flag: --x\nSee 'cala run --help'\n");
        assert_eq!(Failure::silent(3).render(), "");
    }

    #[test]
    fn a_broken_pipe_is_quiet() {
        let failure = Failure::io("writing", &io::Error::from(io::ErrorKind::BrokenPipe));
        assert_eq!((failure.render().as_str(), failure.code()), ("", 0));
        assert_eq!(reason(&io::Error::from_raw_os_error(2)), "no such file or directory");
        assert_eq!(without_numbers("a: x (os error 2): y (os error 5)"), "a: x: y");
    }
}
