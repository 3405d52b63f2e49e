//! The four ways in which GNU tar maps sparse files (its manual, "Storing Sparse Files").

use super::BLOCK;
use super::header::{Block, number};
use super::pax::decimal;

/// The most segments of one file; each costs 16 bytes of memory.
const MAX_SEGMENTS: usize = 1 << 18;

/// Data of a sparse file: `length` bytes that belong at `offset`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    /// Bytes from the file's beginning.
    pub offset: u64,
    /// Bytes of data; 0 marks the end of a file that ends in a hole.
    pub length: u64,
}

/// Whether the segments lie in order inside `size` bytes and together are the `stored` ones.
pub(super) fn is_valid(segments: &[Segment], size: u64, stored: u64) -> bool {
    let (mut end, mut sum) = (0_u64, 0_u64);
    let ordered = segments.iter().all(|segment| {
        let Some(next) = segment.offset.checked_add(segment.length) else { return false };
        let fits = segment.offset >= end && next <= size;
        end = next;
        sum = sum.saturating_add(segment.length);
        fits
    });
    ordered && sum == stored && segments.len() <= MAX_SEGMENTS && i64::try_from(size).is_ok()
}

/// Numbers by twos.
pub(super) fn pairs(numbers: &[u64]) -> Option<Vec<Segment>> {
    let (pairs, rest) = numbers.as_chunks::<2>();
    rest.is_empty().then(|| pairs.iter().map(|&[offset, length]| Segment { offset, length }).collect())
}

/// Segments, whether more follow, and size of an old GNU header.
pub(super) fn old_header(block: &Block) -> Option<(Vec<Segment>, bool, u64)> {
    if !block.is_gnu() {
        return None;
    }
    let mut segments = Vec::new();
    old_segments(block.range(386, 96), &mut segments)?;
    let size = u64::try_from(number(block.range(483, 12))?).ok()?;
    Some((segments, block.range(482, 1) != [0], size))
}

/// Adds the segments of an extension block; tells whether another one follows.
pub(super) fn old_extension(block: &[u8; BLOCK], segments: &mut Vec<Segment>) -> Option<bool> {
    old_segments(block.get(..504)?, segments)?;
    (segments.len() <= MAX_SEGMENTS).then_some(*block.get(504)? != 0)
}

fn old_segments(fields: &[u8], segments: &mut Vec<Segment>) -> Option<()> {
    for field in fields.chunks_exact(24) {
        let (offset, length) = field.split_at_checked(12)?;
        if offset.first() == Some(&0) {
            break;
        }
        let value = |field| u64::try_from(number(field)?).ok();
        segments.push(Segment { offset: value(offset)?, length: value(length)? });
    }
    Some(())
}

/// Reads the map of format 1.0: lines with decimal numbers, the count of segments first.
#[derive(Debug, Default)]
pub(super) struct MapParser {
    line: Vec<u8>,
    count: Option<usize>,
    numbers: Vec<u64>,
}

impl MapParser {
    /// Takes a block; returns the segments when the map is complete.
    pub(super) fn feed(&mut self, block: &[u8; BLOCK]) -> Result<Option<Vec<Segment>>, ()> {
        for byte in block {
            if *byte != b'\n' {
                if self.line.len() > 20 {
                    return Err(());
                }
                self.line.push(*byte);
                continue;
            }
            let value = decimal(&std::mem::take(&mut self.line)).ok_or(())?;
            let count = match self.count {
                None => *self.count.insert(usize::try_from(value).map_err(|_| ())?),
                Some(count) => {
                    self.numbers.push(value);
                    count
                }
            };
            if count > MAX_SEGMENTS {
                return Err(());
            }
            if self.numbers.len() == 2 * count {
                return pairs(&self.numbers).map(Some).ok_or(());
            }
        }
        Ok(None)
    }
}
