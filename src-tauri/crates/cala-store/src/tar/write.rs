//! A streaming writer of tar archives: POSIX pax, with a PAX header only where ustar cannot say it.

use std::io::{self, Write};

use super::{BLOCK, Entry, EntryKind};

/// The most that eleven octal digits hold.
const MAX_OCTAL: u64 = 0o777_7777_7777;

/// The most that seven octal digits hold.
const MAX_ID: u64 = 0o777_7777;

/// Writes entry by entry. Call [`Writer::finish`] at the end.
#[derive(Debug)]
pub struct Writer<W> {
    sink: W,
    /// Data that the present entry announced and that were not written yet.
    left: u64,
    padding: u64,
}

impl<W: Write> Writer<W> {
    /// A writer at the beginning of an archive.
    pub fn new(sink: W) -> Self {
        Self { sink, left: 0, padding: 0 }
    }

    /// Begins an entry. Of a file `entry.size` bytes of data are to follow.
    ///
    /// # Errors
    ///
    /// The sink fails.
    pub fn entry(&mut self, entry: &Entry) -> io::Result<()> {
        self.end_entry()?;
        let records = records(entry);
        if !records.is_empty() {
            self.sink.write_all(&header(
                b"././@PaxHeader",
                b"",
                b'x',
                0o644,
                (0, 0),
                records.len() as u64,
                0,
            ))?;
            self.sink.write_all(&records)?;
            self.pad(records.len() as u64)?;
        }
        let size = if entry.kind == EntryKind::File { entry.size } else { 0 };
        let owner =
            (if entry.uid > MAX_ID { 0 } else { entry.uid }, if entry.gid > MAX_ID { 0 } else { entry.gid });
        let mtime = u64::try_from(entry.mtime.seconds).unwrap_or(0).min(MAX_OCTAL);
        let stated = if size > MAX_OCTAL { 0 } else { size };
        self.sink.write_all(&header(
            &entry.path,
            &entry.link,
            typeflag(entry.kind),
            entry.mode,
            owner,
            stated,
            mtime,
        ))?;
        (self.left, self.padding) = (size, padding(size));
        Ok(())
    }

    /// Writes data of the present entry.
    ///
    /// # Errors
    ///
    /// The sink fails, or there are more data than announced.
    pub fn data(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.left = self
            .left
            .checked_sub(bytes.len() as u64)
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "more data than announced"))?;
        self.sink.write_all(bytes)
    }

    /// Ends the archive; returns the sink.
    ///
    /// # Errors
    ///
    /// The sink fails.
    pub fn finish(mut self) -> io::Result<W> {
        self.end_entry()?;
        self.sink.write_all(&[0; 2 * BLOCK])?;
        self.sink.flush()?;
        Ok(self.sink)
    }

    /// What was announced and did not come (a file that became shorter meanwhile) is written as zeros, as tar(1) does.
    fn end_entry(&mut self) -> io::Result<()> {
        let zeros = [0; 8192];
        let mut missing = std::mem::take(&mut self.left) + std::mem::take(&mut self.padding);
        while missing > 0 {
            let count = usize::try_from(missing).unwrap_or(usize::MAX).min(zeros.len());
            self.sink.write_all(zeros.get(..count).unwrap_or_default())?;
            missing -= count as u64;
        }
        Ok(())
    }

    fn pad(&mut self, size: u64) -> io::Result<()> {
        self.padding = padding(size);
        self.end_entry()
    }
}

fn padding(size: u64) -> u64 {
    size.next_multiple_of(BLOCK as u64) - size
}

fn typeflag(kind: EntryKind) -> u8 {
    match kind {
        EntryKind::File => b'0',
        EntryKind::HardLink => b'1',
        EntryKind::Symlink => b'2',
        EntryKind::Device => b'3',
        EntryKind::Directory => b'5',
        EntryKind::Fifo => b'6',
    }
}

/// What the entry's own header cannot say.
fn records(entry: &Entry) -> Vec<u8> {
    let mut records = Vec::new();
    let mut add = |key: &[u8], value: &[u8]| records.extend(record(key, value));
    if entry.path.len() > 100 {
        add(b"path", &entry.path);
    }
    if entry.link.len() > 100 {
        add(b"linkpath", &entry.link);
    }
    if entry.kind == EntryKind::File && entry.size > MAX_OCTAL {
        add(b"size", entry.size.to_string().as_bytes());
    }
    if entry.uid > MAX_ID {
        add(b"uid", entry.uid.to_string().as_bytes());
    }
    if entry.gid > MAX_ID {
        add(b"gid", entry.gid.to_string().as_bytes());
    }
    if entry.mtime.nanoseconds != 0 || entry.mtime.seconds < 0 {
        add(b"mtime", time(entry.mtime).as_bytes());
    }
    for (name, value) in &entry.xattrs {
        add(&[b"SCHILY.xattr.", name.as_slice()].concat(), value);
    }
    records
}

/// Seconds with a fraction; before 1970 the fraction counts downwards, as pax wants it.
fn time(time: super::Timestamp) -> String {
    match (time.seconds, time.nanoseconds) {
        (seconds, 0) => seconds.to_string(),
        (seconds @ 0.., nanoseconds) => format!("{seconds}.{nanoseconds:09}"),
        (seconds, nanoseconds) => format!("-{}.{:09}", -(seconds + 1), 1_000_000_000 - nanoseconds),
    }
}

/// `LENGTH KEY=VALUE\n`, where the length counts itself.
fn record(key: &[u8], value: &[u8]) -> Vec<u8> {
    let rest = key.len() + value.len() + 3;
    let mut length = rest + 1;
    while length != rest + length.to_string().len() {
        length = rest + length.to_string().len();
    }
    [length.to_string().as_bytes(), b" ", key, b"=", value, b"\n"].concat()
}

fn header(
    path: &[u8],
    link: &[u8],
    typeflag: u8,
    mode: u32,
    owner: (u64, u64),
    size: u64,
    mtime: u64,
) -> [u8; BLOCK] {
    let mut block = [0; BLOCK];
    let mut put = |at: usize, bytes: &[u8], room: usize| {
        let bytes = bytes.get(..room).unwrap_or(bytes);
        if let Some(field) = block.get_mut(at..at + bytes.len()) {
            field.copy_from_slice(bytes);
        }
    };
    put(0, path, 100);
    put(100, format!("{mode:07o}\0").as_bytes(), 8);
    put(108, format!("{:07o}\0", owner.0).as_bytes(), 8);
    put(116, format!("{:07o}\0", owner.1).as_bytes(), 8);
    put(124, format!("{size:011o}\0").as_bytes(), 12);
    put(136, format!("{mtime:011o}\0").as_bytes(), 12);
    put(148, b"        ", 8);
    put(156, &[typeflag], 1);
    put(157, link, 100);
    put(257, b"ustar\x0000", 8);
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    if let Some(field) = block.get_mut(148..156) {
        field.copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    }
    block
}

#[cfg(test)]
mod tests {
    use super::super::{Reader, Timestamp};
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let long = [b"a".repeat(90), b"/".to_vec(), b"b".repeat(90)].concat();
        let file = Entry {
            path: long.clone(),
            link: Vec::new(),
            kind: EntryKind::File,
            mode: 0o4755,
            uid: 4_000_000_000,
            gid: 7,
            size: 5,
            mtime: Timestamp { seconds: 1_700_000_000, nanoseconds: 5 },
            xattrs: vec![(b"user.x".to_vec(), b"a=\n\0b".to_vec())],
            sparse: None,
        };
        let link = Entry {
            path: b"link".to_vec(),
            link: long,
            kind: EntryKind::Symlink,
            size: 0,
            mtime: Timestamp { seconds: -2, nanoseconds: 250_000_000 },
            xattrs: Vec::new(),
            ..file.clone()
        };
        let mut writer = Writer::new(Vec::new());
        writer.entry(&file).unwrap();
        writer.data(b"hel").unwrap();
        writer.entry(&link).unwrap();
        let bytes = writer.finish().unwrap();
        assert_eq!(bytes.len() % BLOCK, 0);
        let mut reader = Reader::new(&bytes[..]);
        assert_eq!(reader.next_entry().unwrap(), Some(file));
        assert_eq!(reader.next_piece().unwrap().unwrap().bytes, b"hel\0\0");
        assert_eq!(reader.next_entry().unwrap(), Some(link));
        assert_eq!(reader.next_entry().unwrap(), None);
    }

    #[test]
    fn more_than_announced_is_refused() {
        let mut writer = Writer::new(Vec::new());
        assert!(writer.data(b"x").is_err());
    }
}
