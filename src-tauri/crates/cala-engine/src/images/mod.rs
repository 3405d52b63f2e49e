//! What can be done with images.

mod embedded;
mod feed;
mod layers;
mod list;
mod login;
mod pull;
mod remove;

pub(crate) use embedded::language_entry;
pub use embedded::{EmbeddedImage, embedded_image};
