//! Where the last n lines of a log begin, found from its end: the cost depends on n, not on the log's size.

use std::io;
use std::os::unix::fs::FileExt as _;

use memchr::memrchr;

use super::files::LogFile;
use super::line::LogLine;

const BLOCK: u64 = 64 << 10;

/// Index of the file and offset in it at which the last `lines` whole lines begin.
pub(super) fn start(files: &[LogFile], lines: u64) -> io::Result<(usize, u64)> {
    // The start is known when the line before is seen.
    let mut left = lines.saturating_add(1);
    for (index, log) in files.iter().enumerate().rev() {
        let length = log.len()?;
        if let Some(offset) = scan(log, length, &mut left)? {
            return Ok((index, offset));
        }
    }
    Ok((0, 0))
}

/// Walks one file backwards; `Some` when `left` reached zero: the offset after that line.
fn scan(log: &LogFile, length: u64, left: &mut u64) -> io::Result<Option<u64>> {
    // `data` is the file from `begin` to `begin + data.len()`, and ends with a newline once the torn end is cut off.
    let (mut begin, mut data) = (length, Vec::new());
    loop {
        match memrchr(b'\n', &data) {
            Some(end) => {
                data.truncate(end + 1);
                break;
            }
            None if begin == 0 => return Ok(None),
            None => begin = prepend(log, begin, &mut data)?,
        }
    }
    loop {
        let body = data.len().saturating_sub(1);
        let previous = memrchr(b'\n', data.get(..body).unwrap_or_default());
        if previous.is_none() && begin > 0 {
            begin = prepend(log, begin, &mut data)?;
            continue;
        }
        let record = previous.map_or(0, |at| at + 1);
        if data.get(record..body).is_some_and(is_last_part) {
            *left -= 1;
            if *left == 0 {
                return Ok(Some(begin + data.len() as u64));
            }
        }
        data.truncate(record);
        if data.is_empty() {
            return Ok(None);
        }
    }
}

/// Parts of a long line count once.
fn is_last_part(record: &[u8]) -> bool {
    LogLine::parse(record).is_some_and(|line| !line.partial)
}

fn prepend(log: &LogFile, begin: u64, data: &mut Vec<u8>) -> io::Result<u64> {
    let size = begin.min(BLOCK);
    let start = begin - size;
    let mut block = vec![0; usize::try_from(size).unwrap_or(0)];
    log.file.read_exact_at(&mut block, start)?;
    block.append(data);
    *data = block;
    Ok(start)
}
