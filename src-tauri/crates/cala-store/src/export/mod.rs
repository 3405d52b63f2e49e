//! Images on their way out: as they came, or changed to another type of manifest or another compression.
//!
//! What was pulled leaves with the very bytes of its manifest unless something has to change. What changes is made
//! beside the store's blobs under temporary names and goes with the [`ExportedImage`].

mod compress;
mod manifest;

use std::path::{Path, PathBuf};

use cala_spec::Digest;

use crate::blobs::StagedBlob;
use crate::error::StoreError;
use crate::images::ImageRecord;
use crate::store::Store;

pub use compress::{CompressionFormat, CompressionWish};
pub use manifest::ManifestType;
pub(crate) use manifest::make as manifest;

/// What a manifest says of a blob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobInfo {
    /// Media type.
    pub media_type: String,
    /// Digest of its bytes.
    pub digest: Digest,
    /// Bytes.
    pub size: u64,
}

/// How an image is to leave.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExportOptions {
    /// The type of the manifest; its own by default.
    pub manifest: Option<ManifestType>,
    /// What is done with its layers.
    pub compression: CompressionWish,
}

/// A blob with the file that holds it.
#[derive(Debug)]
pub struct ExportedBlob {
    info: BlobInfo,
    path: PathBuf,
    // Kept for its Drop: the file goes with it.
    _staged: Option<StagedBlob>,
}

impl ExportedBlob {
    /// What the manifest says of it.
    #[must_use]
    pub fn info(&self) -> &BlobInfo {
        &self.info
    }

    /// The file with its bytes, not verified.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// An image as it leaves.
#[derive(Debug)]
pub struct ExportedImage {
    /// The manifest's bytes.
    pub manifest: Vec<u8>,
    /// Their digest.
    pub digest: Digest,
    /// Their media type.
    pub media_type: String,
    /// The configuration.
    pub config: ExportedBlob,
    /// The layers, lowest first.
    pub layers: Vec<ExportedBlob>,
}

impl Store {
    /// Prepares an image for leaving. Hold a [`crate::PullGuard`] as long as the result is used.
    ///
    /// # Errors
    /// [`StoreError::NoSuchBlob`] and [`StoreError::DigestMismatch`] when blobs are missing or damaged;
    /// [`StoreError::ArchiveRefused`] when the type has no word for the compression; failed system calls.
    pub fn export_image(
        &self,
        record: &ImageRecord,
        options: &ExportOptions,
    ) -> Result<ExportedImage, StoreError> {
        let (_, bytes) = self.read_manifest(&record.manifest)?;
        let mut draft = manifest::Draft::parse(&record.manifest, &bytes)?;
        let mut layers = Vec::new();
        for (at, own) in draft.layers()?.into_iter().enumerate() {
            let diff_id = record.layers.get(at).map(|layer| &layer.diff_id);
            layers.push(self.export_layer(own, diff_id, &options.compression)?);
        }
        let infos: Vec<&BlobInfo> = layers.iter().map(|layer| &layer.info).collect();
        draft.set_layers(&infos);
        // Without a type asked for, one that has no word for zstd gives way to one that has.
        let zstd = infos.iter().any(|info| info.media_type.ends_with("zstd"));
        let kind = options.manifest.unwrap_or(if zstd { ManifestType::Oci } else { draft.kind() });
        draft.become_type(kind)?;
        let media_types: Vec<String> = draft.layers()?.into_iter().map(|info| info.media_type).collect();
        for (layer, media_type) in layers.iter_mut().zip(media_types) {
            layer.info.media_type = media_type;
        }
        let config = draft.config()?;
        let path = self.path_of_blob(&config.digest)?;
        let config = ExportedBlob { info: config, path, _staged: None };
        let (manifest, digest) = draft.finish(&record.manifest, bytes);
        Ok(ExportedImage { manifest, digest, media_type: kind.media_type().to_owned(), config, layers })
    }

    fn export_layer(
        &self,
        own: BlobInfo,
        diff_id: Option<&Digest>,
        wish: &CompressionWish,
    ) -> Result<ExportedBlob, StoreError> {
        let path = self.path_of_blob(&own.digest)?;
        let Some(format) = wish.change_of(&own.media_type) else {
            return Ok(ExportedBlob { info: own, path, _staged: None });
        };
        let staged = self.recompress(&own, diff_id, format, wish.level)?;
        let media_type = manifest::with_compression(&own.media_type, format);
        let info = BlobInfo { media_type, digest: staged.digest().clone(), size: staged.size() };
        Ok(ExportedBlob { info, path: staged.path().to_owned(), _staged: Some(staged) })
    }

    fn path_of_blob(&self, digest: &Digest) -> Result<PathBuf, StoreError> {
        match self.has_blob(digest) {
            true => Ok(self.blob_path(digest)),
            false => Err(StoreError::NoSuchBlob(digest.clone())),
        }
    }
}
