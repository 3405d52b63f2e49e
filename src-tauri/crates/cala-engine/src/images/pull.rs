//! Getting an image: from here, from the program itself, or from a registry.

use cala_registry::{RegistryClient, ResolvedManifest};
use cala_spec::container::PullPolicy;
use cala_spec::event::EventKind;
use cala_spec::progress::{LayerSize, PullProgress};
use cala_spec::{ContainerSpec, Digest, Platform, Reference};
use cala_store::{ImageRecord, NewImage, StoreError, TreeRemover};
use oci_spec::image::ImageConfiguration;

use super::layers::{Layers, blocking, diff_ids};
use super::login;
use crate::{Engine, EngineError, Progress, PullOptions, Result};

/// Bytes of the largest configuration (security rule R7).
const MAX_CONFIG: u64 = 4 << 20;

impl Engine {
    /// Pulls an image and returns its id (digest of its configuration). Dropping the future cancels it; what was
    /// fetched is kept for the next time.
    ///
    /// # Errors
    /// When the reference is wrong, the registry does not answer or lies, credentials are wrong, or the disk is full.
    pub async fn pull(
        &self,
        reference: &str,
        options: &PullOptions,
        progress: Progress<'_>,
    ) -> Result<Digest> {
        let policy = options.policy.unwrap_or(PullPolicy::Always);
        Ok(self.obtain(reference, policy, options, progress).await?.image_id)
    }

    /// The full names of all tags of a repository, as its registry lists them.
    ///
    /// # Errors
    /// When the name has a tag or digest, or the registry does not answer.
    pub async fn all_tags(&self, name: &str, options: &PullOptions) -> Result<Vec<String>> {
        let client = login::of_pull(options)?;
        let repository = Reference::parse_normalized(name).map_err(StoreError::from)?;
        if repository.tag.is_some() || repository.digest.is_some() {
            return Err(EngineError::invalid("tag_and_all_tags", "tag can't be used with --all-tags/-a"));
        }
        let mut failed = None;
        for candidate in client.candidates(name)? {
            match client.tags(&candidate).await {
                Ok(tags) => {
                    return Ok(tags.iter().map(|tag| format!("{}:{tag}", candidate.name())).collect());
                }
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        Err(failed.map_or_else(|| EngineError::ImageNotHere(name.to_owned()), EngineError::from))
    }

    /// The image of a wish.
    pub(crate) async fn image_for(
        &self,
        spec: &ContainerSpec,
        options: &PullOptions,
        progress: Progress<'_>,
    ) -> Result<ImageRecord> {
        let platform = options.platform.clone().or_else(|| spec.platform.clone());
        let options = PullOptions { platform, ..options.clone() };
        self.obtain(&spec.image, options.policy.unwrap_or(spec.pull), &options, progress).await
    }

    /// The image of a mount, which is never pulled.
    pub(crate) async fn image_here(&self, text: &str, progress: Progress<'_>) -> Result<ImageRecord> {
        self.obtain(text, PullPolicy::Never, &PullOptions::default(), progress).await
    }

    async fn obtain(
        &self,
        text: &str,
        policy: PullPolicy,
        options: &PullOptions,
        progress: Progress<'_>,
    ) -> Result<ImageRecord> {
        let here = match self.local(text, options.platform.as_ref()) {
            // A pull heals what is damaged.
            Err(EngineError::Store(StoreError::ImageDamaged { .. }))
                if matches!(policy, PullPolicy::Always | PullPolicy::Newer) =>
            {
                None
            }
            found => found?,
        };
        match (policy, here) {
            (PullPolicy::Missing | PullPolicy::Never, Some(record)) => Ok(record),
            // An id names exactly what is here; no registry can say anything newer about it.
            (_, Some(record)) if is_id(text) => Ok(record),
            (PullPolicy::Never, None) => {
                match self.load_embedded(text, options.platform.as_ref(), progress)? {
                    Some(record) => Ok(record),
                    None => Err(EngineError::ImageNotHere(full_name(text))),
                }
            }
            (PullPolicy::Newer, Some(record)) => self.newer(text, record, options, progress).await,
            (PullPolicy::Always | PullPolicy::Missing | PullPolicy::Newer, _) => {
                match self.load_embedded(text, options.platform.as_ref(), progress)? {
                    Some(record) => Ok(record),
                    None => self.fetch(text, options, progress).await,
                }
            }
        }
    }

    /// The image as it is here, if it is for the platform.
    fn local(&self, text: &str, platform: Option<&Platform>) -> Result<Option<ImageRecord>> {
        match self.store()?.resolve_image(text) {
            Ok(record) if platform.is_none_or(|wanted| wanted.accepts(&record.platform)) => Ok(Some(record)),
            Ok(_) | Err(StoreError::NoSuchImage(_)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Pulls when the registry has another one; what is here is good enough when it does not answer.
    async fn newer(
        &self,
        text: &str,
        here: ImageRecord,
        options: &PullOptions,
        progress: Progress<'_>,
    ) -> Result<ImageRecord> {
        let Some(Ok(reference)) = here.name.as_deref().map(Reference::parse_normalized) else {
            return Ok(here);
        };
        let client = login::of_pull(options)?;
        match client.current_digest(&reference).await {
            Ok(Some(digest)) if here.index.as_ref().unwrap_or(&here.manifest) == &digest => Ok(here),
            Ok(_) => match self.fetch(text, options, progress).await {
                Ok(record) => Ok(record),
                Err(EngineError::Registry(error)) => Ok(kept(here, &error)),
                Err(error) => Err(error),
            },
            Err(error) => Ok(kept(here, &error)),
        }
    }

    async fn fetch(&self, text: &str, options: &PullOptions, progress: Progress<'_>) -> Result<ImageRecord> {
        // What a start would lack is told before anything is downloaded.
        cala_userns::preflight()?;
        let client = login::of_pull(options)?;
        progress(PullProgress::Resolving { reference: full_name(text) });
        let engine = self.clone();
        let guard = blocking(move || Ok(engine.store()?.guard_pull()?)).await?;
        let platform = options.platform.clone().unwrap_or_else(Platform::host);
        let resolved = client.resolve_name(text, &platform).await?;
        let record = self.fetch_resolved(&client, &resolved, progress).await?;
        if !platform.accepts(&record.platform) {
            let (there, wanted) = (&record.platform, &platform);
            tracing::warn!("image platform ({there}) does not match the expected platform ({wanted})");
        }
        drop(guard);
        self.object_event(EventKind::Image, "pull", record.image_id.hex(), &record.shown_name())?;
        self.collect_later();
        progress(PullProgress::Finished { image_id: record.image_id.clone() });
        Ok(record)
    }

    async fn fetch_resolved(
        &self,
        client: &RegistryClient,
        resolved: &ResolvedManifest,
        progress: Progress<'_>,
    ) -> Result<ImageRecord> {
        let store = self.store()?;
        let sizes =
            resolved.layers.iter().map(|blob| LayerSize { digest: blob.digest.clone(), size: blob.size });
        progress(PullProgress::Manifest { layers: sizes.collect() });
        let image_id = &resolved.config.digest;
        let config = self.config(client, resolved).await?;
        let ids = diff_ids(&config, image_id, resolved.layers.len())?;
        let layers =
            Layers::new(self, client, &resolved.source, &resolved.layers, &ids, progress)?.fetch().await?;
        store.put_blob(&resolved.manifest_digest, &resolved.manifest_bytes)?;
        if let Some((digest, bytes)) = &resolved.index {
            store.put_blob(digest, bytes)?;
        }
        let image = NewImage {
            manifest: resolved.manifest_digest.clone(),
            index: resolved.index.as_ref().map(|(digest, _)| digest.clone()),
            layers,
        };
        let (engine, reference) = (self.clone(), resolved.reference.clone());
        blocking(move || Ok(engine.store()?.commit_image(&reference, &image)?)).await
    }

    /// The configuration, from here or from the registry.
    async fn config(
        &self,
        client: &RegistryClient,
        resolved: &ResolvedManifest,
    ) -> Result<ImageConfiguration> {
        let (store, digest) = (self.store()?, &resolved.config.digest);
        if let Ok((config, _)) = store.read_image_config(digest) {
            return Ok(config);
        }
        let bytes = client.fetch_small_blob(&resolved.source, &resolved.config, MAX_CONFIG).await?;
        store.put_blob(digest, &bytes)?;
        Ok(store.read_image_config(digest)?.0)
    }

    /// Deletes what removed images left behind because a pull was under way or a container used it.
    pub(crate) fn collect_later(&self) {
        let mut trees = Trees::default();
        let done = self
            .store()
            .and_then(|store| Ok(store.collect(&mut trees)?))
            .and_then(|_| self.delete_trees(&trees.0));
        if let Err(error) = done {
            tracing::debug!(%error, "what removed images left could not be deleted now");
        }
    }
}

/// Collects trees, so that the program that deletes them is started once or not at all.
#[derive(Debug, Default)]
pub(super) struct Trees(pub(super) Vec<std::path::PathBuf>);

impl TreeRemover for Trees {
    fn remove_tree(&mut self, path: &std::path::Path) {
        self.0.push(path.to_owned());
    }
}

fn kept(here: ImageRecord, error: &cala_registry::RegistryError) -> ImageRecord {
    tracing::warn!(%error, "the registry does not answer; the image that is here is used");
    here
}

fn is_id(text: &str) -> bool {
    let hex = text.strip_prefix("sha256:").unwrap_or(text);
    hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_hexdigit())
}

/// As it is shown in messages.
fn full_name(text: &str) -> String {
    Reference::parse_normalized(text)
        .map_or_else(|_| text.to_owned(), |reference| reference.with_default_tag().to_string())
}
