//! Words without deeds: the vocabulary that every other room shares.
//!
//! Ids, digests, references, mounts, sizes, statuses, events, progress, and the kinds of error. Everything here is
//! plain data with pure functions. Deliberately absent: files, sockets, clocks, async, logging. Whatever needs one of
//! those belongs in a room above.
//!
//! Start reading at [`container`] (what a person may wish of a container, what is stored of it, how it is doing) and
//! [`error`] (how every failure in Cala is classified).

pub mod container;
pub mod digest;
pub mod error;
pub mod event;
pub mod id;
pub mod image;
pub mod mount;
pub mod name;
pub mod platform;
pub mod progress;
pub mod reference;
pub mod signal;
pub mod size;
pub mod status;

pub use container::{ContainerConfig, ContainerSpec, ContainerState};
pub use digest::Digest;
pub use error::{Classify, ErrorKind, Hints};
pub use event::Event;
pub use id::ContainerId;
pub use name::ContainerName;
pub use platform::Platform;
pub use reference::Reference;
pub use signal::Signal;
pub use size::ByteSize;
pub use status::ContainerStatus;
