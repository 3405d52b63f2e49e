//! The supervisor's body: stdio, logs, exit, exec, attach. One thread, no tokio.
//!
//! Two halves. The engine's half: [`plan`] (what a monitor is told), [`client`] (how it is talked to), [`protocol`] and
//! [`frames`] (the words on the socket; pure). The monitor's half: [`main`] — a launcher that joins or makes U, and M,
//! process 1 of its own pid namespace, whose poll loop owns the whole truth of one container.
//!
//! Deliberately absent: images, templates, networks, names of users. Whatever a container needs stands in its plan.
//! Start reading at [`protocol`], then `supervisor`.

#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests"))]

pub mod client;
pub mod error;
pub mod events;
pub mod frames;
mod launcher;
pub mod log;
pub mod plan;
pub mod protocol;
pub mod record;
mod supervisor;

pub use client::{Attachment, ExecStarted, MonitorClient, StartedInfo};
pub use error::MonitorError;
pub use launcher::main;
pub use plan::{LogPlan, Membership, NetworkPlan, RunPlan, SeccompPlan, SecretPlan, VolumePlan};
