//! A tar of regular files, every time the same for the same files: ustar, owner 0, mode 0444, time 0.

use std::fs::File;
use std::io::{self, Read, Seek as _, SeekFrom, Write};

const BLOCK: usize = 512;
/// The largest size that a header's octal field holds.
const MAX_OCTAL: u64 = 0o77_777_777_777;

/// Writes entry by entry.
#[derive(Debug)]
pub(super) struct TarWriter {
    out: File,
    /// Whether what was written can be gone back to: a file of our own, and no pipe.
    seekable: bool,
}

impl TarWriter {
    pub(super) fn new(out: File, seekable: bool) -> Self {
        Self { out, seekable }
    }

    pub(super) fn seekable(&self) -> bool {
        self.seekable
    }

    /// An entry of bytes.
    pub(super) fn bytes(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.out.write_all(&header(name, bytes.len() as u64))?;
        self.out.write_all(bytes)?;
        self.pad(bytes.len() as u64)
    }

    /// An entry of `size` bytes that `from` has; fewer or more are an error.
    pub(super) fn file(&mut self, name: &str, size: u64, from: &mut File) -> io::Result<()> {
        self.out.write_all(&header(name, size))?;
        let copied = io::copy(&mut from.take(size), &mut self.out)?;
        if copied != size || from.read(&mut [0])? != 0 {
            let text = format!("it has not the {size} bytes that it should have");
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
        self.pad(size)
    }

    /// An entry whose size `fill` tells when it has written it. Only for what is seekable.
    pub(super) fn unsized_entry<E: From<io::Error>>(
        &mut self,
        name: &str,
        fill: impl FnOnce(&mut dyn Write) -> Result<u64, E>,
    ) -> Result<(), E> {
        let start = self.out.stream_position()?;
        self.out.write_all(&header(name, 0))?;
        let size = fill(&mut self.out)?;
        self.pad(size)?;
        self.out.seek(SeekFrom::Start(start))?;
        self.out.write_all(&header(name, size))?;
        self.out.seek(SeekFrom::End(0))?;
        Ok(())
    }

    /// Ends the archive by two empty blocks.
    pub(super) fn finish(mut self) -> io::Result<()> {
        self.out.write_all(&[0; 2 * BLOCK])?;
        self.out.flush()
    }

    fn pad(&mut self, size: u64) -> io::Result<()> {
        let rest = usize::try_from(size % BLOCK as u64).unwrap_or(0);
        match rest {
            0 => Ok(()),
            rest => self.out.write_all(&[0; BLOCK][rest..]),
        }
    }
}

/// The header of a regular file; names here are ours and at most 100 bytes long.
fn header(name: &str, size: u64) -> [u8; BLOCK] {
    let mut block = [0; BLOCK];
    put(&mut block, 0, name.as_bytes().get(..name.len().min(100)).unwrap_or_default());
    for (at, text) in
        [(100, "0000444"), (108, "0000000"), (116, "0000000"), (136, "00000000000"), (148, "        ")]
    {
        put(&mut block, at, text.as_bytes());
    }
    if size <= MAX_OCTAL {
        put(&mut block, 124, format!("{size:011o}").as_bytes());
    } else {
        // Base 256, as GNU tar writes it and all read it.
        put(&mut block, 124, &[0x80, 0, 0, 0]);
        put(&mut block, 128, &size.to_be_bytes());
    }
    put(&mut block, 156, b"0");
    put(&mut block, 257, b"ustar\x0000");
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    put(&mut block, 148, format!("{sum:06o}\0 ").as_bytes());
    block
}

fn put(block: &mut [u8; BLOCK], at: usize, bytes: &[u8]) {
    if let Some(field) = block.get_mut(at..at + bytes.len()) {
        field.copy_from_slice(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tar::Reader;

    #[test]
    fn what_is_written_is_read() {
        let mut file = tempfile::tempfile().unwrap();
        let mut tar = TarWriter::new(file.try_clone().unwrap(), true);
        tar.bytes("a", b"one").unwrap();
        let fill = |out: &mut dyn Write| -> io::Result<u64> {
            out.write_all(&[7; 1000])?;
            Ok(1000)
        };
        tar.unsized_entry("blobs/sha256/b", fill).unwrap();
        let mut from = tempfile::tempfile().unwrap();
        from.write_all(&[1; 600]).unwrap();
        from.seek(SeekFrom::Start(0)).unwrap();
        tar.file("c", 600, &mut from).unwrap();
        from.seek(SeekFrom::Start(0)).unwrap();
        assert!(tar.file("d", 601, &mut from).is_err());
        from.seek(SeekFrom::Start(0)).unwrap();
        assert!(tar.file("d", 599, &mut from).is_err());
        file.seek(SeekFrom::Start(0)).unwrap();
        let mut reader = Reader::new(io::BufReader::new(file));
        let mut seen = Vec::new();
        for _ in 0..3 {
            let entry = reader.next_entry().unwrap().unwrap();
            seen.push((String::from_utf8(entry.path).unwrap(), entry.size));
        }
        assert_eq!(seen, [("a".into(), 3), ("blobs/sha256/b".into(), 1000), ("c".into(), 600)]);
    }

    #[test]
    fn sizes_beyond_octal_are_written_in_base_256() {
        for size in [0, MAX_OCTAL, MAX_OCTAL + 1, 1 << 40] {
            let bytes = header("big", size);
            let entry = Reader::new(bytes.as_slice()).next_entry().unwrap().unwrap();
            assert_eq!(entry.size, size);
        }
    }
}
