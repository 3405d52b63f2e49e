//! OCI distribution client: auth, mirrors, resumable parallel blobs. The only outward HTTP.
//!
//! A pull is [`RegistryClient::resolve_name`] (or [`RegistryClient::resolve`]) and then one
//! [`RegistryClient::fetch_blob`] per layer and for the configuration, as many at once as the caller likes. Everything
//! that comes is verified before it is handed over as complete: manifests against the digest asked for or announced,
//! blobs against digest and size while they stream.
//!
//! A push is [`RegistryClient::push_blob`] for each blob and then [`RegistryClient::push_manifest`].
//!
//! Start reading at [`client`] (the façade), then `transport` (one request: redirects, authorisation, scheme),
//! [`resolve`] (manifest and platform), `download.rs` (resume, verify) and `upload.rs`.
//!
//! **Rules held here** (security.md R7, R11, R12): digests are parsed before a path or URL is built from them; documents
//! have size limits; a body that is both manifest and index is refused; credentials go only to the host they were
//! entered for (the exact rule stands in `trust.rs`); redirects are followed by hand.
//!
//! **oci-client**: its manifest types, media types and error envelope are used. Its `Client` is not: it builds its
//! `reqwest::Client` itself and leaves reqwest's redirect policy in place (ten hops, from https to http and to private
//! addresses too), sends credentials to whatever realm a challenge names, and reads manifests without a bound; none of
//! the three can be changed through its `ClientConfig`.
//!
//! Deliberately absent: files of the store (the caller's [`BlobSink`] writes), decompression, signatures.

#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests"))]

pub mod blob;
pub mod client;
pub mod config;
pub mod error;
pub mod resolve;

mod challenge;
mod classify;
mod download;
mod failure;
mod hasher;
mod manifest;
mod platform;
mod progress;
mod retry;
mod search;
mod tls;
mod token;
mod transport;
mod trust;
mod upload;

pub use blob::{BlobDescriptor, BlobSink, BlobSource, MemorySink};
pub use client::RegistryClient;
pub use config::credentials::Credentials;
pub use config::{ConfigPaths, RegistryConfig, Timing};
pub use error::RegistryError;
pub use resolve::ResolvedManifest;
pub use search::SearchHit;
pub use upload::Pushed;
