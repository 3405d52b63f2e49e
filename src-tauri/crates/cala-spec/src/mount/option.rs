//! The options of a mount, each checked against what it may apply to.

use super::Mount;
use crate::ByteSize;
use crate::invalid::InvalidValue;

/// What the options belong to; decides which are allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Bind,
    Volume,
    Tmpfs,
    Image,
    Devpts,
    Glob,
}

impl Kind {
    /// Something that is mounted by bind, with what that has.
    fn is_bound(self) -> bool {
        matches!(self, Self::Bind | Self::Volume | Self::Glob)
    }
}

/// Options as they are collected, with the contradictions noticed.
#[derive(Debug)]
pub(super) struct Options {
    kind: Kind,
    access: Option<bool>,
    list: Vec<String>,
}

/// Options of which at most one of a row may be given.
const GROUPS: [&[&str]; 6] = [
    &["exec", "noexec"],
    &["suid", "nosuid"],
    &["dev", "nodev"],
    &["private", "rprivate", "shared", "rshared", "slave", "rslave", "unbindable", "runbindable"],
    &["bind", "rbind"],
    &["copy", "nocopy"],
];

impl Options {
    pub(super) fn new(kind: Kind) -> Self {
        Self { kind, access: None, list: Vec::new() }
    }

    /// Read-only or not, and the rest.
    pub(super) fn finish(self) -> (bool, Vec<String>) {
        (self.access.unwrap_or(false), self.list)
    }

    /// `ro` or `rw`.
    pub(super) fn set_read_only(&mut self, read_only: bool) -> Result<(), InvalidValue> {
        if self.access.is_some() {
            return Err(invalid("invalid options \"ro, rw\", can only specify 1 'rw' or 'ro' option"));
        }
        self.access = Some(read_only);
        Ok(())
    }

    /// Names what of the source is mounted: below it by its letters alone; what links say is seen when it is mounted.
    pub(super) fn set_subpath(&mut self, path: &str) -> Result<(), InvalidValue> {
        if !matches!(self.kind, Kind::Volume | Kind::Image) {
            return Err(invalid("cannot set option \"subpath\" on non-volume mounts"));
        }
        let parts: Vec<&str> = path.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
        if parts.contains(&"..") || path.contains('\0') {
            return Err(invalid(format!("subpath {path:?} is outside of the volume")));
        }
        if !parts.is_empty() {
            self.list.push(format!("{}{}", Mount::SUBPATH, parts.join("/")));
        }
        Ok(())
    }

    /// Adds one word of the comma-separated list.
    pub(super) fn add(&mut self, option: &str) -> Result<(), InvalidValue> {
        match option {
            "ro" | "readonly" => return self.set_read_only(true),
            "rw" => return self.set_read_only(false),
            // Labels of SELinux: nothing to do where it is not enforced, as in Podman.
            "z" | "Z" if self.kind != Kind::Tmpfs => return Ok(()),
            _ if option == "idmap" || option.starts_with("idmap=") => {
                return Err(invalid(
                    "mount option \"idmap\" is not possible: only an administrator may map ids of a mount",
                )
                .allowing("U gives the files to the container's user"));
            }
            _ if option.starts_with("upperdir=") || option.starts_with("workdir=") => {
                return Err(invalid(format!("mount option \"{option}\" is not supported: what a container writes over a mount is thrown away"))
                    .allowing("O without upperdir and workdir"));
            }
            _ => {}
        }
        if let Some(group) = GROUPS.iter().find(|group| group.contains(&option)) {
            return self.add_of_group(option, group);
        }
        match option.split_once('=') {
            None if matches!(
                option,
                "U" | "noatime" | "relatime" | "strictatime" | "nodiratime" | "sync" | "async"
            ) && !matches!(self.kind, Kind::Image | Kind::Devpts) => {}
            None if option == Mount::OVERLAY && matches!(self.kind, Kind::Bind | Kind::Volume) => {}
            None if self.kind == Kind::Tmpfs && matches!(option, "tmpcopyup" | "notmpcopyup") => {}
            Some((key, value)) if self.kind == Kind::Tmpfs => check_tmpfs(key, value)?,
            Some((key, value)) if self.kind == Kind::Devpts => check_devpts(key, value)?,
            _ => return Err(unknown(self.kind, option)),
        }
        self.list.push(option.to_owned());
        Ok(())
    }

    fn add_of_group(&mut self, option: &str, group: &[&str]) -> Result<(), InvalidValue> {
        let fits = match option {
            "bind" | "rbind" => self.kind.is_bound(),
            "copy" | "nocopy" => self.kind == Kind::Volume,
            _ => !matches!(self.kind, Kind::Image | Kind::Devpts),
        };
        if !fits {
            return Err(unknown(self.kind, option));
        }
        if let Some(other) = self.list.iter().find(|known| group.contains(&known.as_str())) {
            return Err(invalid(format!(
                "invalid options \"{other}, {option}\", can only specify one of them"
            )));
        }
        self.list.push(option.to_owned());
        Ok(())
    }
}

fn check_tmpfs(key: &str, value: &str) -> Result<(), InvalidValue> {
    let digits =
        |max: usize| !value.is_empty() && value.len() <= max && value.bytes().all(|b| b.is_ascii_digit());
    let fits = match key {
        "size" => value.strip_suffix('%').map_or_else(
            || value.parse::<ByteSize>().is_ok(),
            |percent| percent.parse::<u8>().is_ok_and(|n| n <= 100),
        ),
        "nr_blocks" | "nr_inodes" => value.parse::<ByteSize>().is_ok(),
        "mode" => digits(5) && value.bytes().all(|b| b < b'8'),
        "uid" | "gid" => digits(10) && value.parse::<u32>().is_ok(),
        _ => return Err(unknown(Kind::Tmpfs, key)),
    };
    if fits { Ok(()) } else { Err(invalid(format!("invalid value \"{value}\" for mount option \"{key}\""))) }
}

/// devpts(5) of the kernel: `max` is a number of terminals.
fn check_devpts(key: &str, value: &str) -> Result<(), InvalidValue> {
    match key {
        "uid" | "gid" | "mode" => check_tmpfs(key, value),
        "max" if value.parse::<u32>().is_ok_and(|max| (1..=1 << 20).contains(&max)) => Ok(()),
        "max" => Err(invalid(format!("invalid value \"{value}\" for mount option \"max\""))),
        _ => Err(unknown(Kind::Devpts, key)),
    }
}

/// An error of a mount.
pub(super) fn invalid(sentence: impl Into<String>) -> InvalidValue {
    InvalidValue::new("invalid_mount", sentence)
}

fn unknown(kind: Kind, option: &str) -> InvalidValue {
    let allowed = match kind {
        Kind::Image => "allowed: rw, subpath=",
        Kind::Devpts => "allowed: uid=, gid=, mode=, max=",
        Kind::Bind | Kind::Glob => {
            "allowed: ro, rw, z, Z, U, O, [no]exec, [no]suid, [no]dev, bind, rbind, [r]private, [r]shared, [r]slave"
        }
        Kind::Volume => {
            "allowed: ro, rw, z, Z, U, O, [no]copy, [no]exec, [no]suid, [no]dev, [r]private, [r]shared, [r]slave"
        }
        Kind::Tmpfs => {
            "allowed: ro, rw, U, size=, mode=, uid=, gid=, nr_inodes=, nr_blocks=, [no]exec, [no]suid, [no]dev"
        }
    };
    let shown: String = option.chars().take(80).collect();
    let sentence = match kind {
        Kind::Tmpfs | Kind::Image | Kind::Devpts => {
            format!("unknown mount option \"{shown}\": invalid mount option")
        }
        Kind::Bind | Kind::Volume | Kind::Glob => format!("invalid option type \"{shown}\""),
    };
    InvalidValue::new("invalid_mount_option", sentence).allowing(allowed)
}
