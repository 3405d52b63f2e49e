//! `--security-opt` (podman-run(1)).

use std::str::FromStr;

use crate::invalid::InvalidValue;

/// One security option.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecurityOpt {
    /// `no-new-privileges[:true|false]`: no program gains privileges by execve(2).
    NoNewPrivileges(bool),
    /// `seccomp=unconfined`: no filter.
    SeccompUnconfined,
    /// `seccomp=PATH`: the profile in this file of the host, in Docker's format.
    SeccompProfile(String),
    /// `mask=PATH[:PATH…]`: further paths to hide.
    Mask(Vec<String>),
    /// `unmask=PATH[:PATH…]`: default masks and read-only paths to lift.
    Unmask(Vec<String>),
    /// `unmask=ALL`, Docker's `systempaths=unconfined`.
    UnmaskAll,
    /// `label=…`: SELinux; without meaning where it is not enforced.
    Label(String),
    /// `apparmor=PROFILE`: `unconfined`, or the name of a loaded profile.
    AppArmor(String),
}

impl FromStr for SecurityOpt {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let invalid = || {
            InvalidValue::new("invalid_security_opt", format!("invalid --security-opt: {text:?}")).allowing(
                "allowed: no-new-privileges, seccomp=unconfined, seccomp=PATH, mask=PATH, unmask=PATH, unmask=ALL, \
                 apparmor=PROFILE, label=disable",
            )
        };
        // Docker's old form has a colon instead of the first equals sign.
        let at = text.find(['=', ':']);
        let (key, value) = at.map_or((text, None), |at| (text.split_at(at).0, text.get(at + 1..)));
        match (key, value) {
            ("no-new-privileges", None | Some("true")) => Ok(Self::NoNewPrivileges(true)),
            ("no-new-privileges", Some("false")) => Ok(Self::NoNewPrivileges(false)),
            ("seccomp", Some("unconfined")) => Ok(Self::SeccompUnconfined),
            ("seccomp", Some(path)) if !path.is_empty() => Ok(Self::SeccompProfile(path.to_owned())),
            ("unmask", Some(all)) if all.eq_ignore_ascii_case("all") => Ok(Self::UnmaskAll),
            ("systempaths", Some("unconfined")) => Ok(Self::UnmaskAll),
            ("mask", Some(paths)) => paths_of(paths).map(Self::Mask).ok_or_else(invalid),
            ("unmask", Some(paths)) => paths_of(paths).map(Self::Unmask).ok_or_else(invalid),
            ("label", Some(label)) if !label.is_empty() => Ok(Self::Label(label.to_owned())),
            ("apparmor", Some(profile)) if !profile.is_empty() => Ok(Self::AppArmor(profile.to_owned())),
            _ => Err(invalid()),
        }
    }
}

/// Absolute paths without `..`, parted by colons.
fn paths_of(text: &str) -> Option<Vec<String>> {
    let fits =
        |path: &str| path.starts_with('/') && path.len() > 1 && !path.split('/').any(|part| part == "..");
    text.split(':').map(|path| fits(path).then(|| path.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_known_options_are_read() {
        for (text, option) in [
            ("no-new-privileges", SecurityOpt::NoNewPrivileges(true)),
            ("no-new-privileges:false", SecurityOpt::NoNewPrivileges(false)),
            ("no-new-privileges=true", SecurityOpt::NoNewPrivileges(true)),
            ("seccomp=unconfined", SecurityOpt::SeccompUnconfined),
            ("seccomp=/p.json", SecurityOpt::SeccompProfile("/p.json".to_owned())),
            ("unmask=ALL", SecurityOpt::UnmaskAll),
            ("mask=/a:/b", SecurityOpt::Mask(vec!["/a".to_owned(), "/b".to_owned()])),
            ("label=disable", SecurityOpt::Label("disable".to_owned())),
        ] {
            assert_eq!(text.parse(), Ok(option), "{text}");
        }
        for text in
            ["", "foo", "foo=bar", "no-new-privileges:maybe", "seccomp=", "mask=a", "mask=/..", "seccomp"]
        {
            assert!(text.parse::<SecurityOpt>().is_err(), "{text}");
        }
    }
}
