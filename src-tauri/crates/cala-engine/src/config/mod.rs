//! From an image's configuration and a person's wish to what is stored of a container. Pure.

mod env;
mod process;
mod user;

pub(crate) use env::DEFAULT_PATH;
pub(crate) use process::{ImageDefaults, Process, process};
