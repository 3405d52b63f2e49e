//! The uncompressed bytes of a stream as a buffered reader.

use std::io::{self, BufRead, Read};

use super::{DecompressError, Decompressor};

/// Bytes that are decompressed at once.
const PIECE: usize = 256 << 10;

/// Lends what a [`Decompressor`] gives. An error of the stream is kept: who reads through this sees an `io::Error` only.
pub(crate) struct Plain<R: Read> {
    stream: Decompressor<R>,
    piece: Vec<u8>,
    at: usize,
    failed: Option<DecompressError>,
}

impl<R: Read> Plain<R> {
    pub(crate) fn new(stream: Decompressor<R>) -> Self {
        Self { stream, piece: Vec::new(), at: 0, failed: None }
    }

    /// Why the stream failed, if it did.
    pub(crate) fn into_failure(self) -> Option<DecompressError> {
        self.failed
    }
}

impl<R: Read> BufRead for Plain<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.at >= self.piece.len() {
            self.piece.resize(PIECE, 0);
            self.at = 0;
            match self.stream.fill(&mut self.piece) {
                Ok(count) => self.piece.truncate(count),
                Err(error) => {
                    self.piece.clear();
                    let text = error.to_string();
                    self.failed = Some(error);
                    return Err(io::Error::other(text));
                }
            }
        }
        Ok(self.piece.get(self.at..).unwrap_or_default())
    }

    fn consume(&mut self, count: usize) {
        self.at = self.piece.len().min(self.at + count);
    }
}

impl<R: Read> Read for Plain<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(into)?;
        self.consume(count);
        Ok(count)
    }
}
