//! Volumes: what a person asks for (`volume create`), and what its options mean (podman-volume-create(1)).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::InvalidValue;
use crate::mount::Mount;

/// The driver that keeps a volume as a directory, the only one there is.
pub const LOCAL_DRIVER: &str = "local";

/// A wish for a volume: the input of `volume create`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(optional_fields))]
pub struct VolumeSpec {
    /// The name; 64 random hex digits by default.
    pub name: Option<String>,
    /// The driver; empty is `local`.
    pub driver: String,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Options of the driver as they were given: `type`, `device`, `o`, `copy`, `nocopy`.
    pub options: BTreeMap<String, String>,
    /// Take a volume of this name that is there already as it is.
    pub ignore: bool,
}

/// Where the files of a volume are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum VolumePlace {
    /// In a directory that Cala keeps.
    #[default]
    Kept,
    /// In the memory of each container that mounts it.
    Tmpfs,
    /// In a folder of the host.
    Bind(String),
}

/// What the options of a volume mean.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VolumeOptions {
    /// Where its files are.
    pub place: VolumePlace,
    /// Read-only for every container.
    pub read_only: bool,
    /// Further options of its mounts in mount(8)'s words.
    pub mount: Vec<String>,
    /// Who its top directory belongs to, in ids of the container.
    pub uid: Option<u32>,
    /// The group of it.
    pub gid: Option<u32>,
    /// The first container copies nothing into it.
    pub no_copy: bool,
}

const ALLOWED: &str = "options are type=tmpfs|bind|none, device=PATH, o=WORD,… and copy or nocopy";

fn wrong(text: impl Into<String>) -> InvalidValue {
    InvalidValue::new("invalid_volume_option", text).allowing(ALLOWED)
}

impl VolumeOptions {
    /// Reads the options of the driver `local`, as they were given or as [`VolumeOptions::stored`] wrote them.
    ///
    /// # Errors
    /// An unknown option, a wrong value, or one that only an administrator could have: quotas and block devices.
    pub fn parse(options: &BTreeMap<String, String>) -> Result<Self, InvalidValue> {
        let mut parsed = Self::default();
        let (mut kind, mut device, mut words) = ("", "", Vec::new());
        for (key, value) in options {
            match key.as_str() {
                "type" => kind = value,
                "device" => device = value,
                "o" => words = value.split(',').filter(|word| !word.is_empty()).collect(),
                "nocopy" => parsed.no_copy = true,
                // What `stored` adds to what was given; read again from `o`.
                "copy" | "UID" | "GID" | "SIZE" | "INODES" | "NOQUOTA" => {}
                other => {
                    return Err(wrong(format!(
                        "invalid mount option {other} for driver 'local': invalid argument"
                    )));
                }
            }
        }
        parsed.place = place(kind, device)?;
        let mut rest = Vec::new();
        for word in words {
            if !parsed.ownership(word)? {
                rest.push(word);
            }
        }
        parsed.mount_words(&rest)?;
        Ok(parsed)
    }

    /// The options as Podman stores and shows them: as given, and in capitals what `o` says of owner and size.
    #[must_use]
    pub fn stored(options: &BTreeMap<String, String>) -> BTreeMap<String, String> {
        let mut stored = options.clone();
        let Some(words) = options.get("o") else { return stored };
        let mut kept = Vec::new();
        for word in words.split(',').filter(|word| !word.is_empty()) {
            let (key, value) = word.split_once('=').unwrap_or((word, ""));
            let name = key.to_ascii_uppercase();
            match name.as_str() {
                "UID" | "GID" | "SIZE" => _ = stored.insert(name, value.to_owned()),
                "NOQUOTA" => {
                    stored.insert(name, "true".to_owned());
                    continue;
                }
                _ => {}
            }
            kept.push(word);
        }
        if kept.is_empty() {
            stored.remove("o");
        } else {
            stored.insert("o".to_owned(), kept.join(","));
        }
        stored
    }

    /// `uid=`, `gid=` and `noquota`; false for any other word.
    fn ownership(&mut self, word: &str) -> Result<bool, InvalidValue> {
        let (key, value) = word.split_once('=').unwrap_or((word, ""));
        let id = |what: &str| {
            value
                .parse::<u32>()
                .ok()
                .filter(|id| *id < u32::MAX && value.bytes().all(|b| b.is_ascii_digit()))
                .ok_or_else(|| {
                    wrong(format!("cannot convert {what} {value:?} to a number: invalid argument"))
                })
        };
        match key {
            "uid" => self.uid = Some(id("UID")?),
            "gid" => self.gid = Some(id("GID")?),
            "noquota" => {}
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// The words for the mount, in the grammar of `-v` and `--tmpfs`.
    fn mount_words(&mut self, words: &[&str]) -> Result<(), InvalidValue> {
        let quota = words.iter().any(|word| word.starts_with("size=") || word.starts_with("inodes="));
        if quota && self.place != VolumePlace::Tmpfs {
            return Err(InvalidValue::new(
                "volume_quota",
                "volume options size and inodes not supported. Filesystem does not support Project Quota",
            )
            .allowing("only an administrator may set quotas; -o type=tmpfs -o device=tmpfs -o o=size=… limits memory"));
        }
        if self.place == VolumePlace::Kept {
            return match words.first() {
                None => Ok(()),
                Some(word) => Err(wrong(format!(
                    "mount option {word:?} of a volume without type: only uid=, gid= and noquota have a meaning there"
                ))),
            };
        }
        let text = format!("/volume:{}", words.join(","));
        let mount = match self.place {
            VolumePlace::Tmpfs => Mount::parse_tmpfs(&text)?,
            _ => Mount::parse_volume(&format!("/host:{text}"), std::path::Path::new("/"))?,
        };
        if mount.options.iter().any(|word| word == "U") {
            return Err(wrong("mount option \"U\" is one of the container's mount, not of the volume"));
        }
        (self.read_only, self.mount) = (mount.read_only, mount.options);
        Ok(())
    }
}

fn place(kind: &str, device: &str) -> Result<VolumePlace, InvalidValue> {
    match kind {
        "" if device.is_empty() => Ok(VolumePlace::Kept),
        "" => Err(wrong(format!("volume option device={device} needs a type"))),
        "tmpfs" => Ok(VolumePlace::Tmpfs),
        "bind" | "none" if device.starts_with('/') => Ok(VolumePlace::Bind(device.to_owned())),
        "bind" | "none" => {
            Err(wrong(format!("volume option device={device:?} must be the absolute path of a folder")))
        }
        other => Err(InvalidValue::new(
            "volume_type",
            format!("a volume of type {other:?} cannot be mounted: only an administrator may mount it"),
        )
        .allowing(
            "type is tmpfs, bind or none; mount it as root and give its folder with type=bind, device=PATH",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    fn parsed(pairs: &[(&str, &str)]) -> Result<VolumeOptions, InvalidValue> {
        VolumeOptions::parse(&options(pairs))
    }

    #[test]
    fn options_say_where_the_files_are() {
        assert_eq!(parsed(&[]).expect("none").place, VolumePlace::Kept);
        let memory = parsed(&[("type", "tmpfs"), ("device", "tmpfs"), ("o", "size=2M,nodev,uid=5")]);
        let memory = memory.expect("memory");
        assert_eq!((memory.place, memory.uid, memory.gid), (VolumePlace::Tmpfs, Some(5), None));
        assert_eq!(memory.mount, ["size=2M", "nodev"]);
        for kind in ["bind", "none"] {
            let bind = parsed(&[("type", kind), ("device", "/tmp"), ("o", "bind,ro")]).expect("a folder");
            assert_eq!((bind.place, bind.read_only), (VolumePlace::Bind("/tmp".into()), true));
        }
        assert!(parsed(&[("nocopy", "")]).expect("nocopy").no_copy);
    }

    #[test]
    fn what_a_user_cannot_have_is_refused_with_the_reason() {
        for (pairs, words) in [
            (&[("foo", "bar")][..], "invalid mount option foo for driver 'local'"),
            (&[("o", "size=5M")], "Filesystem does not support Project Quota"),
            (&[("o", "inodes=5")], "Project Quota"),
            (&[("o", "nodev")], "without type"),
            (&[("type", "ext4"), ("device", "/dev/sda")], "only an administrator"),
            (&[("type", "bind"), ("device", "tmp")], "absolute path"),
            (&[("device", "/tmp")], "needs a type"),
            (&[("o", "uid=-1")], "cannot convert UID"),
            (&[("o", "gid=4294967295")], "cannot convert GID"),
            (&[("o", "uid=+1")], "cannot convert UID"),
            (&[("type", "tmpfs"), ("o", "lowerdir=/")], "lowerdir"),
            (&[("type", "bind"), ("device", "/tmp"), ("o", "bind,U")], "\"U\""),
        ] {
            let error = parsed(pairs).expect_err(words).to_string();
            assert!(error.contains(words), "{pairs:?}: {error}");
        }
    }

    #[test]
    fn options_are_shown_as_podman_shows_them_and_read_again() {
        let given = options(&[("type", "tmpfs"), ("o", "size=2M,nodev,uid=7,noquota")]);
        let stored = VolumeOptions::stored(&given);
        let expected = options(&[
            ("type", "tmpfs"),
            ("o", "size=2M,nodev,uid=7"),
            ("SIZE", "2M"),
            ("UID", "7"),
            ("NOQUOTA", "true"),
        ]);
        assert_eq!(stored, expected);
        assert_eq!(VolumeOptions::parse(&stored), VolumeOptions::parse(&given));
        assert_eq!(VolumeOptions::stored(&options(&[("o", "noquota")])), options(&[("NOQUOTA", "true")]));
    }
}
