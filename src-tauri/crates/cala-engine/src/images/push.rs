//! Pushing an image: to a registry, or into a file or directory.

use std::collections::HashMap;
use std::path::Path;

use cala_registry::{BlobDescriptor, Pushed, RegistryClient};
use cala_spec::event::EventKind;
use cala_spec::progress::{LayerSize, PullProgress};
use cala_spec::{Digest, Reference};
use cala_store::archive::{ArchiveFormat, ArchiveWriter};
use cala_store::export::{CompressionWish, ExportOptions, ExportedBlob, ExportedImage};
use cala_store::{ImageRecord, StoreError};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::layers::blocking;
use super::login;
use super::save::name_for;
use super::transport::Transport;
use crate::{Engine, EngineError, Progress, PushOptions, Result};

/// Layers under way at the same time.
const AT_ONCE: usize = 4;

impl Engine {
    /// Pushes an image to `destination`, by default to the registry that its name says. What was pulled and is not to be
    /// changed leaves bit for bit. Blobs that the registry has are not sent, and those of other repositories of its own
    /// it is asked to take over. Returns the digest of the manifest there; progress is told as for a pull, the other way
    /// round.
    ///
    /// # Errors
    /// When there is no such image, the registry refuses it or does not answer, or the destination cannot hold it.
    pub async fn push(
        &self,
        name: &str,
        destination: Option<&str>,
        options: &PushOptions,
        progress: Progress<'_>,
    ) -> Result<Digest> {
        let (engine, text) = (self.clone(), name.to_owned());
        let (guard, record) = blocking(move || {
            let store = engine.store()?;
            Ok((store.guard_pull()?, store.resolve_image(&text)?))
        })
        .await?;
        let place = match destination {
            Some(text) => Transport::parse(text)?,
            None => Transport::Registry(name_for(name, &record).ok_or_else(|| no_destination(name))?),
        };
        let digest = match place {
            Transport::Registry(text) => self.push_to_registry(&record, &text, options, progress).await?,
            Transport::Archive { format, path, reference } => {
                // A docker-archive's names are whole ones.
                let name = match (reference, format) {
                    (Some(text), ArchiveFormat::DockerArchive) => {
                        Some(destination_reference(&text)?.to_string())
                    }
                    (None, ArchiveFormat::DockerArchive) => name_for(name, &record),
                    (reference, _) => reference,
                };
                self.push_to_file(&record, name, format, &path, options)?
            }
        };
        drop(guard);
        self.object_event(EventKind::Image, "push", record.image_id.hex(), destination.unwrap_or(name))?;
        Ok(digest)
    }

    fn push_to_file(
        &self,
        record: &ImageRecord,
        name: Option<String>,
        format: ArchiveFormat,
        path: &Path,
        options: &PushOptions,
    ) -> Result<Digest> {
        let mut writer = ArchiveWriter::new(self.store()?, format);
        writer.options.manifest = options.manifest.or(writer.options.manifest);
        let own = &mut writer.options.compression;
        own.format = options.compression;
        own.level = options.level;
        own.keep_uncompressed &= !options.compress;
        let written = writer.write(&[(record.clone(), name.into_iter().collect())], path)?;
        Ok(written.into_iter().next().unwrap_or_else(|| record.manifest.clone()))
    }

    async fn push_to_registry(
        &self,
        record: &ImageRecord,
        text: &str,
        options: &PushOptions,
        progress: Progress<'_>,
    ) -> Result<Digest> {
        let reference = destination_reference(text)?;
        let client = login::of_push(options)?;
        let wish =
            CompressionWish { format: options.compression, level: options.level, keep_uncompressed: false };
        let wanted = ExportOptions { manifest: options.manifest, compression: wish };
        let (engine, own, target) = (self.clone(), record.clone(), reference.clone());
        let (image, elsewhere) = blocking(move || {
            let image = engine.store()?.export_image(&own, &wanted)?;
            let elsewhere = engine.elsewhere(&target)?;
            Ok((image, elsewhere))
        })
        .await?;
        let sizes = image
            .layers
            .iter()
            .map(|layer| LayerSize { digest: layer.info().digest.clone(), size: layer.info().size });
        progress(PullProgress::Manifest { layers: sizes.collect() });
        let push = Push { client: &client, reference: &reference, elsewhere: &elsewhere, progress };
        push.blobs(&image).await?;
        client.push_manifest(&reference, &image.media_type, &image.digest, &image.manifest).await?;
        progress(PullProgress::Finished { image_id: record.image_id.clone() });
        Ok(image.digest)
    }

    /// Which other repository of the same registry each blob of the images here came from or went to.
    fn elsewhere(&self, target: &Reference) -> Result<HashMap<Digest, Reference>> {
        let store = self.store()?;
        let mut known = HashMap::new();
        for image in store.images()? {
            let names = image.names.iter().chain(&image.digests);
            let other = names
                .filter_map(|name| Reference::parse_normalized(name).ok())
                .find(|name| name.domain == target.domain && name.path != target.path);
            let Some(other) = other else { continue };
            let Ok((manifest, _)) = store.read_manifest(&image.record.manifest) else { continue };
            let blobs = manifest.layers().iter().chain([manifest.config()]);
            for digest in blobs.filter_map(|blob| blob.digest().to_string().parse().ok()) {
                known.insert(digest, other.clone());
            }
        }
        Ok(known)
    }
}

/// A push under way.
struct Push<'a> {
    client: &'a RegistryClient,
    reference: &'a Reference,
    elsewhere: &'a HashMap<Digest, Reference>,
    progress: Progress<'a>,
}

impl Push<'_> {
    /// Layers and configuration, each once.
    async fn blobs(&self, image: &ExportedImage) -> Result<()> {
        let mut blobs: Vec<&ExportedBlob> = Vec::new();
        for blob in image.layers.iter().chain([&image.config]) {
            if !blobs.iter().any(|known| known.info().digest == blob.info().digest) {
                blobs.push(blob);
            }
        }
        stream::iter(blobs)
            .map(|blob| self.blob(blob))
            .buffer_unordered(AT_ONCE)
            .try_collect::<Vec<()>>()
            .await?;
        Ok(())
    }

    async fn blob(&self, blob: &ExportedBlob) -> Result<()> {
        let info = blob.info();
        let descriptor = BlobDescriptor {
            media_type: info.media_type.clone(),
            digest: info.digest.clone(),
            size: info.size,
        };
        let from = self.elsewhere.get(&info.digest);
        let pushed =
            self.client.push_blob(self.reference, &descriptor, blob.path(), from, self.progress).await?;
        let existed = pushed != Pushed::Sent;
        (self.progress)(PullProgress::Done { digest: info.digest.clone(), existed });
        Ok(())
    }
}

/// Where an image is pushed to: a name with a tag.
fn destination_reference(text: &str) -> Result<Reference> {
    let reference = Reference::parse_normalized(text).map_err(StoreError::from)?.with_default_tag();
    match reference.digest {
        None => Ok(reference),
        Some(_) => Err(EngineError::invalid(
            "push_to_digest",
            format!("cannot push to `{text}`: a digest follows from what is pushed"),
        )),
    }
}

fn no_destination(name: &str) -> EngineError {
    EngineError::invalid(
        "push_needs_destination",
        format!("`{name}` is no name of an image: say where to push it"),
    )
}
