//! `import`: an image of an archive.

use std::fs::File;
use std::io::{self, Read, Seek as _, Write as _};

use cala_spec::event::EventKind;
use cala_spec::{Digest, Platform, Reference};
use cala_store::NewBlob;
use cala_store::decompress::{Compression, DecompressError, Decompressor};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::build::{Base, NewLayer};
use super::change;
use super::commit::local_reference;
use crate::{Engine, EngineError, ImportOptions, Result, time};

/// Bytes read at once.
const PIECE: usize = 256 << 10;

impl Engine {
    /// Makes an image of an archive: tar, plain or compressed. Returns the image's id.
    ///
    /// # Errors
    /// When an instruction is wrong, what is read is no archive, or something cannot be written.
    pub fn import(&self, mut from: impl Read, options: &ImportOptions) -> Result<Digest> {
        let wish = Wish::new(options)?;
        let mut archive = self.archive()?;
        let mut piece = vec![0; PIECE];
        loop {
            let count = match from.read(&mut piece) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(failed(&error)),
            };
            archive.push(piece.get(..count).unwrap_or_default()).map_err(|error| failed(&error))?;
        }
        self.import_archive(archive, wish, options)
    }

    /// The same of an archive at an http or https address.
    ///
    /// # Errors
    /// As [`Self::import`], and when the server does not send it.
    pub async fn import_url(&self, url: &str, options: &ImportOptions) -> Result<Digest> {
        let wish = Wish::new(options)?;
        let client = super::login::of_pull(&crate::PullOptions::default())?;
        let mut archive = self.archive()?;
        client.download(url, &mut |bytes| archive.push(bytes)).await?;
        self.import_archive(archive, wish, options)
    }

    fn archive(&self) -> Result<Archive> {
        Ok(Archive { blob: self.store()?.new_blob()?, hasher: Sha256::new(), size: 0 })
    }

    fn import_archive(&self, archive: Archive, wish: Wish, options: &ImportOptions) -> Result<Digest> {
        let layer = archive.into_layer()?;
        let document = document(wish.config, &layer.diff_id, options);
        let name = wish.name.as_ref();
        let record = self.store_image(name, Base::default(), layer, document, crate::ImageFormat::Oci)?;
        self.object_event(EventKind::Image, "import", record.image_id.hex(), &record.shown_name())?;
        Ok(record.image_id)
    }
}

/// What was asked for, checked before anything is read.
struct Wish {
    name: Option<Reference>,
    config: Map<String, Value>,
}

impl Wish {
    fn new(options: &ImportOptions) -> Result<Self> {
        let name = options.name.as_deref().map(local_reference).transpose()?;
        let mut config = Map::new();
        for instruction in &options.changes {
            change::apply(&mut config, instruction)?;
        }
        Ok(Self { name, config })
    }
}

/// An archive on its way into the store, kept as it comes.
struct Archive {
    blob: NewBlob,
    hasher: Sha256,
    size: u64,
}

impl Archive {
    fn push(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut file = self.blob.file();
        file.write_all(bytes)?;
        self.hasher.update(bytes);
        self.size += bytes.len() as u64;
        Ok(())
    }

    /// Finds out the digest of what is in it.
    fn into_layer(self) -> Result<NewLayer> {
        let digest = Digest::sha256(&self.hasher.finalize().into());
        let mut file = self.blob.file();
        file.rewind().map_err(|error| failed(&error))?;
        let decompressor = Decompressor::new(file, "tar").map_err(damaged)?;
        let (compression, diff_id) = match decompressor.compression() {
            Compression::None => ("", digest.clone()),
            Compression::Gzip => ("gzip", uncompressed(decompressor)?),
            Compression::Zstd => ("zstd", uncompressed(decompressor)?),
        };
        Ok(NewLayer { blob: self.blob, digest, diff_id, size: self.size, compression })
    }
}

fn failed(error: &io::Error) -> EngineError {
    EngineError::Internal(format!("cannot copy the archive: {error}"))
}

/// The digest of what a compressed file holds.
fn uncompressed(mut decompressor: Decompressor<&File>) -> Result<Digest> {
    let (mut hasher, mut piece) = (Sha256::new(), vec![0; PIECE]);
    loop {
        let count = decompressor.fill(&mut piece).map_err(damaged)?;
        hasher.update(piece.get(..count).unwrap_or_default());
        if count < piece.len() {
            return Ok(Digest::sha256(&hasher.finalize().into()));
        }
    }
}

fn damaged(error: DecompressError) -> EngineError {
    EngineError::invalid("archive_damaged", cala_spec::error::chain(&error))
}

fn document(config: Map<String, Value>, diff_id: &Digest, options: &ImportOptions) -> Value {
    let created = time::rfc3339(time::now_ns());
    let host = Platform::host();
    let comment = options.message.clone().unwrap_or_else(|| "imported from tarball".to_owned());
    let mut document = json!({
        "created": created,
        "architecture": options.architecture.clone().unwrap_or(host.architecture),
        "os": options.os.clone().unwrap_or(host.os),
        "config": config,
        "history": [{
            "created": created,
            "created_by": format!("/bin/sh -c #(nop) ADD file:{} in /", diff_id.hex()),
            "comment": comment,
        }],
    });
    if let Some(variant) = &options.variant {
        document["variant"] = variant.clone().into();
    }
    document
}
