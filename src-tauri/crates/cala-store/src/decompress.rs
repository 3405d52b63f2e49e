//! Layers as registries send them: gzip, zstd, or plain tar.
//!
//! The stream's first bytes decide, since registries hold layers with a wrong media type and other engines accept them;
//! the digest of what comes out is checked anyway. Several gzip members and several zstd frames in a row are one stream
//! (RFC 1952, RFC 8878); zeros behind the last gzip member are padding, anything else there is an error. All decoders
//! are linked in: none is looked for on the machine or, worse, in an image.

mod plain;

use std::io::{self, BufRead, Read};

use flate2::bufread::GzDecoder;
pub(crate) use plain::Plain;

/// Bytes read from the source at once.
const INPUT: usize = 256 << 10;

/// From this much output on, in bytes, the ratio is watched.
const BOMB_SIZE: u64 = 2 << 30;

/// More output than this many times the input is a bomb.
const BOMB_RATIO: u64 = 200;

/// Why a layer cannot be decompressed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DecompressError {
    /// The source failed.
    #[error("cannot read the layer")]
    Read(#[source] io::Error),
    /// The stream ends before its end mark.
    #[error("{format} stream is cut off after {at} bytes")]
    Truncated {
        /// `gzip` or `zstd`.
        format: &'static str,
        /// Compressed bytes.
        at: u64,
    },
    /// The stream contradicts itself or its checksum.
    #[error("{format} stream is damaged near byte {at}")]
    Damaged {
        /// `gzip` or `zstd`.
        format: &'static str,
        /// Compressed bytes read so far.
        at: u64,
        /// What the decoder says.
        #[source]
        source: io::Error,
    },
    /// Something other than zeros follows the last member.
    #[error("unknown data behind the end of the {format} stream")]
    Trailing {
        /// `gzip`.
        format: &'static str,
    },
    /// Neither what the media type says nor anything else that is known.
    #[error("layer of type `{media_type}` is neither gzip nor zstd nor tar")]
    Unknown {
        /// The media type.
        media_type: String,
    },
    /// A format that image layers do not have.
    #[error("layers compressed with {format} are not supported")]
    Unsupported {
        /// The format.
        format: &'static str,
    },
    /// Suspiciously much comes out of little.
    #[error("layer grows from {compressed} bytes to more than {size}: refused as a decompression bomb")]
    Bomb {
        /// Compressed bytes.
        compressed: u64,
        /// Bytes that came out of them.
        size: u64,
    },
}

/// How a layer is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// Plain tar.
    None,
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstd,
}

/// What a media type says.
fn stated(media_type: &str) -> Option<Compression> {
    let base = media_type.split(';').next().unwrap_or_default().trim_end();
    if base.ends_with("gzip") {
        Some(Compression::Gzip)
    } else if base.ends_with("zstd") {
        Some(Compression::Zstd)
    } else {
        base.ends_with("tar").then_some(Compression::None)
    }
}

/// What the first bytes say.
fn detect(head: &[u8], media_type: &str) -> Result<Compression, DecompressError> {
    let tar = head.get(257..262) == Some(b"ustar");
    match head {
        [0x1f, 0x8b, ..] => Ok(Compression::Gzip),
        [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Ok(Compression::Zstd),
        _ if tar => Ok(Compression::None),
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Err(DecompressError::Unsupported { format: "xz" }),
        [b'B', b'Z', b'h', ..] => Err(DecompressError::Unsupported { format: "bzip2" }),
        _ => match stated(media_type) {
            Some(Compression::None) => Ok(Compression::None),
            Some(Compression::Gzip) if head.len() < 2 => {
                Err(DecompressError::Truncated { format: "gzip", at: 0 })
            }
            Some(Compression::Zstd) if head.len() < 4 => {
                Err(DecompressError::Truncated { format: "zstd", at: 0 })
            }
            _ => Err(DecompressError::Unknown { media_type: media_type.chars().take(160).collect() }),
        },
    }
}

/// The uncompressed bytes of a layer.
pub struct Decompressor<R: Read> {
    inner: Inner<R>,
    size: u64,
}

enum Inner<R: Read> {
    Plain(Input<R>),
    Gzip(Box<GzDecoder<Input<R>>>),
    Zstd(zstd::stream::read::Decoder<'static, Input<R>>),
    Ended { compressed: u64 },
}

impl<R: Read> std::fmt::Debug for Decompressor<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Decompressor")
            .field("compressed", &self.compressed())
            .field("size", &self.size)
            .finish()
    }
}

impl<R: Read> Decompressor<R> {
    /// Looks at the first bytes of `source` and prepares the decoder.
    ///
    /// # Errors
    ///
    /// The source fails, or its format is not known.
    pub fn new(source: R, media_type: &str) -> Result<Self, DecompressError> {
        let mut input = Input { source, buffer: vec![0; INPUT], start: 0, end: 0, taken: 0 };
        let head = input.peek(512).map_err(DecompressError::Read)?;
        let inner = match detect(head, media_type)? {
            Compression::None => Inner::Plain(input),
            Compression::Gzip => Inner::Gzip(Box::new(GzDecoder::new(input))),
            Compression::Zstd => {
                Inner::Zstd(zstd::stream::read::Decoder::with_buffer(input).map_err(DecompressError::Read)?)
            }
        };
        Ok(Self { inner, size: 0 })
    }

    /// How the source is compressed.
    pub fn compression(&self) -> Compression {
        match &self.inner {
            Inner::Gzip(_) => Compression::Gzip,
            Inner::Zstd(_) => Compression::Zstd,
            Inner::Plain(_) | Inner::Ended { .. } => Compression::None,
        }
    }

    /// Compressed bytes consumed so far.
    #[must_use]
    pub fn compressed(&self) -> u64 {
        match &self.inner {
            Inner::Plain(input) => input.taken,
            Inner::Gzip(decoder) => decoder.get_ref().taken,
            Inner::Zstd(decoder) => decoder.get_ref().taken,
            Inner::Ended { compressed } => *compressed,
        }
    }

    /// Fills `into` as far as the stream goes; less than all of it means that the stream has ended well.
    ///
    /// # Errors
    ///
    /// The source fails, or the stream is damaged, cut off or a bomb.
    pub fn fill(&mut self, into: &mut [u8]) -> Result<usize, DecompressError> {
        let mut done = 0;
        while let Some(rest) = into.get_mut(done..).filter(|rest| !rest.is_empty()) {
            match self.step(rest)? {
                0 => break,
                count => done += count,
            }
        }
        self.size += done as u64;
        let compressed = self.compressed();
        if self.size > BOMB_SIZE && self.size / BOMB_RATIO > compressed {
            return Err(DecompressError::Bomb { compressed, size: self.size });
        }
        Ok(done)
    }

    fn step(&mut self, into: &mut [u8]) -> Result<usize, DecompressError> {
        loop {
            let (format, result) = match &mut self.inner {
                Inner::Plain(input) => ("tar", input.read(into)),
                Inner::Gzip(decoder) => ("gzip", decoder.read(into)),
                Inner::Zstd(decoder) => ("zstd", decoder.read(into)),
                Inner::Ended { .. } => return Ok(0),
            };
            match result {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.failed(format, error)),
                Ok(0) => self.next_member()?,
                Ok(count) => return Ok(count),
            }
        }
    }

    /// At the end of a gzip member: another one, padding, or the end.
    fn next_member(&mut self) -> Result<(), DecompressError> {
        let compressed = self.compressed();
        let Inner::Gzip(decoder) = std::mem::replace(&mut self.inner, Inner::Ended { compressed }) else {
            return Ok(());
        };
        let mut input = decoder.into_inner();
        match input.peek(2).map_err(DecompressError::Read)? {
            [] => Ok(()),
            [0x1f, 0x8b] => {
                self.inner = Inner::Gzip(Box::new(GzDecoder::new(input)));
                Ok(())
            }
            _ => only_zeros(input),
        }
    }

    fn failed(&self, format: &'static str, source: io::Error) -> DecompressError {
        let at = self.compressed();
        if source.kind() == io::ErrorKind::UnexpectedEof {
            DecompressError::Truncated { format, at }
        } else if format == "tar" || source.raw_os_error().is_some() {
            DecompressError::Read(source)
        } else {
            DecompressError::Damaged { format, at, source }
        }
    }
}

fn only_zeros<R: Read>(mut input: Input<R>) -> Result<(), DecompressError> {
    loop {
        let bytes = input.fill_buf().map_err(DecompressError::Read)?;
        if bytes.iter().any(|byte| *byte != 0) {
            return Err(DecompressError::Trailing { format: "gzip" });
        }
        let count = bytes.len();
        if count == 0 {
            return Ok(());
        }
        input.consume(count);
    }
}

/// A buffer over the source that can look ahead and counts.
struct Input<R> {
    source: R,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    taken: u64,
}

impl<R: Read> Input<R> {
    /// The next `count` bytes, fewer only at the end, without consuming them.
    fn peek(&mut self, count: usize) -> io::Result<&[u8]> {
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        while self.end < count {
            match self.source.read(self.buffer.get_mut(self.end..).unwrap_or_default()) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
                Ok(0) => break,
                Ok(more) => self.end += more,
            }
        }
        Ok(self.buffer.get(..self.end.min(count)).unwrap_or_default())
    }
}

impl<R: Read> BufRead for Input<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.start >= self.end {
            match self.source.read(&mut self.buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
                Ok(count) => {
                    (self.start, self.end) = (0, count);
                    break;
                }
            }
        }
        Ok(self.buffer.get(self.start..self.end).unwrap_or_default())
    }

    fn consume(&mut self, count: usize) {
        self.start = self.end.min(self.start + count);
        self.taken += count as u64;
    }
}

impl<R: Read> Read for Input<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(into)?;
        self.consume(count);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    const GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
    const ZSTD: &str = "application/vnd.oci.image.layer.v1.tar+zstd";
    const TAR: &str = "application/vnd.oci.image.layer.v1.tar";

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn zstd(bytes: &[u8]) -> Vec<u8> {
        zstd::encode_all(bytes, 1).unwrap()
    }

    fn noise(length: usize) -> Vec<u8> {
        let mut state = 7_u32;
        std::iter::repeat_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state.to_be_bytes()[0]
        })
        .take(length)
        .collect()
    }

    fn all(bytes: &[u8], media_type: &str) -> Result<Vec<u8>, DecompressError> {
        let mut decompressor = Decompressor::new(bytes, media_type)?;
        let (mut out, mut piece) = (Vec::new(), vec![0; 10_000]);
        loop {
            let count = decompressor.fill(&mut piece)?;
            out.extend_from_slice(&piece[..count]);
            if count < piece.len() {
                return Ok(out);
            }
        }
    }

    #[test]
    fn members_and_frames_in_a_row_are_one_stream() {
        let data = noise(400_000);
        let (a, b) = data.split_at(123_456);
        assert_eq!(all(&[gzip(a), gzip(b""), gzip(b)].concat(), GZIP).unwrap(), data);
        assert_eq!(all(&[gzip(&data), vec![0; 5000]].concat(), GZIP).unwrap(), data);
        assert_eq!(all(&[zstd(a), zstd(b)].concat(), ZSTD).unwrap(), data);
        assert_eq!(all(&data, TAR).unwrap(), data);
    }

    #[test]
    fn first_bytes_decide() {
        let mut data = vec![0; 512];
        data[257..262].copy_from_slice(b"ustar");
        for media_type in [GZIP, ZSTD, TAR, "application/vnd.docker.image.rootfs.diff.tar.gzip", "whatever"] {
            for stream in [gzip(&data), zstd(&data), data.clone()] {
                assert_eq!(all(&stream, media_type).unwrap(), data, "{media_type}");
            }
        }
        assert!(matches!(all(b"nothing", GZIP), Err(DecompressError::Unknown { .. })));
        assert!(matches!(all(b"", GZIP), Err(DecompressError::Truncated { .. })));
        assert!(matches!(all(b"\xfd7zXZ\0", GZIP), Err(DecompressError::Unsupported { format: "xz" })));
        assert_eq!(all(b"", TAR).unwrap(), b"");
    }

    #[test]
    fn damage_has_a_name() {
        let data = noise(100_000);
        let stream = gzip(&data);
        assert!(matches!(
            all(&[&stream[..], b"garbage"].concat(), GZIP),
            Err(DecompressError::Trailing { .. })
        ));
        for length in [3, 20, 50_000, stream.len() - 1] {
            assert!(
                matches!(all(&stream[..length], GZIP), Err(DecompressError::Truncated { .. })),
                "{length}"
            );
        }
        let frame = zstd(&data);
        for length in [5, 20, 50_000, frame.len() - 1] {
            assert!(
                matches!(all(&frame[..length], ZSTD), Err(DecompressError::Truncated { .. })),
                "{length}"
            );
        }
        let mut flipped = stream.clone();
        let last = flipped.len() - 6;
        flipped[last] ^= 1;
        assert!(matches!(all(&flipped, GZIP), Err(DecompressError::Damaged { .. })));
    }

    #[test]
    fn flipped_bits_never_hang() {
        let data = noise(3000);
        for stream in [gzip(&data), zstd(&data)] {
            for bit in (0..stream.len() * 8).step_by(7) {
                let mut flipped = stream.clone();
                flipped[bit / 8] ^= 1 << (bit % 8);
                let _ = all(&flipped, GZIP);
            }
        }
    }

    #[test]
    fn a_bomb_is_stopped() {
        struct Zeros(u64);
        impl Read for Zeros {
            fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
                let count = into.len().min(usize::try_from(self.0).unwrap_or(usize::MAX));
                into[..count].fill(0);
                self.0 -= count as u64;
                Ok(count)
            }
        }
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        io::copy(&mut Zeros(64 << 20), &mut encoder).unwrap();
        let member = encoder.finish().unwrap();
        let mut bomb = Decompressor::new(io::Cursor::new(member.repeat(64)), GZIP).unwrap();
        let mut piece = vec![0; 1 << 20];
        let error = loop {
            match bomb.fill(&mut piece) {
                Ok(0) => panic!("not stopped"),
                Ok(_) => {}
                Err(error) => break error,
            }
        };
        assert!(matches!(error, DecompressError::Bomb { .. }), "{error}");
    }
}
