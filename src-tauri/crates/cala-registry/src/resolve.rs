//! From a reference to a verified image manifest: mirrors, digests, indexes, platforms.

use bytes::Bytes;
use cala_spec::{Digest, Platform, Reference};
use oci_client::manifest::{OCI_IMAGE_MEDIA_TYPE, OciImageIndex, OciImageManifest};
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue, LINK};
use reqwest::{Method, Response, StatusCode};

use crate::blob::{BlobDescriptor, BlobSource};
use crate::client::RegistryClient;
use crate::config::registries::Endpoint;
use crate::error::RegistryError;
use crate::hasher::Hasher;
use crate::manifest::{self, Document};
use crate::platform;
use crate::retry::Tries;
use crate::transport::{Request, Transport, read_body};

/// Where a registry says the digest of what it sends.
const CONTENT_DIGEST: &str = "docker-content-digest";
/// Most pages of tags that are read.
const MAX_TAG_PAGES: usize = 1000;

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

impl ResolvedManifest {
    /// The digest that the reference itself has at the registry: the index's, else the manifest's.
    #[must_use]
    pub fn reference_digest(&self) -> &Digest {
        self.index.as_ref().map_or(&self.manifest_digest, |(digest, _)| digest)
    }
}

/// Tries what a name may mean.
pub(crate) async fn resolve_name(
    client: &RegistryClient,
    name: &str,
    wanted: &Platform,
) -> Result<ResolvedManifest, RegistryError> {
    let candidates = client.candidates(name)?;
    let mut tried = Vec::new();
    let mut first_failure = None;
    for reference in &candidates {
        match client.resolve(reference, wanted).await {
            Ok(found) => return Ok(found),
            Err(error) if candidates.len() == 1 => return Err(error),
            Err(RegistryError::ManifestUnknown { .. } | RegistryError::Denied { .. }) => {}
            // A registry that fails does not hide the next one, but is worth telling if none has it.
            Err(error) => first_failure = first_failure.or(Some(error)),
        }
        tried.push(reference.to_string());
    }
    Err(first_failure.unwrap_or_else(|| RegistryError::ShortNameNotFound { name: name.to_owned(), tried }))
}

/// Tries a reference's endpoints.
pub(crate) async fn resolve(
    transport: &Transport,
    reference: &Reference,
    wanted: &Platform,
) -> Result<ResolvedManifest, RegistryError> {
    let endpoints = endpoints(transport, reference)?;
    let mut last = RegistryError::ManifestUnknown { reference: reference.to_string() };
    for (at, endpoint) in endpoints.iter().enumerate() {
        match resolve_at(transport, endpoint, reference, wanted).await {
            Ok(mut found) => {
                // Blobs come from where the manifest came from, else from the others in their order.
                let mut order = endpoints.clone();
                order.get_mut(..=at).unwrap_or_default().rotate_right(1);
                found.source = BlobSource { endpoints: order };
                return Ok(found);
            }
            Err(error) if error.is_worth_another_endpoint() => {
                tracing::debug!(%error, host = %endpoint.host, "manifest not fetched from here");
                last = error;
            }
            Err(error) => return Err(error),
        }
    }
    Err(last)
}

/// The digest that a tag has now.
pub(crate) async fn current_digest(
    transport: &Transport,
    reference: &Reference,
) -> Result<Option<Digest>, RegistryError> {
    let mut last = RegistryError::ManifestUnknown { reference: reference.to_string() };
    for endpoint in &endpoints(transport, reference)? {
        match request_manifest(transport, endpoint, reference, &tail(reference), Method::HEAD).await {
            Ok(response) => return announced_digest(&response, endpoint),
            Err(error) if error.is_worth_another_endpoint() => last = error,
            Err(error) => return Err(error),
        }
    }
    Err(last)
}

/// All tags of a repository.
pub(crate) async fn tags(
    transport: &Transport,
    repository: &Reference,
) -> Result<Vec<String>, RegistryError> {
    #[derive(serde::Deserialize)]
    struct Page {
        tags: Option<Vec<String>>,
    }
    let endpoints = endpoints(transport, repository)?;
    let Some(endpoint) = endpoints.last() else { return Ok(Vec::new()) };
    let subject = format!("tags of {}", repository.name());
    let (mut all, mut path) = (Vec::new(), "tags/list?n=1000".to_owned());
    for _ in 0..MAX_TAG_PAGES {
        let headers = HeaderMap::new();
        let request =
            Request { method: Method::GET, endpoint, path: &path, headers, subject: &subject, write: None };
        let response = transport.send(&request).await?;
        if response.status() == StatusCode::NOT_FOUND {
            return Err(RegistryError::ManifestUnknown { reference: repository.name() });
        }
        let next = next_page(response.headers());
        let body =
            read_body(response, &subject, manifest::MANIFEST_LIMIT, transport.config().timing.idle).await?;
        let page: Page = serde_json::from_slice(&body).map_err(|error| RegistryError::Protocol {
            host: endpoint.host.clone(),
            reason: error.to_string(),
        })?;
        all.extend(page.tags.unwrap_or_default());
        match next {
            Some(query) => path = format!("tags/list?{query}"),
            None => break,
        }
    }
    Ok(all)
}

/// The query of `<…?query>; rel="next"`. Only the query is taken, so that a page cannot lead to another host.
pub(crate) fn next_page(headers: &HeaderMap) -> Option<String> {
    let link = headers.get(LINK)?.to_str().ok()?;
    let (address, parameters) = link.strip_prefix('<')?.split_once('>')?;
    parameters.contains("next").then(|| address.split_once('?').map(|(_, query)| query.to_owned()))?
}

fn endpoints(transport: &Transport, reference: &Reference) -> Result<Vec<Endpoint>, RegistryError> {
    transport.registries().endpoints(reference, transport.config().tls_verify)
}

/// What follows `manifests/`: the digest when there is one, else the tag.
fn tail(reference: &Reference) -> String {
    match (&reference.digest, &reference.tag) {
        (Some(digest), _) => digest.to_string(),
        (None, Some(tag)) => tag.clone(),
        (None, None) => cala_spec::reference::DEFAULT_TAG.to_owned(),
    }
}

async fn resolve_at(
    transport: &Transport,
    endpoint: &Endpoint,
    reference: &Reference,
    wanted: &Platform,
) -> Result<ResolvedManifest, RegistryError> {
    let first = fetch(transport, endpoint, reference, &tail(reference), reference.digest.as_ref()).await?;
    match manifest::parse(&first.body, first.content_type.as_deref(), reference)? {
        Document::Image(image) => finish(reference, first, *image, None),
        Document::Index(index) => {
            let entry = choose(&index, reference, wanted)?;
            let second =
                fetch(transport, endpoint, reference, entry.digest.as_str(), Some(&entry.digest)).await?;
            let image = image_of(&second, &entry, reference)?;
            finish(reference, second, image, Some((first.digest, first.body)))
        }
    }
}

fn choose(
    index: &OciImageIndex,
    reference: &Reference,
    wanted: &Platform,
) -> Result<BlobDescriptor, RegistryError> {
    let entry =
        platform::choose(&index.manifests, wanted).ok_or_else(|| RegistryError::PlatformNotFound {
            reference: reference.to_string(),
            wanted: wanted.clone(),
            offered: platform::offered(&index.manifests),
        })?;
    manifest::checked_entry(entry, &reference.to_string())
}

/// The manifest that an index's entry named: of its size, of its type, and an image.
fn image_of(
    fetched: &Fetched,
    entry: &BlobDescriptor,
    reference: &Reference,
) -> Result<OciImageManifest, RegistryError> {
    let length = fetched.body.len() as u64;
    let subject = format!("manifest {}", entry.digest);
    if length != entry.size {
        return Err(RegistryError::SizeMismatch { subject, expected: entry.size, got: length.to_string() });
    }
    // The body is checked twice: against what the registry announces and against what the index promised.
    manifest::parse(&fetched.body, fetched.content_type.as_deref(), reference)?;
    match manifest::parse(&fetched.body, Some(&entry.media_type), reference)? {
        Document::Image(image) => Ok(*image),
        Document::Index(_) => Err(RegistryError::InvalidManifest {
            reference: reference.to_string(),
            reason: "its index leads to another index".to_owned(),
        }),
    }
}

fn finish(
    reference: &Reference,
    fetched: Fetched,
    image: OciImageManifest,
    index: Option<(Digest, Bytes)>,
) -> Result<ResolvedManifest, RegistryError> {
    let name = reference.to_string();
    let layers =
        image.layers.iter().map(|layer| manifest::checked(layer, &name)).collect::<Result<_, _>>()?;
    let media_type = image
        .media_type
        .clone()
        .or(fetched.content_type.filter(|text| manifest::is_index(text) == Some(false)))
        .unwrap_or_else(|| OCI_IMAGE_MEDIA_TYPE.to_owned());
    Ok(ResolvedManifest {
        reference: reference.clone(),
        source: BlobSource { endpoints: Vec::new() },
        manifest_digest: fetched.digest,
        manifest_bytes: fetched.body,
        media_type,
        config: manifest::checked(&image.config, &name)?,
        layers,
        manifest: image,
        index,
    })
}

/// A manifest or index whose digest is right.
#[derive(Debug)]
struct Fetched {
    body: Bytes,
    content_type: Option<String>,
    digest: Digest,
}

/// Fetches a manifest, with retries, and verifies it.
async fn fetch(
    transport: &Transport,
    endpoint: &Endpoint,
    reference: &Reference,
    tail: &str,
    expected: Option<&Digest>,
) -> Result<Fetched, RegistryError> {
    let mut tries = Tries::new(&transport.config().timing);
    loop {
        match fetch_once(transport, endpoint, reference, tail, expected).await {
            Ok(fetched) => return Ok(fetched),
            // Nobody there is said at once; a person waits for this answer.
            Err(error @ RegistryError::Unreachable { .. }) => return Err(error),
            Err(error) => tries.wait(error).await?,
        }
    }
}

async fn fetch_once(
    transport: &Transport,
    endpoint: &Endpoint,
    reference: &Reference,
    tail: &str,
    expected: Option<&Digest>,
) -> Result<Fetched, RegistryError> {
    let response = request_manifest(transport, endpoint, reference, tail, Method::GET).await?;
    let announced = announced_digest(&response, endpoint)?;
    let content_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let content_type = content_type.map(|text| text.split(';').next().unwrap_or_default().trim().to_owned());
    let subject = format!("manifest {tail} in {}", endpoint.subject());
    let limit = manifest::limit(content_type.as_deref());
    let body = read_body(response, &subject, limit, transport.config().timing.idle).await?;
    let verify = |digest: &Digest| {
        let mut hasher = Hasher::like(digest);
        hasher.update(&body);
        hasher.verify(digest, &subject)
    };
    announced.as_ref().map_or(Ok(()), verify)?;
    expected.map_or(Ok(()), verify)?;
    let digest = match expected.or(announced.as_ref()) {
        Some(digest) => digest.clone(),
        None => sha256(&body, endpoint)?,
    };
    Ok(Fetched { body, content_type, digest })
}

fn sha256(body: &[u8], endpoint: &Endpoint) -> Result<Digest, RegistryError> {
    let mut hasher = Hasher::Sha256(sha2::Digest::new());
    hasher.update(body);
    hasher
        .finish()
        .parse()
        .map_err(|_| RegistryError::Protocol { host: endpoint.host.clone(), reason: "no digest".to_owned() })
}

async fn request_manifest(
    transport: &Transport,
    endpoint: &Endpoint,
    reference: &Reference,
    tail: &str,
    method: Method,
) -> Result<Response, RegistryError> {
    let path = format!("manifests/{tail}");
    let subject = format!("reading manifest {tail} in {}", endpoint.subject());
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static(manifest::ACCEPT));
    let request = Request { method, endpoint, path: &path, headers, subject: &subject, write: None };
    let response = transport.send(&request).await?;
    if response.status() == StatusCode::NOT_FOUND {
        return Err(RegistryError::ManifestUnknown { reference: reference.to_string() });
    }
    if response.status() != StatusCode::OK {
        let reason = format!("status {} to a request for a manifest", response.status().as_u16());
        return Err(RegistryError::Protocol { host: endpoint.host.clone(), reason });
    }
    Ok(response)
}

/// The digest in the answer's head, if it is there.
fn announced_digest(response: &Response, endpoint: &Endpoint) -> Result<Option<Digest>, RegistryError> {
    let Some(value) = response.headers().get(CONTENT_DIGEST) else { return Ok(None) };
    let parsed = value.to_str().ok().and_then(|text| text.parse().ok());
    parsed.map(Some).ok_or_else(|| RegistryError::Protocol {
        host: endpoint.host.clone(),
        reason: "Docker-Content-Digest is not a digest".to_owned(),
    })
}
