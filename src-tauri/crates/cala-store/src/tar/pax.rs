//! PAX extended headers: records `LENGTH KEY=VALUE\n` (POSIX.1-2017, pax, "Extended Header").

use super::Timestamp;
use super::sparse::Segment;

/// What the records that mean something here say. An empty value takes a record back.
#[derive(Debug, Clone, Default)]
pub(super) struct Pax {
    pub(super) path: Option<Vec<u8>>,
    pub(super) link: Option<Vec<u8>>,
    pub(super) size: Option<u64>,
    pub(super) uid: Option<u64>,
    pub(super) gid: Option<u64>,
    pub(super) mtime: Option<Timestamp>,
    pub(super) xattrs: Vec<(Vec<u8>, Vec<u8>)>,
    pub(super) sparse: Option<Sparse>,
}

/// The records `GNU.sparse.*`.
#[derive(Debug, Clone, Default)]
pub(super) struct Sparse {
    pub(super) name: Option<Vec<u8>>,
    pub(super) size: Option<u64>,
    major: Option<u64>,
    minor: Option<u64>,
    blocks: Option<u64>,
    segments: Vec<Segment>,
    offset: Option<u64>,
    mapped: bool,
}

/// Where the map of a sparse file is.
#[derive(Debug)]
pub(super) enum SparseMap {
    /// In the records: formats 0.0 and 0.1.
    Here(Vec<Segment>),
    /// In front of the data: format 1.0.
    BeforeData,
}

impl Sparse {
    /// The map, unless the records contradict each other.
    pub(super) fn map(&self) -> Option<SparseMap> {
        match (self.major, self.minor) {
            (Some(1), Some(0)) => Some(SparseMap::BeforeData),
            (None | Some(0), None | Some(0 | 1)) if self.offset.is_none() => {
                let counted = self.blocks.is_none_or(|blocks| blocks == self.segments.len() as u64);
                (counted && (self.mapped || !self.segments.is_empty() || self.blocks == Some(0)))
                    .then(|| SparseMap::Here(self.segments.clone()))
            }
            _ => None,
        }
    }

    fn set(&mut self, key: &[u8], value: &[u8]) -> Result<(), &'static str> {
        let number = || decimal(value).ok_or("a number of a sparse file");
        match key {
            b"major" => self.major = Some(number()?),
            b"minor" => self.minor = Some(number()?),
            b"name" => self.name = Some(text(value)?.to_vec()),
            b"size" | b"realsize" => self.size = Some(number()?),
            b"numblocks" => self.blocks = Some(number()?),
            b"offset" if self.offset.is_none() => self.offset = Some(number()?),
            b"numbytes" => {
                let offset = self.offset.take().ok_or("a length without an offset")?;
                self.segments.push(Segment { offset, length: number()? });
            }
            b"map" => {
                self.mapped = true;
                self.segments = map(value).ok_or("the map of a sparse file")?;
            }
            _ => return Err("an unknown record of a sparse file"),
        }
        Ok(())
    }
}

impl Pax {
    /// Reads the data of a PAX header. A global one may not name, size or map files: readers differ about that.
    pub(super) fn parse(mut data: &[u8], global: bool) -> Result<Self, &'static str> {
        let mut pax = Self::default();
        while !data.is_empty() {
            let (key, value, rest) = record(data).ok_or("a record's length is wrong")?;
            pax.set(key, value)?;
            data = rest;
        }
        let special = pax.path.is_some() || pax.link.is_some() || pax.size.is_some() || pax.sparse.is_some();
        if global && (special || !pax.xattrs.is_empty()) {
            return Err("a global header names or sizes files");
        }
        Ok(pax)
    }

    fn set(&mut self, key: &[u8], value: &[u8]) -> Result<(), &'static str> {
        let given = !value.is_empty();
        let number = || decimal(value).ok_or("a number");
        match key {
            b"path" => self.path = given.then(|| text(value)).transpose()?.map(<[u8]>::to_vec),
            b"linkpath" => self.link = given.then(|| text(value)).transpose()?.map(<[u8]>::to_vec),
            b"size" => self.size = given.then(number).transpose()?,
            b"uid" => self.uid = given.then(number).transpose()?,
            b"gid" => self.gid = given.then(number).transpose()?,
            b"mtime" => self.mtime = given.then(|| timestamp(value).ok_or("a time")).transpose()?,
            _ => {
                if let Some(key) = key.strip_prefix(b"GNU.sparse.") {
                    self.sparse.get_or_insert_default().set(key, value)?;
                } else if let Some(name) = key.strip_prefix(b"SCHILY.xattr.") {
                    self.xattrs.retain(|(other, _)| other != name);
                    self.xattrs.push((text(name)?.to_vec(), value.to_vec()));
                }
            }
        }
        Ok(())
    }

    /// Takes over what `later` says.
    pub(super) fn merge(&mut self, later: Self) {
        self.path = later.path.or(self.path.take());
        self.link = later.link.or(self.link.take());
        self.size = later.size.or(self.size);
        self.uid = later.uid.or(self.uid);
        self.gid = later.gid.or(self.gid);
        self.mtime = later.mtime.or(self.mtime);
        self.sparse = later.sparse.or(self.sparse.take());
        self.xattrs.extend(later.xattrs);
    }
}

/// Key, value and rest of the first record.
fn record(data: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let blank = data.iter().take(20).position(|byte| *byte == b' ')?;
    let length = usize::try_from(decimal(data.get(..blank)?)?).ok()?;
    let body = data.get(blank + 1..length)?.strip_suffix(b"\n")?;
    let equals = body.iter().position(|byte| *byte == b'=')?;
    let (key, value) = (body.get(..equals)?, body.get(equals + 1..)?);
    (!key.is_empty() && !key.contains(&0)).then_some((key, value, data.get(length..)?))
}

/// A text that can be a path.
fn text(value: &[u8]) -> Result<&[u8], &'static str> {
    if value.contains(&0) { Err("a NUL in a name") } else { Ok(value) }
}

/// Digits and nothing else.
pub(super) fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |sum, byte| match byte {
        b'0'..=b'9' => sum.checked_mul(10)?.checked_add(u64::from(byte - b'0')),
        _ => None,
    })
}

/// `[-]SECONDS[.FRACTION]`; digits beyond nanoseconds are cut off.
fn timestamp(value: &[u8]) -> Option<Timestamp> {
    let (negative, value) = match value.strip_prefix(b"-") {
        Some(rest) => (true, rest),
        None => (false, value),
    };
    let mut parts = value.splitn(2, |byte| *byte == b'.');
    let seconds = i64::try_from(decimal(parts.next()?)?).ok()?;
    let mut nanoseconds = 0;
    if let Some(fraction) = parts.next() {
        let mut unit = 100_000_000;
        for byte in fraction {
            nanoseconds += u32::from(byte.checked_sub(b'0').filter(|digit| *digit <= 9)?) * unit;
            unit /= 10;
        }
    }
    Some(match (negative, nanoseconds) {
        (false, nanoseconds) => Timestamp { seconds, nanoseconds },
        (true, 0) => Timestamp { seconds: -seconds, nanoseconds: 0 },
        (true, nanoseconds) => Timestamp { seconds: -seconds - 1, nanoseconds: 1_000_000_000 - nanoseconds },
    })
}

/// `OFFSET,LENGTH,OFFSET,LENGTH…` of format 0.1.
fn map(value: &[u8]) -> Option<Vec<Segment>> {
    if value.is_empty() {
        return Some(Vec::new());
    }
    let numbers: Option<Vec<u64>> = value.split(|byte| *byte == b',').map(decimal).collect();
    super::sparse::pairs(&numbers?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_counted_exactly() {
        let pax = Pax::parse(b"12 path=a/b\n19 mtime=-1.25\n    ", false);
        assert!(pax.is_err(), "blanks are no record");
        let pax = Pax::parse(b"12 path=a/b\n15 mtime=-1.25\n", false).unwrap();
        assert_eq!(pax.path.as_deref(), Some(&b"a/b"[..]));
        assert_eq!(pax.mtime, Some(Timestamp { seconds: -2, nanoseconds: 750_000_000 }));
        for bad in [
            &b"11 path=a/b\n"[..],
            b"13 path=a/b\n",
            b"012path=a/b\n",
            b"12 path-a/b\n",
            b"-12 path=a/b\n",
            b"8 =value\n",
            b"11 size=1x\n",
            b"12 size=-12\n",
            b"13 path=a\0/b\n",
            b"99999999999999999999999 path=a\n",
            b" 12 path=a/b\n",
            b"4294967308 path=a/b\n",
        ] {
            assert!(Pax::parse(bad, false).is_err(), "{}", bad.escape_ascii());
        }
    }

    #[test]
    fn a_global_header_names_no_files() {
        assert!(Pax::parse(b"12 path=a/b\n", true).is_err());
        assert!(Pax::parse(b"10 size=1\n", true).is_err());
        assert!(Pax::parse(b"17 comment=abcde\n", true).is_ok());
    }
}
