//! Searching a registry: Docker's old `/v1/search`, else its catalogue (distribution specification, `_catalog`).

use reqwest::Method;
use reqwest::header::HeaderMap;
use reqwest::{StatusCode, Url};
use serde::Deserialize;

use crate::config::registries::Endpoint;
use crate::error::RegistryError;
use crate::manifest::MANIFEST_LIMIT;
use crate::resolve::next_page;
use crate::transport::{Request, Transport, read_body};

/// Where Docker Hub answers searches.
const HUB_SEARCH: &str = "index.docker.io";
/// Most pages of a catalogue that are read.
const MAX_PAGES: usize = 100;

/// One repository that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchHit {
    /// The registry.
    pub registry: String,
    /// Full name, with the registry.
    pub name: String,
    /// What it says of itself; empty in a catalogue.
    pub description: String,
    /// How many people marked it.
    pub stars: u64,
    /// Whether the registry vouches for it.
    pub official: bool,
    /// Whether it was built by the registry.
    pub automated: bool,
}

#[derive(Debug, Deserialize)]
struct Found {
    #[serde(default)]
    results: Vec<Item>,
}

#[derive(Debug, Deserialize)]
struct Item {
    name: String,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    star_count: u64,
    #[serde(default)]
    is_official: bool,
    #[serde(default)]
    is_automated: bool,
}

#[derive(Debug, Deserialize)]
struct Catalogue {
    #[serde(default)]
    repositories: Option<Vec<String>>,
}

/// Repositories of a registry whose name or description has `term`, at most `limit`; all for an empty term.
pub(crate) async fn search(
    transport: &Transport,
    registry: &str,
    term: &str,
    limit: usize,
) -> Result<Vec<SearchHit>, RegistryError> {
    let hub = matches!(registry, "docker.io" | "index.docker.io");
    let insecure = transport.registries().is_insecure(registry);
    let insecure = transport.config().tls_verify.map_or(insecure, |verify| !verify);
    let mut endpoint = Endpoint::of_registry(registry, insecure);
    if hub {
        HUB_SEARCH.clone_into(&mut endpoint.host);
    }
    if !term.is_empty() {
        match by_words(transport, &endpoint, registry, term, limit).await {
            Ok(Some(hits)) => return Ok(hits),
            Ok(None) if hub => return Ok(Vec::new()),
            Ok(None) => {}
            Err(error @ (RegistryError::Unreachable { .. } | RegistryError::Stalled { .. })) => {
                return Err(error);
            }
            Err(error) if hub => return Err(error),
            Err(error) => tracing::debug!(%error, registry, "no search by words; its catalogue is looked at"),
        }
    }
    by_catalogue(transport, &endpoint, registry, term, limit).await
}

/// `None` when the registry knows no such search.
async fn by_words(
    transport: &Transport,
    endpoint: &Endpoint,
    registry: &str,
    term: &str,
    limit: usize,
) -> Result<Option<Vec<SearchHit>>, RegistryError> {
    let path = format!("/v1/search?{}", query(&[("q", term), ("n", &limit.to_string())]));
    let Some((body, _)) = get(transport, endpoint, &path).await? else { return Ok(None) };
    let Ok(found) = serde_json::from_slice::<Found>(&body) else { return Ok(None) };
    let hits = found.results.into_iter().take(limit).map(|item| SearchHit {
        registry: registry.to_owned(),
        name: full_name(registry, &item.name),
        description: item.description.unwrap_or_default(),
        stars: item.star_count,
        official: item.is_official,
        automated: item.is_automated,
    });
    Ok(Some(hits.collect()))
}

async fn by_catalogue(
    transport: &Transport,
    endpoint: &Endpoint,
    registry: &str,
    term: &str,
    limit: usize,
) -> Result<Vec<SearchHit>, RegistryError> {
    let (mut hits, mut path) = (Vec::new(), "_catalog?n=1000".to_owned());
    for _ in 0..MAX_PAGES {
        let Some((body, next)) = get(transport, endpoint, &path).await? else { break };
        let page: Catalogue = serde_json::from_slice(&body).map_err(|error| RegistryError::Protocol {
            host: endpoint.host.clone(),
            reason: format!("its catalogue cannot be read: {error}"),
        })?;
        let fitting = page.repositories.unwrap_or_default().into_iter().filter(|name| name.contains(term));
        hits.extend(fitting.map(|name| SearchHit {
            registry: registry.to_owned(),
            name: full_name(registry, &name),
            description: String::new(),
            stars: 0,
            official: false,
            automated: false,
        }));
        match next.filter(|_| hits.len() < limit) {
            Some(query) => path = format!("_catalog?{query}"),
            None => break,
        }
    }
    hits.truncate(limit);
    Ok(hits)
}

/// The body and the query of the next page; `None` when there is nothing of this kind.
async fn get(
    transport: &Transport,
    endpoint: &Endpoint,
    path: &str,
) -> Result<Option<(bytes::Bytes, Option<String>)>, RegistryError> {
    let subject = format!("searching {}", endpoint.credentials_key);
    let request = Request {
        method: Method::GET,
        endpoint,
        path,
        headers: HeaderMap::new(),
        subject: &subject,
        write: None,
    };
    let response = transport.send(&request).await?;
    if response.status() == StatusCode::NOT_FOUND {
        return Ok(None);
    }
    let next = next_page(response.headers());
    let body = read_body(response, &subject, MANIFEST_LIMIT, transport.config().timing.idle).await?;
    Ok(Some((body, next)))
}

/// A query of words as people type them.
fn query(pairs: &[(&str, &str)]) -> String {
    let Ok(mut url) = Url::parse("http://localhost/") else { return String::new() };
    url.query_pairs_mut().extend_pairs(pairs);
    url.query().unwrap_or_default().to_owned()
}

/// Docker Hub calls its own images by one word.
fn full_name(registry: &str, name: &str) -> String {
    if registry == "docker.io" && !name.contains('/') {
        return format!("docker.io/library/{name}");
    }
    format!("{registry}/{name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_put_into_the_query_safely() {
        assert_eq!(query(&[("q", "a b&n=9/../"), ("n", "25")]), "q=a+b%26n%3D9%2F..%2F&n=25");
        assert_eq!(full_name("docker.io", "alpine"), "docker.io/library/alpine");
        assert_eq!(full_name("docker.io", "me/alpine"), "docker.io/me/alpine");
        assert_eq!(full_name("localhost:5000", "alpine"), "localhost:5000/alpine");
    }
}
