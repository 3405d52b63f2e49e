//! Reading the log back for one client: from its beginning, or from where a slow client fell behind, until it has
//! caught up with the writer. Nothing waits for the client meanwhile, and its memory is bounded by one piece.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use super::cri::parse_line;
use super::writer::{LogWriter, Position};
use crate::frames::{FrameKind, encode_into};

/// Bytes read at once; more than the longest line of the log.
const PIECE: usize = 32 << 10;

/// A reader of the log that follows its rotation.
#[derive(Debug)]
pub struct Replay {
    file: File,
    at: Position,
}

/// How a pump went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pumped {
    /// There is more.
    More,
    /// Everything written so far was read: the client is live again.
    CaughtUp,
}

impl Replay {
    /// From the first line of the current file.
    ///
    /// # Errors
    /// Those of open(2).
    pub fn from_start(log: &LogWriter) -> io::Result<Self> {
        let generation = log.position().generation;
        let file = log.open_generation(generation)?;
        Ok(Self { file, at: Position { generation, offset: 0 } })
    }

    /// From where the writer is now.
    ///
    /// # Errors
    /// Those of open(2).
    pub fn from_here(log: &LogWriter) -> io::Result<Self> {
        let at = log.position();
        Ok(Self { file: log.open_generation(at.generation)?, at })
    }

    /// Reads one piece and appends it to `out` as frames, of the wanted streams only.
    ///
    /// # Errors
    /// Those of read(2).
    pub fn pump(
        &mut self,
        log: &LogWriter,
        wanted: impl Fn(FrameKind) -> bool,
        out: &mut Vec<u8>,
    ) -> io::Result<Pumped> {
        let mut piece = vec![0; PIECE];
        let count = self.file.read_at(&mut piece, self.at.offset)?;
        let bytes = piece.get(..count).unwrap_or_default();
        let Some(end) = bytes.iter().rposition(|byte| *byte == b'\n') else {
            return self.next_file(log);
        };
        let lines = bytes.get(..=end).unwrap_or_default();
        self.at.offset += lines.len() as u64;
        let mut run = Run { kind: None, bytes: Vec::new() };
        for line in lines.split_inclusive(|byte| *byte == b'\n') {
            let line = line.strip_suffix(b"\n").unwrap_or(line);
            if let Some((stream, content, ends)) = parse_line(line)
                && wanted(stream.frame())
            {
                run.add(stream.frame(), content, ends, out);
            }
        }
        run.flush(out);
        Ok(if self.at == log.position() { Pumped::CaughtUp } else { Pumped::More })
    }

    fn next_file(&mut self, log: &LogWriter) -> io::Result<Pumped> {
        let newest = log.position().generation;
        if self.at.generation >= newest {
            return Ok(Pumped::CaughtUp);
        }
        // What rotation dropped meanwhile is passed over.
        for generation in self.at.generation + 1..=newest {
            if let Ok(file) = log.open_generation(generation) {
                *self = Self { file, at: Position { generation, offset: 0 } };
                return Ok(Pumped::More);
            }
        }
        Err(io::ErrorKind::NotFound.into())
    }
}

/// Consecutive lines of one stream become one frame.
struct Run {
    kind: Option<FrameKind>,
    bytes: Vec<u8>,
}

impl Run {
    fn add(&mut self, kind: FrameKind, content: &[u8], ends: bool, out: &mut Vec<u8>) {
        if self.kind != Some(kind) {
            self.flush(out);
            self.kind = Some(kind);
        }
        self.bytes.extend_from_slice(content);
        if ends {
            self.bytes.push(b'\n');
        }
    }

    fn flush(&mut self, out: &mut Vec<u8>) {
        if let Some(kind) = self.kind
            && !self.bytes.is_empty()
        {
            encode_into(out, kind, &self.bytes);
            self.bytes.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frames::FrameDecoder;
    use crate::log::Stream;
    use crate::plan::LogPlan;

    fn read_all(replay: &mut Replay, log: &LogWriter) -> String {
        let mut out = Vec::new();
        while replay.pump(log, |_| true, &mut out).unwrap() == Pumped::More {}
        let mut decoder = FrameDecoder::new();
        decoder.push(&out);
        let mut text = String::new();
        while let Some(frame) = decoder.next_frame().unwrap() {
            text.push_str(std::str::from_utf8(&frame.payload).unwrap());
        }
        text
    }

    #[test]
    fn a_replay_gives_the_bytes_and_follows_rotation() {
        let folder = tempfile::tempdir().unwrap();
        let plan = LogPlan { path: folder.path().join("ctr.log"), max_size: 4096, max_files: 100 };
        let mut log = LogWriter::open(plan).unwrap();
        log.append(Stream::Stdout, b"before\n", 1);
        let mut from_here = Replay::from_here(&log).unwrap();
        let mut from_start = Replay::from_start(&log).unwrap();
        let mut expected = String::new();
        for number in 0..500 {
            let text = format!("line {number}{}", if number % 3 == 0 { "" } else { "\n" });
            log.append(if number % 2 == 0 { Stream::Stdout } else { Stream::Stderr }, text.as_bytes(), 1);
            expected.push_str(&text);
        }
        assert!(log.position().generation > 3);
        assert_eq!(read_all(&mut from_here, &log), expected);
        assert_eq!(read_all(&mut from_start, &log), format!("before\n{expected}"));
        log.append(Stream::Stdout, b"later\n", 1);
        assert_eq!(read_all(&mut from_here, &log), "later\n");
    }
}
