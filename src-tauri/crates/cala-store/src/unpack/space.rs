//! The guard of the last free bytes.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use cala_sys::file::free_space;

use super::UnpackError;

/// Bytes taken after which the file system is asked again: others write too.
const INTERVAL: u64 = 32 << 20;

/// What an inode costs at least in bytes.
const INODE: u64 = 4096;

/// Counts what a layer takes and stops it before the disk is full.
#[derive(Debug)]
pub(super) struct Space {
    root: Arc<OwnedFd>,
    keep: u64,
    /// Bytes that may be taken before the next look.
    budget: u64,
}

impl Space {
    pub(super) fn new(root: Arc<OwnedFd>, keep: u64) -> Result<Self, UnpackError> {
        let mut space = Self { root, keep, budget: 0 };
        space.look(INODE)?;
        Ok(space)
    }

    /// Asks for a file of `bytes`.
    pub(super) fn take(&mut self, bytes: u64) -> Result<(), UnpackError> {
        let bytes = bytes.saturating_add(INODE);
        if bytes > self.budget {
            self.look(bytes)?;
        }
        self.budget = self.budget.saturating_sub(bytes);
        Ok(())
    }

    fn look(&mut self, needed: u64) -> Result<(), UnpackError> {
        let free = free_space(self.root.as_fd()).map_err(|error| UnpackError::file("examine", b"", error))?;
        let usable = free.bytes.saturating_sub(self.keep);
        if free.inodes == 0 {
            return Err(UnpackError::NoInodes);
        }
        if needed > usable {
            return Err(UnpackError::NoSpace { free: free.bytes, keep: self.keep, needed });
        }
        self.budget = usable.min(INTERVAL.max(needed));
        Ok(())
    }
}
