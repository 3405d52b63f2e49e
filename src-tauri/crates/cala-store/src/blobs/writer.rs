//! Downloads under way: `images/partial/<hex>`, locked by the one who downloads, kept when he is interrupted.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::PathBuf;

use cala_spec::{ByteSize, Digest};
use cala_sys::{durable, flock};

use super::Hasher;
use crate::error::{StoreError, is_no_space};
use crate::store::Store;

/// After so many bytes the kernel is asked to write back, so that the sync at the end is short.
const WRITEBACK_BYTES: u64 = 8 << 20;

/// Who computes the digest of the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verification {
    /// [`BlobWriter`], while they stream through it.
    Here,
    /// The caller, who hashes them anyway and only calls [`BlobWriter::finish`] when the digest is right.
    Caller,
}

/// Writes one blob. Dropped before [`BlobWriter::finish`], what was written stays for the next attempt.
#[derive(Debug)]
pub struct BlobWriter {
    digest: Digest,
    size: u64,
    file: File,
    partial: PathBuf,
    destination: PathBuf,
    offset: u64,
    flushed: u64,
    hasher: Option<Hasher>,
    published: bool,
}

impl Drop for BlobWriter {
    /// A beginning without a byte is of no use to the next attempt.
    fn drop(&mut self) {
        if self.offset == 0 && !self.published {
            // The lock is still held: who waits for it sees that the file has lost its name.
            let _ = std::fs::remove_file(&self.partial);
        }
    }
}

impl Store {
    /// Begins or resumes the blob of `size` bytes. `None` when it is here already, maybe because another process that
    /// was waited for has just finished it. Blocks while another process downloads it.
    ///
    /// # Errors
    /// Failed system calls.
    pub fn begin_blob(
        &self,
        digest: &Digest,
        size: u64,
        verification: Verification,
    ) -> Result<Option<BlobWriter>, StoreError> {
        let destination = self.blob_path(digest);
        let partial = self.path("images/partial").join(digest.hex());
        loop {
            if self.blob_size(digest) == Some(size) {
                return Ok(None);
            }
            let failed = || StoreError::io("write", &partial);
            let file = OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o600)
                .open(&partial)
                .map_err(failed())?;
            flock::lock(&file, flock::Mode::Exclusive).map_err(failed())?;
            if !is_at(&file, &partial) {
                // It was finished, or dropped, while we waited.
                continue;
            }
            let hasher = (verification == Verification::Here).then(|| Hasher::like(digest));
            let mut writer = BlobWriter {
                digest: digest.clone(),
                size,
                file,
                partial: partial.clone(),
                destination,
                offset: 0,
                flushed: 0,
                hasher,
                published: false,
            };
            writer.resume().map_err(failed())?;
            return Ok(Some(writer));
        }
    }

    /// Bytes of interrupted downloads.
    #[must_use]
    pub fn partial_bytes(&self) -> u64 {
        let Ok(entries) = std::fs::read_dir(self.path("images/partial")) else { return 0 };
        entries.flatten().filter_map(|entry| entry.metadata().ok()).map(|meta| meta.len()).sum()
    }
}

/// Whether the open file is still the one with this name.
fn is_at(file: &File, path: &std::path::Path) -> bool {
    match (file.metadata(), std::fs::symlink_metadata(path)) {
        (Ok(open), Ok(named)) => open.ino() == named.ino() && open.dev() == named.dev(),
        _ => false,
    }
}

impl BlobWriter {
    /// How many bytes are there.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// How many bytes it will be.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The digest it is to have.
    #[must_use]
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// Hands all bytes that are there to `each`, from the first.
    ///
    /// # Errors
    /// Failed reads.
    pub fn replay(&mut self, each: &mut dyn FnMut(&[u8])) -> io::Result<()> {
        let mut buffer = vec![0; 256 << 10];
        let mut file = &self.file;
        file.seek(SeekFrom::Start(0))?;
        let mut left = self.offset;
        while left > 0 {
            let count = file.read(&mut buffer)?;
            let Some(bytes) = buffer.get(..count).filter(|bytes| !bytes.is_empty()) else {
                return Err(io::ErrorKind::UnexpectedEof.into());
            };
            each(bytes);
            left = left.saturating_sub(count as u64);
        }
        file.seek(SeekFrom::Start(self.offset)).map(|_| ())
    }

    /// Drops all bytes.
    ///
    /// # Errors
    /// Failed system calls.
    pub fn restart(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.seek(SeekFrom::Start(0))?;
        (self.offset, self.flushed) = (0, 0);
        self.hasher = self.hasher.as_ref().map(|_| Hasher::like(&self.digest));
        Ok(())
    }

    /// Appends bytes; more than announced are an error.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidData`] for too many bytes; failed writes. What was written before stays.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let length = bytes.len() as u64;
        if self.offset + length > self.size {
            let text = format!("blob {} is longer than the announced {} bytes", self.digest, self.size);
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
        if let Err(error) = self.file.write_all(bytes) {
            // A part may have been written: cut it off, so that offset and file agree.
            self.file.set_len(self.offset)?;
            self.file.seek(SeekFrom::Start(self.offset))?;
            return Err(self.explained(error));
        }
        self.offset += length;
        if let Some(hasher) = &mut self.hasher {
            hasher.update(bytes);
        }
        if self.offset - self.flushed >= WRITEBACK_BYTES {
            durable::start_writeback(&self.file, self.flushed, self.offset - self.flushed);
            self.flushed = self.offset;
        }
        Ok(())
    }

    /// A full disk with the numbers that a person needs.
    fn explained(&self, error: io::Error) -> io::Error {
        if !is_no_space(&error) {
            return error;
        }
        let needed = ByteSize(self.size - self.offset).human();
        let place = self.partial.parent().unwrap_or(&self.partial).display();
        let text = match rustix::fs::fstatvfs(&self.file) {
            // The blob is one file and is open: only its bytes can be lacking.
            Ok(stat) => {
                let free = ByteSize(stat.f_bavail.saturating_mul(stat.f_frsize)).human();
                format!("no space left on device: {needed} more are needed, {free} are free in `{place}`")
            }
            Err(_) => format!("no space left on device: {needed} more are needed in `{place}`"),
        };
        io::Error::new(error.kind(), text)
    }

    /// Verifies, syncs and gives the blob its name. Wrong bytes are removed.
    ///
    /// # Errors
    /// [`StoreError::SizeMismatch`] (what is there stays), [`StoreError::DigestMismatch`]; failed system calls.
    pub fn finish(mut self) -> Result<(), StoreError> {
        if self.offset != self.size {
            let (digest, expected, got) = (self.digest.clone(), self.size, self.offset);
            return Err(StoreError::SizeMismatch { digest, expected, got });
        }
        if let Some(hasher) = self.hasher.take()
            && let Err(error) = hasher.check(&self.digest)
        {
            // The lock is held: nobody else reads it as the beginning of something right.
            let _ = std::fs::remove_file(&self.partial);
            return Err(error);
        }
        self.file.sync_data().map_err(StoreError::io("sync", &self.partial))?;
        durable::rename(&self.partial, &self.destination, true)
            .map_err(StoreError::io("write", &self.destination))?;
        self.published = true;
        Ok(())
    }

    /// Removes what was written: it proved wrong.
    ///
    /// # Errors
    /// Failed system calls.
    pub fn discard(self) -> Result<(), StoreError> {
        std::fs::remove_file(&self.partial).map_err(StoreError::io("remove", &self.partial))
    }

    fn resume(&mut self) -> io::Result<()> {
        let there = self.file.metadata()?.len();
        if there > self.size {
            return self.restart();
        }
        self.offset = there;
        self.flushed = there;
        if let Some(mut hasher) = self.hasher.take() {
            self.replay(&mut |bytes| hasher.update(bytes))?;
            self.hasher = Some(hasher);
        }
        self.file.seek(SeekFrom::Start(there)).map(|_| ())
    }
}
