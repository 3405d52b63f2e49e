//! Frames of an attached stream: `[u8 kind][u32 LE length][payload]`. Pure; usable from blocking and async code.

use serde::{Deserialize, Serialize};

/// Bytes of the largest payload; a longer announcement is an error.
pub const MAX_PAYLOAD: usize = 1 << 20;

/// Bytes before each payload.
pub const HEAD: usize = 5;

/// What a frame carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum FrameKind {
    /// Client to monitor: bytes for standard input.
    Stdin = 0,
    /// Client to monitor: standard input has ended.
    StdinEof = 1,
    /// Client to monitor: JSON [`WindowSize`].
    Resize = 2,
    /// Client to monitor: `i32` LE, a signal for the process.
    Signal = 3,
    /// Monitor to client: bytes of standard output (or of the terminal).
    Stdout = 0x10,
    /// Monitor to client: bytes of standard error.
    Stderr = 0x11,
    /// Monitor to client: `i32` LE, the exit code; the last frame.
    Exit = 0x12,
    /// Monitor to client: text of an error.
    Error = 0x13,
}

impl FrameKind {
    /// The kind of a frame's first byte.
    #[must_use]
    pub fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            0 => Self::Stdin,
            1 => Self::StdinEof,
            2 => Self::Resize,
            3 => Self::Signal,
            0x10 => Self::Stdout,
            0x11 => Self::Stderr,
            0x12 => Self::Exit,
            0x13 => Self::Error,
            _ => return None,
        })
    }
}

/// Payload of [`FrameKind::Resize`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowSize {
    /// Rows.
    pub rows: u16,
    /// Columns.
    pub cols: u16,
}

/// A whole frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// What it carries.
    pub kind: FrameKind,
    /// The bytes.
    pub payload: Vec<u8>,
}

impl Frame {
    /// The `i32` of an exit or a signal frame; `None` for others and for a payload that is not four bytes.
    #[must_use]
    pub fn number(&self) -> Option<i32> {
        let bytes: [u8; 4] = self.payload.as_slice().try_into().ok()?;
        matches!(self.kind, FrameKind::Exit | FrameKind::Signal).then(|| i32::from_le_bytes(bytes))
    }

    /// The size of a resize frame.
    #[must_use]
    pub fn window_size(&self) -> Option<WindowSize> {
        if self.kind != FrameKind::Resize {
            return None;
        }
        serde_json::from_slice(&self.payload).ok()
    }
}

/// The bytes on the wire are not frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// No such kind.
    #[error("unknown frame kind {0}")]
    UnknownKind(u8),
    /// The length is beyond [`MAX_PAYLOAD`].
    #[error("a frame of {0} bytes is too long")]
    TooLong(usize),
}

/// The head of a frame of that kind and length (of the payload).
#[must_use]
pub fn head(kind: FrameKind, length: usize) -> [u8; HEAD] {
    let [a, b, c, d] = u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes();
    [kind as u8, a, b, c, d]
}

/// Appends frames that carry the payload to a buffer; a long payload becomes several.
pub fn encode_into(buffer: &mut Vec<u8>, kind: FrameKind, payload: &[u8]) {
    if payload.is_empty() {
        buffer.extend_from_slice(&head(kind, 0));
    }
    for piece in payload.chunks(MAX_PAYLOAD) {
        buffer.extend_from_slice(&head(kind, piece.len()));
        buffer.extend_from_slice(piece);
    }
}

/// The frames that carry the payload.
#[must_use]
pub fn encode(kind: FrameKind, payload: &[u8]) -> Vec<u8> {
    let mut buffer = Vec::with_capacity(HEAD + payload.len());
    encode_into(&mut buffer, kind, payload);
    buffer
}

/// A resize frame.
#[must_use]
pub fn encode_resize(rows: u16, cols: u16) -> Vec<u8> {
    encode(FrameKind::Resize, format!("{{\"rows\":{rows},\"cols\":{cols}}}").as_bytes())
}

/// A signal frame.
#[must_use]
pub fn encode_signal(signal: i32) -> Vec<u8> {
    encode(FrameKind::Signal, &signal.to_le_bytes())
}

/// Turns bytes as they arrive into frames.
#[derive(Debug, Default)]
pub struct FrameDecoder {
    buffer: Vec<u8>,
    start: usize,
}

impl FrameDecoder {
    /// A decoder that has seen nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds bytes as they arrived.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.start > 0 {
            self.buffer.drain(..self.start);
            self.start = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// Takes the next complete frame; `None` means more bytes are needed.
    ///
    /// # Errors
    /// [`FrameError`] when the bytes are not frames; the connection is of no use any more.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, FrameError> {
        let rest = self.buffer.get(self.start..).unwrap_or_default();
        let Some([kind, a, b, c, d]) = rest.first_chunk::<HEAD>().copied() else {
            return Ok(None);
        };
        let kind = FrameKind::from_byte(kind).ok_or(FrameError::UnknownKind(kind))?;
        let length = u32::from_le_bytes([a, b, c, d]) as usize;
        if length > MAX_PAYLOAD {
            return Err(FrameError::TooLong(length));
        }
        let Some(payload) = rest.get(HEAD..HEAD + length) else {
            return Ok(None);
        };
        let frame = Frame { kind, payload: payload.to_vec() };
        self.start += HEAD + length;
        if self.start == self.buffer.len() {
            // Gives the memory of a large frame back.
            self.buffer = Vec::new();
            self.start = 0;
        }
        Ok(Some(frame))
    }

    /// Whether bytes of an incomplete frame are held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.start == self.buffer.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_survive_any_cut() {
        let mut stream = encode(FrameKind::Stdout, b"hello\n");
        stream.extend(encode(FrameKind::StdinEof, b""));
        stream.extend(encode_resize(24, 80));
        stream.extend(encode(FrameKind::Exit, &137_i32.to_le_bytes()));
        for step in 1..=stream.len() {
            let (mut decoder, mut seen) = (FrameDecoder::new(), Vec::new());
            for piece in stream.chunks(step) {
                decoder.push(piece);
                while let Some(frame) = decoder.next_frame().unwrap() {
                    seen.push(frame);
                }
            }
            assert_eq!(seen.len(), 4, "step {step}");
            assert_eq!(seen[0].payload, b"hello\n");
            assert_eq!(seen[2].window_size(), Some(WindowSize { rows: 24, cols: 80 }));
            assert_eq!(seen[3].number(), Some(137));
            assert!(decoder.is_empty());
        }
    }

    #[test]
    fn nonsense_is_an_error_and_not_a_wait() {
        let mut decoder = FrameDecoder::new();
        decoder.push(&[7, 0, 0, 0, 0]);
        assert_eq!(decoder.next_frame(), Err(FrameError::UnknownKind(7)));
        let mut decoder = FrameDecoder::new();
        decoder.push(&[0, 255, 255, 255, 255]);
        assert_eq!(decoder.next_frame(), Err(FrameError::TooLong(u32::MAX as usize)));
    }

    #[test]
    fn a_payload_beyond_the_limit_is_cut_into_frames() {
        let payload = vec![b'x'; MAX_PAYLOAD + 3];
        let mut decoder = FrameDecoder::new();
        decoder.push(&encode(FrameKind::Stdout, &payload));
        assert_eq!(decoder.next_frame().unwrap().unwrap().payload.len(), MAX_PAYLOAD);
        assert_eq!(decoder.next_frame().unwrap().unwrap().payload.len(), 3);
    }
}
