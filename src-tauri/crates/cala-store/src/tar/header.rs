//! One header block: ustar, GNU, v7 (tar(5)).

use super::{BLOCK, Timestamp};

/// A header whose checksum is right.
#[derive(Debug)]
pub(super) struct Block([u8; BLOCK]);

impl Block {
    /// Checks the sum, which early tars formed of signed bytes.
    pub(super) fn check(bytes: [u8; BLOCK]) -> Option<Self> {
        let block = Self(bytes);
        let stored = number(block.range(148, 8))?;
        let (before, after) = (block.range(0, 148), block.range(156, BLOCK - 156));
        let sum = |bytes: &[u8]| bytes.iter().map(|byte| i64::from(*byte)).sum::<i64>();
        // The field itself counts as eight blanks.
        let unsigned = sum(before) + sum(after) + 8 * i64::from(b' ');
        if stored == unsigned {
            return Some(block);
        }
        let negative = before.iter().chain(after).filter(|byte| **byte >= 0x80).count();
        let signed = unsigned - 256 * i64::try_from(negative).unwrap_or_default();
        (stored == signed).then_some(block)
    }

    /// `length` bytes from `offset`.
    pub(super) fn range(&self, offset: usize, length: usize) -> &[u8] {
        self.0.get(offset..offset + length).unwrap_or_default()
    }

    pub(super) fn typeflag(&self) -> u8 {
        self.range(156, 1).first().copied().unwrap_or_default()
    }

    pub(super) fn is_gnu(&self) -> bool {
        self.range(257, 8) == b"ustar  \0"
    }

    fn is_ustar(&self) -> bool {
        self.range(257, 6) == b"ustar\0"
    }

    /// Name with the prefix of ustar before it.
    pub(super) fn path(&self) -> Vec<u8> {
        let name = until_nul(self.range(0, 100));
        let prefix = match (self.is_ustar(), self.range(508, 4) == b"tar\0") {
            (true, false) => until_nul(self.range(345, 155)),
            // star keeps times behind a shorter prefix.
            (true, true) => until_nul(self.range(345, 131)),
            _ => &[],
        };
        if prefix.is_empty() { name.to_vec() } else { [prefix, b"/", name].concat() }
    }

    pub(super) fn link(&self) -> Vec<u8> {
        until_nul(self.range(157, 100)).to_vec()
    }

    pub(super) fn mode(&self) -> Option<u32> {
        u32::try_from(number(self.range(100, 8))? & 0o7777).ok()
    }

    pub(super) fn uid(&self) -> Option<u64> {
        u64::try_from(number(self.range(108, 8))?).ok()
    }

    pub(super) fn gid(&self) -> Option<u64> {
        u64::try_from(number(self.range(116, 8))?).ok()
    }

    pub(super) fn size(&self) -> Option<u64> {
        u64::try_from(number(self.range(124, 12))?).ok()
    }

    pub(super) fn mtime(&self) -> Option<Timestamp> {
        Some(Timestamp { seconds: number(self.range(136, 12))?, nanoseconds: 0 })
    }
}

/// The bytes before the first NUL.
pub(super) fn until_nul(bytes: &[u8]) -> &[u8] {
    bytes.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// A number: octal digits between blanks and NULs, empty for 0, or base 256 when the first bit is set.
pub(super) fn number(field: &[u8]) -> Option<i64> {
    match field.first() {
        Some(first) if first & 0x80 != 0 => base256(field),
        _ => {
            let start = field.iter().position(|byte| !matches!(byte, b' ' | 0)).unwrap_or(field.len());
            let digits = until_nul(field.get(start..)?).trim_ascii_end();
            digits.iter().try_fold(0_i64, |sum, byte| match byte {
                b'0'..=b'7' => sum.checked_mul(8)?.checked_add(i64::from(byte - b'0')),
                _ => None,
            })
        }
    }
}

/// Two's complement, big-endian, without the first bit.
fn base256(field: &[u8]) -> Option<i64> {
    let (first, rest) = field.split_first()?;
    let start = if first & 0x40 != 0 { i64::from(*first) - 0x100 } else { i64::from(first & 0x3f) };
    rest.iter().try_fold(start, |sum, byte| sum.checked_mul(256)?.checked_add(i64::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_octal_and_base_256() {
        for (field, value) in [
            (&b"0000644\0"[..], Some(0o644)),
            (b"   644 \0", Some(0o644)),
            (b"\0\0\0\0\0\0\0\0", Some(0)),
            (b"        ", Some(0)),
            (b"77777777", Some(0o7777_7777)),
            (b"0000648\0", None),
            (b"-000644\0", None),
            (b"12 34\0\0\0", None),
            (b"\x80\0\0\0\0\0\x01\0", Some(256)),
            (b"\xff\xff\xff\xff\xff\xff\xff\xff", Some(-1)),
            (b"\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff", Some(i64::MAX)),
            (b"\x80\0\0\0\x80\0\0\0\0\0\0\0", None),
            (b"\xbf\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", None),
        ] {
            assert_eq!(number(field), value, "{field:?}");
        }
    }
}
