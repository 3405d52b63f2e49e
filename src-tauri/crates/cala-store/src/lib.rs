//! Content store, layers, object directories, names, locks, event log.

pub mod decompress;
pub mod helper;
pub mod layers;
pub mod tar;
pub mod unpack;
