//! `--init`: a process 1 of ours, which forwards signals to the program and reaps what is left to it.
//!
//! It is this process itself, after a fork: no program is needed in the image. It is not dumpable, so its /proc files,
//! which lead to a program of the host, cannot be opened from inside (rule R5).

use std::os::fd::{AsRawFd, OwnedFd};

use cala_sys::clone::{self, CloneFlags, Cloned, clone3};
use cala_sys::{capability, exec, prctl};
use rustix::process::{Pid, Signal, WaitOptions, kill_process, wait};

use crate::StartError;
use crate::channel;
use crate::process::{self, Program};

/// CAP_KILL: the program may change its user.
const KILL: capability::Bits = 1 << 5;

/// Forks the program and becomes the init.
pub(crate) fn run(program: Program<'_>, terminal: Option<OwnedFd>, report: OwnedFd) -> ! {
    exec::block_signals();
    let pid = match clone3(CloneFlags::NONE, None) {
        Ok(Cloned::Parent { pid, .. }) => pid,
        Ok(Cloned::Child) => {
            exec::reset_signals();
            let error = match process::new_session(terminal.as_ref()) {
                Ok(()) => program.run(),
                Err(error) => error,
            };
            channel::report_failure(&report, &error);
            clone::exit(1)
        }
        Err(error) => {
            channel::report_failure(&report, &StartError::step("fork the program", error));
            clone::exit(1)
        }
    };
    // These descriptors are closed with all others, not by their owners.
    let _ = (report.as_raw_fd(), terminal.as_ref().map(AsRawFd::as_raw_fd));
    std::mem::forget((program, terminal, report));
    let _ = exec::close_from(0);
    let _ = capability::set(
        KILL & capability::permitted().unwrap_or(0),
        KILL & capability::permitted().unwrap_or(0),
    );
    let _ = prctl::set_no_new_privs();
    let _ = prctl::set_dumpable(false);
    clone::exit(serve(pid))
}

/// Forwards signals until the program ends; returns its exit status, 128 and the signal when it was killed.
fn serve(program: i32) -> i32 {
    loop {
        let Ok(number) = exec::wait_signal() else { continue };
        if number == Signal::CHILD.as_raw() {
            if let Some(code) = reap(program) {
                return code;
            }
        } else if let (Some(pid), Some(signal)) = (Pid::from_raw(program), Signal::from_named_raw(number)) {
            let _ = kill_process(pid, signal);
        }
    }
}

/// Reaps all that have ended; the exit status when the program is among them.
fn reap(program: i32) -> Option<i32> {
    let mut code = None;
    while let Ok(Some((pid, status))) = wait(WaitOptions::NOHANG) {
        if pid.as_raw_nonzero().get() == program {
            code = status.exit_status().or_else(|| status.terminating_signal().map(|signal| 128 + signal));
        }
    }
    code
}
