//! Files of containers: copying in and out, differences, whole trees as archives.
//!
//! Runs in `cala-store`, inside the user namespace U and outside of the container: nothing of the container is executed, and
//! nothing in it can look into this process. A running container's tree is reached by a descriptor of its root, fetched
//! from its mount namespace by a thread that enters it for that alone ([`view`]); a stopped one's is mounted in a mount
//! namespace of this process. Every path in a container is resolved by the kernel below that descriptor (security.md R1),
//! every step below a directory is taken at that directory's descriptor and follows no link: whoever swaps links and
//! directories meanwhile gains nothing.
//!
//! Start reading at [`request`], then [`copy`].

mod changes;
pub(crate) mod copy;
mod error;
mod get;
mod layer;
mod place;
mod put;
pub mod request;
mod serve;
mod tree;
mod view;

pub(crate) use error::FilesError;
pub use request::{Bind, CopyRequest, End, FilesDone, FilesRequest, ProcessRef, View};
pub(crate) use serve::serve;
