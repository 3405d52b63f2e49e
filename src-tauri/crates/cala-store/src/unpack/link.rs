//! Hard links, also to files of the layers below.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use cala_sys::file;
use cala_sys::openat2::{Mode, OFlags};
use rustix::fs::{AtFlags, FileType};
use rustix::io::Errno;

use super::attributes::Attributes;
use super::path::{normalise, split};
use super::tree::Found;
use super::{Lower, UnpackError, Unpacking};
use crate::tar::Entry;

impl Unpacking {
    pub(super) fn hard_link(&mut self, path: &[u8], entry: &Entry) -> Result<(), UnpackError> {
        let source = normalise(&entry.link)?;
        if source.is_empty() {
            return Err(UnpackError::hostile(path, "a hard link to the root"));
        }
        match self.stands(&source)? {
            (_, Found::Directory) => Err(UnpackError::hostile(path, "a hard link to a directory")),
            (_, Found::Whiteout) => Err(UnpackError::link_source(path, &source)),
            (Some(parent), Found::File | Found::Symlink) => self.link_here(path, &parent, &source),
            (_, Found::Nothing) | (None, _) => {
                self.no_link_in_the_way(&source)?;
                // It is somewhere below, or the layer is broken: that shows when the layers below are there.
                self.borrowed.insert(path.to_vec(), (self.borrowed.len(), source));
                Ok(())
            }
        }
    }

    /// Refuses a source whose parents lead through a link or file of this layer.
    fn no_link_in_the_way(&self, source: &[u8]) -> Result<(), UnpackError> {
        let (above, _) = split(source);
        if above.is_empty() || self.tree.contains(above) {
            return Ok(());
        }
        match self.tree.open_root(above, OFlags::PATH | OFlags::DIRECTORY, Mode::empty()) {
            Err(error) if Errno::from_io_error(&error) == Some(Errno::NOENT) => Ok(()),
            _ => Err(UnpackError::hostile(source, "a hard link through something that is no directory")),
        }
    }

    fn link_here(&mut self, path: &[u8], from: &Arc<OwnedFd>, source: &[u8]) -> Result<(), UnpackError> {
        if path == source {
            return Ok(());
        }
        self.space.take(0)?;
        let (_, source_name) = split(source);
        let link = |parent: &OwnedFd, name: &[u8]| {
            Ok(rustix::fs::linkat(&**from, source_name, parent, name, AtFlags::empty())?)
        };
        if source.starts_with(&[path, b"/"].concat()) {
            // Taking the place of `path` would remove the source.
            return Err(UnpackError::hostile(path, "a hard link to something below itself"));
        }
        self.place(path, link)?;
        self.summary.files -= 1;
        Ok(())
    }

    /// Copies the sources of links to files of the layers below, then links them.
    pub(super) fn copy_borrowed(&mut self, lower: &Lower) -> Result<(), UnpackError> {
        let mut all: Vec<_> = std::mem::take(&mut self.borrowed).into_iter().collect();
        all.sort_by_key(|(_, (order, _))| *order);
        for (path, (_, source)) in all {
            if !matches!(self.stands(&source)?.1, Found::File | Found::Symlink) {
                self.copy_up(lower, &source, &path)?;
            }
            let Some(parent) = self.tree.existing(split(&source).0)? else {
                return Err(UnpackError::link_source(&path, &source));
            };
            self.link_here(&path, &parent, &source)?;
        }
        Ok(())
    }

    /// Makes this layer's own copy of a lower file.
    fn copy_up(&mut self, lower: &Lower, source: &[u8], path: &[u8]) -> Result<(), UnpackError> {
        let failed = |error| UnpackError::file("copy", source, error);
        let Some(found) = lower.find(source).map_err(failed)? else {
            return Err(UnpackError::link_source(path, source));
        };
        match found.kind() {
            FileType::RegularFile => {
                let from = File::from(found.reopen(OFlags::RDONLY).map_err(failed)?);
                let attributes = Attributes::read(&from).map_err(failed)?;
                self.space.take(from.metadata().map_err(failed)?.len())?;
                let to = self.new_file(source, attributes.mode)?;
                self.summary.size += file::copy_sparse(&from, &to).map_err(failed)?;
                attributes.apply(&to, source, attributes.mode & 0o777, &self.options, &mut self.summary)
            }
            FileType::Symlink => {
                let target = found.link_target().map_err(failed)?;
                let attributes = Attributes::of_stat(&found.stat);
                self.make_link_node(source, &attributes, |parent, name| {
                    Ok(rustix::fs::symlinkat(&target[..], parent, name)?)
                })
            }
            _ => Err(UnpackError::link_source(path, source)),
        }
    }
}
