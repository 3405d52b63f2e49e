//! The words between a client and the holder of a network: an enum per direction, versioned.
//!
//! Each message is a `u32` little-endian length and that many bytes of JSON, at most [`MAX_MESSAGE`], with descriptors
//! beside its first byte (SCM_RIGHTS, unix(7)). Both sides begin with `Hello`. What a holder does not know is answered by
//! [`Reply::Error`] with the code `unknown_request`, never by a hang-up. Answers come in the order of the requests.
//!
//! A connection that has asked for [`Request::Attach`] is the *lease* of that container in this network: when it is
//! closed, by whatever end of the monitor, the holder withdraws the container's names, ports, addresses and link. A holder
//! without leases ends. For a monitor, a closed peer means that the holder died: the network's namespace lives on by the
//! monitors' descriptors, and whoever gets the network's lock starts the next holder with it ([`Request::Launch`]).

use std::net::IpAddr;
use std::path::PathBuf;

use cala_spec::ErrorKind;
use cala_spec::network::NetworkStatus;
use cala_spec::port::{PortMapping, Protocol};
use serde::{Deserialize, Serialize};

/// The version of this protocol; a holder serves clients with the same number.
pub const PROTOCOL: u32 = 1;

/// Bytes of the largest message (thousands of ports).
pub const MAX_MESSAGE: usize = 1 << 20;

/// The name of the socket in `R/networks/<id>/`.
pub const SOCKET_NAME: &str = "sock";

/// Descriptors beside one message at most; the ports beyond are published one by one.
pub const MAX_DESCRIPTORS: usize = 8;

/// The second argument of the program when whoever spawned it is in U already.
pub const WITHIN: &str = "within";

/// From a client to a holder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "snake_case")]
pub enum Request {
    /// Always first.
    Hello {
        /// [`PROTOCOL`] of the client.
        protocol: u32,
        /// Version of the client's program.
        version: String,
    },
    /// Second, and only from whoever spawned the holder: become the holder of this network. Beside it the locked lock file
    /// ([`crate::paths::lock`]), which the holder keeps, and, if the network's namespace is there already, its descriptor.
    Launch(Launch),
    /// Hand out the descriptor of U (beside [`Reply::UserNamespace`]).
    UserNamespace,
    /// Join a container to the network. Beside it the descriptor of the container's network namespace.
    Attach(Box<Attach>),
    /// On a lease: another set of names, other networks of the container.
    Update(Names),
    /// On a lease: publish a port. Beside it its listening sockets, one or two (IPv4, IPv6): stream sockets that listen
    /// for TCP, bound sockets for UDP, all of the host's network namespace.
    Publish {
        /// The port.
        port: PortMapping,
    },
    /// On a lease: withdraw a port. Open connections go on.
    Unpublish {
        /// The port, as it was published.
        port: PortMapping,
    },
    /// On a lease: leave the network. Answered when names, ports and link are gone.
    Detach {
        /// The container has ended: its link goes with its namespace, and is not waited for.
        #[serde(default)]
        ended: bool,
    },
    /// Which addresses has this name here? Asked by the holder of another network that the asking container is in.
    Resolve {
        /// A name without the domain, lower case.
        name: String,
    },
    /// Which container has this address here? Asked as [`Request::Resolve`] is.
    NameOf {
        /// The address.
        address: IpAddr,
    },
    /// What is in the network now.
    Snapshot,
    /// Can a connection be made from a container to an address? Tried for real, from the container's own namespace.
    Reach {
        /// Id of the container that asks.
        from: String,
        /// Where to.
        to: IpAddr,
        /// The port; `None` asks by an echo request (ICMP).
        port: Option<u16>,
        /// By connecting, or by a datagram.
        #[serde(default)]
        protocol: Protocol,
        /// Milliseconds to wait at most.
        timeout_ms: u64,
    },
    /// Read the network's record again (`network update`).
    Reload,
}

/// What a new holder is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Launch {
    /// `D/networks/<id>`, where `network.json` is.
    pub network_dir: PathBuf,
    /// `R`, where `networks/<id>/` and `userns.lock` are.
    pub run_root: PathBuf,
}

/// A container that joins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attach {
    /// Its id.
    pub container: String,
    /// Its names here.
    pub names: Names,
    /// Name of the interface in the container, at most 15 bytes.
    pub interface: String,
    /// Fixed or former addresses; of each family at most one. What is missing is chosen.
    #[serde(default)]
    pub addresses: Vec<IpAddr>,
    /// Fixed or former MAC address; made from the IPv4 address if absent.
    #[serde(default)]
    pub mac: Option<String>,
    /// This network is the container's way out.
    pub default_route: bool,
    /// The container lives on from a former holder: link and addresses are there already and are taken over.
    #[serde(default)]
    pub adopt: bool,
}

/// By which names a container is found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Names {
    /// The container's name, which is what an address is answered with (PTR).
    pub name: String,
    /// Its aliases here and its short id.
    pub aliases: Vec<String>,
    /// Ids of the other networks that it is in: its questions are answered from there too.
    pub also_in: Vec<String>,
}

/// From a holder to a client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reply", rename_all = "snake_case")]
pub enum Reply {
    /// Always first. To whoever spawned the holder it comes when the network serves: namespace, bridge, name server;
    /// the uplink may still be on its way.
    Hello {
        /// [`PROTOCOL`] of the holder.
        protocol: u32,
        /// Version of the holder's program.
        version: String,
    },
    /// The descriptor of U comes with it.
    UserNamespace,
    /// The container has joined; the descriptor of the network's namespace comes with it. The uplink is there, or could
    /// not be had.
    Attached(Attached),
    /// Done.
    Done,
    /// Answer to `Resolve`; empty when nobody here has that name.
    Resolved {
        /// Addresses of the name.
        addresses: Vec<IpAddr>,
    },
    /// Answer to `NameOf`.
    Named {
        /// The container's name, lower case; `None` when nobody here has the address.
        name: Option<String>,
    },
    /// Answer to `Snapshot`.
    Snapshot(Snapshot),
    /// Answer to `Reach`.
    Reach(Reach),
    /// It did not work.
    Error(Failure),
}

/// What a container got.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attached {
    /// Interface, addresses, names.
    pub status: NetworkStatus,
    /// Why there is no way out now, if there is none; a container starts without.
    #[serde(default)]
    pub uplink_problem: Option<String>,
}

/// What is in a network now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Host pid of the holder, as it sees it in /proc/self; 0 when unknown.
    pub pid: i32,
    /// `pasta`, `slirp4netns`, or why there is none.
    pub uplink: String,
    /// The containers.
    pub containers: Vec<Member>,
}

/// A container in a network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Its id.
    pub container: String,
    /// Its name.
    pub name: String,
    /// What it has here.
    pub status: NetworkStatus,
    /// Its ports that are published through this network.
    pub ports: Vec<PortMapping>,
    /// Connections that are open through them.
    pub connections: u32,
}

/// How an attempt to connect ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// It was answered.
    Answered,
    /// Refused: nothing listens there.
    Refused,
    /// No answer within the time.
    Silent,
    /// No route.
    Unreachable,
}

/// Why something did not work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Its kind; decides the exit status.
    pub kind: ErrorKind,
    /// A stable `snake_case` word.
    pub code: String,
    /// One line for a person.
    pub message: String,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hints: Vec<String>,
}
