//! The layers of a pull: several at once, each downloaded, verified, decompressed and unpacked in one stream.

use std::fs::File;
use std::sync::Arc;

use cala_registry::{BlobDescriptor, BlobSource, RegistryClient};
use cala_spec::Digest;
use cala_spec::progress::PullProgress;
use cala_store::helper::{Pending, StoreHelper, UnpackRequest, UnpackedLayer};
use cala_store::layers::{LayerInfo, chain_ids, layer_present};
use cala_store::{BlobWriter, Store, StoreError, Verification};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use tokio::sync::OnceCell;
use tokio::task::JoinHandle;

use super::feed::FedSink;
use crate::{Engine, EngineError, Progress, Result};

/// Layers under way at the same time.
const AT_ONCE: usize = 4;

/// A pull's layers and what is needed for them.
pub(super) struct Layers<'a> {
    engine: &'a Engine,
    store: Store,
    client: &'a RegistryClient,
    source: &'a BlobSource,
    blobs: &'a [BlobDescriptor],
    diff_ids: &'a [Digest],
    chain: Vec<Digest>,
    /// Started for the first layer that needs it.
    helper: OnceCell<Arc<StoreHelper>>,
    progress: Progress<'a>,
}

impl<'a> Layers<'a> {
    pub(super) fn new(
        engine: &'a Engine,
        client: &'a RegistryClient,
        source: &'a BlobSource,
        blobs: &'a [BlobDescriptor],
        diff_ids: &'a [Digest],
        progress: Progress<'a>,
    ) -> Result<Self> {
        let (store, chain) = (engine.store()?.clone(), chain_ids(diff_ids));
        Ok(Self { engine, store, client, source, blobs, diff_ids, chain, helper: OnceCell::new(), progress })
    }

    /// Fetches and unpacks all; keys and sizes in the order of the manifest.
    pub(super) async fn fetch(&self) -> Result<Vec<(String, u64)>> {
        // A digest may occur more than once (empty layers do): one download, then each of its places.
        let first =
            |at: usize| self.blobs.iter().position(|other| other.digest == self.blobs[at].digest) == Some(at);
        let groups: Vec<usize> = (0..self.blobs.len()).filter(|at| first(*at)).collect();
        let fetched: Vec<Vec<(usize, (String, u64))>> =
            stream::iter(groups).map(|at| self.group(at)).buffer_unordered(AT_ONCE).try_collect().await?;
        let mut placed: Vec<(usize, (String, u64))> = fetched.into_iter().flatten().collect();
        placed.sort_by_key(|(at, _)| *at);
        Ok(placed.into_iter().map(|(_, layer)| layer).collect())
    }

    /// One blob and all places that it has in the image.
    async fn group(&self, first: usize) -> Result<Vec<(usize, (String, u64))>> {
        let digest = &self.blobs[first].digest;
        let mut done = vec![(first, self.layer(first).await?)];
        for at in first + 1..self.blobs.len() {
            if self.blobs[at].digest == *digest {
                let layer = match self.present(at) {
                    Some(layer) => (layer.key, layer.size),
                    None => self.unpack_stored(at).await?,
                };
                done.push((at, layer));
            }
        }
        Ok(done)
    }

    async fn layer(&self, at: usize) -> Result<(String, u64)> {
        let blob = &self.blobs[at];
        let present = self.present(at);
        let (store, digest, size) = (self.store.clone(), blob.digest.clone(), blob.size);
        // Waits for another process that downloads the same blob.
        let writer = blocking(move || Ok(store.begin_blob(&digest, size, Verification::Caller)?)).await?;
        let existed = writer.is_none() && present.is_some();
        let layer = match (writer, present) {
            (None, Some(layer)) => (layer.key, layer.size),
            (None, None) => match self.unpack_stored(at).await {
                // What is stored is not what was stored once: it is fetched anew.
                Err(_) if self.store.drop_blob_if_damaged(&blob.digest)? => {
                    return Box::pin(self.layer(at)).await;
                }
                unpacked => unpacked?,
            },
            (Some(writer), Some(layer)) => {
                let mut sink = FedSink::new(writer);
                self.fetch_blob(blob, &mut sink).await?;
                blocking_finish(sink).await?;
                (layer.key, layer.size)
            }
            (Some(writer), None) => self.stream(at, writer).await?,
        };
        (self.progress)(PullProgress::Done { digest: blob.digest.clone(), existed });
        Ok(layer)
    }

    fn present(&self, at: usize) -> Option<LayerInfo> {
        layer_present(self.store.data(), self.diff_ids.get(at)?, self.chain.get(at)?)
    }

    /// Downloads and unpacks at the same time.
    async fn stream(&self, at: usize, writer: BlobWriter) -> Result<(String, u64)> {
        let blob = &self.blobs[at];
        let partial = self.store.data().join("images/partial").join(blob.digest.hex());
        let file = File::open(&partial).map_err(|error| EngineError::io("read", &partial, error))?;
        let (pipe, pending) = self.helper().await?.unpack_layer(&self.request(at))?;
        let mut sink = FedSink::new(writer);
        sink.feed(file, pipe).map_err(|error| EngineError::Internal(error.to_string()))?;
        let mut unpacking = tokio::spawn(wait(pending));
        let early = self.download_beside(blob, &mut sink, &mut unpacking).await?;
        let fed_right = blocking_finish(sink).await?;
        (self.progress)(PullProgress::Unpacking { digest: blob.digest.clone() });
        let unpacked = match early {
            Some(unpacked) => unpacked,
            None => joined(unpacking.await)?,
        };
        match unpacked {
            Ok(layer) => Ok((layer.key, layer.size)),
            // What was fed first proved wrong, and was downloaded again.
            Err(_) if !fed_right => self.unpack_stored(at).await,
            Err(error) => Err(error),
        }
    }

    /// Downloads to the end. What the unpacker answers before that: the layer stood already, or it failed; what arrives
    /// is kept in both cases, and the reason is looked at afterwards.
    async fn download_beside(
        &self,
        blob: &BlobDescriptor,
        sink: &mut FedSink,
        unpacking: &mut JoinHandle<Result<UnpackedLayer>>,
    ) -> Result<Option<Result<UnpackedLayer>>> {
        let download = self.fetch_blob(blob, sink);
        tokio::pin!(download);
        tokio::select! {
            downloaded = &mut download => {
                downloaded?;
                Ok(None)
            }
            unpacked = unpacking => {
                let early = joined(unpacked)?;
                download.await?;
                Ok(Some(early))
            }
        }
    }

    async fn fetch_blob(&self, blob: &BlobDescriptor, sink: &mut FedSink) -> Result<()> {
        Ok(self.client.fetch_blob(self.source, blob, sink, self.progress).await?)
    }

    /// Unpacks a layer whose blob is in the store.
    async fn unpack_stored(&self, at: usize) -> Result<(String, u64)> {
        let digest = self.blobs[at].digest.clone();
        (self.progress)(PullProgress::Unpacking { digest: digest.clone() });
        let file = self.store.open_blob(&digest)?;
        let pending = self.helper().await?.unpack_from(&self.request(at), file)?;
        let layer = wait(pending).await?;
        Ok((layer.key, layer.size))
    }

    fn request(&self, at: usize) -> UnpackRequest {
        UnpackRequest {
            media_type: self.blobs[at].media_type.clone(),
            diff_id: self.diff_ids[at].clone(),
            parent_diff_ids: self.diff_ids[..at].to_vec(),
            blob: Some(self.blobs[at].digest.clone()),
        }
    }

    async fn helper(&self) -> Result<&Arc<StoreHelper>> {
        let engine = self.engine.clone();
        let started = || {
            blocking(move || {
                let helper = engine.helper()?;
                // What killed pulls left; that it cannot be deleted is no reason not to pull.
                if let Err(error) = helper.sweep() {
                    tracing::debug!(%error, "leftovers of earlier pulls could not be deleted");
                }
                Ok(Arc::new(helper))
            })
        };
        self.helper.get_or_try_init(started).await
    }
}

async fn wait(pending: Pending<UnpackedLayer>) -> Result<UnpackedLayer> {
    blocking(move || Ok(pending.wait()?)).await
}

async fn blocking_finish(sink: FedSink) -> Result<bool> {
    blocking(move || Ok(sink.finish()?)).await
}

/// Runs what blocks on a thread of its own. Not on tokio's: those panic where no thread can be started.
pub(super) async fn blocking<T: Send + 'static>(
    act: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let (done, result) = tokio::sync::oneshot::channel();
    let started = std::thread::Builder::new().name("blocking".to_owned()).spawn(move || {
        // Nobody waits any more: the pull was cancelled.
        let _ = done.send(act());
    });
    started.map_err(|error| EngineError::Internal(format!("a thread could not be started: {error}")))?;
    result.await.map_err(|_| EngineError::Internal("a thread ended before its time".to_owned()))?
}

fn joined<T>(result: std::result::Result<T, tokio::task::JoinError>) -> Result<T> {
    result.map_err(|error| EngineError::Internal(error.to_string()))
}

/// As many diff ids as layers, all well-formed; else the image is nonsense.
pub(super) fn diff_ids(
    config: &oci_spec::image::ImageConfiguration,
    image_id: &Digest,
    layers: usize,
) -> Result<Vec<Digest>> {
    let invalid = |reason: String| StoreError::InvalidDocument { digest: image_id.clone(), reason };
    let ids: Vec<Digest> = config
        .rootfs()
        .diff_ids()
        .iter()
        .map(|text| text.parse().map_err(|error| invalid(format!("rootfs.diff_ids: {error}"))))
        .collect::<std::result::Result<_, StoreError>>()?;
    if ids.len() != layers {
        return Err(invalid(format!("it has {} layers, its manifest {layers}", ids.len())).into());
    }
    Ok(ids)
}
