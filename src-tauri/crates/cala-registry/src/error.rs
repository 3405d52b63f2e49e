//! What can go wrong between Cala and a registry, and what a person can do about it.
//!
//! The phrases that scripts match (`manifest unknown`, `requested access to the resource is denied`, `unauthorized:
//! authentication required`) are Podman's.

use std::io;
use std::path::PathBuf;

use cala_spec::reference::InvalidReference;
use cala_spec::{Digest, Platform};

/// A failed act of the distribution client.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// A configuration file has a content that cannot be used.
    #[error("invalid configuration in `{}`: {reason}", path.display())]
    InvalidConfig {
        /// The file.
        path: PathBuf,
        /// What is wrong, in one line.
        reason: String,
    },
    /// A configuration, certificate or credentials file cannot be read.
    #[error("cannot read `{}`", path.display())]
    ReadFile {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The credentials file cannot be written.
    #[error("cannot write `{}`", path.display())]
    WriteFile {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A name that is no image reference.
    #[error(transparent)]
    InvalidReference(#[from] InvalidReference),
    /// A name that is no registry.
    #[error("`{name}` is not a registry (`host[:port]`)")]
    InvalidRegistry {
        /// The name as it was given.
        name: String,
    },
    /// The configuration forbids this registry.
    #[error("registry `{registry}` is blocked in registries.conf")]
    Blocked {
        /// Prefix of the registry that is blocked.
        registry: String,
    },
    /// The registry has no such manifest or repository.
    #[error("reading manifest {}: manifest unknown", place(reference))]
    ManifestUnknown {
        /// The full reference.
        reference: String,
    },
    /// None of the registries that a short name may mean has it.
    #[error("short name `{name}` was found in none of: {}", tried.join(", "))]
    ShortNameNotFound {
        /// The short name.
        name: String,
        /// The full references that were tried.
        tried: Vec<String>,
    },
    /// A layer or configuration that the manifest names is not there.
    #[error("blob {digest} of {repository}: blob unknown to registry")]
    BlobUnknown {
        /// The blob.
        digest: Digest,
        /// Host and repository.
        repository: String,
    },
    /// The registry refuses access (403, or 401 in spite of credentials).
    #[error("{subject}: requested access to the resource is denied")]
    Denied {
        /// The host that refused.
        host: String,
        /// Host and repository that were asked for.
        subject: String,
    },
    /// The registry wants credentials and none are known.
    #[error("{subject}: unauthorized: authentication required")]
    Unauthorized {
        /// The host that wants them.
        host: String,
        /// Host and repository that were asked for.
        subject: String,
        /// Why known credentials were not sent, when they were not.
        withheld: Option<String>,
    },
    /// Wrong user name or password at `login`.
    #[error("logging into \"{host}\": invalid username/password")]
    LoginRefused {
        /// The registry.
        host: String,
    },
    /// `logout` of a registry for which there are no credentials.
    #[error("not logged into {host}")]
    NotLoggedIn {
        /// The registry.
        host: String,
    },
    /// A credential helper failed.
    #[error("credential helper `docker-credential-{helper}`: {reason}")]
    CredentialHelper {
        /// Its name after `docker-credential-`.
        helper: String,
        /// What it said, or why it could not be run.
        reason: String,
    },
    /// No connection to the registry.
    #[error("pinging container registry {host}")]
    Unreachable {
        /// The host.
        host: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The server's certificate is not trusted.
    #[error("pinging container registry {host}: the certificate is not trusted")]
    TlsUntrusted {
        /// The host.
        host: String,
        /// Whether the certificate's dates are the reason, so that a wrong clock may be.
        clock: bool,
        /// Why, in the words of the TLS library.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The server does not speak TLS, and plain HTTP is not allowed for it.
    #[error("pinging container registry {host}: server gave HTTP response to HTTPS client")]
    PlainHttp {
        /// The host.
        host: String,
    },
    /// A redirect, token server or next hop that the rules do not allow.
    #[error("{host} sends on to {target}, which is refused: {reason}")]
    RedirectRefused {
        /// The host that redirected.
        host: String,
        /// Where to, without credentials and query.
        target: String,
        /// Which rule forbids it.
        reason: &'static str,
    },
    /// The registry limits the rate and wants a longer wait than Cala grants.
    #[error("{host}: too many requests{}", retry_after.map_or_else(String::new, |s| format!(", try again in {s} seconds")))]
    TooManyRequests {
        /// The host.
        host: String,
        /// The wait that it wants, in seconds.
        retry_after: Option<u64>,
    },
    /// The registry failed by itself (5xx), also when asked again.
    #[error("{host} answered {status}{}", detail(message))]
    Server {
        /// The host.
        host: String,
        /// HTTP status.
        status: u16,
        /// What it said, in one line; may be empty.
        message: String,
        /// When it wants to be asked again, in seconds.
        retry_after: Option<u64>,
    },
    /// An answer that the distribution specification does not allow.
    #[error("unexpected answer of {host}: {reason}")]
    Protocol {
        /// The host.
        host: String,
        /// What was wrong.
        reason: String,
    },
    /// Bytes are not those that the digest names.
    #[error("{subject}: digest mismatch: expected {expected}, got {got}")]
    DigestMismatch {
        /// `manifest …` or `blob …`.
        subject: String,
        /// The digest asked for.
        expected: Digest,
        /// The digest of what came.
        got: Digest,
    },
    /// More or fewer bytes than the descriptor says.
    #[error("{subject}: size mismatch: expected {expected} bytes, got {got}")]
    SizeMismatch {
        /// `manifest …` or `blob …`.
        subject: String,
        /// Bytes of the descriptor.
        expected: u64,
        /// Bytes that came or were announced.
        got: String,
    },
    /// A body is of another type than announced.
    #[error("{subject}: media type mismatch: expected `{expected}`, got `{got}`")]
    MediaTypeMismatch {
        /// What was read.
        subject: String,
        /// The type that the descriptor or the header names.
        expected: String,
        /// The type that the body names.
        got: String,
    },
    /// A manifest that breaks the image specification.
    #[error("manifest of {reference} is invalid: {reason}")]
    InvalidManifest {
        /// The reference.
        reference: String,
        /// Which rule it breaks.
        reason: String,
    },
    /// A kind of manifest that is not an image Cala can run.
    #[error("{reference} is not an image: `{media_type}` is not supported")]
    UnsupportedManifest {
        /// The reference.
        reference: String,
        /// Its media type.
        media_type: String,
    },
    /// A document is larger than is read into memory.
    #[error("{subject} is larger than {limit} bytes")]
    TooLarge {
        /// What was read.
        subject: String,
        /// The bound in bytes.
        limit: u64,
    },
    /// The index offers no image for the platform.
    #[error("no image found in {reference} for platform {wanted}; it offers {}", offer(offered))]
    PlatformNotFound {
        /// The reference.
        reference: String,
        /// The platform wished for.
        wanted: Platform,
        /// The platforms offered, as `os/architecture[/variant]`.
        offered: Vec<String>,
    },
    /// Nothing came for the whole idle time-out, also when tried again.
    #[error("{subject}: {host} sent nothing for {seconds} seconds")]
    Stalled {
        /// The host.
        host: String,
        /// What was being read.
        subject: String,
        /// The idle time-out, in seconds.
        seconds: u64,
    },
    /// The connection broke before all was there, also when tried again.
    #[error("{subject}: {host} closed the connection early")]
    Interrupted {
        /// The host.
        host: String,
        /// What was being read.
        subject: String,
        /// Why, when the transport says.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// The bytes cannot be stored.
    #[error("cannot store blob {digest}")]
    Sink {
        /// The blob.
        digest: Digest,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The bytes that are to be sent cannot be read.
    #[error("cannot read blob {digest}")]
    Source {
        /// The blob.
        digest: Digest,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The TLS or HTTP library refused its set-up.
    #[error("cannot set up the connection to {host}")]
    Setup {
        /// The host.
        host: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// `latest in docker.io/library/alpine` of `docker.io/library/alpine:latest`, as Podman says it.
fn place(reference: &str) -> String {
    let slash = reference.rfind('/').unwrap_or(0);
    let split = reference.split_once('@').or_else(|| {
        let colon = reference.get(slash..)?.find(':')? + slash;
        Some((reference.get(..colon)?, reference.get(colon + 1..)?))
    });
    split.map_or_else(|| reference.to_owned(), |(name, tail)| format!("{tail} in {name}"))
}

fn detail(message: &str) -> String {
    if message.is_empty() { String::new() } else { format!(": {message}") }
}

fn offer(offered: &[String]) -> String {
    if offered.is_empty() { "none".to_owned() } else { offered.join(", ") }
}

impl RegistryError {
    /// Whether the same request may succeed a little later.
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. }
            | Self::Stalled { .. }
            | Self::Interrupted { .. }
            | Self::TooManyRequests { .. } => true,
            Self::Server { status, .. } => matches!(status, 408 | 500 | 502 | 503 | 504),
            _ => false,
        }
    }

    /// Whether another endpoint (the next mirror, the registry itself) may do better.
    pub(crate) fn is_worth_another_endpoint(&self) -> bool {
        !matches!(
            self,
            Self::Sink { .. }
                | Self::Blocked { .. }
                | Self::InvalidReference(_)
                | Self::PlatformNotFound { .. }
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn podmans_phrases_are_kept() {
        let unknown =
            |reference: &str| RegistryError::ManifestUnknown { reference: reference.to_owned() }.to_string();
        assert_eq!(unknown("h:5000/a/b:1"), "reading manifest 1 in h:5000/a/b: manifest unknown");
        assert_eq!(unknown("h:5000/a"), "reading manifest h:5000/a: manifest unknown");
        let denied = RegistryError::Denied { host: "h".into(), subject: "reading manifest 1 in h/a".into() };
        assert_eq!(
            denied.to_string(),
            "reading manifest 1 in h/a: requested access to the resource is denied"
        );
    }
}
