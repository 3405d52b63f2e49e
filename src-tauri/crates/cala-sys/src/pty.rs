//! ioctl_tty(2): the size of a terminal, for who holds its master.

use std::io;
use std::os::fd::AsFd;

use rustix::termios::Winsize;

/// Sets rows and columns; the foreground process group gets SIGWINCH when they change.
///
/// # Errors
/// ENOTTY when it is no terminal.
pub fn set_size(fd: impl AsFd, rows: u16, cols: u16) -> io::Result<()> {
    let size = Winsize { ws_row: rows, ws_col: cols, ws_xpixel: 0, ws_ypixel: 0 };
    Ok(rustix::termios::tcsetwinsize(fd, size)?)
}

/// Rows and columns.
///
/// # Errors
/// ENOTTY when it is no terminal.
pub fn size(fd: impl AsFd) -> io::Result<(u16, u16)> {
    let size = rustix::termios::tcgetwinsize(fd)?;
    Ok((size.ws_row, size.ws_col))
}
