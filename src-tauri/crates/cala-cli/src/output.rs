//! The two streams: data goes to standard output, talk to standard error.

use std::io::{self, BufRead as _, BufWriter, IsTerminal as _, Write};

use crate::failure::Failure;

/// Writes data to standard output.
pub(crate) fn data(text: impl AsRef<[u8]>) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_ref()).and_then(|()| out.flush()).map_err(|error| lost(&error))
}

/// Writes a line of data to standard output.
pub(crate) fn line(text: impl AsRef<str>) -> Result<(), Failure> {
    data(format!("{}\n", text.as_ref()))
}

/// Writes to standard error, where colours are only shown on a terminal; that nobody reads it is no error.
pub(crate) fn talk(text: impl AsRef<str>) {
    let mut err = anstream::stderr().lock();
    let _ = err.write_all(text.as_ref().as_bytes()).and_then(|()| err.flush());
}

/// Says a warning.
pub(crate) fn warning(text: &str) {
    let style = anstyle::AnsiColor::Yellow.on_default();
    talk(format!("{style}Warning:{style:#} {text}\n"));
}

/// Asks whether to go on, after a line that says what is about to happen; the end of the input means no.
pub(crate) fn confirmed(warning: &str) -> Result<bool, Failure> {
    data(format!("{warning}\nAre you sure you want to continue? [y/N] "))?;
    let mut answer = String::new();
    let read = io::stdin().lock().read_line(&mut answer);
    read.map_err(|error| Failure::io("reading the answer", &error))?;
    Ok(answer.trim_start().starts_with(['y', 'Y']))
}

/// A buffered standard output for much data.
pub(crate) fn buffered() -> BufWriter<io::StdoutLock<'static>> {
    BufWriter::with_capacity(64 << 10, io::stdout().lock())
}

/// What a failed write to an output means: a reader that went away ends the command quietly.
pub(crate) fn lost(error: &io::Error) -> Failure {
    Failure::io("writing the output", error)
}

/// Whether a person watches standard error.
pub(crate) fn watched() -> bool {
    io::stderr().is_terminal()
}
