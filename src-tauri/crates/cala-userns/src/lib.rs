//! U: makes or joins the user namespace that holds the user's whole id range.
//!
//! One U per run root: the first program that needs it makes it ([`create`](clone_in_new), under the lock of
//! [`clone_shared`]), later ones are handed its descriptor by a live monitor or network holder and join it ([`join`]) in microseconds.
//! In U, id 0 is the user and 1… are the subordinate range of /etc/subuid and /etc/subgid; without a range there is only
//! id 0; run by root, U has the ids of its creator (user_namespaces(7), newuidmap(1), subuid(5)).
//!
//! Deliberately absent: the namespaces of containers (cala-runtime), and NSS: names come from /etc/passwd only.
//! Start reading at [`plan`](fn@plan), then [`clone_shared`].

#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests"))]

mod create;
mod error;
mod find;
mod plan;
mod preflight;
pub mod wire;

pub use create::{Entered, clone_in, clone_in_new, clone_shared, enter_for_helper, join};
pub use error::UsernsError;
pub use find::{find_live, own_namespace};
pub use plan::{IdPlan, IdRange, plan};
pub use preflight::preflight;
