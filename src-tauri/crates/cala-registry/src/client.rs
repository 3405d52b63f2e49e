//! The façade: one method per thing that can be asked of a registry.

use std::sync::Arc;

use cala_spec::progress::PullProgress;
use cala_spec::{Digest, Platform, Reference};

use crate::blob::{BlobDescriptor, BlobSink, BlobSource};
use crate::config::{RegistryConfig, credentials};
use crate::error::RegistryError;
use crate::resolve::ResolvedManifest;
use crate::search::SearchHit;
use crate::transport::Transport;
use crate::upload::Pushed;

/// A client for all registries of one configuration. Cheap to clone; clones share connections and tokens.
#[derive(Debug, Clone)]
pub struct RegistryClient {
    pub(crate) transport: Arc<Transport>,
}

impl RegistryClient {
    /// Reads the configuration files. Nothing is connected yet; certificates are read when a host is first reached.
    ///
    /// # Errors
    /// [`RegistryError::ReadFile`] or [`RegistryError::InvalidConfig`] when a file that exists cannot be used.
    pub fn new(config: RegistryConfig) -> Result<Self, RegistryError> {
        Ok(Self { transport: Arc::new(Transport::new(config)?) })
    }

    /// The full references that `name` may mean, in the order they are to be tried: itself when it names a registry,
    /// else its alias, else `name` at each of `unqualified-search-registries` (docker.io when there are none).
    ///
    /// # Errors
    /// [`RegistryError::InvalidReference`] when it is no reference.
    pub fn candidates(&self, name: &str) -> Result<Vec<Reference>, RegistryError> {
        self.transport.registries().candidates(name)
    }

    /// As [`RegistryClient::resolve`] for a name as people write it, the candidates in turn. The reference that was
    /// found stands in the result.
    ///
    /// # Errors
    /// As [`RegistryClient::resolve`]; [`RegistryError::ShortNameNotFound`] when several candidates were tried.
    pub async fn resolve_name(
        &self,
        name: &str,
        platform: &Platform,
    ) -> Result<ResolvedManifest, RegistryError> {
        crate::resolve::resolve_name(self, name, platform).await
    }

    /// Fetches and verifies the image manifest of a reference for a platform, by way of an index if there is one; from
    /// the configured mirrors first, then from the registry itself.
    ///
    /// # Errors
    /// See the variants of [`RegistryError`]; among them [`RegistryError::ManifestUnknown`],
    /// [`RegistryError::PlatformNotFound`], [`RegistryError::DigestMismatch`], [`RegistryError::Unauthorized`].
    pub async fn resolve(
        &self,
        reference: &Reference,
        platform: &Platform,
    ) -> Result<ResolvedManifest, RegistryError> {
        crate::resolve::resolve(&self.transport, reference, platform).await
    }

    /// The digest that a tag has now (of the index if there is one), by a HEAD request; `None` when the registry does
    /// not say it without sending the manifest. For `--pull newer` and for pulls of what is already here.
    ///
    /// # Errors
    /// As [`RegistryClient::resolve`].
    pub async fn current_digest(&self, reference: &Reference) -> Result<Option<Digest>, RegistryError> {
        crate::resolve::current_digest(&self.transport, reference).await
    }

    /// Downloads what is at an http or https address that a person named, without credentials; redirects follow the same
    /// rules as a registry's. Each piece is handed to `each`.
    ///
    /// # Errors
    /// [`RegistryError::Unreachable`], [`RegistryError::RedirectRefused`], [`RegistryError::Server`] and the other
    /// variants for broken connections; [`RegistryError::Interrupted`] with what `each` said.
    pub async fn download(
        &self,
        url: &str,
        each: &mut (dyn FnMut(&[u8]) -> std::io::Result<()> + Send),
    ) -> Result<(), RegistryError> {
        crate::transport::download(&self.transport, url, each).await
    }

    /// Downloads one blob into `sink`, going on where the sink is; verifies digest and size while it streams. Returns
    /// when the last byte is written and the digest is right.
    ///
    /// Stalls, cuts and 5xx are tried again with `Range`; drop the future to cancel (what the sink has stays valid for
    /// a later resume). The sink's `write` is called from the async task: when it may block for long (a pipe), run the
    /// call in a task of its own on a multi-thread runtime.
    ///
    /// # Errors
    /// [`RegistryError::DigestMismatch`] and [`RegistryError::SizeMismatch`] after `sink.restart()` dropped the bytes;
    /// [`RegistryError::Stalled`], [`RegistryError::Interrupted`], [`RegistryError::Unreachable`],
    /// [`RegistryError::Server`] when all tries failed; [`RegistryError::Sink`] when the sink fails.
    pub async fn fetch_blob(
        &self,
        source: &BlobSource,
        blob: &BlobDescriptor,
        sink: &mut dyn BlobSink,
        progress: &(dyn Fn(PullProgress) + Send + Sync),
    ) -> Result<(), RegistryError> {
        crate::download::fetch(&self.transport, source, blob, sink, progress).await
    }

    /// Downloads a small blob (an image's configuration) into memory; at most `limit` bytes.
    ///
    /// # Errors
    /// As [`RegistryClient::fetch_blob`]; [`RegistryError::TooLarge`] when the descriptor says more than `limit`.
    pub async fn fetch_small_blob(
        &self,
        source: &BlobSource,
        blob: &BlobDescriptor,
        limit: u64,
    ) -> Result<Vec<u8>, RegistryError> {
        crate::download::fetch_small(&self.transport, source, blob, limit).await
    }

    /// Sees to it that the registry has a blob of `repository`: nothing is sent when it is there, or when the registry
    /// takes it over from `from`, another repository of its own. Else the file's bytes are sent in one stream, which goes
    /// on where it was cut; progress is told as for a download.
    ///
    /// # Errors
    /// [`RegistryError::Source`] when the file cannot be read or is not of the size; [`RegistryError::Denied`],
    /// [`RegistryError::Unauthorized`]; [`RegistryError::Stalled`], [`RegistryError::Interrupted`],
    /// [`RegistryError::Server`] when all tries failed.
    pub async fn push_blob(
        &self,
        repository: &Reference,
        blob: &BlobDescriptor,
        file: &std::path::Path,
        from: Option<&Reference>,
        progress: &(dyn Fn(PullProgress) + Send + Sync),
    ) -> Result<Pushed, RegistryError> {
        crate::upload::push_blob(&self.transport, repository, blob, file, from, progress).await
    }

    /// Puts a manifest or index under the reference's tag, else under its digest. All that it names must be there.
    ///
    /// # Errors
    /// As [`RegistryClient::push_blob`]; [`RegistryError::DigestMismatch`] when the registry got other bytes.
    pub async fn push_manifest(
        &self,
        reference: &Reference,
        media_type: &str,
        digest: &Digest,
        bytes: &[u8],
    ) -> Result<(), RegistryError> {
        crate::upload::push_manifest(&self.transport, reference, media_type, digest, bytes).await
    }

    /// All tags of a repository, as the registry sorts them; follows its pages.
    ///
    /// # Errors
    /// As [`RegistryClient::resolve`].
    pub async fn tags(&self, repository: &Reference) -> Result<Vec<String>, RegistryError> {
        crate::resolve::tags(&self.transport, repository).await
    }

    /// Where a search without a registry looks: `unqualified-search-registries`, docker.io when there are none.
    #[must_use]
    pub fn search_registries(&self) -> Vec<String> {
        self.transport.registries().search_list()
    }

    /// Repositories of a registry that have `term` in their name or description, at most `limit`; all of its catalogue
    /// for an empty term.
    ///
    /// # Errors
    /// As [`RegistryClient::resolve`].
    pub async fn search(
        &self,
        registry: &str,
        term: &str,
        limit: usize,
    ) -> Result<Vec<SearchHit>, RegistryError> {
        crate::search::search(&self.transport, registry, term, limit).await
    }

    /// Verifies a user name and password against a registry (`host[:port]`, or `host/namespace` for a part of it), then
    /// stores them in the first credentials file (mode 0600, replaced atomically) or its credential helper.
    ///
    /// # Errors
    /// [`RegistryError::LoginRefused`] when the registry does not take them; [`RegistryError::WriteFile`] and
    /// [`RegistryError::CredentialHelper`] when they cannot be stored.
    pub async fn login(&self, registry: &str, username: &str, password: &str) -> Result<(), RegistryError> {
        crate::config::login::login(&self.transport, registry, username, password).await
    }

    /// Removes the credentials of a registry from the first credentials file and its helper.
    ///
    /// # Errors
    /// [`RegistryError::NotLoggedIn`] when there are none there.
    pub async fn logout(&self, registry: &str) -> Result<(), RegistryError> {
        crate::config::login::logout(&self.transport, registry).await
    }

    /// Removes all credentials from the first credentials file.
    ///
    /// # Errors
    /// [`RegistryError::WriteFile`] when it cannot be replaced.
    pub fn logout_all(&self) -> Result<(), RegistryError> {
        crate::config::login::logout_all(&self.transport)
    }

    /// The user name stored for a registry (`login --get-login`).
    ///
    /// # Errors
    /// [`RegistryError::ReadFile`], [`RegistryError::InvalidConfig`], [`RegistryError::CredentialHelper`].
    pub async fn logged_in_user(&self, registry: &str) -> Result<Option<String>, RegistryError> {
        let key = credentials::normalized(registry);
        let found = credentials::find(&self.transport.config().paths.auth_files, key).await?;
        Ok(found.map(|credentials| credentials.username))
    }
}
