//! `login` and `logout`: credentials are tried at the registry, then written so that no moment shows half a file or a
//! readable secret.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use serde_json::{Map, Value, json};

use crate::config::credentials::{self, Credentials};
use crate::config::helper;
use crate::config::registries::Endpoint;
use crate::error::RegistryError;
use crate::transport::Transport;

/// Tries the credentials, then stores them.
pub(crate) async fn login(
    transport: &Transport,
    registry: &str,
    username: &str,
    password: &str,
) -> Result<(), RegistryError> {
    let key = key_of(registry)?;
    let credentials = Credentials { username: username.to_owned(), password: password.to_owned() };
    let host = key.split('/').next().unwrap_or_default();
    let insecure =
        transport.config().tls_verify.map_or(transport.registries().is_insecure(host), |verify| !verify);
    transport.verify_login(&Endpoint::of_registry(host, insecure), &credentials).await?;
    transport.forget().await;
    let path = file_of(transport)?;
    if let Some(name) = helper_of(path, host)? {
        return helper::store(&name, key, &credentials).await;
    }
    change(path, |auths| {
        auths.insert(key.to_owned(), json!({ "auth": credentials.encoded() }));
        true
    })?;
    Ok(())
}

/// Forgets a registry's credentials.
pub(crate) async fn logout(transport: &Transport, registry: &str) -> Result<(), RegistryError> {
    let key = key_of(registry)?;
    let path = file_of(transport)?;
    let mut known = false;
    transport.forget().await;
    if let Some(name) = helper_of(path, key.split('/').next().unwrap_or_default())? {
        known = helper::erase(&name, key).await?;
    }
    let removed = change(path, |auths| {
        let before = auths.len();
        auths.retain(|name, _| credentials::normalized(name) != key);
        before != auths.len()
    })?;
    if known || removed { Ok(()) } else { Err(RegistryError::NotLoggedIn { host: key.to_owned() }) }
}

/// Forgets all credentials of the first file.
pub(crate) fn logout_all(transport: &Transport) -> Result<(), RegistryError> {
    let path = file_of(transport)?;
    change(path, |auths| {
        let some = !auths.is_empty();
        auths.clear();
        some
    })?;
    Ok(())
}

/// `host[:port][/namespace]` as keys are written, of what a person typed.
fn key_of(registry: &str) -> Result<&str, RegistryError> {
    let key = credentials::normalized(registry.trim_end_matches('/'));
    let plain =
        |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b':' | b'/' | b'[' | b']');
    if key.is_empty() || !key.bytes().all(plain) {
        return Err(RegistryError::InvalidRegistry { name: registry.to_owned() });
    }
    Ok(key)
}

fn file_of(transport: &Transport) -> Result<&Path, RegistryError> {
    transport.config().paths.auth_files.first().map(std::path::PathBuf::as_path).ok_or_else(|| {
        RegistryError::WriteFile {
            path: "auth.json".into(),
            source: io::Error::new(io::ErrorKind::NotFound, "neither XDG_RUNTIME_DIR nor HOME is set"),
        }
    })
}

fn helper_of(path: &Path, host: &str) -> Result<Option<String>, RegistryError> {
    Ok(credentials::read(path)?.and_then(|file| file.helpers.get(host).cloned().or(file.store)))
}

/// Changes the `auths` of a file and replaces it if `edit` says so; everything else in the file stays.
fn change(path: &Path, edit: impl FnOnce(&mut Map<String, Value>) -> bool) -> Result<bool, RegistryError> {
    let invalid = |reason: String| RegistryError::InvalidConfig { path: path.to_owned(), reason };
    let mut document = match fs::read(path) {
        Ok(bytes) if bytes.trim_ascii().is_empty() => Map::new(),
        Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| invalid(error.to_string()))?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Map::new(),
        Err(source) => return Err(RegistryError::ReadFile { path: path.to_owned(), source }),
    };
    let auths = document.entry("auths").or_insert_with(|| Value::Object(Map::new()));
    let auths = auths.as_object_mut().ok_or_else(|| invalid("`auths` is not an object".to_owned()))?;
    let changed = edit(auths);
    if changed {
        let text = serde_json::to_vec_pretty(&document).map_err(|error| invalid(error.to_string()))?;
        replace(path, &text).map_err(|source| RegistryError::WriteFile { path: path.to_owned(), source })?;
    }
    Ok(changed)
}

/// Writes a file of mode 0600 by its side and renames it into place.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    // A symbolic link (dotfiles kept elsewhere) is followed, so that it stays one.
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let temporary =
        folder.join(format!(".{}.{}", path.file_name().unwrap_or_default().display(), std::process::id()));
    let written =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary).and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()?;
            fs::rename(&temporary, &path)
        });
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    written
}
