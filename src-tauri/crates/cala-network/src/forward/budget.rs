//! How many connections may be open: in all, and of one container.
//!
//! Each connection costs descriptors, and a flood to one container must not take those of the others. A container may
//! have as many connections as places are still free (the dynamic threshold of shared packet buffers): one alone takes
//! half of all, two take a third each, and there is always a place for a container that has none.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use cala_sys::rlimit::{self, Resource};

/// Descriptors for what is not a connection: listeners, control, name server, pipes.
const RESERVED: u64 = 512;

/// Descriptors of one connection.
const PER_CONNECTION: u64 = 2;

/// Connections at most, whatever the limit of descriptors: the rest is memory of the kernel.
const MOST: u64 = 65_536;

/// The places of all connections.
#[derive(Debug)]
pub(super) struct Budget {
    places: u32,
    open: AtomicU32,
}

impl Budget {
    /// As many as the limit of descriptors allows, which is raised as far as it goes.
    pub(super) fn of_this_process() -> Arc<Self> {
        let (soft, hard) = rlimit::get(Resource::Nofile).unwrap_or((1024, 1024));
        let limit = if rlimit::set(Resource::Nofile, hard, hard).is_ok() { hard } else { soft };
        Self::with_descriptors(limit)
    }

    /// As many as a number of descriptors allows.
    pub(super) fn with_descriptors(limit: u64) -> Arc<Self> {
        let reserved = RESERVED.min(limit / 2);
        let places = ((limit - reserved) / PER_CONNECTION).min(MOST);
        Arc::new(Self { places: u32::try_from(places).unwrap_or(u32::MAX), open: AtomicU32::new(0) })
    }
}

/// The open connections of one container.
#[derive(Debug, Default)]
pub(super) struct Share {
    open: AtomicU32,
}

/// The open connections of one port.
#[derive(Debug, Default)]
pub(super) struct Counter {
    open: AtomicU32,
}

impl Counter {
    /// How many there are.
    pub(super) fn open(&self) -> u32 {
        self.open.load(Ordering::Relaxed)
    }
}

/// What a connection is counted by.
#[derive(Debug, Clone)]
pub(super) struct Account {
    /// All.
    pub(super) budget: Arc<Budget>,
    /// Those of its container.
    pub(super) share: Arc<Share>,
    /// Those of its port.
    pub(super) counter: Arc<Counter>,
}

impl Account {
    /// Whether there is a place for one more.
    pub(super) fn has_place(&self) -> bool {
        let free = self.budget.places.saturating_sub(self.budget.open.load(Ordering::Relaxed));
        self.share.open.load(Ordering::Relaxed) < free
    }

    /// Takes a place, if there is one.
    pub(super) fn take(&self) -> Option<Place> {
        self.has_place().then(|| {
            for open in self.counts() {
                open.fetch_add(1, Ordering::Relaxed);
            }
            Place(self.clone())
        })
    }

    fn counts(&self) -> [&AtomicU32; 3] {
        [&self.budget.open, &self.share.open, &self.counter.open]
    }
}

/// The place of one connection, free again when dropped.
#[derive(Debug)]
pub(super) struct Place(Account);

impl Drop for Place {
    fn drop(&mut self) {
        for open in self.0.counts() {
            open.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(account: &Account) -> Vec<Place> {
        std::iter::from_fn(|| account.take()).collect()
    }

    #[test]
    fn a_flood_to_one_container_leaves_half_to_the_others() {
        let budget = Budget::with_descriptors(RESERVED + 2 * 900);
        let account = || Account { budget: budget.clone(), share: Arc::default(), counter: Arc::default() };
        let (flooded, second) = (account(), account());
        let held = fill(&flooded);
        assert_eq!(held.len(), 450);
        assert_eq!(fill(&second).len(), 225);
        assert_eq!(flooded.counter.open(), 450);
        drop(held);
        assert_eq!(flooded.counter.open(), 0);
        assert!(flooded.has_place());
    }

    #[test]
    fn a_small_limit_still_has_places() {
        let budget = Budget::with_descriptors(256);
        let account = Account { budget, share: Arc::default(), counter: Arc::default() };
        assert_eq!(fill(&account).len(), 32);
    }
}
