//! Loading images from archives and directories.

use std::collections::VecDeque;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use cala_spec::event::EventKind;
use cala_spec::progress::{LayerSize, PullProgress};
use cala_spec::{Platform, Reference};
use cala_store::archive::{Archive, FoundImage};
use cala_store::helper::{Pending, StoreHelper, UnpackRequest, UnpackedLayer};
use cala_store::layers::{chain_ids, layer_present};
use cala_store::{LayerUse, NewImage, PullGuard, Store, StoreError};

use crate::view::LoadedImage;
use crate::{Engine, EngineError, Progress, Result};

/// Layers that are unpacked at the same time.
const AT_ONCE: usize = 4;

/// A layer that is being unpacked, and its place.
type UnderWay = VecDeque<(usize, Pending<UnpackedLayer>)>;

impl Engine {
    /// Loads all images of an archive (docker-archive, oci-archive; plain, gzip or zstd) that is read to its end. Nothing
    /// of it is kept unless all of it is right; an image of several that fails leaves those before it.
    ///
    /// # Errors
    /// When it is no archive of images or lies about its contents, or the disk is full.
    pub fn load_images(
        &self,
        source: impl Read,
        place: &str,
        progress: Progress<'_>,
    ) -> Result<Vec<LoadedImage>> {
        // What a start would lack is told before anything is read.
        cala_userns::preflight()?;
        let store = self.store()?;
        let guard = store.guard_pull()?;
        let archive = Archive::read(store, source, place)?;
        self.load(archive, guard, None, progress)
    }

    /// The same from a path: an archive, an OCI image layout or `dir:`. With `reference` only the image of this name in
    /// it.
    ///
    /// # Errors
    /// As [`Engine::load_images`]; when it cannot be opened or has no such image.
    pub fn load_images_from(
        &self,
        path: &Path,
        reference: Option<&str>,
        progress: Progress<'_>,
    ) -> Result<Vec<LoadedImage>> {
        cala_userns::preflight()?;
        let store = self.store()?;
        let guard = store.guard_pull()?;
        let archive = if path.is_dir() {
            Archive::open(store, path)?
        } else {
            let file = File::open(path).map_err(|error| EngineError::io("read", path, error))?;
            Archive::read(store, file, &path.to_string_lossy())?
        };
        self.load(archive, guard, reference, progress)
    }

    fn load(
        &self,
        mut archive: Archive,
        guard: PullGuard,
        reference: Option<&str>,
        progress: Progress<'_>,
    ) -> Result<Vec<LoadedImage>> {
        let mut images = archive.images(&Platform::host())?;
        if let Some(wanted) = reference {
            images.retain(|image| image.names.iter().any(|name| is_named(name, wanted)));
            if images.is_empty() {
                return Err(EngineError::invalid(
                    "not_in_archive",
                    format!("there is no image `{wanted}` in it"),
                ));
            }
        }
        let mut names = Vec::new();
        for image in &images {
            // All names are read before anything is kept.
            let parsed =
                image.names.iter().map(|name| Reference::parse_local(name).map_err(StoreError::from));
            names.push(parsed.collect::<std::result::Result<Vec<_>, _>>()?);
        }
        let mut helper = None;
        let mut loaded = Vec::new();
        for (image, names) in images.iter().zip(names) {
            let mut layers = Vec::new();
            match self.install(&mut archive, image, &names, &mut helper, &mut layers, progress) {
                Ok(done) => loaded.push(done),
                Err(error) => {
                    drop(guard);
                    self.abandon(image, layers);
                    return Err(error);
                }
            }
        }
        drop(guard);
        self.collect_later();
        Ok(loaded)
    }

    /// Puts blobs and layers in their places, then records the image; `layers` tells what was put.
    fn install(
        &self,
        archive: &mut Archive,
        image: &FoundImage,
        names: &[Reference],
        helper: &mut Option<StoreHelper>,
        layers: &mut Vec<LayerUse>,
        progress: Progress<'_>,
    ) -> Result<LoadedImage> {
        let store = self.store()?;
        let sizes =
            image.layers.iter().map(|l| LayerSize { digest: l.blob.digest.clone(), size: l.blob.size });
        progress(PullProgress::Manifest { layers: sizes.collect() });
        archive.publish(image)?;
        self.unpack_all(image, helper, layers, progress)?;
        let placed = layers.iter().map(|layer| (layer.key.clone(), layer.size)).collect();
        let new = NewImage { manifest: image.manifest.0.clone(), index: None, layers: placed };
        let (id, mut given) = (image.config.0.hex().to_owned(), Vec::new());
        if names.is_empty() {
            let record = store.commit_unnamed_image(&new)?;
            self.object_event(EventKind::Image, "loadfromarchive", &id, &record.shown_name())?;
        }
        for name in names {
            let record = store.commit_image(name, &new)?;
            self.object_event(EventKind::Image, "loadfromarchive", &id, &record.shown_name())?;
            given.extend(record.name);
        }
        progress(PullProgress::Finished { image_id: image.config.0.clone() });
        Ok(LoadedImage { id, names: given })
    }

    /// Unpacks the layers that do not stand yet, some at once.
    fn unpack_all(
        &self,
        image: &FoundImage,
        helper: &mut Option<StoreHelper>,
        layers: &mut Vec<LayerUse>,
        progress: Progress<'_>,
    ) -> Result<()> {
        let store = self.store()?;
        let chain = chain_ids(&image.diff_ids);
        let mut under_way = UnderWay::new();
        let mut done: Vec<Option<LayerUse>> = vec![None; image.layers.len()];
        let mut failed = None;
        for (at, chain_id) in chain.iter().enumerate() {
            if let Some(layer) = present(store, image, at, chain_id) {
                told(image, at, true, progress);
                set(&mut done, at, layer);
                continue;
            }
            if under_way.len() >= AT_ONCE {
                failed = failed.or(wait_first(&mut under_way, image, &mut done, progress).err());
            }
            if failed.is_some() {
                break;
            }
            if helper.is_none() {
                *helper = Some(self.helper()?);
            }
            let Some(helper) = helper.as_ref() else { continue };
            let blob = store.open_blob(&image.layers[at].blob.digest)?;
            under_way.push_back((at, helper.unpack_from(&request(image, at), blob)?));
        }
        while !under_way.is_empty() {
            failed = failed.or(wait_first(&mut under_way, image, &mut done, progress).err());
        }
        layers.extend(done.into_iter().flatten());
        failed.map_or(Ok(()), Err)
    }

    /// Deletes what an image that could not be loaded has left, unless something else uses it.
    fn abandon(&self, image: &FoundImage, layers: Vec<LayerUse>) {
        let noted = self
            .store()
            .and_then(|store| Ok(store.abandon_image(&image.manifest.0, &image.config.0, layers)?));
        match noted {
            Ok(()) => self.collect_later(),
            Err(error) => tracing::debug!(%error, "what a failed load left could not be noted"),
        }
    }
}

fn request(image: &FoundImage, at: usize) -> UnpackRequest {
    let blob = &image.layers[at].blob;
    UnpackRequest {
        media_type: blob.media_type.clone(),
        diff_id: image.diff_ids[at].clone(),
        parent_diff_ids: image.diff_ids[..at].to_vec(),
        blob: Some(blob.digest.clone()),
    }
}

fn present(store: &Store, image: &FoundImage, at: usize, chain_id: &cala_spec::Digest) -> Option<LayerUse> {
    let diff_id = &image.diff_ids[at];
    let layer = layer_present(store.data(), diff_id, chain_id)?;
    Some(LayerUse { key: layer.key, diff_id: diff_id.clone(), size: layer.size })
}

fn wait_first(
    under_way: &mut UnderWay,
    image: &FoundImage,
    done: &mut [Option<LayerUse>],
    progress: Progress<'_>,
) -> Result<()> {
    let Some((at, pending)) = under_way.pop_front() else { return Ok(()) };
    let layer = pending.wait()?;
    told(image, at, layer.existed, progress);
    set(done, at, LayerUse { key: layer.key, diff_id: image.diff_ids[at].clone(), size: layer.size });
    Ok(())
}

fn set(done: &mut [Option<LayerUse>], at: usize, layer: LayerUse) {
    if let Some(place) = done.get_mut(at) {
        *place = Some(layer);
    }
}

fn told(image: &FoundImage, at: usize, existed: bool, progress: Progress<'_>) {
    progress(PullProgress::Done { digest: image.layers[at].blob.digest.clone(), existed });
}

/// Whether a name of an archive is the one asked for: as it stands there, or both made full.
fn is_named(name: &str, wanted: &str) -> bool {
    let full = |parsed: std::result::Result<Reference, _>| parsed.ok().map(Reference::with_default_tag);
    let meant = [full(Reference::parse_local(wanted)), full(Reference::parse_normalized(wanted))];
    name == wanted || full(Reference::parse_local(name)).is_some_and(|name| meant.contains(&Some(name)))
}
