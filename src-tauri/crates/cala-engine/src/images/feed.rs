//! Feeding the unpacker while a layer is being downloaded.
//!
//! The download appends to a file; a thread moves what has arrived from that file into the unpacker's pipe by splice(2),
//! page by page without a copy. So a slow unpacker never holds up the network, and memory does not grow with the layer.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::fd::OwnedFd;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use cala_registry::BlobSink;
use cala_store::BlobWriter;
use rustix::pipe::{SpliceFlags, splice};

/// Bytes moved at once.
const STEP: u64 = 1 << 20;

/// How far the download is.
#[derive(Debug, Default)]
struct Arrived {
    bytes: u64,
    /// Nothing more will come.
    over: bool,
    /// Bytes that were fed proved wrong: the unpacker must not get to see an end.
    spoiled: bool,
}

/// What downloader and feeder share.
#[derive(Debug, Default)]
struct Shared {
    arrived: Mutex<Arrived>,
    changed: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Arrived> {
        self.arrived.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, how: impl FnOnce(&mut Arrived)) {
        how(&mut self.lock());
        self.changed.notify_all();
    }

    /// Waits until there is more than `fed`; `None` when the feeding is over.
    fn wait_beyond(&self, fed: u64) -> Option<u64> {
        let mut arrived = self.lock();
        loop {
            if arrived.spoiled {
                return None;
            }
            if arrived.bytes > fed {
                return Some(arrived.bytes);
            }
            if arrived.over {
                return None;
            }
            arrived = self.changed.wait(arrived).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// The sink of a download: the file, and word to the feeder. Dropped early, it ends the feeding.
#[derive(Debug)]
pub(super) struct FedSink {
    writer: Option<BlobWriter>,
    shared: Arc<Shared>,
}

impl FedSink {
    pub(super) fn new(writer: BlobWriter) -> Self {
        let shared = Arc::new(Shared::default());
        shared.change(|arrived| arrived.bytes = writer.offset());
        Self { writer: Some(writer), shared }
    }

    /// Starts the thread that feeds `pipe` from `file`, the file that is being written.
    ///
    /// # Errors
    /// When no thread can be started.
    pub(super) fn feed(&self, file: File, pipe: OwnedFd) -> io::Result<()> {
        let shared = Arc::clone(&self.shared);
        std::thread::Builder::new()
            .name("feed-layer".to_owned())
            .spawn(move || feed(&shared, file, pipe))
            .map(drop)
    }

    /// The whole blob is there and right: gives it its name and lets the feeder come to its end. Tells whether what was
    /// fed is right as well.
    ///
    /// # Errors
    /// When the file cannot be synced or renamed.
    pub(super) fn finish(mut self) -> Result<bool, cala_store::StoreError> {
        let done = self.writer.take().map_or(Ok(()), BlobWriter::finish);
        let spoiled = self.shared.lock().spoiled || done.is_err();
        self.shared.change(|arrived| {
            arrived.over = true;
            arrived.spoiled = spoiled;
        });
        done.map(|()| !spoiled)
    }

    fn writer(&mut self) -> io::Result<&mut BlobWriter> {
        self.writer.as_mut().ok_or_else(|| io::ErrorKind::BrokenPipe.into())
    }
}

impl Drop for FedSink {
    fn drop(&mut self) {
        if self.writer.is_some() {
            self.shared.change(|arrived| arrived.spoiled = true);
        }
    }
}

impl BlobSink for FedSink {
    fn offset(&self) -> u64 {
        self.writer.as_ref().map_or(0, BlobWriter::offset)
    }

    fn restart(&mut self) -> io::Result<()> {
        self.shared.change(|arrived| arrived.spoiled = true);
        self.writer()?.restart()
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let writer = self.writer()?;
        writer.write(bytes)?;
        let there = writer.offset();
        self.shared.change(|arrived| arrived.bytes = there);
        Ok(())
    }

    fn replay(&mut self, each: &mut dyn FnMut(&[u8])) -> io::Result<()> {
        self.writer()?.replay(each)
    }
}

/// The feeder's life. A reader that has had enough, or has failed, closes its end: its answer says which.
fn feed(shared: &Shared, mut file: File, pipe: OwnedFd) {
    let mut pipe = File::from(pipe);
    let mut fed = 0;
    while let Some(there) = shared.wait_beyond(fed) {
        match move_some(&mut file, &mut pipe, fed, there) {
            Ok(moved) if moved > 0 => fed += moved,
            _ => break,
        }
    }
}

/// Moves bytes from `fed` on, at most to `there`.
fn move_some(file: &mut File, pipe: &mut File, fed: u64, there: u64) -> io::Result<u64> {
    let length = usize::try_from((there - fed).min(STEP)).unwrap_or(usize::MAX);
    let mut offset = fed;
    match splice(&*file, Some(&mut offset), &*pipe, None, length, SpliceFlags::empty()) {
        Ok(moved) => return Ok(moved as u64),
        Err(rustix::io::Errno::INVAL) => {}
        Err(error) => return Err(error.into()),
    }
    // A file system without splice.
    file.seek(SeekFrom::Start(fed))?;
    let mut buffer = vec![0; length.min(256 << 10)];
    let count = file.read(&mut buffer)?;
    pipe.write_all(buffer.get(..count).unwrap_or_default())?;
    Ok(count as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fed(shared: &Arc<Shared>, path: &std::path::Path) -> std::thread::JoinHandle<Vec<u8>> {
        let (mut read, write) = io::pipe().expect("a pipe");
        let file = File::open(path).expect("it is there");
        let feeder = Arc::clone(shared);
        std::thread::spawn(move || feed(&feeder, file, OwnedFd::from(write)));
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            read.read_to_end(&mut bytes).expect("it is read");
            bytes
        })
    }

    #[test]
    fn bytes_arrive_in_order_while_the_file_grows() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("partial");
        let mut file = File::create(&path).expect("made");
        let shared = Arc::new(Shared::default());
        let reader = fed(&shared, &path);
        let mut expected = Vec::new();
        for n in 0..200_u32 {
            let piece = vec![n.to_le_bytes()[0]; 30_000];
            file.write_all(&piece).expect("written");
            expected.extend(piece);
            shared.change(|arrived| arrived.bytes = expected.len() as u64);
        }
        shared.change(|arrived| arrived.over = true);
        assert!(reader.join().expect("it read") == expected);
    }

    #[test]
    fn a_spoiled_download_ends_the_feeding() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("partial");
        std::fs::write(&path, b"wrong").expect("written");
        let shared = Arc::new(Shared::default());
        let reader = fed(&shared, &path);
        shared.change(|arrived| arrived.spoiled = true);
        assert!(reader.join().expect("it read").is_empty());
    }
}
