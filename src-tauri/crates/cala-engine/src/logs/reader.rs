//! The reader: record after record through all files, waiting for more when it follows.

use std::collections::VecDeque;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::files::{self, LogFile};
use super::line::{Bound, LogLine};
use super::tail;
use crate::watch::DirWatch;
use crate::{EngineError, LogOptions, Next, Result, time};

/// Bytes read at once.
const CHUNK: usize = 256 << 10;

/// The monitor's lock is dropped just after its last file is closed: how long to look again after such an event.
const SETTLE: Duration = Duration::from_millis(20);

/// Tells whether the container may still write.
type Alive = Box<dyn Fn() -> bool + Send>;

/// Reads a container's log.
pub struct LogReader {
    path: PathBuf,
    files: VecDeque<LogFile>,
    buffer: Vec<u8>,
    /// Unread bytes of the buffer.
    unread: Range<usize>,
    /// Bytes of `unread` that hold no newline for sure.
    searched: usize,
    since: Option<Bound>,
    until: Option<Bound>,
    follow: Option<Follow>,
}

struct Follow {
    watch: DirWatch,
    alive: Alive,
    deadline: Option<Instant>,
    /// The container has ended; what is in the file now is all.
    ended: bool,
}

impl std::fmt::Debug for LogReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LogReader")
            .field("path", &self.path)
            .field("follow", &self.follow.is_some())
            .finish_non_exhaustive()
    }
}

/// Opens the log whose current file is `path`.
pub(crate) fn open(path: &Path, options: &LogOptions, alive: Alive) -> Result<LogReader> {
    let cannot = |source| EngineError::io("read the log", path, source);
    // Watch first, so that nothing is missed between reading to the end and waiting.
    let follow = if options.follow {
        let dir = path.parent().unwrap_or(path);
        let watch = DirWatch::new(dir).map_err(cannot)?;
        Some(Follow { watch, alive, deadline: deadline(options.until_ns), ended: false })
    } else {
        None
    };
    let mut opened = files::open_all(path).map_err(cannot)?;
    if let Some(lines) = options.tail {
        seek_to_tail(&mut opened, lines).map_err(cannot)?;
    }
    Ok(LogReader {
        path: path.to_owned(),
        files: opened.into(),
        buffer: Vec::new(),
        unread: 0..0,
        searched: 0,
        since: options.since_ns.map(Bound::new),
        until: options.until_ns.map(Bound::new),
        follow,
    })
}

fn deadline(until_ns: Option<i64>) -> Option<Instant> {
    let left = until_ns?.saturating_sub(time::now_ns());
    Some(Instant::now() + Duration::from_nanos(u64::try_from(left).unwrap_or(0)))
}

fn seek_to_tail(opened: &mut Vec<LogFile>, lines: u64) -> io::Result<()> {
    let (index, offset) = tail::start(opened, lines)?;
    opened.drain(..index.min(opened.len()));
    match opened.first_mut() {
        Some(first) => first.file.seek(SeekFrom::Start(offset)).map(|_| ()),
        None => Ok(()),
    }
}

impl LogReader {
    /// Bytes of the log that rotation has dropped: what was written before the first line that is still there.
    #[must_use]
    pub fn rotated_away(&self) -> u64 {
        files::rotated_away(&self.path)
    }

    /// The next line; waits for it when following. `None` at the end.
    ///
    /// # Errors
    /// When a file of the log cannot be read.
    pub fn next_line(&mut self) -> Result<Option<LogLine<'_>>> {
        loop {
            match self.advance(None)? {
                Next::Item(record) => return Ok(self.line(record)),
                Next::End => return Ok(None),
                Next::Idle => {}
            }
        }
    }

    /// Like `next_line`, but when following waits no longer than this.
    ///
    /// # Errors
    /// As `next_line`.
    pub fn poll_line(&mut self, timeout: Duration) -> Result<Next<LogLine<'_>>> {
        match self.advance(Some(timeout))? {
            Next::Item(record) => Ok(self.line(record).map_or(Next::Idle, Next::Item)),
            Next::End => Ok(Next::End),
            Next::Idle => Ok(Next::Idle),
        }
    }

    fn line(&self, record: Range<usize>) -> Option<LogLine<'_>> {
        LogLine::parse(self.buffer.get(record)?)
    }

    /// Finds the next record that is wanted.
    fn advance(&mut self, timeout: Option<Duration>) -> Result<Next<Range<usize>>> {
        let give_up = timeout.map(|timeout| Instant::now() + timeout);
        loop {
            while let Some(record) = self.take_record() {
                if self.line(record.clone()).is_some_and(|line| self.wanted(&line)) {
                    return Ok(Next::Item(record));
                }
            }
            if self.fill().map_err(|source| EngineError::io("read the log", &self.path, source))? {
                continue;
            }
            match self
                .wait_for_more(give_up)
                .map_err(|source| EngineError::io("follow the log", &self.path, source))?
            {
                Next::Item(()) => {}
                Next::Idle => return Ok(Next::Idle),
                Next::End => return Ok(Next::End),
            }
        }
    }

    fn wanted(&self, line: &LogLine<'_>) -> bool {
        self.since.as_ref().is_none_or(|since| since.order(line).is_ge())
            && self.until.as_ref().is_none_or(|until| until.order(line).is_le())
    }

    /// Takes a record off the buffer, without its newline.
    fn take_record(&mut self) -> Option<Range<usize>> {
        let from = self.unread.start + self.searched;
        let Some(at) = memchr::memchr(b'\n', self.buffer.get(from..self.unread.end)?) else {
            self.searched = self.unread.len();
            return None;
        };
        let record = self.unread.start..from + at;
        self.unread.start = from + at + 1;
        self.searched = 0;
        Some(record)
    }

    /// Reads more of the present file, or goes to the next; `false` at the end of the last.
    fn fill(&mut self) -> io::Result<bool> {
        while let Some(current) = self.files.front_mut() {
            self.buffer.copy_within(self.unread.clone(), 0);
            self.unread = 0..self.unread.len();
            // Grows only for a line longer than the buffer.
            if self.buffer.len() < self.unread.end + CHUNK / 2 {
                self.buffer.resize(self.unread.end + CHUNK, 0);
            }
            let room = self.buffer.get_mut(self.unread.end..).unwrap_or_default();
            let count = current.file.read(room)?;
            if count > 0 {
                self.unread.end += count;
                return Ok(true);
            }
            if self.files.len() == 1 {
                return Ok(false);
            }
            // What is left has no newline and will get none: torn.
            self.files.pop_front();
            self.unread = 0..0;
            self.searched = 0;
        }
        Ok(false)
    }

    /// At the end of the last file: looks for a rotation, else waits.
    fn wait_for_more(&mut self, give_up: Option<Instant>) -> io::Result<Next<()>> {
        let Some(follow) = &mut self.follow else { return Ok(Next::End) };
        let newer = match self.files.back() {
            Some(last) => files::newer_than(&self.path, last)?,
            None => files::open_all(&self.path)?,
        };
        if !newer.is_empty() {
            self.files.extend(newer);
            return Ok(Next::Item(()));
        }
        if follow.ended {
            return Ok(Next::End);
        }
        if !(follow.alive)() {
            // It may have written between our last read and its end.
            follow.ended = true;
            return Ok(Next::Item(()));
        }
        let until = [give_up, follow.deadline].into_iter().flatten().min();
        let left = until.map(|until| until.saturating_duration_since(Instant::now()));
        if follow.watch.wait(left)? {
            if !(follow.alive)() || follow.watch.wait(Some(Duration::ZERO))? {
                return Ok(Next::Item(()));
            }
            // Something was closed and nothing came after it: perhaps the lock goes in this very moment.
            follow.watch.wait(Some(left.unwrap_or(SETTLE).min(SETTLE)))?;
            return Ok(Next::Item(()));
        }
        let over = follow.deadline.is_some_and(|deadline| deadline <= Instant::now());
        Ok(if over { Next::End } else { Next::Idle })
    }
}

#[cfg(test)]
mod tests;
