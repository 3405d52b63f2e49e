//! One request to one endpoint: scheme, authorisation, redirects by hand. No retries; see [`crate::retry`].

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue, LOCATION};
use reqwest::{Method, Response, StatusCode, Url};

use crate::challenge::{Challenge, challenges};
use crate::config::RegistryConfig;
use crate::config::registries::{Endpoint, Registries};
use crate::error::RegistryError;
use crate::failure::{self, Failure};
use crate::tls::Clients;
use crate::token::{Asked, Authorized, Tokens};
use crate::trust::{self, Reach};

/// Most hops that are followed.
const MAX_HOPS: usize = 10;
/// How long a loopback port may take to show that it speaks TLS before plain HTTP is tried.
const LOOPBACK_HANDSHAKE: Duration = Duration::from_secs(5);

/// A request below `/v2/`.
#[derive(Debug)]
pub(crate) struct Request<'a> {
    pub(crate) method: Method,
    pub(crate) endpoint: &'a Endpoint,
    /// What follows the repository: `manifests/latest`; with a slash before it, what follows the host.
    pub(crate) path: &'a str,
    pub(crate) headers: HeaderMap,
    /// What is read, for messages.
    pub(crate) subject: &'a str,
    /// What makes it a request that changes something.
    pub(crate) write: Option<Write<'a>>,
}

/// What a request that writes has beyond others. It follows no redirect.
#[derive(Clone, Copy)]
pub(crate) struct Write<'a> {
    /// Where to, when the registry named an address for it.
    pub(crate) target: Option<&'a Url>,
    /// What a token for it must be good for.
    pub(crate) scope: &'a str,
    /// Makes its body, each time anew.
    pub(crate) body: &'a (dyn Fn() -> reqwest::Body + Send + Sync),
    /// Counts bytes of the body that have gone: as long as it moves, an answer may take its time.
    pub(crate) moved: Option<&'a AtomicU64>,
}

impl std::fmt::Debug for Write<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Write")
            .field("target", &self.target)
            .field("scope", &self.scope)
            .finish_non_exhaustive()
    }
}

/// Connections, tokens and what is known of the hosts.
#[derive(Debug)]
pub(crate) struct Transport {
    config: RegistryConfig,
    registries: Registries,
    clients: Clients,
    pub(crate) tokens: Tokens,
    /// `https` or `http`, by host, once it has answered.
    schemes: Mutex<HashMap<String, &'static str>>,
    /// What a host asked for last, so that the next request need not be refused first.
    challenges: Mutex<HashMap<String, Vec<Challenge>>>,
}

impl Transport {
    /// Reads the configuration.
    pub(crate) fn new(config: RegistryConfig) -> Result<Self, RegistryError> {
        Ok(Self {
            registries: Registries::load(&config.paths)?,
            clients: Clients::new(&config),
            tokens: Tokens::default(),
            schemes: Mutex::default(),
            challenges: Mutex::default(),
            config,
        })
    }

    pub(crate) fn config(&self) -> &RegistryConfig {
        &self.config
    }

    pub(crate) fn registries(&self) -> &Registries {
        &self.registries
    }

    /// Sends a request with whatever authorisation its endpoint wants; one renewal when it is refused.
    ///
    /// Success, 404 and 416 are returned, every other status is an error.
    pub(crate) async fn send(&self, request: &Request<'_>) -> Result<Response, RegistryError> {
        let scope = request.write.map(|write| write.scope);
        let known = lock(&self.challenges).get(&request.endpoint.host).cloned();
        let before = match known {
            Some(challenges) => {
                let base = self.base(request.endpoint)?;
                let asked = Asked { challenges: &challenges, now: false, refused: None, scope };
                self.authorize(request.endpoint, &base, asked).await?
            }
            None => Authorized::default(),
        };
        let (response, url) = self.dispatch(request, before.header.as_ref()).await?;
        let base = self.base(request.endpoint)?;
        if response.status() != StatusCode::UNAUTHORIZED || !trust::same_origin(&url, &base) {
            return self.settled(response, &url, request, None).await;
        }
        let challenges = challenges(response.headers());
        lock(&self.challenges).insert(request.endpoint.host.clone(), challenges.clone());
        let asked = Asked { challenges: &challenges, now: true, refused: before.header.as_ref(), scope };
        let now = self.authorize(request.endpoint, &base, asked).await?;
        if now.header.is_none() || now.header == before.header {
            return self.settled(response, &url, request, Some(now)).await;
        }
        let (response, url) = self.dispatch(request, now.header.as_ref()).await?;
        self.settled(response, &url, request, Some(now)).await
    }

    /// Lets through what callers look at and makes errors of the rest.
    async fn settled(
        &self,
        response: Response,
        url: &Url,
        request: &Request<'_>,
        tried: Option<Authorized>,
    ) -> Result<Response, RegistryError> {
        let status = response.status();
        if status.is_success()
            || status == StatusCode::NOT_FOUND
            || status == StatusCode::RANGE_NOT_SATISFIABLE
        {
            return Ok(response);
        }
        if status != StatusCode::UNAUTHORIZED {
            let host = host_and_port(url);
            return Err(failure::of_status(response, &host, request.subject, self.config.timing.idle).await);
        }
        let (_, denied) = failure::problem(response, self.config.timing.idle).await;
        let tried = tried.unwrap_or_default();
        let subject = request.subject.to_owned();
        // A token was granted and does not open it: what is asked for does not exist, or not for everybody.
        if denied || (tried.header.is_some() && !tried.with_credentials && tried.withheld.is_none()) {
            return Err(RegistryError::Denied { host: request.endpoint.credentials_key.clone(), subject });
        }
        let host = request.endpoint.credentials_key.clone();
        Err(RegistryError::Unauthorized { host, subject, withheld: tried.withheld })
    }

    /// Scheme and host of an endpoint, with the scheme it is known to speak.
    pub(crate) fn base(&self, endpoint: &Endpoint) -> Result<Url, RegistryError> {
        let scheme = lock(&self.schemes).get(&endpoint.host).copied().unwrap_or("https");
        url(scheme, &endpoint.host, "")
    }

    /// Sends the first hop by the scheme that works, then follows redirects.
    pub(crate) async fn dispatch(
        &self,
        request: &Request<'_>,
        authorization: Option<&HeaderValue>,
    ) -> Result<(Response, Url), RegistryError> {
        let endpoint = request.endpoint;
        if let Some(target) = request.write.and_then(|write| write.target) {
            return self.dispatch_to(target, request, authorization).await;
        }
        let path = match (endpoint.repository.as_str(), request.path) {
            // An address of the registry beside its API.
            (_, path) if path.starts_with('/') => path.trim_start_matches('/').to_owned(),
            ("", path) => format!("v2/{path}"),
            (repository, path) => format!("v2/{repository}/{path}"),
        };
        let client = self.clients.client(&endpoint.host, endpoint.insecure, None)?;
        let try_scheme = async |scheme: &'static str, limit: Duration| {
            let url =
                url(scheme, &endpoint.host, &path).map_err(|error| Failure { error, maybe_plain: false })?;
            let response = self.execute(&client, request, &url, authorization, limit).await?;
            lock(&self.schemes).insert(endpoint.host.clone(), scheme);
            Ok::<_, Failure>((response, url))
        };
        let idle = self.config.timing.idle;
        let known = lock(&self.schemes).get(&endpoint.host).copied();
        let loopback = trust::is_loopback(&endpoint.host);
        let may_be_plain = endpoint.insecure || (loopback && self.config.tls_verify != Some(true));
        let first = match known {
            Some(scheme) => try_scheme(scheme, idle).await.map_err(|failed| failed.error)?,
            None => {
                let limit = if loopback && may_be_plain { idle.min(LOOPBACK_HANDSHAKE) } else { idle };
                match try_scheme("https", limit).await {
                    Ok(answer) => answer,
                    Err(failed) if failed.maybe_plain && may_be_plain => {
                        try_scheme("http", idle).await.map_err(|failed| failed.error)?
                    }
                    Err(failed) => return Err(failed.error),
                }
            }
        };
        match request.write {
            Some(_) => Ok(first),
            None => self.follow(request, authorization, first).await,
        }
    }

    /// Sends to the address that the registry named for an upload: under the rules for redirects, and with the
    /// authorisation only when it is the registry's own.
    async fn dispatch_to(
        &self,
        target: &Url,
        request: &Request<'_>,
        authorization: Option<&HeaderValue>,
    ) -> Result<(Response, Url), RegistryError> {
        let base = self.base(request.endpoint)?;
        let own = trust::same_origin(&base, target);
        let guard = if own { None } else { Some(self.check_hop(&base, &base, target, &[]).await?) };
        let host = host_and_port(target);
        let client = self.clients.client(&host, self.is_insecure(&host, request.endpoint), guard)?;
        let idle = self.config.timing.idle;
        let sent = self.execute(&client, request, target, authorization.filter(|_| own), idle).await;
        Ok((sent.map_err(|failed| failed.error)?, target.clone()))
    }

    /// Follows redirects of GET and HEAD under the rules of [`trust`].
    async fn follow(
        &self,
        request: &Request<'_>,
        authorization: Option<&HeaderValue>,
        first: (Response, Url),
    ) -> Result<(Response, Url), RegistryError> {
        let (mut response, mut url) = first;
        let origin = url.clone();
        let mut visited = vec![url.clone()];
        while matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
            let location =
                response.headers().get(LOCATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
            let mut target = url.join(location).map_err(|error| RegistryError::Protocol {
                host: host_and_port(&url),
                reason: format!("it redirects to an invalid address: {error}"),
            })?;
            // User and password in an address would become an Authorization header.
            let _ = target.set_username("");
            let _ = target.set_password(None);
            target.set_fragment(None);
            let guard = self.check_hop(&origin, &url, &target, &visited).await?;
            visited.push(target.clone());
            let host = host_and_port(&target);
            let insecure = self.is_insecure(&host, request.endpoint);
            let client = self.clients.client(&host, insecure, Some(guard))?;
            let authorization = authorization.filter(|_| trust::same_origin(&origin, &target));
            let idle = self.config.timing.idle;
            response = self
                .execute(&client, request, &target, authorization, idle)
                .await
                .map_err(|failed| failed.error)?;
            url = target;
        }
        Ok((response, url))
    }

    /// Checks one redirect; the reach of the registry, by which names are guarded when they are looked up.
    async fn check_hop(
        &self,
        origin: &Url,
        from: &Url,
        target: &Url,
        visited: &[Url],
    ) -> Result<Reach, RegistryError> {
        let refused = |reason| {
            let host = host_and_port(from);
            Err(RegistryError::RedirectRefused { host, target: failure::shown(target), reason })
        };
        if let Err(reason) = trust::check_scheme(from, target) {
            return refused(reason);
        }
        if visited.contains(target) {
            return refused("the redirects form a loop");
        }
        if visited.len() > MAX_HOPS {
            return refused("more than 10 redirects");
        }
        let reach = trust::reach(origin.host_str().unwrap_or_default()).await;
        match trust::literal_reach(target.host_str().unwrap_or_default()) {
            Some(to) if !reach.may_lead_to(to) => refused("an address nearer than the registry's own"),
            _ => Ok(reach),
        }
    }

    /// Whether another host than the endpoint's is reached without verification.
    pub(crate) fn is_insecure(&self, host: &str, endpoint: &Endpoint) -> bool {
        let same = host == endpoint.host && endpoint.insecure;
        self.config.tls_verify.map_or_else(|| same || self.registries.is_insecure(host), |verify| !verify)
    }

    /// Sends one request and waits for the head of its answer.
    async fn execute(
        &self,
        client: &reqwest::Client,
        request: &Request<'_>,
        url: &Url,
        authorization: Option<&HeaderValue>,
        limit: Duration,
    ) -> Result<Response, Failure> {
        let mut builder =
            client.request(request.method.clone(), url.clone()).headers(request.headers.clone());
        if let Some(value) = authorization {
            builder = builder.header(AUTHORIZATION, value);
        }
        if let Some(write) = request.write {
            builder = builder.body((write.body)());
        }
        let host = host_and_port(url);
        let moved =
            || request.write.and_then(|write| write.moved).map_or(0, |moved| moved.load(Ordering::Relaxed));
        let mut sending = std::pin::pin!(builder.send());
        loop {
            let before = moved();
            match tokio::time::timeout(limit, &mut sending).await {
                Ok(Ok(response)) => return Ok(response),
                Ok(Err(error)) => return Err(failure::of_request(&host, request.subject, error)),
                Err(_) if moved() != before => {}
                Err(_) => {
                    let (subject, seconds) = (request.subject.to_owned(), limit.as_secs());
                    let error = RegistryError::Stalled { host, subject, seconds };
                    return Err(Failure { error, maybe_plain: true });
                }
            }
        }
    }

    /// A client for a token server, guarded by the registry's reach.
    pub(crate) fn client_of(
        &self,
        url: &Url,
        endpoint: &Endpoint,
        guard: Reach,
    ) -> Result<reqwest::Client, RegistryError> {
        let host = host_and_port(url);
        self.clients.client(&host, self.is_insecure(&host, endpoint), Some(guard))
    }

    /// Forgets tokens and credentials, after `login` and `logout`.
    pub(crate) async fn forget(&self) {
        self.tokens.clear().await;
        lock(&self.challenges).clear();
    }
}

/// Downloads from an address that belongs to no registry.
pub(crate) async fn download(
    transport: &Transport,
    address: &str,
    each: &mut (dyn FnMut(&[u8]) -> std::io::Result<()> + Send),
) -> Result<(), RegistryError> {
    let setup =
        |reason: &str| RegistryError::Setup { host: address.to_owned(), source: reason.to_owned().into() };
    let mut url = Url::parse(address).map_err(|error| setup(&error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(setup("only http and https addresses are fetched"));
    }
    // What stands in an address is shown, logged and sent on: it is no place for a password.
    if !url.username().is_empty() || url.password().is_some() {
        return Err(setup("an address with a password is refused"));
    }
    url.set_fragment(None);
    let host = host_and_port(&url);
    let endpoint = Endpoint {
        host: host.clone(),
        repository: String::new(),
        credentials_key: host.clone(),
        insecure: false,
        mirror: false,
    };
    let request = Request {
        method: Method::GET,
        endpoint: &endpoint,
        path: "",
        headers: HeaderMap::new(),
        subject: address,
        write: None,
    };
    let client = transport.clients.client(&host, transport.is_insecure(&host, &endpoint), None)?;
    let idle = transport.config.timing.idle;
    let first =
        transport.execute(&client, &request, &url, None, idle).await.map_err(|failed| failed.error)?;
    let (mut response, url) = transport.follow(&request, None, (first, url)).await?;
    let host = host_and_port(&url);
    if !response.status().is_success() {
        return Err(failure::of_status(response, &host, address, idle).await);
    }
    let broken = |source: Box<dyn std::error::Error + Send + Sync>| {
        Err(RegistryError::Interrupted {
            host: host.clone(),
            subject: address.to_owned(),
            source: Some(source),
        })
    };
    loop {
        match tokio::time::timeout(idle, response.chunk()).await {
            Ok(Ok(Some(bytes))) => {
                if let Err(error) = each(&bytes) {
                    return broken(error.into());
                }
            }
            Ok(Ok(None)) => return Ok(()),
            Ok(Err(error)) => return broken(failure::innermost(&error).into()),
            Err(_) => {
                let (subject, seconds) = (address.to_owned(), idle.as_secs());
                return Err(RegistryError::Stalled { host, subject, seconds });
            }
        }
    }
}

/// Reads a body of at most `limit` bytes into memory.
///
/// # Errors
/// [`RegistryError::TooLarge`], [`RegistryError::Stalled`], [`RegistryError::Interrupted`].
pub(crate) async fn read_body(
    mut response: Response,
    subject: &str,
    limit: u64,
    idle: Duration,
) -> Result<Bytes, RegistryError> {
    let host = host_and_port(response.url());
    let too_large = || RegistryError::TooLarge { subject: subject.to_owned(), limit };
    if response.content_length().is_some_and(|length| length > limit) {
        return Err(too_large());
    }
    let mut body = BytesMut::new();
    loop {
        match tokio::time::timeout(idle, response.chunk()).await {
            Ok(Ok(Some(bytes))) if (body.len() + bytes.len()) as u64 > limit => return Err(too_large()),
            Ok(Ok(Some(bytes))) => body.extend_from_slice(&bytes),
            Ok(Ok(None)) => return Ok(body.freeze()),
            Ok(Err(error)) => {
                let source = Some(failure::innermost(&error).into());
                return Err(RegistryError::Interrupted { host, subject: subject.to_owned(), source });
            }
            Err(_) => {
                return Err(RegistryError::Stalled {
                    host,
                    subject: subject.to_owned(),
                    seconds: idle.as_secs(),
                });
            }
        }
    }
}

/// `host[:port]` as endpoints name it.
pub(crate) fn host_and_port(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

fn url(scheme: &str, host: &str, path: &str) -> Result<Url, RegistryError> {
    Url::parse(&format!("{scheme}://{host}/{path}"))
        .map_err(|error| RegistryError::Setup { host: host.to_owned(), source: error.to_string().into() })
}

/// These maps stay whole whatever panics beside them.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
