//! What can be done with images.

mod build;
mod change;
mod commit;
mod diff;
mod embedded;
mod feed;
mod history;
mod import;
mod layers;
mod list;
mod load;
mod login;
mod names;
mod prune;
mod pull;
mod push;
mod remove;
mod save;
mod search;
mod transport;
mod tree;

pub use build::ImageFormat;
pub(crate) use embedded::language_entry;
pub use embedded::{EmbeddedImage, embedded_image};
pub use transport::Transport;
