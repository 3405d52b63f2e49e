//! Sending blobs and manifests (distribution specification, "Push").
//!
//! A blob is asked for first, then perhaps mounted from another repository, then sent: POST opens an upload, one PATCH
//! streams all bytes (registries that know no chunks understand that too), PUT closes it with the digest, which the
//! registry verifies. After a cut the upload is asked how far it came and goes on there, by a PATCH with a range.

use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use cala_spec::progress::PullProgress;
use cala_spec::{Digest, Reference};
use futures_util::stream;
use reqwest::header::{CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION, RANGE};
use reqwest::{Body, Method, Response, StatusCode, Url};

use crate::blob::BlobDescriptor;
use crate::config::registries::Endpoint;
use crate::error::RegistryError;
use crate::progress::Meter;
use crate::retry::Tries;
use crate::transport::{Request, Transport, Write};

/// Bytes that are read from the file at once.
const PIECE: usize = 128 << 10;
/// How often progress is looked at while bytes go.
const LOOK: std::time::Duration = std::time::Duration::from_millis(100);

/// How a blob came to be at the registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pushed {
    /// It was there.
    Existed,
    /// The registry took it over from another of its repositories.
    Mounted,
    /// Its bytes were sent.
    Sent,
}

/// See [`crate::RegistryClient::push_blob`].
pub(crate) async fn push_blob(
    transport: &Transport,
    repository: &Reference,
    blob: &BlobDescriptor,
    file: &Path,
    from: Option<&Reference>,
    progress: &(dyn Fn(PullProgress) + Send + Sync),
) -> Result<Pushed, RegistryError> {
    let endpoint = own_endpoint(transport, repository)?;
    let from = from.filter(|from| from.domain == repository.domain && from.path != repository.path);
    let mut scope = format!("repository:{}:pull,push", endpoint.repository);
    if let Some(from) = from {
        scope = format!("{scope} repository:{}:pull", from.path);
    }
    let subject = format!("blob {} to {}", blob.digest.short(), endpoint.subject());
    let pace = transport.config().timing.progress;
    let mut upload = Upload {
        line: Line { transport, endpoint: &endpoint, scope, subject },
        blob,
        file,
        from: from.map(|from| from.path.as_str()),
        meter: Meter::new(&blob.digest, blob.size, pace, progress),
        location: None,
    };
    let mut tries = Tries::new(&transport.config().timing);
    loop {
        let error = match upload.attempt().await {
            Ok(pushed) => return Ok(pushed),
            Err(error) => error,
        };
        let (wait, attempt, error) = tries.after(error)?;
        upload.meter.retrying(cala_spec::error::chain(&error), attempt);
        tokio::time::sleep(wait).await;
    }
}

/// The registry itself; mirrors are only read.
fn own_endpoint(transport: &Transport, repository: &Reference) -> Result<Endpoint, RegistryError> {
    let endpoints = transport.registries().endpoints(repository, transport.config().tls_verify)?;
    let own = endpoints.into_iter().find(|endpoint| !endpoint.mirror);
    own.ok_or_else(|| RegistryError::InvalidRegistry { name: repository.domain.clone() })
}

/// Where requests go and what they may do.
struct Line<'a> {
    transport: &'a Transport,
    endpoint: &'a Endpoint,
    scope: String,
    subject: String,
}

/// One blob on its way.
struct Upload<'a> {
    line: Line<'a>,
    blob: &'a BlobDescriptor,
    file: &'a Path,
    from: Option<&'a str>,
    meter: Meter<'a>,
    /// Where an upload that was begun goes on.
    location: Option<Url>,
}

impl Upload<'_> {
    async fn attempt(&mut self) -> Result<Pushed, RegistryError> {
        let begun = self.resume().await;
        let (location, offset) = match begun {
            Some(begun) => begun,
            None => {
                if self.exists().await? {
                    return Ok(Pushed::Existed);
                }
                match self.open().await? {
                    Some(location) => (location, 0),
                    None => return Ok(Pushed::Mounted),
                }
            }
        };
        self.location = Some(location.clone());
        let location = if offset < self.blob.size { self.stream(&location, offset).await? } else { location };
        self.location = Some(location.clone());
        self.close(location).await?;
        Ok(Pushed::Sent)
    }

    async fn exists(&self) -> Result<bool, RegistryError> {
        let path = format!("blobs/{}", self.blob.digest);
        let response = self.line.send(Method::HEAD, &path, None, HeaderMap::new(), &empty, None).await?;
        Ok(response.status() == StatusCode::OK)
    }

    /// Opens an upload; `None` when the blob was mounted instead.
    async fn open(&self) -> Result<Option<Url>, RegistryError> {
        let mount = self.from.map(|from| format!("?mount={}&from={from}", self.blob.digest));
        let path = format!("blobs/uploads/{}", mount.unwrap_or_default());
        let headers = HeaderMap::from_iter([(CONTENT_LENGTH, HeaderValue::from_static("0"))]);
        let response = self.line.send(Method::POST, &path, None, headers, &empty, None).await?;
        match response.status() {
            StatusCode::CREATED if self.from.is_some() => Ok(None),
            StatusCode::ACCEPTED => self.line.location_of(&response).map(Some),
            status => Err(self.line.unexpected(status)),
        }
    }

    /// How far an upload that was begun before came; `None` when there is none, or not any more.
    async fn resume(&mut self) -> Option<(Url, u64)> {
        let location = self.location.take()?;
        let response =
            self.line.send(Method::GET, "", Some(&location), HeaderMap::new(), &empty, None).await.ok()?;
        if response.status() != StatusCode::NO_CONTENT {
            return None;
        }
        // `0-n`: n is the last byte that is there.
        let range = response.headers().get(RANGE)?.to_str().ok()?;
        let last: u64 = range.trim_start_matches("bytes=").strip_prefix("0-")?.parse().ok()?;
        let there = if last == 0 { 0 } else { last + 1 };
        let location = self.line.location_of(&response).unwrap_or(location);
        (there <= self.blob.size).then_some((location, there))
    }

    /// Streams the file from `offset` on; where to go on.
    async fn stream(&mut self, location: &Url, offset: u64) -> Result<Url, RegistryError> {
        let length = self.blob.size - offset;
        self.check_file()?;
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
        headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
        if offset > 0 {
            let range = format!("{offset}-{}", self.blob.size.saturating_sub(1));
            headers.extend(HeaderValue::from_str(&range).map(|range| (CONTENT_RANGE, range)));
        }
        let moved = Arc::new(AtomicU64::new(0));
        let (file, counter) = (self.file.to_owned(), Arc::clone(&moved));
        let body = move || body_of(file.clone(), offset, length, &counter);
        let response = {
            let (line, meter) = (&self.line, &mut self.meter);
            let mut answer =
                std::pin::pin!(line.send(Method::PATCH, "", Some(location), headers, &body, Some(&moved)));
            let mut ended = None;
            while ended.is_none() {
                ended = tokio::time::timeout(LOOK, &mut answer).await.ok();
                let sent = offset + moved.load(Ordering::Relaxed).min(length);
                meter.downloaded(sent);
            }
            ended.unwrap_or_else(|| Err(line.unexpected(StatusCode::REQUEST_TIMEOUT)))?
        };
        match response.status() {
            StatusCode::ACCEPTED | StatusCode::CREATED | StatusCode::NO_CONTENT => {
                self.line.location_of(&response)
            }
            // The upload is known no more: a new one may do.
            StatusCode::NOT_FOUND | StatusCode::RANGE_NOT_SATISFIABLE => Err(self.line.lost()),
            status => Err(self.line.unexpected(status)),
        }
    }

    async fn close(&self, mut location: Url) -> Result<(), RegistryError> {
        location.query_pairs_mut().append_pair("digest", self.blob.digest.as_str());
        let headers = HeaderMap::from_iter([
            (CONTENT_TYPE, HeaderValue::from_static("application/octet-stream")),
            (CONTENT_LENGTH, HeaderValue::from_static("0")),
        ]);
        let response = self.line.send(Method::PUT, "", Some(&location), headers, &empty, None).await?;
        match response.status() {
            StatusCode::CREATED | StatusCode::NO_CONTENT => Ok(()),
            StatusCode::NOT_FOUND => Err(self.line.lost()),
            status => Err(self.line.unexpected(status)),
        }
    }

    /// The file must have the bytes that were announced: a body of another length breaks the connection.
    fn check_file(&self) -> Result<(), RegistryError> {
        let failed = |source| RegistryError::Source { digest: self.blob.digest.clone(), source };
        let there = std::fs::metadata(self.file).map_err(failed)?.len();
        if there == self.blob.size {
            return Ok(());
        }
        let text = format!("it has {there} bytes instead of {}", self.blob.size);
        Err(failed(std::io::Error::new(std::io::ErrorKind::InvalidData, text)))
    }
}

impl Line<'_> {
    async fn send(
        &self,
        method: Method,
        path: &str,
        target: Option<&Url>,
        headers: HeaderMap,
        body: &(dyn Fn() -> Body + Send + Sync),
        moved: Option<&AtomicU64>,
    ) -> Result<Response, RegistryError> {
        let write = Write { target, scope: &self.scope, body, moved };
        let request = Request {
            method,
            endpoint: self.endpoint,
            path,
            headers,
            subject: &self.subject,
            write: Some(write),
        };
        self.transport.send(&request).await
    }

    /// Where the registry wants the upload to go on.
    fn location_of(&self, response: &Response) -> Result<Url, RegistryError> {
        let text = response.headers().get(LOCATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let invalid = |reason: String| RegistryError::Protocol { host: self.endpoint.host.clone(), reason };
        if text.is_empty() {
            return Err(invalid("it names no address for the upload".to_owned()));
        }
        let mut url =
            response.url().join(text).map_err(|error| invalid(format!("address of the upload: {error}")))?;
        // User and password in an address would become an Authorization header.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        url.set_fragment(None);
        Ok(url)
    }

    fn unexpected(&self, status: StatusCode) -> RegistryError {
        let reason = format!("status {} to an upload", status.as_u16());
        RegistryError::Protocol { host: self.endpoint.host.clone(), reason }
    }

    fn lost(&self) -> RegistryError {
        let (host, subject) = (self.endpoint.host.clone(), self.subject.clone());
        RegistryError::Interrupted { host, subject, source: None }
    }
}

/// See [`crate::RegistryClient::push_manifest`].
pub(crate) async fn push_manifest(
    transport: &Transport,
    reference: &Reference,
    media_type: &str,
    digest: &Digest,
    bytes: &[u8],
) -> Result<(), RegistryError> {
    let endpoint = own_endpoint(transport, reference)?;
    let tail = reference.tag.clone().unwrap_or_else(|| digest.to_string());
    let (path, scope) =
        (format!("manifests/{tail}"), format!("repository:{}:pull,push", endpoint.repository));
    let subject = format!("writing manifest {tail} in {}", endpoint.subject());
    let invalid = |reason: String| RegistryError::Protocol { host: endpoint.host.clone(), reason };
    let media_type = HeaderValue::from_str(media_type).map_err(|error| invalid(error.to_string()))?;
    let owned = Bytes::copy_from_slice(bytes);
    let body = move || Body::from(owned.clone());
    let mut tries = Tries::new(&transport.config().timing);
    loop {
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, media_type.clone())]);
        let write = Write { target: None, scope: &scope, body: &body, moved: None };
        let request = Request {
            method: Method::PUT,
            endpoint: &endpoint,
            path: &path,
            headers,
            subject: &subject,
            write: Some(write),
        };
        match transport.send(&request).await {
            Ok(response) if response.status().is_success() => {
                return check_digest(&response, digest, subject);
            }
            Ok(response) => {
                return Err(invalid(format!("status {} to a manifest", response.status().as_u16())));
            }
            Err(error) => tries.wait(error).await?,
        }
    }
}

/// The digest that the registry says it stored.
fn check_digest(response: &Response, expected: &Digest, subject: String) -> Result<(), RegistryError> {
    let said = response.headers().get("docker-content-digest").and_then(|value| value.to_str().ok());
    match said.and_then(|text| text.parse::<Digest>().ok()) {
        Some(got) if got != *expected => {
            Err(RegistryError::DigestMismatch { subject, expected: expected.clone(), got })
        }
        _ => Ok(()),
    }
}

fn empty() -> Body {
    Body::from(Bytes::new())
}

/// The bytes of a file from `offset` on, each piece counted when it is asked for.
fn body_of(path: PathBuf, offset: u64, length: u64, moved: &Arc<AtomicU64>) -> Body {
    moved.store(0, Ordering::Relaxed);
    let moved = Arc::clone(moved);
    let pieces = stream::unfold(None, move |file: Option<std::fs::File>| {
        let (path, moved) = (path.clone(), Arc::clone(&moved));
        async move {
            let done = moved.load(Ordering::Relaxed);
            if done >= length {
                return None;
            }
            match next_piece(file, &path, offset, length - done) {
                Ok((bytes, file)) => {
                    moved.fetch_add(bytes.len() as u64, Ordering::Relaxed);
                    Some((Ok(bytes), Some(file)))
                }
                Err(error) => Some((Err(error), None)),
            }
        }
    });
    Body::wrap_stream(pieces)
}

fn next_piece(
    file: Option<std::fs::File>,
    path: &Path,
    offset: u64,
    left: u64,
) -> std::io::Result<(Bytes, std::fs::File)> {
    let mut file = match file {
        Some(file) => file,
        None => {
            let mut file = std::fs::File::open(path)?;
            file.seek(SeekFrom::Start(offset))?;
            file
        }
    };
    let mut piece = vec![0; PIECE.min(usize::try_from(left).unwrap_or(PIECE))];
    let count = file.read(&mut piece)?;
    if count == 0 {
        return Err(std::io::ErrorKind::UnexpectedEof.into());
    }
    piece.truncate(count);
    Ok((Bytes::from(piece), file))
}
