//! How a holder is found or started: by whoever gets the network's lock.

use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use cala_sys::flock::{FileLock, Mode};

use crate::client::{ANSWER_LIMIT, START_LIMIT, hello};
use crate::protocol::{Launch, Request, WITHIN};
use crate::{HolderClient, HolderError, paths};

/// How long the first and the longest pause is between looks at a holder that somebody else is starting or that is ending.
const PAUSES: (Duration, Duration) = (Duration::from_micros(500), Duration::from_millis(10));

/// How a holder is started.
pub(crate) struct Spawner<'a> {
    pub(crate) program: &'a Path,
    /// The caller is in U.
    pub(crate) within: bool,
}

impl Spawner<'_> {
    pub(crate) fn ensure(
        &self,
        launch: &Launch,
        namespace: Option<BorrowedFd<'_>>,
    ) -> Result<HolderClient, HolderError> {
        let network = network_of(launch)?;
        let deadline = Instant::now() + START_LIMIT;
        let mut pause = PAUSES.0;
        loop {
            match HolderClient::connect(&launch.run_root, network) {
                // Not there yet, or just ending.
                Err(HolderError::NotRunning { .. } | HolderError::Closed) => {}
                result => return result,
            }
            if let Some(lock) = try_lock(launch)? {
                return self.spawn(launch, &lock, namespace);
            }
            if Instant::now() >= deadline {
                return Err(HolderError::Silent);
            }
            wait(pause);
            pause = (pause * 2).min(PAUSES.1);
        }
    }

    pub(crate) fn spawn(
        &self,
        launch: &Launch,
        lock: &FileLock,
        namespace: Option<BorrowedFd<'_>>,
    ) -> Result<HolderClient, HolderError> {
        let (ours, theirs) = UnixStream::pair().map_err(HolderError::io("make a socket pair"))?;
        let short = network_of(launch)?;
        let short = short.get(..12).unwrap_or(short);
        let program = cala_sys::spawn::Program::new(self.program).arg(short).stdin(OwnedFd::from(theirs));
        let program = if self.within { program.arg(WITHIN) } else { program };
        let mut launcher = program
            .spawn()
            .map_err(|source| HolderError::Spawn { program: self.program.to_owned(), source })?;
        let mut client = HolderClient::of(ours, START_LIMIT);
        let fds: Vec<BorrowedFd<'_>> = std::iter::once(lock.as_fd()).chain(namespace).collect();
        let greeted = client
            .send(&hello(), &[])
            .and_then(|()| client.send(&Request::Launch(launch.clone()), &fds))
            .and_then(|()| client.expect_hello());
        // It ends as soon as the holder is there, or has said why not. An error means that somebody else reaped it.
        let _ = launcher.wait();
        client.limit = ANSWER_LIMIT;
        greeted.map(|()| client)
    }
}

/// The id of the network that is launched: the name of its directory.
fn network_of(launch: &Launch) -> Result<&str, HolderError> {
    let name = launch.network_dir.file_name().and_then(|name| name.to_str());
    name.ok_or_else(|| HolderError::Protocol {
        detail: format!("`{}` names no network", launch.network_dir.display()),
    })
}

pub(crate) fn try_lock(launch: &Launch) -> Result<Option<FileLock>, HolderError> {
    let path = paths::lock(&launch.run_root, network_of(launch)?);
    let taken = paths::prepare(&launch.run_root).and_then(|()| FileLock::try_take(&path, Mode::Exclusive));
    taken.map_err(|source| HolderError::Lock { path, source })
}

/// There is nothing to wait on but time: the lock's holder is about to listen or about to end.
fn wait(pause: Duration) {
    // An error here only makes the wait shorter.
    let _ = cala_sys::poll::wait::<()>(&[], Instant::now().checked_add(pause), &mut Vec::new());
}
