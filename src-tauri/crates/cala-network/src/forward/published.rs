//! A published port as the threads know it.

use std::net::IpAddr;

use cala_spec::port::PortMapping;

use super::Target;
use super::budget::Account;

/// A port and where it leads.
#[derive(Debug)]
pub(super) struct Published {
    pub(super) port: PortMapping,
    pub(super) target: Target,
    pub(super) account: Account,
}

impl Published {
    /// Whether it leads to one of these addresses.
    pub(super) fn leads_to(&self, addresses: &[IpAddr]) -> bool {
        self.target.addresses.iter().any(|address| addresses.contains(address))
    }
}
