//! The program `cala-store` and its client.
//!
//! Layers, upper directories and whatever a container left behind belong to ids of the user's id range, so only a
//! process inside the user namespace *U* can write or remove them. The engine stays outside: it starts one
//! `cala-store` per pull or removal and speaks with it over a socketpair; layer bytes travel through a pipe of their
//! own, never through the protocol.
//!
//! Start reading at [`StoreHelper`] (what the engine uses) and [`protocol`] (what goes over the wire).

mod archive;
mod client;
pub mod protocol;
mod serve;
mod tree;
pub mod unshare;
mod wire;

pub use client::{HelperError, Pending, StoreHelper};
pub use protocol::{RootAttributes, UnpackRequest, UnpackedLayer, Usage};
pub use serve::main;
