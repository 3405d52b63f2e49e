//! Words without deeds: the vocabulary that every other room shares.
//!
//! Ids, digests, references, mounts, sizes, statuses, events, progress, and the kinds of error. Everything here is
//! plain data with pure functions. Deliberately absent: files, sockets, clocks, async, logging. Whatever needs one of
//! those belongs in a room above.
//!
//! Start reading at [`container`] (what a person may wish of a container, what is stored of it, how it is doing) and
//! [`error`] (how every failure in Cala is classified).

#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests"))]

pub mod capability;
pub mod container;
pub mod digest;
pub mod duration;
pub mod env;
pub mod error;
pub mod event;
pub mod human;
pub mod id;
pub mod image;
pub mod invalid;
pub mod mount;
pub mod name;
pub mod names;
pub mod namespaces;
pub mod network;
pub mod platform;
pub mod port;
pub mod process;
pub mod progress;
pub mod reference;
pub mod restart;
pub mod secret;
pub mod security_opt;
pub mod signal;
pub mod size;
pub mod status;
pub mod ulimit;
pub mod volume;

pub use container::{ContainerConfig, ContainerSpec, ContainerState};
pub use digest::Digest;
pub use error::{Classify, ErrorKind, Hints};
pub use event::Event;
pub use id::ContainerId;
pub use invalid::InvalidValue;
pub use name::ContainerName;
pub use network::{Network, NetworkAttachment, NetworkSpec, NetworkStatus};
pub use platform::Platform;
pub use port::{PortMapping, Protocol};
pub use reference::Reference;
pub use restart::RestartPolicy;
pub use signal::Signal;
pub use size::ByteSize;
pub use status::ContainerStatus;
pub use volume::VolumeSpec;
