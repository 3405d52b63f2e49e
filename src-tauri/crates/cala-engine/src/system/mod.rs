//! What is about everything that Cala keeps: how much it is, what of it nobody uses, whether it is sound, and its end.

mod check;
mod disk_usage;
mod prune;
mod reset;

pub use check::CheckOptions;
pub use prune::PruneOptions;
