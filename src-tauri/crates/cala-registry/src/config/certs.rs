//! certs.d (containers-certs.d(5)): a registry's own CA and the client's certificate for it.

use std::path::{Path, PathBuf};

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::error::RegistryError;

/// What lies in the folder of one registry.
#[derive(Debug, Default)]
pub(crate) struct HostCertificates {
    /// `*.crt`: CAs trusted for this registry besides the system's.
    pub(crate) authorities: Vec<CertificateDer<'static>>,
    /// `NAME.cert` and `NAME.key`: what this client shows.
    pub(crate) client: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
}

/// The folder for `host` in the first of `folders` that has one.
pub(crate) fn folder_of(folders: &[PathBuf], host: &str) -> Option<PathBuf> {
    // The host becomes a path component; `..` or a slash in it must not lead elsewhere.
    let plain = !host.contains('/') && !host.starts_with('.');
    folders.iter().filter(|_| plain).map(|folder| folder.join(host)).find(|folder| folder.is_dir())
}

/// Reads the certificates of a folder.
///
/// # Errors
/// [`RegistryError::ReadFile`]; [`RegistryError::InvalidConfig`] when a file is not PEM or a certificate has no key.
pub(crate) fn load(folder: &Path) -> Result<HostCertificates, RegistryError> {
    let unreadable = |source| RegistryError::ReadFile { path: folder.to_owned(), source };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        files.push(entry.map_err(unreadable)?.path());
    }
    files.sort();
    let mut found = HostCertificates::default();
    for path in files {
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("crt") => found.authorities.extend(certificates(&path)?),
            Some("cert") => {
                let key = path.with_extension("key");
                let pem = read(&key)?;
                let key = PrivateKeyDer::from_pem_slice(&pem).map_err(|error| invalid(&key, &error))?;
                found.client = Some((certificates(&path)?, key));
            }
            _ => {}
        }
    }
    Ok(found)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, RegistryError> {
    let pem = read(path)?;
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    match all {
        Ok(all) if all.is_empty() => Err(RegistryError::InvalidConfig {
            path: path.to_owned(),
            reason: "it has no PEM certificate".to_owned(),
        }),
        Ok(all) => Ok(all),
        Err(error) => Err(invalid(path, &error)),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, RegistryError> {
    std::fs::read(path).map_err(|source| RegistryError::ReadFile { path: path.to_owned(), source })
}

fn invalid(path: &Path, error: &rustls::pki_types::pem::Error) -> RegistryError {
    RegistryError::InvalidConfig { path: path.to_owned(), reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_cannot_leave_the_folder() {
        let folders = [PathBuf::from("/usr")];
        assert_eq!(folder_of(&folders, "bin"), Some(PathBuf::from("/usr/bin")));
        assert_eq!(folder_of(&folders, ".."), None);
        assert_eq!(folder_of(&folders, "../etc"), None);
    }
}
