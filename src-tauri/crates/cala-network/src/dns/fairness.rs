//! Who gives way when a table is full: an entry of whoever has the most, so that nobody's flood takes another's place.

use std::collections::HashMap;
use std::net::IpAddr;

/// How many entries of a table each client has.
#[derive(Debug, Default)]
pub(super) struct Shares {
    held: HashMap<IpAddr, usize>,
}

impl Shares {
    pub(super) fn add(&mut self, client: IpAddr) {
        *self.held.entry(client).or_insert(0) += 1;
    }

    pub(super) fn release(&mut self, client: IpAddr) {
        if let Some(count) = self.held.get_mut(&client) {
            *count -= 1;
            if *count == 0 {
                self.held.remove(&client);
            }
        }
    }

    pub(super) fn of(&self, client: IpAddr) -> usize {
        self.held.get(&client).copied().unwrap_or(0)
    }

    /// Whose entry goes so that this client gets one more. `None`: it has as many as anybody, and its own request is the one
    /// that is turned away.
    pub(super) fn who_gives_way(&self, client: IpAddr) -> Option<IpAddr> {
        let (richest, most) = self.held.iter().max_by_key(|(_, count)| **count)?;
        (*most > self.of(client) + 1).then_some(*richest)
    }
}
