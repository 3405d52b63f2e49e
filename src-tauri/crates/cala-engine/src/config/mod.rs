//! From an image's configuration and a person's wish to what is stored of a container. Pure.

mod env;
mod process;
mod user;

pub(crate) use process::{ImageDefaults, Process, absolute, process};

/// Checks `user[:group]` of `exec`.
///
/// # Errors
/// When it does not fit the grammar.
pub(crate) fn check_user(text: &str) -> Result<(), cala_spec::invalid::InvalidValue> {
    user::check(text)
}
