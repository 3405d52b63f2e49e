//! Networks: one directory each, `networks/<id>`, and one file for the name, `names/networks/<name>`.
//!
//! A network is there when its directory is; it arrives there whole, by rename, and leaves by rename. Whoever makes,
//! changes or removes one holds the directory `networks` locked, and so sees all the others while it chooses a name and
//! subnets. Whoever puts a container into a network holds it shared. Readers lock nothing.

mod change;
mod list;
mod make;

use cala_spec::Network;
use cala_spec::network::DEFAULT_NETWORK;
use sha2::{Digest as _, Sha256};

/// A network of which the record cannot be read; it can only be removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DamagedNetwork {
    /// The id: the name of its directory.
    pub id: String,
    /// Its name, when a file tells it.
    pub name: Option<String>,
    /// What is wrong, in one line.
    pub reason: String,
}

/// One entry of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NetworkEntry {
    /// All is well.
    Sound(Box<Network>),
    /// Something cannot be read.
    Damaged(DamagedNetwork),
}

impl NetworkEntry {
    /// The id.
    #[must_use]
    pub fn id(&self) -> &str {
        match self {
            Self::Sound(network) => &network.id,
            Self::Damaged(damaged) => &damaged.id,
        }
    }

    /// The name; the id when it is not known.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Sound(network) => &network.name,
            Self::Damaged(damaged) => damaged.name.as_deref().unwrap_or(&damaged.id),
        }
    }

    /// The network, when all is well.
    #[must_use]
    pub fn sound(&self) -> Option<&Network> {
        match self {
            Self::Sound(network) => Some(network),
            Self::Damaged(_) => None,
        }
    }
}

/// The id of the default network, the same everywhere and Podman's: the hash of its name.
#[must_use]
pub fn default_network_id() -> String {
    use std::fmt::Write as _;
    Sha256::digest(DEFAULT_NETWORK.as_bytes()).iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn is_id(text: &str) -> bool {
    text.len() == 64 && is_hex(text)
}

fn is_hex(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_default_network_has_podmans_id() {
        assert_eq!(
            super::default_network_id(),
            "2f259bab93aaaaa2542ba43ef33eb990d0999ee1b9924b557b7be53c0b7a1bb9"
        );
    }
}
