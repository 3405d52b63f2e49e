//! One flush for many: whoever asks while a flush runs shares the next one.

use std::io;
use std::sync::{Condvar, Mutex, PoisonError};

/// Runs an act that covers everything done before it began, as seldom as possible.
#[derive(Debug, Default)]
pub(crate) struct GroupSync {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    running: bool,
    /// Number of the last act that began.
    begun: u64,
    /// Number of the last act that ended.
    ended: u64,
    /// Number of the last act that failed, and why.
    failed: Option<(u64, i32)>,
}

impl GroupSync {
    /// Returns when an act that began after this call has ended.
    pub(crate) fn run(&self, act: impl Fn() -> io::Result<()>) -> io::Result<()> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let wanted = state.begun + 1;
        while state.ended < wanted {
            if state.running {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            state.running = true;
            state.begun += 1;
            let number = state.begun;
            drop(state);
            let result = act();
            state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            (state.running, state.ended) = (false, number);
            if let Err(error) = result {
                state.failed = Some((number, error.raw_os_error().unwrap_or(5)));
            }
            self.changed.notify_all();
        }
        match state.failed {
            Some((number, errno)) if number >= wanted => Err(io::Error::from_raw_os_error(errno)),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    #[expect(clippy::disallowed_methods, reason = "an act that takes a while")]
    fn many_share_few() {
        let (group, count) = (GroupSync::default(), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..20 {
                scope.spawn(|| {
                    group
                        .run(|| {
                            count.fetch_add(1, Ordering::SeqCst);
                            std::thread::sleep(std::time::Duration::from_millis(20));
                            Ok(())
                        })
                        .unwrap();
                });
            }
        });
        assert!(count.load(Ordering::SeqCst) < 10, "{count:?}");
        assert!(group.run(|| Err(io::Error::from_raw_os_error(28))).is_err());
        assert!(group.run(|| Ok(())).is_ok());
    }
}
