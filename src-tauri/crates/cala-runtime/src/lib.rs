//! OCI runtime spec: bundle to process; namespaces, rootfs, seccomp, capabilities, cgroup v2.
//!
//! Pure: it takes an `oci_spec::runtime::Spec`, a plan of the root file system and a plan of the ids, and makes a
//! process of them. It knows nothing of the user's namespace U, of monitors, networks or the store. Only
//! single-threaded small programs call it, because it clones without `execve`.
//!
//! Start reading at [`create()`] (the caller's side) and `stage` (the steps that the new process goes through, in order).

#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests"))]

mod capabilities;
pub mod cgroup;
mod channel;
mod command;
mod copy_up;
mod create;
mod devices;
mod error;
mod exec;
mod idmap;
mod init;
mod masks;
mod mounts;
mod namespaces;
pub mod oci;
mod options;
mod plan;
mod process;
pub mod protected;
mod resolve;
pub mod rootfs;
pub mod seccomp;
mod secrets;
mod stage;
mod sysctl;
pub mod user;
mod volumes;

pub use create::{Created, Started, create};
pub use error::StartError;
pub use exec::{ExecRequest, exec};
pub use plan::{
    Container, Fill, Gate, IdLine, IdMapPlan, IdWriter, RootfsPlan, SecretFile, Secrets, Stdio, Volume,
};
