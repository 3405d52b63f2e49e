//! Writing tar archives: ustar, and PAX records for what does not fit (POSIX pax; `SCHILY.xattr.` as star and Go).

use std::io::{self, Write};

use super::{BLOCK, EntryKind, padding};

/// Bytes of an archive that are collected before they are written.
const BUFFER: usize = 256 << 10;

/// What stands before an entry's data.
#[derive(Debug, Clone, Copy)]
pub struct Head<'a> {
    /// The path; that of a directory gets its slash here.
    pub path: &'a [u8],
    /// Target of a link; empty for everything else.
    pub link: &'a [u8],
    /// What it is.
    pub kind: EntryKind,
    /// Permission bits, `0o7777` at most.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Bytes of data that follow.
    pub size: u64,
    /// Time of the last change, in seconds since the Unix epoch.
    pub mtime: i64,
    /// Extended attributes: names and values.
    pub xattrs: &'a [(Vec<u8>, Vec<u8>)],
}

/// An archive on its way into a stream.
#[derive(Debug)]
pub struct Writer<W: Write> {
    out: io::BufWriter<W>,
}

impl<W: Write> Writer<W> {
    /// Begins an archive.
    pub fn new(out: W) -> Self {
        Self { out: io::BufWriter::with_capacity(BUFFER, out) }
    }

    /// Writes a head. The data follow by [`Self::data`], as many bytes as it says, then [`Self::pad`].
    ///
    /// # Errors
    ///
    /// Those of the stream.
    pub fn head(&mut self, head: &Head<'_>) -> io::Result<()> {
        let mut path = head.path.to_vec();
        if head.kind == EntryKind::Directory {
            path.push(b'/');
        }
        let mut records = Vec::new();
        let (prefix, name) = split(&path).unwrap_or_else(|| {
            record(&mut records, b"path", &path);
            (&[], path.get(..100).unwrap_or(&path))
        });
        if head.link.len() > 100 {
            record(&mut records, b"linkpath", head.link);
        }
        for (key, id) in [(&b"uid"[..], head.uid), (b"gid", head.gid)] {
            if id > 0o777_7777 {
                record(&mut records, key, id.to_string().as_bytes());
            }
        }
        if head.size > 0o777_7777_7777 {
            record(&mut records, b"size", head.size.to_string().as_bytes());
        }
        if !(0..=0o777_7777_7777).contains(&head.mtime) {
            record(&mut records, b"mtime", head.mtime.to_string().as_bytes());
        }
        for (key, value) in head.xattrs {
            record(&mut records, &[b"SCHILY.xattr.", key.as_slice()].concat(), value);
        }
        if !records.is_empty() {
            let size = records.len() as u64;
            let block = block(head, b"", b"PaxHeaders.0/x", b'x', size, b"");
            self.out.write_all(&block)?;
            self.out.write_all(&records)?;
            self.pad(size)?;
        }
        let link = head.link.get(..100).unwrap_or(head.link);
        self.out.write_all(&block(head, prefix, name, typeflag(head.kind), head.size, link))
    }

    /// Writes data of the present entry.
    ///
    /// # Errors
    ///
    /// Those of the stream.
    pub fn data(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.out.write_all(bytes)
    }

    /// Writes zeros in the place of data that are not there.
    ///
    /// # Errors
    ///
    /// Those of the stream.
    pub fn zeros(&mut self, mut count: u64) -> io::Result<()> {
        let zeros = [0; 8 << 10];
        while count > 0 {
            let now = usize::try_from(count).unwrap_or(usize::MAX).min(zeros.len());
            self.out.write_all(zeros.get(..now).unwrap_or_default())?;
            count -= now as u64;
        }
        Ok(())
    }

    /// Ends an entry that had `size` bytes of data.
    ///
    /// # Errors
    ///
    /// Those of the stream.
    pub fn pad(&mut self, size: u64) -> io::Result<()> {
        self.zeros(padding(size))
    }

    /// Ends the archive and gives the stream back.
    ///
    /// # Errors
    ///
    /// Those of the stream.
    pub fn finish(mut self) -> io::Result<W> {
        self.zeros(2 * BLOCK as u64)?;
        self.out.into_inner().map_err(io::IntoInnerError::into_error)
    }
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

/// A path as prefix and name of ustar; nothing when it does not fit, or is not ASCII, which PAX says in full.
fn split(path: &[u8]) -> Option<(&[u8], &[u8])> {
    if !path.is_ascii() {
        return None;
    }
    if path.len() <= 100 {
        return Some((&[], path));
    }
    // The slash between both is not written; a directory's own last slash is no place to split.
    let cuts = (1..path.len().saturating_sub(1)).filter(|at| path.get(*at) == Some(&b'/'));
    let cut = cuts.into_iter().find(|at| *at <= 155 && path.len() - at - 1 <= 100)?;
    Some((path.get(..cut)?, path.get(cut + 1..)?))
}

/// `LENGTH KEY=VALUE\n`, where the length counts itself.
fn record(records: &mut Vec<u8>, key: &[u8], value: &[u8]) {
    let rest = key.len() + value.len() + 3;
    let mut length = rest + 1;
    while length != rest + length.to_string().len() {
        length = rest + length.to_string().len();
    }
    records.extend_from_slice(length.to_string().as_bytes());
    records.extend_from_slice(&[b" ", key, b"=", value, b"\n"].concat());
}

fn block(head: &Head<'_>, prefix: &[u8], name: &[u8], typeflag: u8, size: u64, link: &[u8]) -> [u8; BLOCK] {
    let mut block = [0; BLOCK];
    let mut put = |at: usize, bytes: &[u8]| {
        if let Some(place) = block.get_mut(at..at + bytes.len()) {
            place.copy_from_slice(bytes);
        }
    };
    put(0, name);
    put(100, &octal::<8>(head.mode.into()));
    put(108, &octal::<8>(u64::from(head.uid).min(0o777_7777)));
    put(116, &octal::<8>(u64::from(head.gid).min(0o777_7777)));
    put(124, &octal::<12>(size.min(0o777_7777_7777)));
    put(136, &octal::<12>(u64::try_from(head.mtime).unwrap_or_default().min(0o777_7777_7777)));
    put(148, b"        ");
    put(156, &[typeflag]);
    put(157, link);
    put(257, b"ustar\x0000");
    put(329, &octal::<8>(0));
    put(337, &octal::<8>(0));
    put(345, prefix);
    let sum: u64 = block.iter().map(|byte| u64::from(*byte)).sum();
    let sum = format!("{sum:06o}\0 ");
    if let Some(place) = block.get_mut(148..156) {
        place.copy_from_slice(sum.as_bytes());
    }
    block
}

/// Octal digits with leading zeros and a NUL.
fn octal<const N: usize>(number: u64) -> [u8; N] {
    let mut field = [0; N];
    let digits = format!("{number:0width$o}", width = N - 1);
    for (place, digit) in field.iter_mut().zip(digits.bytes().take(N - 1)) {
        *place = digit;
    }
    field
}

#[cfg(test)]
mod tests {
    use super::super::{Reader, Timestamp};
    use super::*;

    fn written(head: &Head<'_>, data: &[u8]) -> Vec<u8> {
        let mut writer = Writer::new(Vec::new());
        writer.head(head).unwrap();
        writer.data(data).unwrap();
        writer.pad(data.len() as u64).unwrap();
        writer.finish().unwrap()
    }

    #[test]
    fn what_is_written_is_read() {
        let long = [b"d/".repeat(60), b"n".repeat(90)].concat();
        let longer = b"x".repeat(300);
        let accent = "año/ñ".as_bytes();
        let xattrs = vec![(b"user.k".to_vec(), b"v\n=\0w".to_vec())];
        for path in [&b"a"[..], &long, &longer, accent] {
            for (kind, link) in [
                (EntryKind::File, &b""[..]),
                (EntryKind::Directory, b""),
                (EntryKind::Symlink, &longer),
                (EntryKind::HardLink, b"a"),
                (EntryKind::Fifo, b""),
            ] {
                let data: &[u8] = if kind == EntryKind::File { b"hello" } else { b"" };
                let head = Head {
                    path,
                    link,
                    kind,
                    mode: 0o4751,
                    uid: 3_000_000_000,
                    gid: 7,
                    size: data.len() as u64,
                    mtime: -5,
                    xattrs: &xattrs,
                };
                let archive = written(&head, data);
                assert_eq!(archive.len() % BLOCK, 0);
                let mut reader = Reader::new(archive.as_slice());
                let entry = reader.next_entry().unwrap().unwrap();
                let slash: &[u8] = if kind == EntryKind::Directory { b"/" } else { b"" };
                assert_eq!(entry.path, [path, slash].concat());
                assert_eq!((entry.kind, entry.link.as_slice(), entry.mode), (kind, link, 0o4751));
                assert_eq!((entry.uid, entry.gid, entry.size), (3_000_000_000, 7, data.len() as u64));
                assert_eq!(entry.mtime, Timestamp { seconds: -5, nanoseconds: 0 });
                assert_eq!(entry.xattrs, xattrs);
                if !data.is_empty() {
                    assert_eq!(reader.next_piece().unwrap().unwrap().bytes, data);
                }
                assert!(reader.next_entry().unwrap().is_none());
            }
        }
    }
}
