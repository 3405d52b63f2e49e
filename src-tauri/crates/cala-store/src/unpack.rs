//! Layers become trees: entries of a tar applied below a directory descriptor (security.md R10).
//!
//! Every path is normalised here and split in parent and name. Parents are opened by the kernel with `BENEATH` and
//! `NO_SYMLINKS`, the last step happens at that descriptor and follows no link either: a layer cannot reach anything
//! outside its own directory, whatever its entries say and in whatever order. Directories get owner, mode and times at
//! the end, so that neither a read-only directory nor a set-group-id bit disturbs what comes later.
//!
//! Runs inside the user namespace U with umask 0: ids are set as the layer names them, whiteouts are character devices
//! 0/0, opaque directories carry `user.overlay.opaque` as overlayfs with `userxattr` wants it.
//!
//! Start reading at [`Unpacking`]; [`stream`] is the pipeline in front of it.

mod attributes;
mod entry;
mod error;
mod link;
mod lower;
mod merge;
mod path;
mod space;
pub mod stream;
mod tree;

use std::collections::{BTreeMap, BTreeSet};
use std::io::BufRead;
use std::os::fd::OwnedFd;

pub use error::UnpackError;
pub use lower::Lower;
pub use merge::merge;
use space::Space;
use tree::Tree;

use crate::helper::RootAttributes;
use crate::tar::Reader;

/// The most entries of a layer; everything known is far below.
const MAX_ENTRIES: u64 = 4_000_000;

/// How to unpack.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Only one id is mapped: owners are not kept.
    pub single_id: bool,
    /// Bytes of the file system that stay free.
    pub keep_free: u64,
    /// An archive of files and not a layer: names that begin with `.wh.` have no meaning.
    pub plain: bool,
}

/// What became of a layer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Bytes of the regular files, each inode counted once.
    pub size: u64,
    /// Inodes made.
    pub files: u64,
    /// Device nodes left out.
    pub dropped: u64,
    /// Entries whose owner was not kept.
    pub squashed: u64,
    /// Extended attributes that the file system refused.
    pub refused_xattrs: u64,
    /// The root directory's own entry.
    pub root: Option<RootAttributes>,
}

/// A layer on its way into a directory.
#[derive(Debug)]
pub struct Unpacking {
    tree: Tree,
    options: Options,
    space: Space,
    summary: Summary,
    entries: u64,
    /// Hard links to files that this layer does not have, by path, with their order and source.
    borrowed: BTreeMap<Vec<u8>, (usize, Vec<u8>)>,
}

impl Unpacking {
    /// Begins in an empty directory (`O_PATH` is enough).
    ///
    /// # Errors
    ///
    /// The file system's free space cannot be told.
    pub fn new(directory: OwnedFd, options: Options) -> Result<Self, UnpackError> {
        let tree = Tree::new(directory)?;
        let space = Space::new(tree.root(), options.keep_free)?;
        Ok(Self { tree, options, space, summary: Summary::default(), entries: 0, borrowed: BTreeMap::new() })
    }

    /// Applies all entries of an archive.
    ///
    /// # Errors
    ///
    /// The archive is malformed or hostile, or the file system refuses. The directory is then to be removed.
    pub fn apply<R: BufRead>(&mut self, reader: &mut Reader<R>) -> Result<(), UnpackError> {
        while let Some(entry) = reader.next_entry()? {
            self.entries += 1;
            if self.entries > MAX_ENTRIES {
                return Err(UnpackError::TooManyEntries { limit: MAX_ENTRIES });
            }
            self.apply_entry(&entry, reader)?;
        }
        Ok(())
    }

    /// Whether everything that this layer needs is in it: it then may stand below any other layers.
    #[must_use]
    pub fn is_self_contained(&self) -> bool {
        self.borrowed.is_empty() && !self.tree.has_implicit()
    }

    /// Paths of the directories that no entry described, the root's empty path among them.
    #[must_use]
    pub fn implicit(&self) -> BTreeSet<Vec<u8>> {
        self.tree.implicit()
    }

    /// Takes over from the layers below what this one does not say.
    ///
    /// # Errors
    ///
    /// A hard link's source is nowhere, or the file system refuses.
    pub fn complete(&mut self, lower: &Lower) -> Result<(), UnpackError> {
        self.copy_borrowed(lower)?;
        self.tree.adopt_implicit(lower)
    }

    /// Gives all directories their owner, mode, attributes and times.
    ///
    /// # Errors
    ///
    /// The file system refuses.
    pub fn finish(mut self) -> Result<Summary, UnpackError> {
        if let Some((path, (_, source))) = self.borrowed.pop_first() {
            return Err(UnpackError::link_source(&path, &source));
        }
        self.summary.root = self.tree.root_attributes();
        self.tree.finish(&self.options, &mut self.summary)?;
        Ok(self.summary)
    }
}
