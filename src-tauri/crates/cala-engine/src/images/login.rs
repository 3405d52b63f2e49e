//! Registries: their configuration for one command, and credentials.

use std::path::PathBuf;

use cala_registry::{Credentials, RegistryClient, RegistryConfig};

use crate::{Engine, LoginOptions, PullOptions, Result};

impl Engine {
    /// Checks credentials at a registry and stores them.
    ///
    /// # Errors
    /// When the registry refuses them or the file cannot be written.
    pub async fn login(
        &self,
        registry: &str,
        user: &str,
        password: &str,
        options: &LoginOptions,
    ) -> Result<()> {
        Ok(of_login(options)?.login(registry, user, password).await?)
    }

    /// Forgets the credentials of a registry, or of all when `None`.
    ///
    /// # Errors
    /// When there are none or the file cannot be written.
    pub async fn logout(&self, registry: Option<&str>, options: &LoginOptions) -> Result<()> {
        let client = of_login(options)?;
        match registry {
            Some(registry) => client.logout(registry).await?,
            None => client.logout_all()?,
        }
        Ok(())
    }

    /// The user name stored for a registry.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn logged_in(&self, registry: &str, options: &LoginOptions) -> Result<Option<String>> {
        Ok(of_login(options)?.logged_in_user(registry).await?)
    }
}

fn of_login(options: &LoginOptions) -> Result<RegistryClient> {
    client(options.tls_verify, None, options.authfile.clone(), options.cert_dir.clone())
}

/// The client of a pull.
pub(super) fn of_pull(options: &PullOptions) -> Result<RegistryClient> {
    let credentials =
        options.credentials.clone().map(|(username, password)| Credentials { username, password });
    client(options.tls_verify, credentials, options.authfile.clone(), options.cert_dir.clone())
}

fn client(
    tls_verify: Option<bool>,
    credentials: Option<Credentials>,
    authfile: Option<PathBuf>,
    cert_dir: Option<PathBuf>,
) -> Result<RegistryClient> {
    let mut config = RegistryConfig { tls_verify, credentials, cert_dir, ..RegistryConfig::from_env() };
    if let Some(file) = authfile {
        config = config.with_auth_file(&file);
    }
    Ok(RegistryClient::new(config)?)
}
