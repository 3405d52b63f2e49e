//! Registries: their configuration for one command, and credentials.

use std::path::PathBuf;

use cala_registry::{Credentials, RegistryClient, RegistryConfig};

use crate::{Engine, LoginOptions, PullOptions, PushOptions, Result, Retry, SearchOptions};

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
    client(RegistryConfig {
        tls_verify: options.tls_verify,
        cert_dir: options.cert_dir.clone(),
        ..files(options.authfile.as_ref())
    })
}

/// The client of a pull.
pub(super) fn of_pull(options: &PullOptions) -> Result<RegistryClient> {
    client(RegistryConfig {
        tls_verify: options.tls_verify,
        credentials: options.credentials.as_ref().map(credentials),
        cert_dir: options.cert_dir.clone(),
        ..retrying(files(options.authfile.as_ref()), options.retry)
    })
}

/// The client of a push.
pub(super) fn of_push(options: &PushOptions) -> Result<RegistryClient> {
    client(RegistryConfig {
        tls_verify: options.tls_verify,
        credentials: options.credentials.as_ref().map(credentials),
        cert_dir: options.cert_dir.clone(),
        ..retrying(files(options.authfile.as_ref()), options.retry)
    })
}

/// The client of a search.
pub(super) fn of_search(options: &SearchOptions) -> Result<RegistryClient> {
    client(RegistryConfig {
        tls_verify: options.tls_verify,
        credentials: options.credentials.as_ref().map(credentials),
        cert_dir: options.cert_dir.clone(),
        ..files(options.authfile.as_ref())
    })
}

fn credentials((username, password): &(String, String)) -> Credentials {
    Credentials { username: username.clone(), password: password.clone() }
}

fn files(authfile: Option<&PathBuf>) -> RegistryConfig {
    let config = RegistryConfig::from_env();
    match authfile {
        Some(file) => config.with_auth_file(file),
        None => config,
    }
}

fn retrying(mut config: RegistryConfig, retry: Retry) -> RegistryConfig {
    if let Some(count) = retry.count {
        config.timing.tries = count.saturating_add(1);
    }
    if let Some(delay) = retry.delay {
        config.timing.backoff = delay;
    }
    config
}

fn client(config: RegistryConfig) -> Result<RegistryClient> {
    Ok(RegistryClient::new(config)?)
}
