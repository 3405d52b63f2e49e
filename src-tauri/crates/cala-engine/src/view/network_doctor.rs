//! What is found out about a port of the host, and about a way from a container to somewhere.

use cala_spec::Protocol;
use serde::{Deserialize, Serialize};

/// Whether a port of the host can be published, and if not, why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(optional_fields))]
pub struct PortReport {
    /// The port, 1 to 65535.
    pub port: u16,
    /// Its protocol.
    pub protocol: Protocol,
    /// Nobody has it.
    pub free: bool,
    /// The system lets this user open it.
    pub allowed: bool,
    /// The sockets that have it.
    pub sockets: Vec<PortSocket>,
    /// The next port that can be published; absent when this one can, or when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_free: Option<u16>,
    /// What to do, a line each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hints: Vec<String>,
}

/// A socket of the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct PortSocket {
    /// Its address and port, `0.0.0.0:8080` or `[::]:8080`.
    pub address: String,
    /// Whose it is.
    pub holder: PortHolder,
}

/// Who has a port of the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub enum PortHolder {
    /// A container: it publishes the port, or opened it itself in the host's network.
    Container {
        /// Its id.
        id: String,
        /// Its name.
        name: String,
    },
    /// A process of this user.
    Process {
        /// Its pid.
        pid: i32,
        /// File name of its program.
        program: String,
    },
    /// A process of somebody else, which the system does not tell.
    AnotherUser {
        /// Whose socket it is.
        uid: u32,
    },
}

/// Whether a container reaches something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(optional_fields))]
pub struct ReachReport {
    /// The name of the container that asks.
    pub from: String,
    /// The name of the container, the name or the address that is asked for.
    pub to: String,
    /// The port; without one an echo request (ping) is sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// What is tried at the port: a connection, or a datagram.
    #[serde(default)]
    pub protocol: Protocol,
    /// One of the attempts was answered.
    pub reached: bool,
    /// The names by which the container that asks finds the other.
    pub names: Vec<String>,
    /// What was tried.
    pub attempts: Vec<ReachAttempt>,
    /// Where the other container listens at this protocol, `0.0.0.0:80`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub listening: Vec<String>,
    /// Why it was not reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<ReachReason>,
    /// All that in a sentence.
    pub message: String,
    /// What to do, a line each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hints: Vec<String>,
}

/// An attempt to reach an address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(optional_fields))]
pub struct ReachAttempt {
    /// The network that both are in; absent for what is outside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
    /// The address.
    pub address: String,
    /// How it ended.
    pub outcome: ReachOutcome,
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub enum ReachOutcome {
    /// It was answered.
    Answered,
    /// A datagram got no answer and was not refused: a socket of the other takes it.
    Taken,
    /// It was refused.
    Refused,
    /// Nothing came back.
    Silent,
    /// There is no route.
    Unreachable,
}

/// Why something is not reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub enum ReachReason {
    /// One of the containers does not run.
    NotRunning,
    /// One of the containers is in no network.
    NoNetwork,
    /// They have no network in common.
    NoCommonNetwork,
    /// Nobody has that name.
    UnknownName,
    /// Nothing listens on that port.
    NothingListens,
    /// What listens on that port does so on 127.0.0.1 only.
    LoopbackOnly,
    /// All networks of the container are internal.
    Internal,
    /// The network has no uplink now.
    NoUplink,
    /// Nothing came back.
    Silent,
    /// There is no route.
    Unreachable,
}
