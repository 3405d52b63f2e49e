//! Searching registries for images.

use cala_registry::SearchHit;
use cala_spec::Reference;
use cala_spec::invalid::InvalidValue;
use cala_store::StoreError;

use super::login;
use crate::view::SearchResult;
use crate::{Engine, Result, SearchOptions};

/// Results of a registry when nothing is said.
const DEFAULT_LIMIT: usize = 25;

/// What results must be.
#[derive(Debug, Default, PartialEq, Eq)]
struct Wanted {
    stars: u64,
    official: Option<bool>,
    automated: Option<bool>,
}

impl Engine {
    /// Searches one registry, when the term names it (`quay.io/term`), else all that names without a registry are looked
    /// up at. An empty term (`localhost:5000/`) lists all of it.
    ///
    /// # Errors
    /// When a filter is wrong or none of the registries answers.
    pub async fn search_images(&self, term: &str, options: &SearchOptions) -> Result<Vec<SearchResult>> {
        let wanted = Wanted::parse(&options.filters)?;
        let client = login::of_search(options)?;
        let (registries, words) = match registry_of(term) {
            Some((registry, words)) => (vec![registry.to_owned()], words),
            None => (client.search_registries(), term),
        };
        let limit = options.limit.filter(|limit| *limit > 0).unwrap_or(DEFAULT_LIMIT);
        let (mut found, mut failed, mut answered) = (Vec::new(), None, false);
        for registry in &registries {
            match client.search(registry, words, limit).await {
                Ok(hits) => {
                    answered = true;
                    found.extend(hits.into_iter().filter(|hit| wanted.fits(hit)).map(result));
                }
                Err(error) => {
                    tracing::debug!(%error, registry, "not searched");
                    failed = failed.or(Some(error));
                }
            }
        }
        match failed {
            Some(error) if !answered => Err(error.into()),
            _ => Ok(found),
        }
    }

    /// The full name of a repository and its tags, as its registry lists them.
    ///
    /// # Errors
    /// When the name is wrong or the registry does not answer.
    pub async fn search_tags(&self, name: &str, options: &SearchOptions) -> Result<(String, Vec<String>)> {
        let client = login::of_search(options)?;
        let repository = Reference::parse_normalized(name).map_err(StoreError::from)?;
        let mut tags = client.tags(&repository).await?;
        tags.truncate(options.limit.filter(|limit| *limit > 0).unwrap_or(DEFAULT_LIMIT));
        Ok((repository.name(), tags))
    }
}

/// The registry that a term begins with, and what is looked for there.
fn registry_of(term: &str) -> Option<(&str, &str)> {
    let (first, rest) = term.split_once('/').unwrap_or((term, ""));
    let port = first.rsplit_once(':').is_some_and(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
    let named = term.contains('/') && (first == "localhost" || first.contains('.'));
    (named || port).then_some((first, rest))
}

fn result(hit: SearchHit) -> SearchResult {
    let ok = |yes: bool| if yes { "[OK]".to_owned() } else { String::new() };
    SearchResult {
        index: hit.registry,
        name: hit.name,
        description: hit.description.replace(['\n', '\r', '\t'], " "),
        stars: hit.stars,
        official: ok(hit.official),
        automated: ok(hit.automated),
        tag: String::new(),
    }
}

impl Wanted {
    fn parse(filters: &[String]) -> std::result::Result<Self, InvalidValue> {
        let mut wanted = Self::default();
        let wrong = |text: String| InvalidValue::new("invalid_filter", text);
        for filter in filters {
            let (key, value) = filter.split_once('=').map_or((filter.as_str(), None), |(k, v)| (k, Some(v)));
            let truth = || match value {
                None | Some("true" | "1") => Ok(true),
                Some("false" | "0") => Ok(false),
                Some(value) => Err(wrong(format!("non-boolean value {value:?} for {key} filter"))),
            };
            match (key, value) {
                ("stars", Some(value)) => {
                    wanted.stars = value.parse().map_err(|_| {
                        wrong(format!("incorrect value type for stars filter: {value:?} is no number"))
                    })?;
                }
                ("is-official", _) => wanted.official = Some(truth()?),
                ("is-automated", _) => wanted.automated = Some(truth()?),
                _ => {
                    let text = format!("invalid filter type {filter:?}");
                    return Err(wrong(text).allowing("keys are stars, is-official, is-automated"));
                }
            }
        }
        Ok(wanted)
    }

    fn fits(&self, hit: &SearchHit) -> bool {
        hit.stars >= self.stars
            && self.official.is_none_or(|official| official == hit.official)
            && self.automated.is_none_or(|automated| automated == hit.automated)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_term_may_begin_with_a_registry() {
        for (term, expected) in [
            ("alpine", None),
            ("me/alpine", None),
            ("quay.io/alpine", Some(("quay.io", "alpine"))),
            ("localhost:5000/", Some(("localhost:5000", ""))),
            ("localhost:5000", Some(("localhost:5000", ""))),
            ("localhost/a/b", Some(("localhost", "a/b"))),
            ("node.js", None),
        ] {
            assert_eq!(registry_of(term), expected, "{term}");
        }
    }

    #[test]
    fn filters_are_read_and_hold() {
        let parse =
            |texts: &[&str]| Wanted::parse(&texts.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>());
        let hit = SearchHit {
            registry: "r".into(),
            name: "r/a".into(),
            description: String::new(),
            stars: 5,
            official: true,
            automated: false,
        };
        for (filters, expected) in [
            (&["stars=5"][..], true),
            (&["stars=6"], false),
            (&["is-official"], true),
            (&["is-official=false"], false),
            (&["is-automated=false", "is-official=true"], true),
        ] {
            assert_eq!(parse(filters).expect("valid").fits(&hit), expected, "{filters:?}");
        }
        for bad in ["stars", "stars=x", "stars=-1", "is-official=maybe", "nope=1", "nope"] {
            assert!(parse(&[bad]).is_err(), "{bad}");
        }
    }
}
