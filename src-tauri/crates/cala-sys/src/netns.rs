//! setns(2) with CLONE_NEWNET: doing one thing in another network namespace.

use std::io;
use std::os::fd::BorrowedFd;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// Runs `act` in a network namespace, on a thread of its own: the caller never leaves where it is, whatever happens.
/// Sockets that `act` opens stay in that namespace, and /proc/sys/net is that namespace's there.
///
/// # Errors
/// EAGAIN when there may be no more threads; those of setns(2): EPERM without CAP_SYS_ADMIN in the user namespace that
/// owns it. A panic of `act` is an error too.
pub fn run_in<T: Send>(namespace: BorrowedFd<'_>, act: impl FnOnce() -> T + Send) -> io::Result<T> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("cala:netns".to_owned()).spawn_scoped(scope, || {
            move_into_link_name_space(namespace, Some(LinkNameSpaceType::Network))?;
            Ok(act())
        })?;
        thread.join().unwrap_or_else(|_| Err(io::Error::other("the thread panicked")))
    })
}

/// The network namespace of the calling thread.
///
/// # Errors
/// Those of open(2), without /proc above all.
pub fn current() -> io::Result<std::os::fd::OwnedFd> {
    Ok(std::fs::File::open("/proc/thread-self/ns/net")?.into())
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd as _;

    use super::*;

    #[test]
    fn what_cannot_be_entered_is_an_error_and_nothing_runs() {
        let file = std::fs::File::open("/dev/null").unwrap();
        let mut ran = false;
        assert!(run_in(file.as_fd(), || ran = true).is_err());
        assert!(!ran);
    }

    #[test]
    fn the_callers_namespace_has_a_descriptor() {
        current().unwrap();
    }
}
