//! The pipeline in front of the unpacking: one thread decompresses, one hashes, the caller's reads the archive.
//!
//! Pieces go round: the decompressing thread fills one, the other two share it, and when both have let go of it, it is
//! filled again. So memory stays at a few pieces per layer, and nothing is copied.

use std::collections::VecDeque;
use std::io::{self, BufRead, Read};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use cala_spec::Digest;
use sha2::{Sha256, Sha512};

use super::UnpackError;
use crate::decompress::{DecompressError, Decompressor};

/// Bytes of a piece.
const PIECE: usize = 256 << 10;

/// Pieces that wait for each of the two readers.
const AHEAD: usize = 4;

/// Uncompressed bytes, their end or why there are no more.
type Message = Result<Arc<Vec<u8>>, DecompressError>;

/// The uncompressed archive, as the pipeline delivers it.
#[derive(Debug)]
pub struct Feed {
    pieces: Receiver<Message>,
    piece: Arc<Vec<u8>>,
    at: usize,
}

impl BufRead for Feed {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.at >= self.piece.len() {
            // Let go of it before waiting, so that it can be filled again.
            self.piece = Arc::default();
            self.at = 0;
            match self.pieces.recv() {
                Ok(Ok(piece)) => self.piece = piece,
                Ok(Err(error)) => return Err(io::Error::other(error)),
                Err(_) => break,
            }
        }
        Ok(self.piece.get(self.at..).unwrap_or_default())
    }

    fn consume(&mut self, count: usize) {
        self.at = self.piece.len().min(self.at + count);
    }
}

impl Read for Feed {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(into)?;
        self.consume(count);
        Ok(count)
    }
}

/// Decompresses `source` and gives the archive to `consume`; then checks that all of it has the digest `expected`.
///
/// # Errors
///
/// Those of `consume` and of the stream; [`UnpackError::Digest`].
pub fn decompressed<T>(
    source: impl Read + Send,
    media_type: &str,
    expected: &Digest,
    consume: impl FnOnce(&mut Feed) -> Result<T, UnpackError>,
) -> Result<T, UnpackError> {
    let (to_hash, hash_pieces) = sync_channel(AHEAD);
    let (to_feed, pieces) = sync_channel(AHEAD);
    std::thread::scope(|scope| {
        scope.spawn(move || pump(source, media_type, &to_feed, &to_hash));
        let algorithm = expected.algorithm() == "sha512";
        let hasher =
            scope.spawn(
                move || if algorithm { hash::<Sha512>(&hash_pieces) } else { hash::<Sha256>(&hash_pieces) },
            );
        let mut feed = Feed { pieces, piece: Arc::default(), at: 0 };
        let made = consume(&mut feed).and_then(|made| drain(&mut feed).map(|()| made));
        // Ends the pump when something failed: nobody takes its pieces any more.
        drop(feed);
        let got = hasher.join().unwrap_or_default();
        let made = made?;
        let got = format!("{}:{got}", expected.algorithm());
        if got == expected.as_str() {
            return Ok(made);
        }
        let got = got.parse().unwrap_or_else(|_| expected.clone());
        Err(UnpackError::Digest { expected: expected.clone(), got })
    })
}

/// What follows the archive's end belongs to the digest too.
fn drain(feed: &mut Feed) -> Result<(), UnpackError> {
    loop {
        let count = feed.fill_buf().map_err(crate::tar::TarError::Read)?.len();
        if count == 0 {
            return Ok(());
        }
        feed.consume(count);
    }
}

/// Fills pieces until the stream ends, fails, or the archive's reader has gone.
fn pump(source: impl Read, media_type: &str, feed: &SyncSender<Message>, hash: &SyncSender<Arc<Vec<u8>>>) {
    if let Err(error) = pump_pieces(source, media_type, feed, hash) {
        let _ = feed.send(Err(error));
    }
}

fn pump_pieces(
    source: impl Read,
    media_type: &str,
    feed: &SyncSender<Message>,
    hash: &SyncSender<Arc<Vec<u8>>>,
) -> Result<(), DecompressError> {
    let mut decompressor = Decompressor::new(source, media_type)?;
    let mut ring: VecDeque<Arc<Vec<u8>>> = VecDeque::new();
    loop {
        let mut piece = match ring.pop_front() {
            Some(piece) if Arc::strong_count(&piece) == 1 => piece,
            other => {
                // Still in use: it goes back in front of the queue, and a new one joins the round.
                other.into_iter().for_each(|piece| ring.push_front(piece));
                Arc::default()
            }
        };
        let Some(bytes) = Arc::get_mut(&mut piece) else { continue };
        bytes.resize(PIECE, 0);
        let count = decompressor.fill(bytes)?;
        bytes.truncate(count);
        let sent = hash.send(Arc::clone(&piece)).is_ok() && feed.send(Ok(Arc::clone(&piece))).is_ok();
        if !sent || count < PIECE {
            return Ok(());
        }
        ring.push_back(piece);
    }
}

/// The hex digest of all pieces.
fn hash<H: sha2::Digest>(pieces: &Receiver<Arc<Vec<u8>>>) -> String {
    let mut hasher = H::new();
    for piece in pieces {
        hasher.update(&*piece);
    }
    let mut hex = String::with_capacity(128);
    for byte in hasher.finalize() {
        for nibble in [byte >> 4, byte & 15] {
            hex.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
        }
    }
    hex
}
