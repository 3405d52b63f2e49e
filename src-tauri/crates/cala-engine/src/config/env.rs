//! The environment of a container's process: defaults, the image's, the person's; the last of a name wins and keeps the
//! place of the first, as in Podman.

/// PATH when neither image nor person set one.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// An ordered environment.
#[derive(Debug, Default)]
pub(super) struct Environment(Vec<(String, String)>);

impl Environment {
    /// What every container gets: `container` tells programs such as systemd that they run in one.
    pub(super) fn with_defaults(tty: bool) -> Self {
        let mut env = Self::default();
        env.set("PATH", DEFAULT_PATH);
        env.set("container", "cala");
        if tty {
            env.set("TERM", "xterm");
        }
        env
    }

    pub(super) fn set(&mut self, name: &str, value: &str) {
        match self.0.iter_mut().find(|(known, _)| known == name) {
            Some((_, old)) => value.clone_into(old),
            None => self.0.push((name.to_owned(), value.to_owned())),
        }
    }

    /// Sets `NAME=value`; an image's entry without `=` is a name with an empty value.
    pub(super) fn set_entry(&mut self, entry: &str) {
        let (name, value) = entry.split_once('=').unwrap_or((entry, ""));
        if !name.is_empty() {
            self.set(name, value);
        }
    }

    pub(super) fn unset(&mut self, name: &str) {
        self.0.retain(|(known, _)| known != name);
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn contains(&self, name: &str) -> bool {
        self.0.iter().any(|(known, _)| known == name)
    }

    pub(super) fn into_entries(self) -> Vec<String> {
        self.0.into_iter().map(|(name, value)| format!("{name}={value}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_value_stands_at_the_first_place() {
        let mut env = Environment::with_defaults(false);
        env.set_entry("FOO=1");
        env.set_entry("PATH=/bin");
        env.set_entry("FOO=a=b");
        env.set_entry("=nothing");
        env.set_entry("EMPTY");
        assert_eq!(env.into_entries(), ["PATH=/bin", "container=cala", "FOO=a=b", "EMPTY="]);
    }
}
