//! Authorisation: basic, and bearer tokens (distribution specification, "token authentication"), kept per scope.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Response, StatusCode, Url};
use serde::Deserialize;
use tokio::sync::Mutex;

use crate::challenge::Challenge;
use crate::config::credentials::{self, Credentials};
use crate::config::registries::Endpoint;
use crate::error::RegistryError;
use crate::failure;
use crate::retry::Tries;
use crate::transport::{Request, Transport, read_body};
use crate::trust;

/// Largest answer of a token server, in bytes.
const TOKEN_LIMIT: u64 = 1 << 20;
/// How long a token holds whose server does not say (distribution specification).
const DEFAULT_EXPIRY: u64 = 60;

/// What a request is authorised with.
#[derive(Debug, Default)]
pub(crate) struct Authorized {
    pub(crate) header: Option<HeaderValue>,
    /// Whether credentials stand behind it, and not an anonymous token.
    pub(crate) with_credentials: bool,
    /// Why credentials that are known were not used.
    pub(crate) withheld: Option<String>,
}

/// What a registry asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) challenges: &'a [Challenge],
    /// Whether they answer this very request; else they come from an earlier one, with perhaps another scope.
    pub(crate) now: bool,
    /// What the request carried when it was refused.
    pub(crate) refused: Option<&'a HeaderValue>,
    /// What a token must be good for; `None` for reading, as the server says it.
    pub(crate) scope: Option<&'a str>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct TokenKey {
    realm: String,
    service: Option<String>,
    scope: String,
}

/// A token; times are monotonic, so that a wrong clock does no harm.
struct Token {
    value: HeaderValue,
    until: Instant,
    with_credentials: bool,
    withheld: Option<String>,
}

/// Tokens and credentials found so far.
#[derive(Default)]
pub(crate) struct Tokens {
    tokens: Mutex<HashMap<TokenKey, Token>>,
    /// By `host/repository`, because helpers are slow programs.
    credentials: Mutex<HashMap<String, Option<Credentials>>>,
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tokens")
    }
}

impl Tokens {
    pub(crate) async fn clear(&self) {
        self.tokens.lock().await.clear();
        self.credentials.lock().await.clear();
    }
}

#[derive(Deserialize)]
struct Granted {
    token: Option<String>,
    access_token: Option<String>,
    expires_in: Option<u64>,
}

impl Transport {
    /// What a request to `endpoint` is to carry.
    pub(crate) async fn authorize(
        &self,
        endpoint: &Endpoint,
        base: &Url,
        asked: Asked<'_>,
    ) -> Result<Authorized, RegistryError> {
        let known = self.credentials_of(endpoint).await?;
        self.authorize_as(endpoint, base, asked, known.as_ref()).await
    }

    async fn authorize_as(
        &self,
        endpoint: &Endpoint,
        base: &Url,
        asked: Asked<'_>,
        known: Option<&Credentials>,
    ) -> Result<Authorized, RegistryError> {
        for challenge in asked.challenges {
            match challenge {
                Challenge::Bearer { realm, service, scope } => {
                    let default = format!("repository:{}:pull", endpoint.repository);
                    let scope = match scope {
                        _ if asked.scope.is_some() => asked.scope.unwrap_or_default().to_owned(),
                        Some(scope) if asked.now => scope.clone(),
                        _ if endpoint.repository.is_empty() => String::new(),
                        _ => default,
                    };
                    let key = TokenKey { realm: realm.clone(), service: service.clone(), scope };
                    return self.token(endpoint, base, key, known, asked.refused).await;
                }
                Challenge::Basic => {
                    if let Some(credentials) = known {
                        let header = Some(secret(&credentials.basic(), &endpoint.host)?);
                        return Ok(Authorized { header, with_credentials: true, withheld: None });
                    }
                }
            }
        }
        Ok(Authorized::default())
    }

    /// The credentials for an endpoint: those given for this command, else stored ones.
    async fn credentials_of(&self, endpoint: &Endpoint) -> Result<Option<Credentials>, RegistryError> {
        if let Some(given) = self.config().credentials.as_ref().filter(|_| !endpoint.mirror) {
            return Ok(Some(given.clone()));
        }
        self.stored_credentials(&endpoint.subject()).await
    }

    async fn stored_credentials(&self, key: &str) -> Result<Option<Credentials>, RegistryError> {
        let mut known = self.tokens.credentials.lock().await;
        if let Some(found) = known.get(key) {
            return Ok(found.clone());
        }
        let found = credentials::find(&self.config().paths.auth_files, key).await?;
        known.insert(key.to_owned(), found.clone());
        Ok(found)
    }

    /// A token from the cache or its server. The lock is held while the server is asked, so that layers that are
    /// fetched in parallel ask once.
    async fn token(
        &self,
        endpoint: &Endpoint,
        base: &Url,
        key: TokenKey,
        known: Option<&Credentials>,
        refused: Option<&HeaderValue>,
    ) -> Result<Authorized, RegistryError> {
        let mut tokens = self.tokens.tokens.lock().await;
        // After a refusal, a token that somebody else renewed while this request waited is new enough.
        let usable = |token: &Token| token.until > Instant::now() && refused != Some(&token.value);
        if let Some(token) = tokens.get(&key).filter(|token| usable(token)) {
            let header = Some(token.value.clone());
            let (with_credentials, withheld) = (token.with_credentials, token.withheld.clone());
            return Ok(Authorized { header, with_credentials, withheld });
        }
        let realm = Url::parse(&key.realm).map_err(|error| RegistryError::Protocol {
            host: endpoint.host.clone(),
            reason: format!("its token server is not an address: {error}"),
        })?;
        let (credentials, withheld) = self.credentials_for_realm(base, &realm, known).await?;
        let granted = self.fetch_token(endpoint, base, &realm, &key, credentials.as_ref()).await?;
        let host = realm.host_str().unwrap_or_default();
        let value = granted.token.or(granted.access_token).unwrap_or_default();
        if value.is_empty() {
            return Err(RegistryError::Protocol {
                host: host.to_owned(),
                reason: "it granted no token".to_owned(),
            });
        }
        let value = secret(&format!("Bearer {value}"), host)?;
        // A tenth off, so that a token does not run out on its way.
        let seconds = granted.expires_in.filter(|&s| s > 0).unwrap_or(DEFAULT_EXPIRY).min(24 * 3600) * 9 / 10;
        let with_credentials = credentials.is_some();
        let until = Instant::now() + Duration::from_secs(seconds);
        let token = Token { value: value.clone(), until, with_credentials, withheld: withheld.clone() };
        tokens.insert(key, token);
        Ok(Authorized { header: Some(value), with_credentials, withheld })
    }

    /// Which credentials a token server may see, and why it does not see the registry's ([`trust`]).
    async fn credentials_for_realm(
        &self,
        base: &Url,
        realm: &Url,
        known: Option<&Credentials>,
    ) -> Result<(Option<Credentials>, Option<String>), RegistryError> {
        if known.is_some() && trust::realm_may_see_credentials(base, realm) {
            return Ok((known.cloned(), None));
        }
        let host = realm.host_str().unwrap_or_default();
        let host = realm.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        let own = self.stored_credentials(&host).await?;
        let withheld = (known.is_some() && own.is_none()).then(|| {
            format!(
                "the credentials were not sent to the token server {host}, which is not the registry they were entered \
                 for; `cala login {host}` allows it"
            )
        });
        Ok((own, withheld))
    }

    async fn fetch_token(
        &self,
        endpoint: &Endpoint,
        base: &Url,
        realm: &Url,
        key: &TokenKey,
        credentials: Option<&Credentials>,
    ) -> Result<Granted, RegistryError> {
        let mut tries = Tries::new(&self.config().timing);
        loop {
            match self.ask_for_token(endpoint, base, realm, key, credentials).await {
                Ok(granted) => return Ok(granted),
                Err(error) => tries.wait(error).await?,
            }
        }
    }

    async fn ask_for_token(
        &self,
        endpoint: &Endpoint,
        base: &Url,
        realm: &Url,
        key: &TokenKey,
        credentials: Option<&Credentials>,
    ) -> Result<Granted, RegistryError> {
        let refused = |reason| RegistryError::RedirectRefused {
            host: base.host_str().unwrap_or_default().to_owned(),
            target: failure::shown(realm),
            reason,
        };
        trust::check_scheme(base, realm).map_err(refused)?;
        let reach = trust::reach(base.host_str().unwrap_or_default()).await;
        if trust::literal_reach(realm.host_str().unwrap_or_default()).is_some_and(|to| !reach.may_lead_to(to))
        {
            return Err(refused("an address nearer than the registry's own"));
        }
        let client = self.client_of(realm, endpoint, reach)?;
        let subject = endpoint.subject();
        let host = realm.host_str().unwrap_or_default();
        let idle = self.config().timing.idle;
        let sent = tokio::time::timeout(idle, token_request(&client, realm, key, credentials)?.send()).await;
        let response = match sent {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => return Err(failure::of_request(host, &subject, error).error),
            Err(_) => {
                let (host, seconds) = (host.to_owned(), idle.as_secs());
                return Err(RegistryError::Stalled { host, subject, seconds });
            }
        };
        self.granted(response, endpoint, host, &subject).await
    }

    async fn granted(
        &self,
        response: Response,
        endpoint: &Endpoint,
        host: &str,
        subject: &str,
    ) -> Result<Granted, RegistryError> {
        let idle = self.config().timing.idle;
        match response.status() {
            status if status.is_success() => {
                let body = read_body(response, "the token", TOKEN_LIMIT, idle).await?;
                serde_json::from_slice(&body).map_err(|error| RegistryError::Protocol {
                    host: host.to_owned(),
                    reason: format!("its token cannot be read: {error}"),
                })
            }
            StatusCode::UNAUTHORIZED | StatusCode::BAD_REQUEST => Err(RegistryError::Unauthorized {
                host: endpoint.credentials_key.clone(),
                subject: subject.to_owned(),
                withheld: None,
            }),
            // A token server that moves is not followed: a realm is an exact address.
            status if status.is_redirection() => Err(RegistryError::RedirectRefused {
                host: host.to_owned(),
                target: "another token server".to_owned(),
                reason: "token servers do not redirect",
            }),
            _ => Err(failure::of_status(response, host, subject, idle).await),
        }
    }

    /// Tries credentials at a registry without keeping anything.
    ///
    /// # Errors
    /// [`RegistryError::LoginRefused`] when it does not take them.
    pub(crate) async fn verify_login(
        &self,
        endpoint: &Endpoint,
        credentials: &Credentials,
    ) -> Result<(), RegistryError> {
        self.forget().await;
        let subject = endpoint.credentials_key.as_str();
        let request = Request {
            method: reqwest::Method::GET,
            endpoint,
            path: "",
            headers: Default::default(),
            subject,
            write: None,
        };
        let refused = || RegistryError::LoginRefused { host: endpoint.credentials_key.clone() };
        let (response, _) = self.dispatch(&request, None).await?;
        if response.status() != StatusCode::UNAUTHORIZED {
            return if response.status().is_success() {
                Ok(())
            } else {
                Err(failure::of_status(response, &endpoint.host, subject, self.config().timing.idle).await)
            };
        }
        let challenges = crate::challenge::challenges(response.headers());
        let base = self.base(endpoint)?;
        let asked = Asked { challenges: &challenges, now: true, refused: None, scope: None };
        let authorized = match self.authorize_as(endpoint, &base, asked, Some(credentials)).await {
            Err(RegistryError::Unauthorized { withheld: None, .. } | RegistryError::Denied { .. }) => {
                return Err(refused());
            }
            other => other?,
        };
        self.forget().await;
        if let Some(withheld) = authorized.withheld {
            let (host, subject) = (endpoint.credentials_key.clone(), subject.to_owned());
            return Err(RegistryError::Unauthorized { host, subject, withheld: Some(withheld) });
        }
        let (response, _) = self.dispatch(&request, authorized.header.as_ref()).await?;
        match response.status() {
            status if status.is_success() => Ok(()),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(refused()),
            _ => Err(failure::of_status(response, &endpoint.host, subject, self.config().timing.idle).await),
        }
    }
}

/// GET with basic authorisation; POST for identity tokens (OAuth2).
fn token_request(
    client: &reqwest::Client,
    realm: &Url,
    key: &TokenKey,
    credentials: Option<&Credentials>,
) -> Result<reqwest::RequestBuilder, RegistryError> {
    let mut url = realm.clone();
    let _ = url.set_username("");
    let _ = url.set_password(None);
    let scopes = key.scope.split(' ').filter(|scope| !scope.is_empty());
    let mut pairs: Vec<(&str, &str)> =
        key.service.iter().map(|service| ("service", service.as_str())).collect();
    pairs.extend(scopes.map(|scope| ("scope", scope)));
    match credentials {
        Some(token) if token.is_identity_token() => {
            pairs.extend([
                ("grant_type", "refresh_token"),
                ("refresh_token", &token.password),
                ("client_id", "cala"),
            ]);
            // The query serialiser is also the one for forms.
            let mut form = url.clone();
            form.query_pairs_mut().clear().extend_pairs(pairs);
            let body = form.query().unwrap_or_default().to_owned();
            Ok(client.post(url).header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(body))
        }
        credentials => {
            if let Some(credentials) = credentials {
                pairs.push(("account", &credentials.username));
            }
            url.query_pairs_mut().extend_pairs(pairs);
            let request = client.get(url);
            match credentials {
                Some(credentials) => {
                    let host = realm.host_str().unwrap_or_default();
                    Ok(request.header(AUTHORIZATION, secret(&credentials.basic(), host)?))
                }
                None => Ok(request),
            }
        }
    }
}

/// A header value that is not shown by `Debug`.
fn secret(text: &str, host: &str) -> Result<HeaderValue, RegistryError> {
    let mut value = HeaderValue::from_str(text).map_err(|_| RegistryError::Protocol {
        host: host.to_owned(),
        reason: "its token has characters that no header may have".to_owned(),
    })?;
    value.set_sensitive(true);
    Ok(value)
}
