//! A streaming reader of tar archives: layers of images.
//!
//! Own code, because the formats leave room for archives that two readers see differently, and such a layer hides files
//! from whoever inspects it. The rules (tar(5), POSIX pax, GNU tar's manual, Go's archive/tar as the reader that made
//! most images): PAX values win over the header's always, also for the size; a malformed PAX header is an error; where
//! the well-known readers disagree, the archive is refused. Read are ustar, v7, GNU long names, PAX (local and global),
//! GNU sparse files (old, 0.0, 0.1, 1.0), numbers in base 256. An archive may end without its zero blocks.
//!
//! [`Writer`] writes the plainest form that holds everything.
//!
//! Pure over [`BufRead`]: no file is opened and nothing is written here. Data are lent from the source's own buffer, so
//! that a layer's bytes are not copied once more.

mod header;
mod pax;
mod sparse;
#[cfg(test)]
mod tests;
mod write;

use std::io::{self, BufRead};

use header::Block;
use pax::Pax;
pub use sparse::Segment;
pub use write::{Head, Writer};

/// Bytes of a block.
const BLOCK: usize = 512;

/// The largest PAX header or GNU long name in bytes, as in Go.
const MAX_SPECIAL: u64 = 1 << 20;

/// The longest path or link target in bytes, PATH_MAX without its NUL.
const MAX_PATH: usize = 4095;

/// Why an archive cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TarError {
    /// The source failed.
    #[error("cannot read the archive")]
    Read(#[source] io::Error),
    /// The archive ends inside an entry.
    #[error("archive ends in the middle of an entry at byte {at}")]
    Truncated {
        /// Where it ends.
        at: u64,
    },
    /// A header's checksum is wrong: not a tar archive, or damaged.
    #[error("no tar header at byte {at}: wrong checksum")]
    Checksum {
        /// Where the block begins.
        at: u64,
    },
    /// Something follows a single zero block, which readers treat differently.
    #[error("data after a single zero block at byte {at}")]
    AfterEnd {
        /// Where the block begins.
        at: u64,
    },
    /// A field of a header is malformed.
    #[error("malformed {field} in the tar header before byte {at}")]
    Field {
        /// The field.
        field: &'static str,
        /// Where the header ends.
        at: u64,
    },
    /// A PAX header is malformed.
    #[error("malformed PAX header before byte {at}: {why}")]
    Pax {
        /// What is wrong with it.
        why: &'static str,
        /// Where it ends.
        at: u64,
    },
    /// The map of a sparse file is malformed.
    #[error("malformed map of sparse file before byte {at}")]
    Sparse {
        /// Where the map ends.
        at: u64,
    },
    /// A name, a link or a header is longer than anything sensible.
    #[error("{what} before byte {at} is too long")]
    TooLong {
        /// What it is.
        what: &'static str,
        /// Where it ends.
        at: u64,
    },
    /// Two readers would see different archives.
    #[error("ambiguous tar header before byte {at}: {why}")]
    Ambiguous {
        /// What they disagree about.
        why: &'static str,
        /// Where the header ends.
        at: u64,
    },
    /// An entry of a type that has no meaning in a layer.
    #[error("`{path}` is of the unknown type {typeflag:#04x}")]
    Type {
        /// Its path, shortened.
        path: String,
        /// The byte in the header.
        typeflag: u8,
    },
}

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// A regular file; its data follow.
    File,
    /// A directory.
    Directory,
    /// A further name of the file `link`, a path in the archive.
    HardLink,
    /// A symbolic link to `link`, any text.
    Symlink,
    /// A named pipe.
    Fifo,
    /// A character or block device.
    Device,
}

/// Seconds and nanoseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Timestamp {
    /// Seconds, rounded down.
    pub seconds: i64,
    /// 0 to 999,999,999.
    pub nanoseconds: u32,
}

/// One entry of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its path as written: not normalised, possibly hostile; without NUL, not empty.
    pub path: Vec<u8>,
    /// Target of a link as written; empty for everything else.
    pub link: Vec<u8>,
    /// What it is.
    pub kind: EntryKind,
    /// Permission bits, `0o7777` at most.
    pub mode: u32,
    /// Owner.
    pub uid: u64,
    /// Group.
    pub gid: u64,
    /// Size in bytes of the file when it is written, holes included.
    pub size: u64,
    /// Time of the last change.
    pub mtime: Timestamp,
    /// Extended attributes: names and values.
    pub xattrs: Vec<(Vec<u8>, Vec<u8>)>,
    /// Where the data of a sparse file belong; everything else of it is a hole.
    pub sparse: Option<Vec<Segment>>,
}

/// Some data of an entry.
#[derive(Debug, PartialEq, Eq)]
pub struct Piece<'a> {
    /// Where they belong in the file, in bytes.
    pub offset: u64,
    /// The data, never empty.
    pub bytes: &'a [u8],
}

/// Reads entry by entry; see the [module](self).
#[derive(Debug)]
pub struct Reader<R> {
    source: R,
    position: u64,
    global: Pax,
    body: Body,
    lent: usize,
    finished: bool,
}

/// What is left of the present entry.
#[derive(Debug, Default)]
struct Body {
    left: u64,
    padding: u64,
    offset: u64,
    segments: std::vec::IntoIter<Segment>,
    segment_left: u64,
    sparse: bool,
}

/// What stands before an entry's own header.
#[derive(Debug, Default)]
struct Prelude {
    pax: Option<Pax>,
    long_name: Option<Vec<u8>>,
    long_link: Option<Vec<u8>>,
}

impl Prelude {
    fn is_empty(&self) -> bool {
        self.pax.is_none() && self.long_name.is_none() && self.long_link.is_none()
    }
}

impl<R: BufRead> Reader<R> {
    /// A reader at the beginning of an archive.
    pub fn new(source: R) -> Self {
        Self { source, position: 0, global: Pax::default(), body: Body::default(), lent: 0, finished: false }
    }

    /// The source, somewhere behind what was read.
    pub fn into_inner(self) -> R {
        self.source
    }

    /// Bytes of the archive read so far.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.position
    }

    /// The next entry, or nothing at the end of the archive. Data of the last one that were not read are skipped.
    ///
    /// # Errors
    ///
    /// The archive is malformed or its source fails. Nothing can be read afterwards.
    pub fn next_entry(&mut self) -> Result<Option<Entry>, TarError> {
        self.skip_body()?;
        let mut before = Prelude::default();
        while !self.finished {
            let Some(block) = self.header()? else { break };
            match block.typeflag() {
                b'x' | b'X' => {
                    if before.pax.is_some() {
                        return Err(self.ambiguous("two PAX headers for one entry"));
                    }
                    before.pax = Some(self.pax(&block, false)?);
                }
                b'g' => {
                    let global = self.pax(&block, true)?;
                    self.global.merge(global);
                }
                b'L' => before.long_name = Some(self.long_text(&block)?),
                b'K' => before.long_link = Some(self.long_text(&block)?),
                _ => return self.entry(&block, before).map(Some),
            }
        }
        self.finished = true;
        if before.is_empty() { Ok(None) } else { Err(TarError::Truncated { at: self.position }) }
    }

    /// The next data of the present entry, or nothing at their end.
    ///
    /// # Errors
    ///
    /// The archive ends too early or its source fails.
    pub fn next_piece(&mut self) -> Result<Option<Piece<'_>>, TarError> {
        self.take_back();
        if self.body.left == 0 {
            return Ok(None);
        }
        let (offset, limit) = self.body.span();
        let at = self.position;
        let bytes = fill(&mut self.source).map_err(TarError::Read)?;
        if bytes.is_empty() {
            return Err(TarError::Truncated { at });
        }
        let count = bytes.len().min(usize::try_from(limit).unwrap_or(usize::MAX));
        self.lent = count;
        Ok(Some(Piece { offset, bytes: bytes.get(..count).unwrap_or(bytes) }))
    }

    /// Consumes what [`Self::next_piece`] lent.
    fn take_back(&mut self) {
        let count = std::mem::take(&mut self.lent);
        self.source.consume(count);
        self.position += count as u64;
        self.body.advance(count as u64);
    }

    fn skip_body(&mut self) -> Result<(), TarError> {
        while self.next_piece()?.is_some() {}
        let padding = std::mem::take(&mut self.body.padding);
        self.skip(padding)
    }

    fn skip(&mut self, mut count: u64) -> Result<(), TarError> {
        while count > 0 {
            let available = fill(&mut self.source).map_err(TarError::Read)?.len() as u64;
            if available == 0 {
                return Err(TarError::Truncated { at: self.position });
            }
            let step = available.min(count);
            self.source.consume(usize::try_from(step).unwrap_or(usize::MAX));
            self.position += step;
            count -= step;
        }
        Ok(())
    }

    /// Fills `into`; false when the source was at its end before the first byte.
    fn read_exact(&mut self, into: &mut [u8]) -> Result<bool, TarError> {
        let mut done = 0;
        while let Some(rest) = into.get_mut(done..).filter(|rest| !rest.is_empty()) {
            let bytes = fill(&mut self.source).map_err(TarError::Read)?;
            let count = bytes.len().min(rest.len());
            if count == 0 && done == 0 {
                return Ok(false);
            }
            if count == 0 {
                return Err(TarError::Truncated { at: self.position });
            }
            if let (Some(to), Some(from)) = (rest.get_mut(..count), bytes.get(..count)) {
                to.copy_from_slice(from);
            }
            self.source.consume(count);
            self.position += count as u64;
            done += count;
        }
        Ok(true)
    }

    fn block(&mut self) -> Result<Option<[u8; BLOCK]>, TarError> {
        let mut block = [0; BLOCK];
        Ok(self.read_exact(&mut block)?.then_some(block))
    }

    /// The next header with a right checksum, or nothing at the archive's end: two zero blocks, one, or none.
    fn header(&mut self) -> Result<Option<Block>, TarError> {
        let at = self.position;
        let Some(bytes) = self.block()? else { return Ok(None) };
        if bytes != [0; BLOCK] {
            return Block::check(bytes).map(Some).ok_or(TarError::Checksum { at });
        }
        match self.block()? {
            Some(second) if second != [0; BLOCK] => Err(TarError::AfterEnd { at: at + BLOCK as u64 }),
            _ => Ok(None),
        }
    }

    /// The data of a header that only describes another one.
    fn special(&mut self, block: &Block) -> Result<Vec<u8>, TarError> {
        let size = block.size().ok_or_else(|| self.field("size"))?;
        if size > MAX_SPECIAL {
            return Err(TarError::TooLong { what: "a PAX header or long name", at: self.position });
        }
        let mut data = vec![0; usize::try_from(size).unwrap_or_default()];
        if !self.read_exact(&mut data)? && size > 0 {
            return Err(TarError::Truncated { at: self.position });
        }
        self.skip(padding(size))?;
        Ok(data)
    }

    fn pax(&mut self, block: &Block, global: bool) -> Result<Pax, TarError> {
        let data = self.special(block)?;
        let at = self.position;
        Pax::parse(&data, global).map_err(|why| TarError::Pax { why, at })
    }

    fn long_text(&mut self, block: &Block) -> Result<Vec<u8>, TarError> {
        let data = self.special(block)?;
        Ok(header::until_nul(&data).to_vec())
    }

    fn entry(&mut self, block: &Block, before: Prelude) -> Result<Entry, TarError> {
        let mut pax = self.global.clone();
        pax.merge(before.pax.unwrap_or_default());
        let path = self.name(block.path(), before.long_name, pax.path.take(), "the path")?;
        let link = self.name(block.link(), before.long_link, pax.link.take(), "the link")?;
        if path.is_empty() {
            return Err(self.field("path"));
        }
        let header_size = block.size().ok_or_else(|| self.field("size"))?;
        let mut entry = Entry {
            kind: kind(block.typeflag(), &path)?,
            mode: block.mode().ok_or_else(|| self.field("mode"))?,
            uid: pax.uid.or_else(|| block.uid()).ok_or_else(|| self.field("uid"))?,
            gid: pax.gid.or_else(|| block.gid()).ok_or_else(|| self.field("gid"))?,
            size: pax.size.unwrap_or(header_size),
            mtime: pax.mtime.or_else(|| block.mtime()).ok_or_else(|| self.field("mtime"))?,
            xattrs: std::mem::take(&mut pax.xattrs),
            sparse: None,
            path,
            link,
        };
        self.open_body(block, &mut entry, &pax)?;
        Ok(entry)
    }

    /// A name from the three places it may stand in.
    fn name(
        &self,
        header: Vec<u8>,
        long: Option<Vec<u8>>,
        pax: Option<Vec<u8>>,
        what: &'static str,
    ) -> Result<Vec<u8>, TarError> {
        if let (Some(long), Some(pax)) = (&long, &pax)
            && long != pax
        {
            return Err(self.ambiguous("PAX and GNU names differ"));
        }
        let name = pax.or(long).unwrap_or(header);
        if name.len() > MAX_PATH {
            return Err(TarError::TooLong { what, at: self.position });
        }
        Ok(name)
    }

    /// Finds out how many data follow and where they belong.
    fn open_body(&mut self, block: &Block, entry: &mut Entry, pax: &Pax) -> Result<(), TarError> {
        let stored = entry.size;
        self.body = Body::default();
        match entry.kind {
            EntryKind::File => {}
            // Go and GNU tar agree that a hard link has no data, whatever its size says. About the rest they differ.
            EntryKind::HardLink => {
                entry.size = 0;
                return Ok(());
            }
            _ if stored == 0 => return Ok(()),
            _ => return Err(self.ambiguous("data behind an entry that has none")),
        }
        self.body = Body { left: stored, padding: padding(stored), ..Body::default() };
        let bad = |at| TarError::Sparse { at };
        if block.typeflag() == b'S' {
            let (segments, size) = self.old_sparse(block)?;
            entry.size = size;
            self.set_sparse(entry, segments, stored)?;
        } else if let Some(sparse) = pax.sparse.as_ref() {
            if let Some(name) = sparse.name.as_ref().filter(|name| !name.is_empty()) {
                entry.path = self.name(name.clone(), None, None, "the path")?;
            }
            entry.size = sparse.size.ok_or_else(|| bad(self.position))?;
            let (segments, map_size) = match sparse.map().ok_or_else(|| bad(self.position))? {
                pax::SparseMap::Here(segments) => (segments, 0),
                pax::SparseMap::BeforeData => self.sparse_map(stored)?,
            };
            let data = stored.checked_sub(map_size).ok_or_else(|| bad(self.position))?;
            self.body.left = data;
            self.set_sparse(entry, segments, data)?;
        }
        Ok(())
    }

    fn set_sparse(&mut self, entry: &mut Entry, segments: Vec<Segment>, stored: u64) -> Result<(), TarError> {
        if !sparse::is_valid(&segments, entry.size, stored) {
            return Err(TarError::Sparse { at: self.position });
        }
        self.body.sparse = true;
        self.body.segments = segments.clone().into_iter();
        entry.sparse = Some(segments);
        Ok(())
    }

    /// The old GNU format: four segments in the header, more in blocks behind it.
    fn old_sparse(&mut self, block: &Block) -> Result<(Vec<Segment>, u64), TarError> {
        let bad = |at| TarError::Sparse { at };
        let (mut segments, mut more, size) = sparse::old_header(block).ok_or_else(|| bad(self.position))?;
        while more {
            let next = self.block()?.ok_or(TarError::Truncated { at: self.position })?;
            more = sparse::old_extension(&next, &mut segments).ok_or_else(|| bad(self.position))?;
        }
        Ok((segments, size))
    }

    /// The PAX 1.0 format: the map in decimal numbers before the data, in whole blocks. Returns its size too.
    fn sparse_map(&mut self, stored: u64) -> Result<(Vec<Segment>, u64), TarError> {
        let mut parser = sparse::MapParser::default();
        let mut size = 0;
        loop {
            size += BLOCK as u64;
            if size > stored {
                return Err(TarError::Sparse { at: self.position });
            }
            let block = self.block()?.ok_or(TarError::Truncated { at: self.position })?;
            match parser.feed(&block) {
                Ok(None) => {}
                Ok(Some(segments)) => return Ok((segments, size)),
                Err(()) => return Err(TarError::Sparse { at: self.position }),
            }
        }
    }

    fn field(&self, field: &'static str) -> TarError {
        TarError::Field { field, at: self.position }
    }

    fn ambiguous(&self, why: &'static str) -> TarError {
        TarError::Ambiguous { why, at: self.position }
    }
}

impl Body {
    /// Where the next data belong and how many of them lie together.
    fn span(&mut self) -> (u64, u64) {
        if !self.sparse {
            return (self.offset, self.left);
        }
        while self.segment_left == 0 {
            // The segments' sum is `left`, so there is one more as long as anything is left.
            let Some(next) = self.segments.next() else { break };
            (self.offset, self.segment_left) = (next.offset, next.length);
        }
        (self.offset, self.segment_left)
    }

    fn advance(&mut self, count: u64) {
        self.left = self.left.saturating_sub(count);
        self.offset = self.offset.saturating_add(count);
        self.segment_left = self.segment_left.saturating_sub(count);
    }
}

/// [`BufRead::fill_buf`] that goes on after an interruption.
fn fill<R: BufRead>(source: &mut R) -> io::Result<&[u8]> {
    loop {
        match source.fill_buf() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
            Ok(_) => break,
        }
    }
    // Asked twice because the borrow checker cannot see that the loop lends only once; the second time it is there.
    source.fill_buf()
}

/// Zero bytes that fill up the last block of `size` bytes.
fn padding(size: u64) -> u64 {
    size.wrapping_neg() % BLOCK as u64
}

fn kind(typeflag: u8, path: &[u8]) -> Result<EntryKind, TarError> {
    Ok(match typeflag {
        // Version 7 had no type for directories.
        0 if path.ends_with(b"/") => EntryKind::Directory,
        0 | b'0' | b'7' | b'S' => EntryKind::File,
        b'1' => EntryKind::HardLink,
        b'2' => EntryKind::Symlink,
        b'3' | b'4' => EntryKind::Device,
        b'5' => EntryKind::Directory,
        b'6' => EntryKind::Fifo,
        typeflag => return Err(TarError::Type { path: shown(path), typeflag }),
    })
}

/// A path for messages: lossy, escaped, at most 160 characters.
#[must_use]
pub fn shown(path: &[u8]) -> String {
    String::from_utf8_lossy(path).chars().take(160).flat_map(char::escape_debug).collect()
}
