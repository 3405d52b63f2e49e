//! What can be done with images.

mod embedded;
mod feed;
mod history;
mod layers;
mod list;
mod login;
mod names;
mod prune;
mod pull;
mod remove;
mod tree;

pub(crate) use embedded::language_entry;
pub use embedded::{EmbeddedImage, embedded_image};
