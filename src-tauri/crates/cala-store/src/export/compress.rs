//! Layers in another compression.

use std::io::{self, Write};

use cala_spec::Digest;
use cala_spec::invalid::InvalidValue;

use super::BlobInfo;
use crate::blobs::{Hasher, StagedBlob};
use crate::decompress::{DecompressError, Decompressor};
use crate::error::StoreError;
use crate::store::Store;

/// Bytes that are decompressed at once.
const PIECE: usize = 256 << 10;

/// How layers are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CompressionFormat {
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstd,
}

impl CompressionFormat {
    /// Levels that it has, lowest and highest.
    #[must_use]
    pub fn levels(self) -> (i32, i32) {
        match self {
            Self::Gzip => (1, 9),
            Self::Zstd => (1, 20),
        }
    }

    fn is_of(self, media_type: &str) -> bool {
        match self {
            Self::Gzip => media_type.ends_with("gzip"),
            Self::Zstd => media_type.ends_with("zstd"),
        }
    }
}

impl std::str::FromStr for CompressionFormat {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        match text {
            "gzip" => Ok(Self::Gzip),
            "zstd" => Ok(Self::Zstd),
            _ => {
                Err(InvalidValue::new("invalid_compression", format!("unknown compression format {text:?}"))
                    .allowing("gzip or zstd"))
            }
        }
    }
}

/// What is done with layers on their way out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CompressionWish {
    /// All layers in this format; by default those that are compressed stay as they are.
    pub format: Option<CompressionFormat>,
    /// The level of what is compressed anew.
    pub level: Option<i32>,
    /// Uncompressed layers stay so; else they become gzip.
    pub keep_uncompressed: bool,
}

impl CompressionWish {
    /// The format that a layer of this type is brought into, if it is not as wished.
    pub(super) fn change_of(&self, media_type: &str) -> Option<CompressionFormat> {
        let compressed = media_type.ends_with("gzip") || media_type.ends_with("zstd");
        match self.format {
            Some(format) if format.is_of(media_type) => None,
            Some(format) => Some(format),
            None if compressed || self.keep_uncompressed => None,
            None => Some(CompressionFormat::Gzip),
        }
    }
}

impl Store {
    /// A layer in another format, staged. Its uncompressed bytes are verified where their digest is known.
    pub(super) fn recompress(
        &self,
        layer: &BlobInfo,
        diff_id: Option<&Digest>,
        format: CompressionFormat,
        level: Option<i32>,
    ) -> Result<StagedBlob, StoreError> {
        let mut stage = self.stage_blob()?;
        let failed = |error: io::Error| StoreError::io("write", self.blob_path(&layer.digest))(error);
        match format {
            CompressionFormat::Gzip => {
                let level = level
                    .and_then(|level| u32::try_from(level).ok())
                    .map_or_else(flate2::Compression::default, flate2::Compression::new);
                let mut encoder = flate2::write::GzEncoder::new(&mut stage, level);
                self.decompress_layer(layer, diff_id, &mut encoder)?;
                encoder.finish().map_err(failed)?;
            }
            CompressionFormat::Zstd => {
                let mut encoder =
                    zstd::stream::write::Encoder::new(&mut stage, level.unwrap_or(0)).map_err(failed)?;
                encoder.include_checksum(true).map_err(failed)?;
                self.decompress_layer(layer, diff_id, &mut encoder)?;
                encoder.finish().map_err(failed)?;
            }
        }
        Ok(stage.finish())
    }

    /// Writes the uncompressed bytes of a layer; how many they are. What was written is wrong when this fails.
    ///
    /// # Errors
    /// [`StoreError::DigestMismatch`] when they are not those of the diff id; a damaged or missing blob; failed writes.
    pub(crate) fn decompress_layer(
        &self,
        layer: &BlobInfo,
        diff_id: Option<&Digest>,
        into: &mut dyn Write,
    ) -> Result<u64, StoreError> {
        let damaged = |error: DecompressError| match error {
            DecompressError::Read(source) => StoreError::io("read", self.blob_path(&layer.digest))(source),
            error => StoreError::InvalidDocument {
                digest: layer.digest.clone(),
                reason: cala_spec::error::chain(&error),
            },
        };
        let mut stream =
            Decompressor::new(self.open_blob(&layer.digest)?, &layer.media_type).map_err(damaged)?;
        let mut hasher = diff_id.map(Hasher::like);
        let (mut piece, mut size) = (vec![0; PIECE], 0);
        loop {
            let count = stream.fill(&mut piece).map_err(damaged)?;
            let bytes = piece.get(..count).unwrap_or_default();
            if let Some(hasher) = &mut hasher {
                hasher.update(bytes);
            }
            into.write_all(bytes).map_err(StoreError::io("write", "the layer"))?;
            size += count as u64;
            if count < PIECE {
                break;
            }
        }
        if let (Some(hasher), Some(diff_id)) = (hasher, diff_id) {
            hasher.check(diff_id)?;
        }
        Ok(size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_as_wished_stays() {
        let of = |format, keep_uncompressed| CompressionWish { format, level: None, keep_uncompressed };
        let (gzip, plain) =
            ("application/vnd.oci.image.layer.v1.tar+gzip", "application/vnd.oci.image.layer.v1.tar");
        for (wish, media_type, expected) in [
            (of(None, false), gzip, None),
            (of(None, false), plain, Some(CompressionFormat::Gzip)),
            (of(None, true), plain, None),
            (of(Some(CompressionFormat::Zstd), false), gzip, Some(CompressionFormat::Zstd)),
            (of(Some(CompressionFormat::Gzip), false), gzip, None),
            (of(Some(CompressionFormat::Gzip), true), plain, Some(CompressionFormat::Gzip)),
        ] {
            assert_eq!(wish.change_of(media_type), expected, "{wish:?} {media_type}");
        }
    }
}
