//! The log of a container: [`cri`] is the format, [`LogWriter`] writes and rotates, [`Replay`] reads it back for a client
//! that attaches late or reads slowly.

pub mod cri;
mod replay;
mod writer;

pub use cri::Stream;
pub use replay::{Pumped, Replay};
pub use writer::{LogWriter, Position};
