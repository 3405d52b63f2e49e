//! Archives by hand, so that they can be wrong.

use std::io::Write as _;

pub(crate) const BLOCK: usize = 512;

/// One member: `a`, then what differs from a regular file.
pub(crate) struct Member {
    path: Vec<u8>,
    link: Vec<u8>,
    typeflag: u8,
    mode: u32,
    ids: (u32, u32),
    mtime: u64,
    data: Vec<u8>,
    records: Vec<u8>,
}

pub(crate) fn file(path: &str, data: &[u8]) -> Member {
    Member { data: data.to_vec(), ..member(path, b'0') }
}

pub(crate) fn directory(path: &str) -> Member {
    Member { mode: 0o755, ..member(path, b'5') }
}

pub(crate) fn symlink(path: &str, target: &str) -> Member {
    Member { link: target.into(), ..member(path, b'2') }
}

pub(crate) fn hard_link(path: &str, target: &str) -> Member {
    Member { link: target.into(), ..member(path, b'1') }
}

pub(crate) fn member(path: &str, typeflag: u8) -> Member {
    Member {
        path: path.into(),
        link: Vec::new(),
        typeflag,
        mode: 0o644,
        ids: (0, 0),
        mtime: 1_000_000_000,
        data: Vec::new(),
        records: Vec::new(),
    }
}

impl Member {
    pub(crate) fn mode(self, mode: u32) -> Self {
        Self { mode, ..self }
    }

    pub(crate) fn ids(self, uid: u32, gid: u32) -> Self {
        Self { ids: (uid, gid), ..self }
    }

    /// Adds a PAX record.
    pub(crate) fn record(mut self, key: &str, value: &[u8]) -> Self {
        let rest = key.len() + value.len() + 3;
        let mut length = rest + 1;
        while rest + length.to_string().len() != length {
            length += 1;
        }
        self.records.extend_from_slice(format!("{length} {key}=").as_bytes());
        self.records.extend_from_slice(value);
        self.records.push(b'\n');
        self
    }

    fn write(&self, into: &mut Vec<u8>) {
        if !self.records.is_empty() {
            Member { data: self.records.clone(), ..member("PaxHeaders/x", b'x') }.write(into);
        }
        let mut block = [0_u8; BLOCK];
        block[..self.path.len()].copy_from_slice(&self.path);
        block[157..157 + self.link.len()].copy_from_slice(&self.link);
        for (at, text) in [
            (100, format!("{:07o}", self.mode)),
            (108, format!("{:07o}", self.ids.0)),
            (116, format!("{:07o}", self.ids.1)),
            (124, format!("{:011o}", self.data.len())),
            (136, format!("{:011o}", self.mtime)),
            (257, "ustar\x0000".to_owned()),
            (148, "        ".to_owned()),
        ] {
            block[at..at + text.len()].copy_from_slice(text.as_bytes());
        }
        block[156] = self.typeflag;
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        block[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        into.extend_from_slice(&block);
        into.extend_from_slice(&self.data);
        into.resize(into.len().next_multiple_of(BLOCK), 0);
    }
}

/// An archive with its end.
pub(crate) fn archive(members: impl IntoIterator<Item = Member>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for member in members {
        member.write(&mut bytes);
    }
    bytes.resize(bytes.len() + 2 * BLOCK, 0);
    bytes
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

pub(crate) fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).expect("memory")
}

/// Bytes that no compression makes smaller.
pub(crate) fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    })
    .flatten()
    .take(length)
    .collect()
}
