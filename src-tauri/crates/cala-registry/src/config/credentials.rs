//! Credentials: `auth.json`, Docker's `config.json` and credential helpers (containers-auth.json(5)).

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use crate::config::helper;
use crate::error::RegistryError;

/// A user name and a secret. `Debug` does not show the secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The user name; `<token>` when the secret is an identity token (an OAuth2 refresh token).
    pub username: String,
    /// The password or token.
    pub password: String,
}

impl Credentials {
    /// The user name that marks an identity token.
    pub(crate) const TOKEN_USER: &str = "<token>";

    /// From `user:password`, the form of `--creds`; the password may be empty or contain colons.
    #[must_use]
    pub fn from_pair(text: &str) -> Self {
        let (username, password) = text.split_once(':').unwrap_or((text, ""));
        Self { username: username.to_owned(), password: password.to_owned() }
    }

    /// Whether the secret is an identity token.
    pub(crate) fn is_identity_token(&self) -> bool {
        self.username == Self::TOKEN_USER
    }

    /// The value of a `Authorization: Basic` header.
    pub(crate) fn basic(&self) -> String {
        format!("Basic {}", self.encoded())
    }

    /// `user:password` in base64, as files keep it.
    pub(crate) fn encoded(&self) -> String {
        STANDARD.encode(format!("{}:{}", self.username, self.password))
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("username", &self.username).finish_non_exhaustive()
    }
}

/// The parts of a credentials file that are read; `login` keeps the others.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct AuthFile {
    auths: BTreeMap<String, Entry>,
    #[serde(rename = "credHelpers")]
    pub(crate) helpers: BTreeMap<String, String>,
    #[serde(rename = "credsStore")]
    pub(crate) store: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Entry {
    auth: String,
    identitytoken: String,
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Entry")
    }
}

/// The credentials for `key` (`host[:port]/repository`, or without the repository) in the first file that has some.
///
/// # Errors
/// [`RegistryError::ReadFile`], [`RegistryError::InvalidConfig`], [`RegistryError::CredentialHelper`].
pub(crate) async fn find(files: &[PathBuf], key: &str) -> Result<Option<Credentials>, RegistryError> {
    for path in files {
        let Some(file) = read(path)? else { continue };
        if let Some(found) = in_file(&file, path, key).await? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

async fn in_file(file: &AuthFile, path: &Path, key: &str) -> Result<Option<Credentials>, RegistryError> {
    let host = key.split('/').next().unwrap_or_default();
    if let Some(name) = file.helpers.get(host) {
        return helper::get(name, host).await;
    }
    if let Some(entry) = longest(&file.auths, key)
        && let Some(found) = decode(entry, path, host)?
    {
        return Ok(Some(found));
    }
    match &file.store {
        Some(name) => helper::get(name, host).await,
        None => Ok(None),
    }
}

/// The entry whose key is the longest prefix of `key`, ending at a component.
fn longest<'a>(auths: &'a BTreeMap<String, Entry>, key: &str) -> Option<&'a Entry> {
    auths
        .iter()
        .map(|(name, entry)| (normalized(name), entry))
        .filter(|(name, _)| {
            key.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
        .max_by_key(|(name, _)| name.len())
        .map(|(_, entry)| entry)
}

/// Docker writes addresses as keys (`https://index.docker.io/v1/`): reduced to the host they mean.
pub(crate) fn normalized(name: &str) -> &str {
    let bare = name.strip_prefix("https://").or_else(|| name.strip_prefix("http://"));
    let name = match bare {
        Some(rest) => rest.split('/').next().unwrap_or_default(),
        None => name,
    };
    match name {
        "index.docker.io" | "registry-1.docker.io" => "docker.io",
        other => other,
    }
}

fn decode(entry: &Entry, path: &Path, host: &str) -> Result<Option<Credentials>, RegistryError> {
    if !entry.identitytoken.is_empty() {
        let username = Credentials::TOKEN_USER.to_owned();
        return Ok(Some(Credentials { username, password: entry.identitytoken.clone() }));
    }
    if entry.auth.is_empty() {
        return Ok(None);
    }
    let text = STANDARD.decode(entry.auth.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    // Docker pads with NUL bytes in old files.
    match text.as_deref().map(|text| text.trim_end_matches('\0')) {
        Some(text) if text.contains(':') => Ok(Some(Credentials::from_pair(text))),
        _ => Err(RegistryError::InvalidConfig {
            path: path.to_owned(),
            reason: format!("`auth` of {host} is not base64 of user:password"),
        }),
    }
}

pub(crate) fn read(path: &Path) -> Result<Option<AuthFile>, RegistryError> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(RegistryError::ReadFile { path: path.to_owned(), source }),
    };
    if bytes.trim_ascii().is_empty() {
        return Ok(None);
    }
    let parsed = serde_json::from_slice(&bytes);
    parsed
        .map(Some)
        .map_err(|error| RegistryError::InvalidConfig { path: path.to_owned(), reason: error.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user_for(json: &str, key: &str) -> Option<String> {
        let file: AuthFile = serde_json::from_str(json).expect("valid JSON");
        let entry = longest(&file.auths, key)?;
        decode(entry, Path::new("auth.json"), key).expect("valid entry").map(|found| found.username)
    }

    fn entry(user: &str) -> String {
        Credentials { username: user.to_owned(), password: "p:w".to_owned() }.encoded()
    }

    #[test]
    fn the_longest_prefix_wins() {
        let json = format!(
            r#"{{"auths":{{"r.io":{{"auth":"{}"}},"r.io/team":{{"auth":"{}"}},"https://index.docker.io/v1/":{{"auth":"{}"}}}}}}"#,
            entry("host"),
            entry("team"),
            entry("hub")
        );
        assert_eq!(user_for(&json, "r.io/other/a").as_deref(), Some("host"));
        assert_eq!(user_for(&json, "r.io/team/a").as_deref(), Some("team"));
        assert_eq!(user_for(&json, "r.io/teams").as_deref(), Some("host"));
        assert_eq!(user_for(&json, "r.io:5000/team"), None);
        assert_eq!(user_for(&json, "docker.io/library/a").as_deref(), Some("hub"));
    }

    #[test]
    fn identity_tokens_and_damaged_entries_are_told_apart() {
        let token = Entry { auth: String::new(), identitytoken: "t".to_owned() };
        assert!(decode(&token, Path::new("x"), "h").expect("valid").is_some_and(|c| c.is_identity_token()));
        let damaged = Entry { auth: "%%%".to_owned(), identitytoken: String::new() };
        assert!(decode(&damaged, Path::new("x"), "h").is_err());
    }

    #[test]
    fn the_secret_is_not_shown() {
        let credentials = Credentials::from_pair("me:secret:with:colons");
        assert_eq!(credentials.password, "secret:with:colons");
        assert!(!format!("{credentials:?}").contains("secret"));
    }
}
