//! Mount options of the runtime spec: words to attributes, propagation and parameters of the file system.

use std::path::PathBuf;

use cala_sys::mount::{Attributes, Propagation};

/// The options of one mount.
#[derive(Debug, Default)]
pub(crate) struct Options {
    /// `bind` (false) or `rbind` (true).
    pub(crate) bind: Option<bool>,
    pub(crate) set: Attributes,
    pub(crate) clear: Attributes,
    /// To be applied to everything below too.
    pub(crate) recursive_set: Attributes,
    pub(crate) recursive_clear: Attributes,
    pub(crate) propagation: Option<(Propagation, bool)>,
    /// The image's files are copied into a new tmpfs.
    pub(crate) copy_up: bool,
    /// It is to belong to the container's user.
    pub(crate) chown: bool,
    /// What of the source is mounted, relative to it.
    pub(crate) subpath: Option<PathBuf>,
    /// Directories that an overlay shows, the highest first.
    pub(crate) lower: Vec<PathBuf>,
    /// Parameters of the file system, in order.
    pub(crate) data: Vec<(String, Option<String>)>,
}

impl Options {
    /// Reads them; unknown words belong to the file system.
    pub(crate) fn parse(words: &[String]) -> Self {
        let mut options = Self::default();
        for word in words {
            if let Some(path) = word.strip_prefix("subpath=") {
                options.subpath = Some(PathBuf::from(path));
            } else if let Some(path) = word.strip_prefix("lowerdir+=") {
                options.lower.push(PathBuf::from(path));
            } else if !options.known(word) {
                let (key, value) = match word.split_once('=') {
                    Some((key, value)) => (key, Some(value.to_owned())),
                    None => (word.as_str(), None),
                };
                options.data.push((key.to_owned(), value));
            }
        }
        options
    }

    fn known(&mut self, word: &str) -> bool {
        match word {
            "bind" => self.bind = Some(self.bind.unwrap_or(false)),
            "rbind" => self.bind = Some(true),
            "tmpcopyup" => self.copy_up = true,
            "U" => self.chown = true,
            // Of the super block of devices, or the default: nothing to do for a user's mounts.
            "defaults" | "" | "async" | "sync" | "dirsync" | "nomand" | "mand" | "noiversion"
            | "iversion" | "notmpcopyup" | "silent" | "loud" => {}
            _ => return self.known_propagation(word) || self.known_attribute(word),
        }
        true
    }

    fn known_propagation(&mut self, word: &str) -> bool {
        let (recursive, rest) = word.strip_prefix('r').map_or((false, word), |rest| (true, rest));
        let kind = match rest {
            "private" => Propagation::Private,
            "slave" => Propagation::Slave,
            "shared" => Propagation::Shared,
            "unbindable" => Propagation::Unbindable,
            _ => return false,
        };
        self.propagation = Some((kind, recursive));
        true
    }

    fn known_attribute(&mut self, word: &str) -> bool {
        if let Some((set, bits, mask)) = attribute(word) {
            change(&mut self.set, &mut self.clear, set, bits, mask);
            return true;
        }
        if let Some((set, bits, mask)) = word.strip_prefix('r').and_then(attribute) {
            change(&mut self.recursive_set, &mut self.recursive_clear, set, bits, mask);
            return true;
        }
        false
    }
}

/// The last word wins.
fn change(set: &mut Attributes, clear: &mut Attributes, on: bool, bits: Attributes, mask: Attributes) {
    *set = set.without(mask);
    *clear = clear.without(mask);
    if on {
        *set = set.union(bits);
    }
    if !on || mask != bits {
        // Of a field of several bits all are cleared before some are set.
        *clear = clear.union(mask);
    }
}

/// On or off, the bits, and the field that they belong to.
fn attribute(word: &str) -> Option<(bool, Attributes, Attributes)> {
    let simple = |on, bits| Some((on, bits, bits));
    let access_time = |bits| Some((true, bits, Attributes::ATIME_MASK));
    match word {
        "ro" => simple(true, Attributes::RDONLY),
        "rw" => simple(false, Attributes::RDONLY),
        "nosuid" => simple(true, Attributes::NOSUID),
        "suid" => simple(false, Attributes::NOSUID),
        "nodev" => simple(true, Attributes::NODEV),
        "dev" => simple(false, Attributes::NODEV),
        "noexec" => simple(true, Attributes::NOEXEC),
        "exec" => simple(false, Attributes::NOEXEC),
        "nodiratime" => simple(true, Attributes::NODIRATIME),
        "diratime" => simple(false, Attributes::NODIRATIME),
        "nosymfollow" => simple(true, Attributes::NOSYMFOLLOW),
        "symfollow" => simple(false, Attributes::NOSYMFOLLOW),
        "noatime" => access_time(Attributes::NOATIME),
        "strictatime" => access_time(Attributes::STRICTATIME),
        "relatime" | "atime" | "norelatime" | "nostrictatime" => access_time(Attributes::NONE),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &str) -> Options {
        Options::parse(&words.split(',').map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn words_become_attributes() {
        let options = parse("rbind,ro,nosuid,rslave,size=5,noatime,rnoexec,mode=700,rw");
        assert_eq!(options.bind, Some(true));
        assert_eq!(options.set, Attributes::NOSUID | Attributes::NOATIME);
        assert_eq!(options.clear, Attributes::RDONLY | Attributes::ATIME_MASK);
        assert_eq!(options.recursive_set, Attributes::NOEXEC);
        assert_eq!(options.propagation, Some((Propagation::Slave, true)));
        assert_eq!(options.data, [("size".into(), Some("5".into())), ("mode".into(), Some("700".into()))]);
    }

    #[test]
    fn layers_and_parts_of_a_source_are_no_parameters() {
        let options = parse("lowerdir+=/b,lowerdir+=/a,upperdir=/u,subpath=x/y");
        assert_eq!(options.lower, [PathBuf::from("/b"), PathBuf::from("/a")]);
        assert_eq!(options.subpath, Some(PathBuf::from("x/y")));
        assert_eq!(options.data, [("upperdir".into(), Some("/u".into()))]);
    }

    #[test]
    fn rro_is_recursive_and_ro_wins_when_last() {
        assert!(parse("rro").recursive_set.contains(Attributes::RDONLY));
        assert!(parse("rw,ro").set.contains(Attributes::RDONLY));
        assert!(!parse("ro,rw").set.contains(Attributes::RDONLY));
    }
}
