//! The terminal of this program: its size, and raw mode that is always undone.

use std::io::{self, IsTerminal as _};
use std::sync::{Mutex, PoisonError};

use cala_engine::TerminalSize;
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};

/// The settings to go back to, for whoever ends the program.
static BEFORE: Mutex<Option<Termios>> = Mutex::new(None);

/// Whether standard input is a terminal.
pub(crate) fn is_terminal() -> bool {
    io::stdin().is_terminal()
}

/// Rows and columns of the terminal at standard output or input.
pub(crate) fn size() -> Option<TerminalSize> {
    let size = tcgetwinsize(io::stdout()).or_else(|_| tcgetwinsize(io::stdin())).ok()?;
    (size.ws_row > 0 && size.ws_col > 0).then_some(TerminalSize { rows: size.ws_row, cols: size.ws_col })
}

/// Raw mode; dropping it gives the terminal back as it was.
#[derive(Debug)]
pub(crate) struct Raw(());

impl Raw {
    /// Enters raw mode; `None` when the terminal refuses, which then stays as it is.
    pub(crate) fn enter() -> Option<Self> {
        let before = tcgetattr(io::stdin()).ok()?;
        let mut raw = before.clone();
        raw.make_raw();
        *BEFORE.lock().unwrap_or_else(PoisonError::into_inner) = Some(before);
        tcsetattr(io::stdin(), OptionalActions::Drain, &raw).ok()?;
        Some(Self(()))
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        restore();
    }
}

/// Gives the terminal back as it was before raw mode, once.
pub(crate) fn restore() {
    if let Some(before) = BEFORE.lock().unwrap_or_else(PoisonError::into_inner).take() {
        let _ = tcsetattr(io::stdin(), OptionalActions::Drain, &before);
    }
}

/// Reads a line from the terminal without showing it (a password).
pub(crate) fn read_hidden() -> io::Result<String> {
    let before = tcgetattr(io::stdin())?;
    let mut hidden = before.clone();
    hidden.local_modes.remove(rustix::termios::LocalModes::ECHO);
    *BEFORE.lock().unwrap_or_else(PoisonError::into_inner) = Some(before);
    tcsetattr(io::stdin(), OptionalActions::Flush, &hidden)?;
    let _shown_again = Raw(());
    let mut line = String::new();
    io::stdin().read_line(&mut line)?;
    Ok(line)
}
