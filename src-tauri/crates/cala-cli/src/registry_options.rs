//! The options of every command that speaks with a registry.

use std::path::PathBuf;
use std::time::Duration;

use cala_engine::Retry;

use crate::failure::Failure;

/// Who asks, and how the registry is trusted.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct RegistryOptions {
    /// Path of the authentication file
    #[arg(long, value_name = "string")]
    pub(crate) authfile: Option<PathBuf>,
    /// Folder with certificates and keys of registries
    #[arg(long, value_name = "string")]
    pub(crate) cert_dir: Option<PathBuf>,
    /// Credentials (USERNAME:PASSWORD) for the registry
    #[arg(long, value_name = "string")]
    creds: Option<String>,
    /// Require HTTPS and verify certificates
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "bool")]
    pub(crate) tls_verify: Option<bool>,
}

/// What is done about failures of the network.
#[derive(Debug, Default, Clone, clap::Args)]
pub(crate) struct RetryOptions {
    /// How often to try again
    #[arg(long, value_name = "uint")]
    retry: Option<u32>,
    /// How long to wait before, such as 5s
    #[arg(long, value_name = "string")]
    retry_delay: Option<String>,
}

impl RegistryOptions {
    /// User name and password of `--creds`.
    pub(crate) fn credentials(&self) -> Result<Option<(String, String)>, Failure> {
        self.creds.as_deref().map(credentials).transpose()
    }
}

impl RetryOptions {
    /// What the engine is told.
    pub(crate) fn wanted(&self) -> Result<Retry, Failure> {
        let delay = self.retry_delay.as_deref().map(delay).transpose()?;
        Ok(Retry { count: self.retry, delay })
    }
}

fn delay(text: &str) -> Result<Duration, Failure> {
    let nanoseconds = cala_spec::duration::parse_duration(text)
        .map_err(|error| Failure::from(error.within(&format!("parsing --retry-delay {text:?}"))))?;
    u64::try_from(nanoseconds)
        .map(Duration::from_nanos)
        .map_err(|_| Failure::new(format!("--retry-delay {text:?} must not be negative")))
}

fn credentials(text: &str) -> Result<(String, String), Failure> {
    match text.split_once(':') {
        Some((user, password)) if !user.is_empty() => Ok((user.to_owned(), password.to_owned())),
        _ => {
            Err(Failure::new("credentials must be USERNAME:PASSWORD")
                .hint("`cala login` stores them instead"))
        }
    }
}
