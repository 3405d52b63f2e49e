//! Making networks.

use std::collections::BTreeSet;

use cala_network::create::{self as wish, Draft, Surroundings};
use cala_network::subnets::Taken;
use cala_network::{NetworkError, options};
use cala_spec::Network;
use cala_spec::network::{DEFAULT_NETWORK, NetworkSpec};
use cala_store::{NetworkEntry, default_network_id, new_container_id, random_bytes};

use super::{host_ranges, of_networks};
use crate::containers::OPENED;
use crate::{Engine, EngineError, Result, time};

impl Engine {
    /// Makes a network, or returns the one that has the name already when the wish says so (`ignore`).
    ///
    /// # Errors
    /// When the wish does not fit, the name or a subnet is taken, no subnet is free, or it cannot be stored.
    pub fn create_network(&self, spec: &NetworkSpec) -> Result<Network> {
        let draft = wish::check(spec)?;
        let taken = host_ranges()?;
        let id = new_container_id()?.to_string();
        let random = random_bytes()?;
        let random = random.first_chunk::<8>().map_or(1, |bytes| u64::from_le_bytes(*bytes));
        let made = self.store()?.create_network(|others| place(draft, id, others, taken, random));
        match made {
            Ok(network) => {
                if options::opens_host_loopback(&network) {
                    tracing::warn!("{OPENED}");
                }
                self.record_network("create", &network.id, &network.name)?;
                Ok(network)
            }
            Err(EngineError::Network(NetworkError::NameInUse(name))) if spec.ignore => self.network(&name),
            Err(error) => Err(error),
        }
    }
}

/// Under the lock of networks.
fn place(
    draft: Draft,
    id: String,
    others: &[NetworkEntry],
    mut taken: Vec<Taken>,
    random: u64,
) -> Result<Network> {
    let default_id = default_network_id();
    taken.extend(of_networks(others));
    if !others.iter().any(|other| other.id() == default_id) {
        // It is not made yet and has its place all the same.
        let default = wish::default_network(default_id.clone(), 0, &taken);
        taken.extend(default.iter().flat_map(Taken::of_network));
    }
    let mut names: BTreeSet<String> =
        others.iter().flat_map(|other| [other.name().to_owned(), other.id().to_owned()]).collect();
    names.extend([DEFAULT_NETWORK.to_owned(), default_id]);
    Ok(draft.place(id, time::now_ns(), &Surroundings { names: &names, taken: &taken, random })?)
}
