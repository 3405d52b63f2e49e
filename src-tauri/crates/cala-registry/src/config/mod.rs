//! Where the client's configuration lies, and what a caller may override for one command.
//!
//! The files are those of the containers tools (containers-registries.conf(5), containers-certs.d(5),
//! containers-auth.json(5)) and Docker's `config.json`, so that whoever used Podman or Docker needs no second set.

pub mod certs;
pub mod credentials;
pub mod login;
pub mod registries;

mod helper;

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::config::credentials::Credentials;

/// Everything that decides how registries are reached.
#[derive(Debug, Clone, Default)]
pub struct RegistryConfig {
    /// The files.
    pub paths: ConfigPaths,
    /// `--tls-verify`: `Some(false)` accepts any certificate and plain HTTP, `Some(true)` neither whatever the
    /// configuration says; `None` follows the configuration.
    pub tls_verify: Option<bool>,
    /// `--creds`: used for the named registry instead of stored ones, never for its mirrors.
    pub credentials: Option<Credentials>,
    /// `--cert-dir`: a folder with `*.crt`, `*.cert`, `*.key` used for every registry instead of certs.d.
    pub cert_dir: Option<PathBuf>,
    /// Time-outs and tries.
    pub timing: Timing,
}

/// How long the client waits and how often it tries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timing {
    /// For a connection, its TLS handshake included.
    pub connect: Duration,
    /// Without progress before a request is given up and tried again. 1 KiB counts as progress, so that a server
    /// which sends a byte now and then does not hold a pull for ever. `CALA_REGISTRY_IDLE_TIMEOUT` sets it, in seconds.
    pub idle: Duration,
    /// Tries in all; those that brought 1 MiB or more are not counted.
    pub tries: u32,
    /// Wait before the second try; doubled before each further one.
    pub backoff: Duration,
    /// The longest `Retry-After` that is obeyed; a longer one is an error that says so.
    pub retry_after_cap: Duration,
    /// The least time between two [`cala_spec::progress::PullProgress::Downloading`] of one layer.
    pub progress: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            idle: Duration::from_secs(30),
            tries: 3,
            backoff: Duration::from_secs(1),
            retry_after_cap: Duration::from_secs(60),
            progress: Duration::from_millis(50),
        }
    }
}

/// The files and folders that are read. Empty everywhere by default; [`ConfigPaths::from_env`] has the real ones.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConfigPaths {
    /// registries.conf: the first that exists is used alone.
    pub registries_conf: Vec<PathBuf>,
    /// Folders of drop-ins (`*.conf`), read after it in this order; later ones override.
    pub registries_conf_d: Vec<PathBuf>,
    /// Short-name aliases that Podman recorded for this user.
    pub short_name_aliases: Option<PathBuf>,
    /// Folders with a folder per `host[:port]`; the first that has one is used.
    pub certs_d: Vec<PathBuf>,
    /// Credentials, in the order they are searched. `login` writes the first.
    pub auth_files: Vec<PathBuf>,
}

impl RegistryConfig {
    /// The configuration of the user who runs this process.
    #[must_use]
    pub fn from_env() -> Self {
        let mut timing = Timing::default();
        if let Some(text) = std::env::var_os("CALA_REGISTRY_IDLE_TIMEOUT") {
            match text.to_str().and_then(|text| text.parse().ok()).filter(|seconds| *seconds > 0) {
                Some(seconds) => timing.idle = Duration::from_secs(seconds),
                None => tracing::warn!(?text, "CALA_REGISTRY_IDLE_TIMEOUT is not a number of seconds"),
            }
        }
        Self { paths: ConfigPaths::from_env(), timing, ..Self::default() }
    }

    /// The same with one credentials file instead of the search (`--authfile`).
    #[must_use]
    pub fn with_auth_file(mut self, file: &Path) -> Self {
        self.paths.auth_files = vec![file.to_owned()];
        self
    }
}

impl ConfigPaths {
    /// The usual places, as `HOME`, `XDG_CONFIG_HOME`, `XDG_CACHE_HOME`, `XDG_RUNTIME_DIR`,
    /// `CONTAINERS_REGISTRIES_CONF`, `REGISTRY_AUTH_FILE` and `DOCKER_CONFIG` say.
    #[must_use]
    pub fn from_env() -> Self {
        Self::from_variables(&|name| {
            std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
        })
    }

    /// As [`ConfigPaths::from_env`], with the variables from `variable`.
    fn from_variables(variable: &dyn Fn(&str) -> Option<PathBuf>) -> Self {
        let base = directories::BaseDirs::new();
        let home = variable("HOME").or_else(|| base.as_ref().map(|dirs| dirs.home_dir().to_owned()));
        let config = variable("XDG_CONFIG_HOME").or_else(|| home.as_ref().map(|home| home.join(".config")));
        let cache = variable("XDG_CACHE_HOME").or_else(|| home.as_ref().map(|home| home.join(".cache")));
        let containers = config.map(|config| config.join("containers"));
        let system = Path::new("/etc/containers");
        let user = |name: &str| containers.as_ref().map(|folder| folder.join(name));
        let docker = variable("DOCKER_CONFIG").or_else(|| home.as_ref().map(|home| home.join(".docker")));
        let present = |paths: Vec<Option<PathBuf>>| paths.into_iter().flatten().collect::<Vec<_>>();
        Self {
            registries_conf: variable("CONTAINERS_REGISTRIES_CONF").map_or_else(
                || present(vec![user("registries.conf"), Some(system.join("registries.conf"))]),
                |path| vec![path],
            ),
            registries_conf_d: present(vec![
                Some(system.join("registries.conf.d")),
                user("registries.conf.d"),
            ]),
            short_name_aliases: cache.map(|cache| cache.join("containers/short-name-aliases.conf")),
            certs_d: present(vec![
                user("certs.d"),
                Some(system.join("certs.d")),
                Some(PathBuf::from("/etc/docker/certs.d")),
            ]),
            auth_files: variable("REGISTRY_AUTH_FILE").map_or_else(
                || {
                    present(vec![
                        variable("XDG_RUNTIME_DIR").map(|run| run.join("containers/auth.json")),
                        user("auth.json"),
                        docker.map(|docker| docker.join("config.json")),
                    ])
                },
                |path| vec![path],
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_move_the_files() {
        let paths = ConfigPaths::from_variables(&|name| match name {
            "HOME" => Some("/h".into()),
            "XDG_RUNTIME_DIR" => Some("/run/user/7".into()),
            "XDG_CONFIG_HOME" => Some("/c".into()),
            _ => None,
        });
        assert_eq!(paths.registries_conf[0], Path::new("/c/containers/registries.conf"));
        assert_eq!(
            paths.short_name_aliases.as_deref(),
            Some(Path::new("/h/.cache/containers/short-name-aliases.conf"))
        );
        let auth: Vec<_> = paths.auth_files.iter().map(|p| p.to_string_lossy().into_owned()).collect();
        assert_eq!(
            auth,
            ["/run/user/7/containers/auth.json", "/c/containers/auth.json", "/h/.docker/config.json"]
        );
    }

    #[test]
    fn an_explicit_file_is_used_alone() {
        let paths = ConfigPaths::from_variables(&|name| match name {
            "REGISTRY_AUTH_FILE" => Some("/a.json".into()),
            "CONTAINERS_REGISTRIES_CONF" => Some("/r.conf".into()),
            _ => None,
        });
        assert_eq!(paths.auth_files, [PathBuf::from("/a.json")]);
        assert_eq!(paths.registries_conf, [PathBuf::from("/r.conf")]);
    }
}
