//! Image references as Docker and Podman parse them (distribution/reference, "normalized" names).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Classify, ErrorKind, Hints};
use crate::{Digest, digest};

/// The registry of a name without one.
pub const DEFAULT_DOMAIN: &str = "docker.io";
/// The tag of a name without tag and digest.
pub const DEFAULT_TAG: &str = "latest";
/// Longest name (registry and repository) in bytes.
pub const MAX_NAME_BYTES: usize = 255;

/// A full reference: registry, repository, and a tag or a digest or both.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Reference {
    /// `docker.io`, `localhost:5000`, …
    pub domain: String,
    /// `library/alpine`, …
    pub path: String,
    /// `latest`, …
    pub tag: Option<String>,
    /// The digest, when given.
    pub digest: Option<Digest>,
}

/// The text is not an image reference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidReference {
    /// Nothing is there to name a repository.
    #[error("parsing reference {0:?}: repository name must have at least one component")]
    Empty(String),
    /// A repository has upper-case letters.
    #[error("parsing reference {0:?}: repository name must be lowercase")]
    Uppercase(String),
    /// 64 hex digits are an image id.
    #[error("parsing reference {0:?}: cannot specify 64-byte hexadecimal strings")]
    Identifier(String),
    /// The name is longer than [`MAX_NAME_BYTES`].
    #[error("parsing reference {0:?}: repository name must not be more than {MAX_NAME_BYTES} characters")]
    TooLong(String),
    /// The digest is not one.
    #[error("parsing reference {text:?}: invalid digest")]
    Digest {
        /// The reference.
        text: String,
        /// What is wrong with its digest.
        #[source]
        source: digest::InvalidDigest,
    },
    /// Anything else.
    #[error("parsing reference {0:?}: invalid reference format")]
    Format(String),
}

impl Classify for InvalidReference {
    fn kind(&self) -> ErrorKind {
        ErrorKind::InvalidArgument
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Uppercase(_) => "reference_uppercase",
            Self::Digest { .. } => "reference_digest",
            _ => "invalid_reference",
        }
    }

    fn hints(&self) -> Hints {
        match self {
            Self::Uppercase(text) => format!("write `{}`", text.to_lowercase()).into(),
            Self::Identifier(_) => "this is an image id; a name is needed here".into(),
            _ => "a reference is `[registry[:port]/]repository[:tag][@sha256:digest]`".into(),
        }
    }
}

impl Reference {
    /// Parses a reference and makes it full: `alpine` becomes `docker.io/library/alpine`. No tag is added.
    ///
    /// # Errors
    /// [`InvalidReference`] names the text and what is wrong with it.
    pub fn parse_normalized(text: &str) -> Result<Self, InvalidReference> {
        let shown: String = text.chars().take(300).collect();
        if text.is_empty() {
            return Err(InvalidReference::Empty(shown));
        }
        if is_identifier(text) {
            return Err(InvalidReference::Identifier(shown));
        }
        let (rest, digest) = split_digest(text, &shown)?;
        let (domain, remainder) = split_domain(rest);
        let (path, tag) = match remainder.rsplit_once(':') {
            Some((path, tag)) if !tag.contains('/') => (path, Some(tag)),
            _ => (remainder, None),
        };
        if path.bytes().any(|b| b.is_ascii_uppercase()) {
            return Err(InvalidReference::Uppercase(shown));
        }
        let path = if domain == DEFAULT_DOMAIN && !path.contains('/') && !path.is_empty() {
            format!("library/{path}")
        } else {
            path.to_owned()
        };
        if !is_domain(domain) || !is_path(&path) || !tag.is_none_or(is_tag) {
            return Err(InvalidReference::Format(shown));
        }
        if domain.len() + 1 + path.len() > MAX_NAME_BYTES {
            return Err(InvalidReference::TooLong(shown));
        }
        Ok(Self { domain: domain.to_owned(), path, tag: tag.map(str::to_owned), digest })
    }

    /// The same for a name that is given here: one without a registry is of `localhost`, as in Podman's `tag`.
    ///
    /// # Errors
    /// As [`Reference::parse_normalized`].
    pub fn parse_local(text: &str) -> Result<Self, InvalidReference> {
        if is_short_name(text) {
            return Self::parse_normalized(&format!("localhost/{text}"));
        }
        Self::parse_normalized(text)
    }

    /// Registry and repository: `docker.io/library/alpine`.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}/{}", self.domain, self.path)
    }

    /// The same with tag `latest` when it has neither tag nor digest.
    #[must_use]
    pub fn with_default_tag(mut self) -> Self {
        if self.tag.is_none() && self.digest.is_none() {
            self.tag = Some(DEFAULT_TAG.to_owned());
        }
        self
    }

    /// The same with this digest and without a tag, as `RepoDigests` shows it.
    #[must_use]
    pub fn pinned(&self, digest: &Digest) -> Self {
        Self { tag: None, digest: Some(digest.clone()), ..self.clone() }
    }

    /// As people write it: without `docker.io/` and `library/`.
    #[must_use]
    pub fn familiar(&self) -> String {
        let full = self.to_string();
        let Some(short) = full.strip_prefix("docker.io/") else { return full };
        match short.strip_prefix("library/") {
            Some(shorter) if !shorter.contains('/') => shorter.to_owned(),
            _ => short.to_owned(),
        }
    }
}

/// Whether the text names no registry, so that aliases and the search list of `registries.conf` apply.
#[must_use]
pub fn is_short_name(text: &str) -> bool {
    Reference::parse_normalized(text).is_ok() && !names_domain(text)
}

impl FromStr for Reference {
    type Err = InvalidReference;

    fn from_str(text: &str) -> Result<Self, InvalidReference> {
        Self::parse_normalized(text)
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.domain, self.path)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        self.digest.as_ref().map_or(Ok(()), |digest| write!(f, "@{digest}"))
    }
}

fn split_digest<'a>(text: &'a str, shown: &str) -> Result<(&'a str, Option<Digest>), InvalidReference> {
    let Some((rest, digest)) = text.split_once('@') else { return Ok((text, None)) };
    match digest.parse() {
        Ok(digest) => Ok((rest, Some(digest))),
        Err(source) => Err(InvalidReference::Digest { text: shown.to_owned(), source }),
    }
}

/// A first component with a dot, a port, upper-case letters or the name `localhost` is a registry.
fn names_domain(text: &str) -> bool {
    text.split_once('/').is_some_and(|(first, _)| {
        first == "localhost" || first.contains(['.', ':']) || first.bytes().any(|b| b.is_ascii_uppercase())
    })
}

fn split_domain(text: &str) -> (&str, &str) {
    match text.split_once('/') {
        Some((domain, rest)) if names_domain(text) => {
            (if domain == "index.docker.io" { DEFAULT_DOMAIN } else { domain }, rest)
        }
        _ => (DEFAULT_DOMAIN, text),
    }
}

fn is_identifier(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

fn is_domain(domain: &str) -> bool {
    let (host, port) = match domain.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, port)) => {
            let hex = |b: u8| b.is_ascii_hexdigit() || b == b':';
            if address.is_empty() || !address.bytes().all(hex) {
                return false;
            }
            (None, port.strip_prefix(':').or(if port.is_empty() { None } else { Some("") }))
        }
        None => match domain.split_once(':') {
            Some((host, port)) => (Some(host), Some(port)),
            None => (Some(domain), None),
        },
    };
    let label = |label: &str| {
        let edge = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_alphanumeric());
        edge(label.bytes().next())
            && edge(label.bytes().last())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    let is_port = |port: &str| port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok();
    host.is_none_or(|host| host.split('.').all(label)) && port.is_none_or(is_port)
}

/// Components of lower-case letters and digits, parted inside by `.`, `_`, `__` or dashes.
fn is_path(path: &str) -> bool {
    path.split('/').all(|component| {
        let mut parts = component.split(|c: char| !c.is_ascii_lowercase() && !c.is_ascii_digit());
        let edge = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        parts.next().is_some()
            && edge(component.bytes().next())
            && edge(component.bytes().last())
            && separators_are_allowed(component)
    })
}

fn separators_are_allowed(component: &str) -> bool {
    component
        .split(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        .all(|run| matches!(run, "" | "." | "_" | "__") || run.bytes().all(|b| b == b'-'))
}

fn is_tag(tag: &str) -> bool {
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    tag.len() <= 128
        && tag.bytes().next().is_some_and(word)
        && tag.bytes().all(|b| word(b) || matches!(b, b'.' | b'-'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn full(text: &str) -> String {
        Reference::parse_normalized(text).expect("a reference").to_string()
    }

    #[test]
    fn short_names_become_full() {
        for (text, expected) in [
            ("alpine", "docker.io/library/alpine"),
            ("alpine:3.20", "docker.io/library/alpine:3.20"),
            ("user/app", "docker.io/user/app"),
            ("index.docker.io/alpine", "docker.io/library/alpine"),
            ("docker.io/alpine", "docker.io/library/alpine"),
            ("localhost/app", "localhost/app"),
            ("localhost:5000/a/b:v1", "localhost:5000/a/b:v1"),
            ("quay.io/a/b__c/d--e.f", "quay.io/a/b__c/d--e.f"),
            ("[::1]:5000/app", "[::1]:5000/app"),
            ("UPPER.example/app", "UPPER.example/app"),
            ("127.0.0.1:5000/app", "127.0.0.1:5000/app"),
        ] {
            assert_eq!(full(text), expected);
        }
    }

    #[test]
    fn wrong_references_are_refused_in_podmans_words() {
        for (text, words) in [
            ("", "at least one component"),
            ("UPPER", "must be lowercase"),
            ("Foo:latest", "must be lowercase"),
            ("a b", "invalid reference format"),
            ("foo:bar:baz", "invalid reference format"),
            ("docker.io/", "invalid reference format"),
            ("foo/", "invalid reference format"),
            ("foo:", "invalid reference format"),
            ("-x", "invalid reference format"),
            ("http://foo/bar", "invalid reference format"),
            ("a..b", "invalid reference format"),
            ("a/../b", "invalid reference format"),
            ("localhost:99999/foo", "invalid reference format"),
            ("foo@sha256:abc", "invalid digest"),
            ("foo@", "invalid digest"),
        ] {
            let error = Reference::parse_normalized(text).expect_err(text).to_string();
            assert!(error.contains(words), "{text}: {error}");
        }
        let id = "0123456789abcdef".repeat(4);
        assert!(matches!(Reference::parse_normalized(&id), Err(InvalidReference::Identifier(_))));
        assert!(matches!(Reference::parse_normalized(&"a".repeat(300)), Err(InvalidReference::TooLong(_))));
    }

    #[test]
    fn familiar_names_are_what_people_write() {
        for text in ["alpine:3", "user/app", "quay.io/a/b", "localhost/app"] {
            assert_eq!(Reference::parse_normalized(text).expect("a reference").familiar(), text);
        }
        let pinned = format!("alpine@sha256:{}", "a".repeat(64));
        assert_eq!(Reference::parse_normalized(&pinned).expect("a reference").familiar(), pinned);
    }

    #[test]
    fn a_registry_makes_a_name_long() {
        assert!(is_short_name("alpine") && is_short_name("user/app:1"));
        assert!(!is_short_name("localhost/app") && !is_short_name("a.b/c") && !is_short_name("UPPER"));
    }

    #[test]
    fn the_default_tag_fills_only_a_gap() {
        let parse = |text: &str| Reference::parse_normalized(text).expect("a reference").with_default_tag();
        assert_eq!(parse("a").tag.as_deref(), Some("latest"));
        assert_eq!(parse("a:1").tag.as_deref(), Some("1"));
        assert_eq!(parse(&format!("a@sha256:{}", "0".repeat(64))).tag, None);
    }

    proptest! {
        #[test]
        fn the_full_form_parses_to_itself(text in "([a-z]{1,8}(\\.[a-z]{2,3})?(:[0-9]{1,4})?/)?[a-z0-9]{1,8}([._-][a-z0-9]{1,4})?(/[a-z0-9]{1,8})?(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,10})?") {
            if let Ok(reference) = Reference::parse_normalized(&text) {
                let again = Reference::parse_normalized(&reference.to_string()).expect("the full form parses");
                prop_assert_eq!(&again, &reference);
                let familiar = Reference::parse_normalized(&reference.familiar()).expect("the familiar form parses");
                prop_assert_eq!(familiar, reference);
            }
        }

        #[test]
        fn no_text_panics_and_no_path_escapes(text in ".{0,80}") {
            if let Ok(reference) = Reference::parse_normalized(&text) {
                prop_assert!(!reference.path.split('/').any(|part| part.is_empty() || part.starts_with('.')));
            }
        }
    }
}
