//! The last lines of a container that is removed when it ends, and its exit code.

use std::io::Read;

use cala_engine::frames::{FrameDecoder, FrameKind};

use crate::dto::TaskEnding;

/// Bytes of output that are kept.
const BYTES: usize = 32 * 1024;
/// Lines of them that are told.
const LINES: usize = 100;

/// Listens until the end; `None` when the end itself is not told.
pub(crate) fn listen(mut stream: impl Read) -> Option<TaskEnding> {
    let mut decoder = FrameDecoder::default();
    let mut buffer = vec![0; 32 * 1024];
    let mut output: Vec<u8> = Vec::new();
    loop {
        let length = stream.read(&mut buffer).ok().filter(|length| *length > 0)?;
        decoder.push(buffer.get(..length)?);
        while let Some(frame) = decoder.next_frame().ok()? {
            match frame.kind {
                FrameKind::Stdout | FrameKind::Stderr => keep(&mut output, &frame.payload),
                FrameKind::Exit => {
                    return Some(TaskEnding {
                        exit_code: frame.number().unwrap_or(-1),
                        lines: lines(&output),
                    });
                }
                _ => {}
            }
        }
    }
}

/// Appends; lets go of the oldest half when there is twice as much as is kept.
fn keep(output: &mut Vec<u8>, more: &[u8]) {
    output.extend_from_slice(more);
    if output.len() > 2 * BYTES {
        output.drain(..output.len() - BYTES);
    }
}

fn lines(output: &[u8]) -> Vec<String> {
    let kept = output.get(output.len().saturating_sub(BYTES)..).unwrap_or_default();
    let text = String::from_utf8_lossy(kept);
    let all: Vec<&str> = text.lines().collect();
    // What is cut off in the middle is no line.
    let torn = usize::from(output.len() > BYTES);
    let from = all.len().saturating_sub(LINES).max(torn);
    all.get(from..).unwrap_or_default().iter().map(|line| (*line).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use cala_engine::frames::encode;

    fn heard(frames: &[(FrameKind, &[u8])]) -> Option<TaskEnding> {
        let bytes: Vec<u8> = frames.iter().flat_map(|(kind, payload)| encode(*kind, payload)).collect();
        listen(bytes.as_slice())
    }

    #[test]
    fn both_streams_and_the_code_are_kept() {
        let ending = heard(&[
            (FrameKind::Stdout, b"one\ntw"),
            (FrameKind::Stdout, b"o\n"),
            (FrameKind::Stderr, b"three\n"),
            (FrameKind::Exit, &3_i32.to_le_bytes()),
        ]);
        let lines = ["one", "two", "three"].map(str::to_owned).to_vec();
        assert_eq!(ending, Some(TaskEnding { exit_code: 3, lines }));
    }

    #[test]
    fn of_much_only_the_last_whole_lines_are_kept() {
        let many: Vec<u8> = (0..100_000).flat_map(|n| format!("line {n}\n").into_bytes()).collect();
        let mut frames: Vec<(FrameKind, &[u8])> =
            many.chunks(4096).map(|part| (FrameKind::Stdout, part)).collect();
        let code = 0_i32.to_le_bytes();
        frames.push((FrameKind::Exit, &code));
        let ending = heard(&frames).expect("an end");
        assert_eq!(ending.lines.len(), LINES);
        assert_eq!(ending.lines.last().map(String::as_str), Some("line 99999"));
        assert_eq!(ending.lines.first().map(String::as_str), Some("line 99900"));
    }

    #[test]
    fn a_connection_that_breaks_is_no_end() {
        assert_eq!(heard(&[(FrameKind::Stdout, b"one\n")]), None);
    }
}
