//! Writing the log: in pieces of one write, rotated by size, never waiting for a disk that is full.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::cri::{Stream, next_piece, prefix};
use crate::plan::LogPlan;

/// Bytes that are gathered before a write.
const BATCH: usize = 64 << 10;

/// What is added to the log's name for the count of bytes that rotation has dropped.
const DROPPED: &str = ".dropped";

/// Writes `ctr.log`; older files are `ctr.log.1` (the youngest of them) to `ctr.log.N`.
#[derive(Debug)]
pub struct LogWriter {
    plan: LogPlan,
    file: File,
    size: u64,
    batch: Vec<u8>,
    /// How many times the file was rotated since this writer began.
    generation: u64,
    dropped: u64,
}

/// A place in the log that survives rotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Which file, counted from the writer's beginning.
    pub generation: u64,
    /// Bytes from its beginning.
    pub offset: u64,
}

impl LogWriter {
    /// Opens the log at its end; a torn last line (of a power cut) is closed.
    ///
    /// # Errors
    /// Those of open(2).
    pub fn open(plan: LogPlan) -> io::Result<Self> {
        let file = create(&plan.path)?;
        let mut writer =
            Self { plan, size: file.metadata()?.len(), file, batch: Vec::new(), generation: 0, dropped: 0 };
        writer.close_torn_line();
        Ok(writer)
    }

    fn close_torn_line(&mut self) {
        let mut last = [b'\n'];
        if self.size > 0 && self.file.read_at(&mut last, self.size - 1).is_ok() && last != *b"\n" {
            self.put(b"\n");
        }
    }

    /// The log's files were moved, with their folder, to another one.
    pub fn moved_to(&mut self, folder: &Path) {
        if let Some(name) = self.plan.path.file_name() {
            self.plan.path = folder.join(name);
        }
    }

    /// Where the next byte goes.
    #[must_use]
    pub fn position(&self) -> Position {
        Position { generation: self.generation, offset: self.size }
    }

    /// The file of a generation: the current one, or one that was rotated and still exists.
    ///
    /// # Errors
    /// `NotFound` when rotation has dropped it; those of open(2).
    pub fn open_generation(&self, generation: u64) -> io::Result<File> {
        match self.generation.checked_sub(generation) {
            Some(0) => File::open(&self.plan.path),
            Some(age) => File::open(rotated(&self.plan.path, age)),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    /// Writes what a stream brought at that moment. Never fails: what cannot be written is counted and the count is
    /// noted in the log when there is room again.
    pub fn append(&mut self, stream: Stream, bytes: &[u8], time_ns: i64) {
        let head = prefix(time_ns, stream);
        self.note_dropped(time_ns);
        let limit = usize::try_from(self.plan.max_size)
            .map_or(BATCH, |size| if size == 0 { BATCH } else { size.min(BATCH) });
        let mut rest = bytes;
        while let Some((content, ends, taken)) = next_piece(rest) {
            if !self.batch.is_empty() && self.batch.len() + head.len() + content.len() + 3 > limit {
                self.write_batch();
            }
            self.batch.extend_from_slice(&head);
            self.batch.extend_from_slice(if ends { b"F " } else { b"P " });
            self.batch.extend_from_slice(content);
            self.batch.push(b'\n');
            rest = rest.get(taken..).unwrap_or_default();
        }
        self.write_batch();
    }

    fn note_dropped(&mut self, time_ns: i64) {
        if self.dropped == 0 {
            return;
        }
        let dropped = std::mem::take(&mut self.dropped);
        let mut line = prefix(time_ns, Stream::Stderr);
        let _ = writeln!(line, "F cala: {dropped} lines of the log were lost because the disk was full");
        self.put(&line);
        // The note itself may not have found room.
        if self.dropped > 0 {
            self.dropped = dropped;
        }
    }

    fn write_batch(&mut self) {
        let mut batch = std::mem::take(&mut self.batch);
        self.put(&batch);
        batch.clear();
        self.batch = batch;
    }

    /// Writes whole lines; lines that do not fit are taken back and counted.
    fn put(&mut self, lines: &[u8]) {
        let length = lines.len() as u64;
        if self.plan.max_size > 0 && self.size > 0 && self.size + length > self.plan.max_size {
            self.rotate();
        }
        let mut written = 0;
        while let Some(rest) = lines.get(written..).filter(|rest| !rest.is_empty()) {
            match self.file.write(rest) {
                Ok(0) => break,
                Ok(count) => written += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
        let whole = if written == lines.len() {
            written
        } else {
            let whole = lines.get(..written).and_then(|done| done.iter().rposition(|byte| *byte == b'\n'));
            let whole = whole.map_or(0, |last| last + 1);
            let lost = lines.get(whole..).unwrap_or_default().iter().filter(|byte| **byte == b'\n').count();
            self.dropped += lost as u64;
            // Without room to shorten the torn line stays; readers pass over it.
            let _ = self.file.set_len(self.size + whole as u64);
            whole
        };
        self.size += whole as u64;
    }

    /// Moves every file one further and begins a new one. When that fails the old one goes on.
    fn rotate(&mut self) {
        let path = self.plan.path.clone();
        let keep = u64::from(self.plan.max_files.max(1)) - 1;
        let oldest = if keep == 0 { path.clone() } else { rotated(&path, keep) };
        let lost = fs::metadata(oldest).map_or(0, |file| file.len());
        let moved = if keep == 0 {
            fs::remove_file(&path)
        } else {
            for age in (1..keep).rev() {
                // Not all of them exist yet.
                let _ = fs::rename(rotated(&path, age), rotated(&path, age + 1));
            }
            fs::rename(&path, rotated(&path, 1))
        };
        if moved.is_err() {
            return;
        }
        note_rotated_away(&path, lost);
        if let Ok(file) = create(&path) {
            self.file = file;
            self.size = 0;
            self.generation += 1;
        } else if keep > 0 {
            // No new file (no inode): the moved one goes back and grows on.
            let _ = fs::rename(rotated(&path, 1), &path);
        }
    }
}

/// Adds to the count of bytes that rotation has dropped since the container was made, in `ctr.log.dropped`, so that `logs`
/// can say it. Without room the count stays behind; the log itself is worth more.
fn note_rotated_away(path: &Path, lost: u64) {
    if lost == 0 {
        return;
    }
    let mut name = path.as_os_str().to_owned();
    name.push(DROPPED);
    let before: u64 = fs::read_to_string(&name).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0);
    let _ = fs::write(&name, format!("{}\n", before.saturating_add(lost)));
}

fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path)
}

fn rotated(path: &Path, age: u64) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{age}"));
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(folder: &Path, max_size: u64, max_files: u32) -> LogPlan {
        LogPlan { path: folder.join("ctr.log"), max_size, max_files }
    }

    fn contents(path: &Path) -> String {
        let text = fs::read(path).unwrap();
        text.split_inclusive(|byte| *byte == b'\n')
            .map(|line| super::super::cri::parse_line(line.strip_suffix(b"\n").unwrap()).unwrap())
            .map(|(_, content, ends)| {
                String::from_utf8_lossy(content).into_owned() + if ends { "\n" } else { "" }
            })
            .collect()
    }

    fn contents_of(path: &Path) -> u64 {
        fs::read_to_string(path).unwrap().trim().parse().unwrap()
    }

    #[test]
    fn what_is_written_is_read_back_whole() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = LogWriter::open(plan(folder.path(), 0, 1)).unwrap();
        log.append(Stream::Stdout, b"one\ntwo", 1);
        log.append(Stream::Stdout, b" and a half\n", 2);
        assert_eq!(contents(&folder.path().join("ctr.log")), "one\ntwo and a half\n");
        let size = fs::metadata(folder.path().join("ctr.log")).unwrap().len();
        assert_eq!(log.position(), Position { generation: 0, offset: size });
    }

    #[test]
    fn files_are_rotated_by_size_and_the_oldest_go() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = LogWriter::open(plan(folder.path(), 4096, 3)).unwrap();
        for number in 0..1000 {
            log.append(Stream::Stdout, format!("{number}\n").as_bytes(), 1);
        }
        let size = |name: &str| fs::metadata(folder.path().join(name)).map(|file| file.len());
        for name in ["ctr.log", "ctr.log.1", "ctr.log.2"] {
            assert!(size(name).unwrap() <= 4096, "{name}");
        }
        assert!(size("ctr.log.3").is_err());
        let dropped: u64 = contents_of(&folder.path().join("ctr.log.dropped"));
        let kept: u64 = ["ctr.log", "ctr.log.1", "ctr.log.2"].map(|name| size(name).unwrap()).iter().sum();
        let line = 43 + 2 + 1;
        let all: u64 = (0..1000_u64).map(|number| line + number.to_string().len() as u64).sum();
        assert_eq!(dropped + kept, all);
        let all: String =
            ["ctr.log.2", "ctr.log.1", "ctr.log"].map(|name| contents(&folder.path().join(name))).concat();
        assert!(all.ends_with("998\n999\n"));
        let numbers: Vec<u32> = all.lines().map(|line| line.parse().unwrap()).collect();
        assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1));
    }

    #[test]
    fn a_torn_tail_is_closed_before_going_on() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("ctr.log"), "2026-01-01 std").unwrap();
        let mut log = LogWriter::open(plan(folder.path(), 0, 1)).unwrap();
        log.append(Stream::Stdout, b"x\n", 1);
        let text = fs::read_to_string(folder.path().join("ctr.log")).unwrap();
        assert_eq!(text.lines().count(), 2);
        assert!(text.ends_with(" stdout F x\n"));
    }

    #[test]
    fn what_a_full_disk_swallowed_is_counted_and_noted_when_there_is_room_again() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = LogWriter::open(plan(folder.path(), 0, 1)).unwrap();
        log.append(Stream::Stdout, b"before\n", 1);
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let disk = std::mem::replace(&mut log.file, full);
        log.append(Stream::Stdout, b"a\nb\n", 2);
        log.append(Stream::Stdout, b"c\n", 3);
        log.file = disk;
        log.append(Stream::Stdout, b"after\n", 4);
        let text = contents(&folder.path().join("ctr.log"));
        assert_eq!(text, "before\ncala: 3 lines of the log were lost because the disk was full\nafter\n");
    }
}
