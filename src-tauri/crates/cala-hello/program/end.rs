//! Ends at once when asked to stop.
//!
//! A container's first process is pid 1 of its namespace: the kernel drops signals that it does not handle
//! (pid_namespaces(7)), so without this `stop` would wait for its whole time-out. The standard library offers no signals
//! and nothing else may be linked in, hence the two C functions.

unsafe extern "C" {
    fn signal(number: i32, handler: usize) -> usize;
    fn _exit(code: i32) -> !;
}

const SIGINT: i32 = 2;
const SIGTERM: i32 = 15;

extern "C" fn leave(_signal: i32) {
    // SAFETY: _exit(2) is async-signal-safe and takes any code.
    unsafe { _exit(0) }
}

/// Makes SIGTERM and SIGINT end the program with code 0.
pub(crate) fn on_request() {
    for number in [SIGINT, SIGTERM] {
        // SAFETY: `leave` has the signature that signal(2) calls and does only what is async-signal-safe.
        unsafe { signal(number, leave as *const () as usize) };
    }
}
