//! OCI runtime spec: bundle to process; namespaces, rootfs, seccomp, capabilities, cgroup v2.
//!
//! Pure: it takes an `oci_spec::runtime::Spec`, a plan of the root file system and a plan of the ids, and makes a
//! process of them. It knows nothing of the user's namespace U, of monitors, networks or the store. Only
//! single-threaded small programs call it, because it clones without `execve`.
//!
//! Start reading at [`create()`] (the caller's side) and `stage` (the steps that the new process goes through, in order).

#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests"))]

pub mod cgroup;
mod create;
mod error;
mod exec;
pub mod oci;
mod plan;
pub mod seccomp;
pub mod user;

pub use create::{Created, Started, create};
pub use error::StartError;
pub use exec::{ExecRequest, exec};
pub use plan::{Container, Gate, IdLine, IdMapPlan, IdWriter, RootfsPlan, Stdio};
