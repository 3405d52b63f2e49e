//! Signals of an attached session: forwarded to the container, or the end of this program with the terminal given back.

use std::io;
use std::sync::Arc;

use cala_engine::frames;
use signal_hook::consts::{SIGALRM, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH};
use signal_hook::iterator::Signals;

use super::{End, Kill, Shared, terminal};

/// Takes signals from now on, on a thread of its own.
pub(super) fn forward(shared: Arc<Shared>, proxy: bool, tty: bool, kill: Option<Kill>) -> io::Result<()> {
    let mut wanted = vec![SIGHUP, SIGINT, SIGQUIT, SIGTERM];
    if proxy {
        wanted.extend([SIGALRM, SIGUSR1, SIGUSR2]);
    }
    if tty {
        wanted.push(SIGWINCH);
    }
    let mut signals = Signals::new(wanted)?;
    std::thread::spawn(move || {
        for signal in signals.forever() {
            match signal {
                SIGWINCH => {
                    if let Some(size) = terminal::size() {
                        shared.try_send(&frames::encode_resize(size.rows, size.cols));
                    }
                }
                // The terminal went away: that ends this program and nothing else.
                SIGHUP => shared.finish(End::Signal(SIGHUP)),
                signal if proxy => pass_on(&shared, signal, kill.as_ref()),
                signal => shared.finish(End::Signal(signal)),
            }
        }
    });
    Ok(())
}

fn pass_on(shared: &Shared, signal: i32, kill: Option<&Kill>) {
    match kill {
        // Of its own connection: this one may be full of input that the container does not read.
        Some(kill) => kill(signal),
        None => {
            shared.try_send(&frames::encode_signal(signal));
        }
    }
}
