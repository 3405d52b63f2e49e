//! The key sequence that detaches: `ctrl-p,ctrl-q` unless another is asked for.

use crate::failure::Failure;

/// Watches input for a key sequence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DetachKeys {
    keys: Vec<u8>,
    /// How many of them have come.
    seen: usize,
}

impl DetachKeys {
    /// No sequence: nothing detaches.
    pub(crate) fn none() -> Self {
        Self { keys: Vec::new(), seen: 0 }
    }

    /// Reads `--detach-keys`: single characters and `ctrl-X`, parted by commas; empty for none.
    pub(crate) fn parse(text: &str) -> Result<Self, Failure> {
        if text.is_empty() {
            return Ok(Self::none());
        }
        let keys = text.split(',').map(key).collect::<Option<Vec<u8>>>();
        let invalid = || {
            Failure::new(format!("invalid detach keys: {text:?}"))
                .hint("keys are single characters or `ctrl-X`, parted by commas, such as `ctrl-p,ctrl-q`")
        };
        Ok(Self { keys: keys.ok_or_else(invalid)?, seen: 0 })
    }

    /// The bytes to hand on, and whether the sequence is complete. Keys of a begun sequence are held back until it is
    /// clear that it is none.
    pub(crate) fn filter(&mut self, input: &[u8]) -> (Vec<u8>, bool) {
        if self.keys.is_empty() {
            return (input.to_vec(), false);
        }
        let mut out = Vec::with_capacity(input.len());
        for byte in input {
            if self.keys[self.seen] == *byte {
                self.seen += 1;
                if self.seen == self.keys.len() {
                    self.seen = 0;
                    return (out, true);
                }
                continue;
            }
            out.extend_from_slice(&self.keys[..self.seen]);
            self.seen = 0;
            if self.keys[0] == *byte && self.keys.len() > 1 {
                self.seen = 1;
            } else {
                out.push(*byte);
            }
        }
        (out, false)
    }
}

fn key(text: &str) -> Option<u8> {
    if let [byte] = text.as_bytes() {
        return byte.is_ascii_graphic().then_some(*byte);
    }
    let lower = text.to_ascii_lowercase();
    match lower.strip_prefix("ctrl-")?.as_bytes() {
        [byte @ (b'a'..=b'z')] => Some(byte - b'a' + 1),
        [b'@'] => Some(0),
        [byte @ (b'[' | b'\\' | b']' | b'^' | b'_')] => Some(byte - b'[' + 27),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sequence_detaches_and_everything_else_passes() {
        let mut keys = DetachKeys::parse("ctrl-p,ctrl-q").unwrap();
        assert_eq!(keys.filter(b"abc"), (b"abc".to_vec(), false));
        assert_eq!(keys.filter(b"x\x10"), (b"x".to_vec(), false));
        assert_eq!(keys.filter(b"y"), (b"\x10y".to_vec(), false));
        assert_eq!(keys.filter(b"\x10\x10\x11z"), (b"\x10".to_vec(), true));
        assert_eq!(DetachKeys::parse("").unwrap().filter(b"\x10\x11"), (b"\x10\x11".to_vec(), false));
        assert_eq!(DetachKeys::parse("a").unwrap().filter(b"xa"), (b"x".to_vec(), true));
        for bad in ["ctrl-", "ctrl-5", "ab", ",", "ctrl-p,"] {
            assert!(DetachKeys::parse(bad).is_err(), "{bad}");
        }
    }
}
