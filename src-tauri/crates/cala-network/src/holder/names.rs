//! The network's name server, as the holder starts and feeds it.

use std::io;
use std::net::IpAddr;
use std::path::PathBuf;

use cala_holder::protocol::Names;
use cala_spec::network::Network;

use super::host::Host;

/// The names of the network. Seam until the name server is there.
#[derive(Debug)]
pub(super) struct Zone {}

/// Starts the name server on these addresses.
pub(super) fn serve(
    network: &Network,
    listen: Vec<IpAddr>,
    host: Host,
    run_root: PathBuf,
) -> io::Result<Zone> {
    let _ = (network, listen, host, run_root);
    Ok(Zone {})
}

impl Zone {
    pub(super) fn set(&self, container: &str, names: &Names, addresses: Vec<IpAddr>) {
        let _ = (container, names, addresses);
    }

    pub(super) fn remove(&self, container: &str) {
        let _ = container;
    }

    pub(super) fn resolve(&self, name: &str) -> Vec<IpAddr> {
        let _ = name;
        Vec::new()
    }

    pub(super) fn reload(&self, network: &Network) {
        let _ = network;
    }
}
