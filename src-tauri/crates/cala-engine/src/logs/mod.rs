//! Reading a container's log: CRI text lines in `ctr.log` and, older, in `ctr.log.1`, `ctr.log.2`, ….
//!
//! Lines are handed out as slices of one buffer: a million lines cost no allocation. Rotation under a reader's feet is
//! survived, because files are held open and told apart by inode.

mod files;
mod line;
mod reader;
mod tail;

pub use line::LogLine;
pub use reader::LogReader;
pub(crate) use reader::open;
