//! registries.conf, version 2 (containers-registries.conf(5)): which host really serves a reference.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cala_spec::Reference;
use cala_spec::reference::is_short_name;
use serde::Deserialize;

use crate::config::ConfigPaths;
use crate::error::RegistryError;

/// The host behind the name docker.io.
const DOCKER_HUB_HOST: &str = "registry-1.docker.io";

/// One place where a repository can be read.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// `host[:port]` that is connected.
    pub host: String,
    /// Repository at that host.
    pub repository: String,
    /// `host[:port]` under which its credentials are stored: `docker.io`, else the same as `host`.
    pub credentials_key: String,
    /// Any certificate and plain HTTP are accepted.
    pub insecure: bool,
    /// Whether it is a mirror and not the registry that the reference names.
    pub mirror: bool,
}

impl Endpoint {
    /// An endpoint for `location` = `host[:port]/repository`.
    fn new(location: &str, insecure: bool, mirror: bool) -> Self {
        let (name, repository) = location.split_once('/').unwrap_or((location, ""));
        let host = if matches!(name, "docker.io" | "index.docker.io") { DOCKER_HUB_HOST } else { name };
        let key = if host == DOCKER_HUB_HOST { "docker.io" } else { name };
        Self {
            host: host.to_owned(),
            repository: repository.to_owned(),
            credentials_key: key.to_owned(),
            insecure,
            mirror,
        }
    }

    /// The registry itself (for `login`), without a repository.
    pub(crate) fn of_registry(name: &str, insecure: bool) -> Self {
        Self::new(name, insecure, false)
    }

    /// Key and repository, as messages name it.
    pub(crate) fn subject(&self) -> String {
        format!("{}/{}", self.credentials_key, self.repository)
    }
}

/// One file, as it is written. Keys that Cala does not know are ignored, as the containers tools do.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct File {
    unqualified_search_registries: Option<Vec<String>>,
    registry: Vec<Registry>,
    aliases: BTreeMap<String, String>,
}

/// A `[[registry]]` table.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct Registry {
    prefix: String,
    location: String,
    insecure: bool,
    blocked: bool,
    mirror_by_digest_only: bool,
    mirror: Vec<Mirror>,
}

/// A `[[registry.mirror]]` table.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct Mirror {
    location: String,
    insecure: bool,
    pull_from_mirror: Option<String>,
}

/// All files together.
#[derive(Debug, Default)]
pub struct Registries {
    search: Option<Vec<String>>,
    /// By prefix, each once: the last file that names it wins.
    registries: BTreeMap<String, Registry>,
    aliases: BTreeMap<String, String>,
}

impl Registries {
    /// Reads the files that exist.
    ///
    /// # Errors
    /// [`RegistryError::ReadFile`], [`RegistryError::InvalidConfig`].
    pub fn load(paths: &ConfigPaths) -> Result<Self, RegistryError> {
        let mut all = Self::default();
        // Podman's recorded aliases come first: what an administrator or the user wrote overrides them.
        let recorded = paths.short_name_aliases.iter();
        let main = paths.registries_conf.iter().find(|path| path.exists());
        let drop_ins = paths.registries_conf_d.iter().flat_map(|folder| conf_files(folder));
        let files = recorded.chain(main).cloned().chain(drop_ins);
        for path in files {
            if let Some(file) = read(&path)? {
                all.add(file, &path)?;
            }
        }
        Ok(all)
    }

    fn add(&mut self, file: File, path: &Path) -> Result<(), RegistryError> {
        if file.unqualified_search_registries.is_some() {
            self.search = file.unqualified_search_registries;
        }
        for mut registry in file.registry {
            if registry.prefix.is_empty() {
                registry.prefix.clone_from(&registry.location);
            }
            if registry.prefix.is_empty() {
                let reason = "a [[registry]] has neither prefix nor location".to_owned();
                return Err(RegistryError::InvalidConfig { path: path.to_owned(), reason });
            }
            self.registries.insert(registry.prefix.clone(), registry);
        }
        self.aliases.extend(file.aliases);
        Ok(())
    }

    /// The full references that a name may mean, the likeliest first.
    ///
    /// # Errors
    /// [`RegistryError::InvalidReference`].
    pub fn candidates(&self, name: &str) -> Result<Vec<Reference>, RegistryError> {
        let full = Reference::parse_normalized(name)?.with_default_tag();
        if !is_short_name(name) {
            return Ok(vec![full]);
        }
        let (bare, suffix) = split_suffix(name);
        if let Some(target) = self.aliases.get(bare).filter(|target| !target.is_empty()) {
            return Ok(vec![Reference::parse_normalized(&format!("{target}{suffix}"))?.with_default_tag()]);
        }
        match self.search.as_deref() {
            None | Some([]) => Ok(vec![full]),
            Some(search) => search
                .iter()
                .map(|registry| {
                    Ok(Reference::parse_normalized(&format!("{registry}/{name}"))?.with_default_tag())
                })
                .collect(),
        }
    }

    /// Registries that names without one are looked up at.
    pub(crate) fn search_list(&self) -> Vec<String> {
        match self.search.as_deref() {
            None | Some([]) => vec![cala_spec::reference::DEFAULT_DOMAIN.to_owned()],
            Some(search) => search.to_vec(),
        }
    }

    /// Where a reference can be read: the mirrors that serve it, then the registry itself.
    ///
    /// # Errors
    /// [`RegistryError::Blocked`].
    pub fn endpoints(
        &self,
        reference: &Reference,
        tls_verify: Option<bool>,
    ) -> Result<Vec<Endpoint>, RegistryError> {
        let name = format!("{}/{}", reference.domain, reference.path);
        let insecure = |configured: bool| tls_verify.map_or(configured, |verify| !verify);
        let Some((matched, registry)) = self.lookup(&name) else {
            return Ok(vec![Endpoint::new(&name, insecure(false), false)]);
        };
        if registry.blocked {
            return Err(RegistryError::Blocked { registry: registry.prefix.clone() });
        }
        let rest = name.get(matched..).unwrap_or_default();
        let pinned = reference.digest.is_some();
        let mirrors = registry
            .mirror
            .iter()
            .filter(|mirror| mirror.serves(pinned, registry.mirror_by_digest_only))
            .map(|mirror| {
                Endpoint::new(&format!("{}{rest}", mirror.location), insecure(mirror.insecure), true)
            });
        let own =
            if registry.location.is_empty() { name.clone() } else { format!("{}{rest}", registry.location) };
        let own = Endpoint::new(&own, insecure(registry.insecure), false);
        Ok(mirrors.chain([own]).collect())
    }

    /// Whether `host[:port]` is configured as insecure; for `login`, which names no repository.
    #[must_use]
    pub fn is_insecure(&self, registry: &str) -> bool {
        self.lookup(registry).is_some_and(|(_, registry)| registry.insecure)
    }

    /// The registry table with the longest prefix of `name`, and how much of the name the prefix covers.
    fn lookup(&self, name: &str) -> Option<(usize, &Registry)> {
        self.registries
            .values()
            .filter_map(|registry| Some((covered(&registry.prefix, name)?, registry)))
            .max_by_key(|(_, registry)| registry.prefix.len())
    }
}

impl Mirror {
    fn serves(&self, pinned: bool, digest_only: bool) -> bool {
        match self.pull_from_mirror.as_deref() {
            Some("digest-only") => pinned,
            Some("tag-only") => !pinned,
            _ => pinned || !digest_only,
        }
    }
}

/// How many bytes of `name` the prefix covers; it ends at a `/`, `:` or `@`, or at the end. `*.example.com` covers the
/// hosts below.
fn covered(prefix: &str, name: &str) -> Option<usize> {
    if let Some(domain) = prefix.strip_prefix('*') {
        let host = name.split('/').next().unwrap_or_default();
        let bare = host.split(':').next().unwrap_or_default();
        return (bare.ends_with(domain) && bare.len() > domain.len()).then_some(bare.len());
    }
    let rest = name.strip_prefix(prefix)?;
    (rest.is_empty() || rest.starts_with(['/', ':', '@'])).then_some(prefix.len())
}

/// A name without, and its `:tag@digest`.
fn split_suffix(name: &str) -> (&str, &str) {
    let slash = name.rfind('/').map_or(0, |at| at + 1);
    let end = name.get(slash..).and_then(|last| last.find([':', '@'])).map_or(name.len(), |at| slash + at);
    name.split_at(end)
}

/// The `*.conf` of a folder in alphabetical order; none when it cannot be read.
fn conf_files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|ext| ext == "conf"))
        .collect();
    files.sort();
    files
}

fn read(path: &Path) -> Result<Option<File>, RegistryError> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(RegistryError::ReadFile { path: path.to_owned(), source }),
    };
    match toml::from_str(&text) {
        Ok(file) => Ok(Some(file)),
        Err(error) => {
            let reason = error.message().to_owned();
            Err(RegistryError::InvalidConfig { path: path.to_owned(), reason })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registries(text: &str) -> Registries {
        let mut all = Registries::default();
        all.add(toml::from_str(text).expect("valid TOML"), Path::new("x.conf")).expect("valid configuration");
        all
    }

    fn reference(domain: &str, path: &str) -> Reference {
        Reference { domain: domain.into(), path: path.into(), tag: Some("1".into()), digest: None }
    }

    fn hosts(all: &Registries, reference: &Reference) -> Vec<String> {
        let endpoints = all.endpoints(reference, None).expect("not blocked");
        endpoints.iter().map(|e| format!("{}/{}", e.host, e.repository)).collect()
    }

    #[test]
    fn docker_hub_has_another_host_than_name() {
        let endpoints =
            Registries::default().endpoints(&reference("docker.io", "library/a"), None).expect("allowed");
        assert_eq!(endpoints[0].host, "registry-1.docker.io");
        assert_eq!(endpoints[0].credentials_key, "docker.io");
    }

    #[test]
    fn mirrors_come_first_and_locations_are_rewritten() {
        let all = registries(
            r#"
            [[registry]]
            prefix = "docker.io/library"
            location = "inner.example/hub"
            [[registry.mirror]]
            location = "mirror.example:5000/lib"
            [[registry.mirror]]
            location = "pinned.example"
            pull-from-mirror = "digest-only"
            "#,
        );
        assert_eq!(
            hosts(&all, &reference("docker.io", "library/a")),
            ["mirror.example:5000/lib/a", "inner.example/hub/a"]
        );
        assert_eq!(hosts(&all, &reference("docker.io", "other/a")), ["registry-1.docker.io/other/a"]);
        let mut pinned = reference("docker.io", "library/a");
        pinned.digest = format!("sha256:{}", "a".repeat(64)).parse().ok();
        assert_eq!(hosts(&all, &pinned).len(), 3);
    }

    #[test]
    fn the_longest_prefix_wins_and_ends_at_a_component() {
        let all = registries(
            r#"
            [[registry]]
            location = "r.example"
            insecure = true
            [[registry]]
            prefix = "r.example/secret"
            blocked = true
            [[registry]]
            prefix = "*.corp.example"
            location = "proxy.example"
            "#,
        );
        assert!(matches!(
            all.endpoints(&reference("r.example", "secret/a"), None),
            Err(RegistryError::Blocked { .. })
        ));
        assert!(all.endpoints(&reference("r.example", "secrets/a"), None).expect("allowed")[0].insecure);
        assert!(!all.endpoints(&reference("r.example", "a"), Some(true)).expect("allowed")[0].insecure);
        assert!(!all.endpoints(&reference("r.example.org", "a"), None).expect("allowed")[0].insecure);
        assert_eq!(hosts(&all, &reference("a.corp.example", "b")), ["proxy.example/b"]);
        assert_eq!(hosts(&all, &reference("corp.example", "b")), ["corp.example/b"]);
    }

    #[test]
    fn tables_without_a_place_are_refused() {
        let file: File = toml::from_str("[[registry]]\ninsecure = true\n").expect("valid TOML");
        let error = Registries::default().add(file, Path::new("x.conf")).expect_err("no prefix");
        assert!(error.to_string().contains("x.conf"), "{error}");
    }

    #[test]
    fn suffixes_are_split_from_names() {
        for (name, bare, suffix) in [
            ("alpine", "alpine", ""),
            ("alpine:3", "alpine", ":3"),
            ("a/b:3@sha256:00", "a/b", ":3@sha256:00"),
            ("h:5000/a", "h:5000/a", ""),
        ] {
            assert_eq!(split_suffix(name), (bare, suffix), "{name}");
        }
    }

    #[test]
    fn short_names_use_aliases_then_the_search_list() {
        let all = registries(
            r#"
            unqualified-search-registries = ["one.example", "two.example:5000"]
            [aliases]
            "fedora" = "registry.fedoraproject.org/fedora"
            "#,
        );
        let domains = |name: &str| -> Vec<String> {
            all.candidates(name).expect("valid").into_iter().map(|r| r.domain).collect()
        };
        assert_eq!(domains("fedora:40"), ["registry.fedoraproject.org"]);
        assert_eq!(domains("thing"), ["one.example", "two.example:5000"]);
        assert_eq!(domains("quay.io/a/b"), ["quay.io"]);
        let default = Registries::default().candidates("alpine").expect("valid");
        assert_eq!((default[0].domain.as_str(), default[0].path.as_str()), ("docker.io", "library/alpine"));
    }
}
