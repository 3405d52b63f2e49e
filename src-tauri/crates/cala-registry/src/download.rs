//! Downloading a blob: resumed after cuts, verified while it streams, from the next endpoint when one has it not.

use std::time::{Duration, Instant};

use bytes::Bytes;
use cala_spec::progress::PullProgress;
use reqwest::header::{CONTENT_RANGE, ETAG, HeaderMap, HeaderValue, IF_RANGE, RANGE};
use reqwest::{Method, Response, StatusCode};

use crate::blob::{BlobDescriptor, BlobSink, BlobSource, MemorySink};
use crate::config::registries::Endpoint;
use crate::error::RegistryError;
use crate::failure;
use crate::hasher::Hasher;
use crate::progress::Meter;
use crate::retry::Tries;
use crate::transport::{Request, Transport};

/// Bytes that count as progress against the idle time-out.
const PROGRESS: u64 = 1 << 10;
/// Bytes of a try after which it is not counted as a failed one.
const GOT_ON: u64 = 1 << 20;
/// After so long without progress it is told.
const STALL_NOTICE: Duration = Duration::from_secs(3);

/// Downloads a blob; see [`crate::RegistryClient::fetch_blob`].
pub(crate) async fn fetch(
    transport: &Transport,
    source: &BlobSource,
    blob: &BlobDescriptor,
    sink: &mut dyn BlobSink,
    progress: &(dyn Fn(PullProgress) + Send + Sync),
) -> Result<(), RegistryError> {
    let mut download = Download::new(transport, blob, sink, progress)?;
    let mut last = RegistryError::BlobUnknown { digest: blob.digest.clone(), repository: String::new() };
    for endpoint in &source.endpoints {
        match download.download_at(endpoint).await {
            Ok(()) => return Ok(()),
            Err(error) if error.is_worth_another_endpoint() => {
                tracing::debug!(%error, host = %endpoint.host, digest = %blob.digest, "blob not fetched from here");
                last = error;
            }
            Err(error) => return Err(error),
        }
    }
    Err(last)
}

/// Downloads a small blob into memory.
pub(crate) async fn fetch_small(
    transport: &Transport,
    source: &BlobSource,
    blob: &BlobDescriptor,
    limit: u64,
) -> Result<Vec<u8>, RegistryError> {
    if blob.size > limit {
        return Err(RegistryError::TooLarge { subject: format!("blob {}", blob.digest), limit });
    }
    let mut sink = MemorySink::default();
    fetch(transport, source, blob, &mut sink, &|_| ()).await?;
    Ok(sink.bytes)
}

/// One blob on its way into one sink.
struct Download<'a> {
    transport: &'a Transport,
    blob: &'a BlobDescriptor,
    sink: &'a mut dyn BlobSink,
    meter: Meter<'a>,
    subject: String,
    hasher: Hasher,
    /// Bytes in the sink; all of them went through the hasher.
    have: u64,
    /// Whether some of them come from an earlier download, whose bytes were not verified when they came.
    inherited: bool,
    /// The registry's mark for the bytes so far, for `If-Range`.
    etag: Option<HeaderValue>,
    /// Whether the endpoint answers `Range` with nonsense.
    no_range: bool,
}

impl<'a> Download<'a> {
    fn new(
        transport: &'a Transport,
        blob: &'a BlobDescriptor,
        sink: &'a mut dyn BlobSink,
        progress: &'a (dyn Fn(PullProgress) + Send + Sync),
    ) -> Result<Self, RegistryError> {
        let pace = transport.config().timing.progress;
        let mut download = Self {
            transport,
            blob,
            meter: Meter::new(&blob.digest, blob.size, pace, progress),
            subject: format!("blob {}", blob.digest),
            hasher: Hasher::like(&blob.digest),
            have: sink.offset(),
            sink,
            inherited: false,
            etag: None,
            no_range: false,
        };
        if download.have > 0 {
            download.inherit()?;
        }
        Ok(download)
    }

    /// Hashes what an earlier download left; drops it when that cannot be.
    fn inherit(&mut self) -> Result<(), RegistryError> {
        let (mut seen, hasher) = (0, &mut self.hasher);
        let replayed = self.have <= self.blob.size
            && self
                .sink
                .replay(&mut |bytes| {
                    seen += bytes.len() as u64;
                    hasher.update(bytes);
                })
                .is_ok();
        if replayed && seen == self.have {
            self.inherited = true;
            self.meter.downloaded(self.have);
            Ok(())
        } else {
            self.restart()
        }
    }

    fn restart(&mut self) -> Result<(), RegistryError> {
        self.hasher = Hasher::like(&self.blob.digest);
        self.have = 0;
        self.inherited = false;
        self.etag = None;
        self.sink.restart().map_err(|source| self.sink_failed(source))
    }

    fn sink_failed(&self, source: std::io::Error) -> RegistryError {
        RegistryError::Sink { digest: self.blob.digest.clone(), source }
    }

    /// Downloads from one endpoint, with as many tries as the timing grants.
    async fn download_at(&mut self, endpoint: &Endpoint) -> Result<(), RegistryError> {
        self.no_range = false;
        self.etag = None;
        let timing = &self.transport.config().timing;
        let mut tries = Tries::new(timing);
        loop {
            let before = self.have;
            let error = match self.attempt(endpoint).await {
                Ok(()) => match self.verify() {
                    Ok(()) => return Ok(()),
                    // The wrong bytes may be those of an earlier time: once more, all of them.
                    Err(_) if self.inherited => {
                        self.restart()?;
                        continue;
                    }
                    Err(error) => error,
                },
                Err(error) => error,
            };
            if matches!(error, RegistryError::DigestMismatch { .. } | RegistryError::SizeMismatch { .. }) {
                self.restart()?;
                return Err(error);
            }
            if self.have - before >= GOT_ON {
                tries.reset();
            }
            let (wait, attempt, error) = tries.after(error)?;
            self.meter.retrying(cala_spec::error::chain(&error), attempt);
            tokio::time::sleep(wait).await;
        }
    }

    fn verify(&self) -> Result<(), RegistryError> {
        self.hasher.clone().verify(&self.blob.digest, &self.subject)
    }

    /// One request, until the blob is complete or the connection fails.
    async fn attempt(&mut self, endpoint: &Endpoint) -> Result<(), RegistryError> {
        if self.have == self.blob.size {
            return Ok(());
        }
        let path = format!("blobs/{}", self.blob.digest);
        let headers = self.range_headers();
        let subject = self.subject.clone();
        let request =
            Request { method: Method::GET, endpoint, path: &path, headers, subject: &subject, write: None };
        let response = self.answer_to(&request).await?;
        let skip = self.check_head(&response, endpoint)?;
        if let Some(etag) = response.headers().get(ETAG).filter(|etag| !etag.as_bytes().starts_with(b"W/")) {
            self.etag = Some(etag.clone());
        }
        self.receive(response, skip, &endpoint.host).await
    }

    /// Sends the request; tells of stalls while there is no answer. The transport ends the wait.
    async fn answer_to(&mut self, request: &Request<'_>) -> Result<Response, RegistryError> {
        let begun = Instant::now();
        let notice = stall_notice(self.transport.config().timing.idle);
        let mut answer = std::pin::pin!(self.transport.send(request));
        loop {
            match tokio::time::timeout(notice.min(Duration::from_secs(1)), &mut answer).await {
                Ok(result) => return result,
                Err(_) if begun.elapsed() >= notice => self.meter.stalled(begun.elapsed().as_secs()),
                Err(_) => {}
            }
        }
    }

    fn range_headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if self.have > 0
            && !self.no_range
            && let Ok(range) = HeaderValue::from_str(&format!("bytes={}-", self.have))
        {
            headers.insert(RANGE, range);
            if let Some(etag) = &self.etag {
                headers.insert(IF_RANGE, etag.clone());
            }
        }
        headers
    }

    /// Checks status, range and length; how many bytes at the beginning are here already.
    fn check_head(&mut self, response: &Response, endpoint: &Endpoint) -> Result<u64, RegistryError> {
        let (size, have) = (self.blob.size, self.have);
        let expected = match response.status() {
            StatusCode::PARTIAL_CONTENT => {
                let range = response.headers().get(CONTENT_RANGE).and_then(|value| value.to_str().ok());
                if range.and_then(range_start) != Some(have) {
                    return Err(self.range_failed(&endpoint.host));
                }
                size - have
            }
            StatusCode::OK => size,
            StatusCode::RANGE_NOT_SATISFIABLE => return Err(self.range_failed(&endpoint.host)),
            StatusCode::NOT_FOUND => {
                let repository = endpoint.subject();
                return Err(RegistryError::BlobUnknown { digest: self.blob.digest.clone(), repository });
            }
            status => {
                let reason = format!("status {} to a download", status.as_u16());
                return Err(RegistryError::Protocol { host: endpoint.host.clone(), reason });
            }
        };
        if let Some(length) = response.content_length().filter(|&length| length != expected) {
            let got = (size - expected).saturating_add(length).to_string();
            return Err(RegistryError::SizeMismatch { subject: self.subject.clone(), expected: size, got });
        }
        // A registry that ignores `Range` sends the blob from its beginning: what is here is passed over, so that the
        // sink, perhaps a pipe into a decompressor, need not start again.
        Ok(have - (size - expected).min(have))
    }

    /// The next try goes without `Range`.
    fn range_failed(&mut self, host: &str) -> RegistryError {
        self.no_range = true;
        let source = Some("it cannot resume".into());
        RegistryError::Interrupted { host: host.to_owned(), subject: self.subject.clone(), source }
    }

    async fn receive(&mut self, mut response: Response, skip: u64, host: &str) -> Result<(), RegistryError> {
        let mut skip = skip;
        let mut pulse = Pulse::new(self.transport.config().timing.idle);
        loop {
            let Some(mut bytes) = self.next_chunk(&mut response, &mut pulse, host).await? else {
                if self.have == self.blob.size {
                    return Ok(());
                }
                let subject = self.subject.clone();
                return Err(RegistryError::Interrupted { host: host.to_owned(), subject, source: None });
            };
            pulse.beat(bytes.len() as u64);
            let passed = usize::try_from(skip).unwrap_or(usize::MAX).min(bytes.len());
            let bytes = bytes.split_off(passed);
            skip -= passed as u64;
            self.take(&bytes)?;
            // Time that the sink takes is not the registry's.
            pulse.forgive();
        }
    }

    fn take(&mut self, bytes: &[u8]) -> Result<(), RegistryError> {
        if bytes.is_empty() {
            return Ok(());
        }
        if bytes.len() as u64 > self.blob.size - self.have {
            let (subject, expected) = (self.subject.clone(), self.blob.size);
            return Err(RegistryError::SizeMismatch { subject, expected, got: "more".to_owned() });
        }
        self.hasher.update(bytes);
        self.sink.write(bytes).map_err(|source| self.sink_failed(source))?;
        self.have += bytes.len() as u64;
        self.meter.downloaded(self.have);
        Ok(())
    }

    /// The next bytes; `None` at the end. Tells of stalls while it waits.
    async fn next_chunk(
        &mut self,
        response: &mut Response,
        pulse: &mut Pulse,
        host: &str,
    ) -> Result<Option<Bytes>, RegistryError> {
        loop {
            match tokio::time::timeout(pulse.next_tick(), response.chunk()).await {
                Ok(Ok(chunk)) => return Ok(chunk),
                Ok(Err(error)) => {
                    let source = Some(failure::innermost(&error).into());
                    let subject = self.subject.clone();
                    return Err(RegistryError::Interrupted { host: host.to_owned(), subject, source });
                }
                Err(_) => {}
            }
            let still = pulse.still();
            if still >= pulse.idle {
                let (subject, seconds) = (self.subject.clone(), still.as_secs());
                return Err(RegistryError::Stalled { host: host.to_owned(), subject, seconds });
            }
            if still >= stall_notice(pulse.idle) {
                self.meter.stalled(still.as_secs());
            }
        }
    }
}

/// When a stall is first told: well before it ends a try.
fn stall_notice(idle: Duration) -> Duration {
    STALL_NOTICE.min(idle / 2)
}

/// Whether bytes keep coming.
struct Pulse {
    idle: Duration,
    since: Instant,
    bytes: u64,
    waiting: Instant,
}

impl Pulse {
    fn new(idle: Duration) -> Self {
        let now = Instant::now();
        Self { idle, since: now, bytes: 0, waiting: now }
    }

    /// Bytes came.
    fn beat(&mut self, bytes: u64) {
        self.bytes += bytes;
        if self.bytes >= PROGRESS {
            self.bytes = 0;
            self.since = Instant::now();
        }
        self.waiting = Instant::now();
    }

    /// The time since the last bytes came was spent elsewhere.
    fn forgive(&mut self) {
        self.since += self.waiting.elapsed();
    }

    /// How long there has been no progress.
    fn still(&self) -> Duration {
        self.since.elapsed()
    }

    /// How long to wait before looking again: a second, until a stall is to be told, or until the time-out.
    fn next_tick(&self) -> Duration {
        let left = self.idle.saturating_sub(self.still()).min(stall_notice(self.idle));
        left.clamp(Duration::from_millis(1), Duration::from_secs(1))
    }
}

/// The first position of `bytes FIRST-LAST/SIZE`.
fn range_start(text: &str) -> Option<u64> {
    text.trim().strip_prefix("bytes ")?.split('-').next()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read() {
        assert_eq!(range_start("bytes 5-9/10"), Some(5));
        assert_eq!(range_start("bytes */10"), None);
        assert_eq!(range_start("5-9/10"), None);
    }
}
