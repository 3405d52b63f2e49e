//! Signals of an attached session: forwarded to the container, or the end of this program with the terminal given back.
//!
//! As Podman's `--sig-proxy`, every signal that can be caught is forwarded, but for those that tell this program something:
//! of its children, of a reader that went away, of urgent data. **A terminal that is lost ends this program only**: the
//! SIGHUP that comes with it is told from one that somebody sends by the terminal being gone.

use std::fs::File;
use std::io;
use std::sync::Arc;

use cala_engine::frames;
use signal_hook::consts::{
    SIGABRT, SIGALRM, SIGBUS, SIGCONT, SIGHUP, SIGINT, SIGIO, SIGPROF, SIGQUIT, SIGSYS, SIGTERM, SIGTRAP,
    SIGTSTP, SIGTTIN, SIGTTOU, SIGUSR1, SIGUSR2, SIGVTALRM, SIGWINCH, SIGXCPU, SIGXFSZ,
};
use signal_hook::iterator::Signals;

use super::{End, Kill, Shared, terminal};

/// End this program, whether they are forwarded or not.
const ENDING: [i32; 4] = [SIGHUP, SIGINT, SIGQUIT, SIGTERM];

/// Forwarded to a command of `exec` too.
const USERS: [i32; 3] = [SIGALRM, SIGUSR1, SIGUSR2];

/// Forwarded to a container. Without SIGCHLD, SIGPIPE, SIGURG, and the faults of this program itself.
const OTHERS: [i32; 11] =
    [SIGABRT, SIGBUS, SIGCONT, SIGIO, SIGPROF, SIGSYS, SIGTRAP, SIGTSTP, SIGVTALRM, SIGXCPU, SIGXFSZ];

/// Told to this program when it may not use its terminal; with input from there they are not the container's.
const OF_JOBS: [i32; 2] = [SIGTTIN, SIGTTOU];

/// SIGPWR and SIGSTKFLT, which the library has no names for, and the real-time signals but for those that the C library
/// has for itself.
const NUMBERED: [i32; 2] = [30, 16];
const REAL_TIME: std::ops::RangeInclusive<i32> = 34..=64;

/// Takes signals from now on, on a thread of its own.
pub(super) fn forward(shared: Arc<Shared>, proxy: bool, tty: bool, kill: Option<Kill>) -> io::Result<()> {
    let mut signals = Signals::new(wanted(proxy, tty, kill.is_some()))?;
    let had_terminal = has_terminal();
    std::thread::spawn(move || {
        for signal in signals.forever() {
            match signal {
                SIGWINCH if tty => {
                    if let Some(size) = terminal::size() {
                        shared.try_send(&frames::encode_resize(size.rows, size.cols));
                    }
                }
                // The terminal went away.
                SIGHUP if kill.is_none() || (had_terminal && !has_terminal()) => {
                    shared.finish(End::Signal(SIGHUP));
                }
                signal if proxy => pass_on(&shared, signal, kill.as_ref()),
                signal => shared.finish(End::Signal(signal)),
            }
        }
    });
    Ok(())
}

fn wanted(proxy: bool, tty: bool, of_container: bool) -> Vec<i32> {
    let mut wanted = ENDING.to_vec();
    if proxy {
        wanted.extend(USERS);
    }
    if tty || (proxy && of_container) {
        wanted.push(SIGWINCH);
    }
    if proxy && of_container {
        wanted.extend(OTHERS.iter().chain(&NUMBERED).copied().chain(REAL_TIME));
        if !super::is_terminal() {
            wanted.extend(OF_JOBS);
        }
    }
    wanted
}

/// Whether this program has a terminal that controls it (tty(4)).
fn has_terminal() -> bool {
    File::open("/dev/tty").is_ok()
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

#[cfg(test)]
mod tests {
    use signal_hook::consts::{SIGCHLD, SIGPIPE, SIGURG};

    use super::*;

    #[test]
    fn what_is_for_this_program_is_not_forwarded() {
        let all = wanted(true, false, true);
        for own in [SIGCHLD, SIGPIPE, SIGURG, 9, 19, 4, 8, 11, 32, 33] {
            assert!(!all.contains(&own), "{own}");
        }
        for forwarded in [SIGHUP, SIGINT, SIGWINCH, SIGCONT, SIGTSTP, SIGUSR1, 34, 64] {
            assert!(all.contains(&forwarded), "{forwarded}");
        }
        assert_eq!(wanted(false, false, true), ENDING);
        assert!(
            !wanted(true, false, false).contains(&SIGCONT),
            "an exec has its own terminal's signals only"
        );
    }
}
