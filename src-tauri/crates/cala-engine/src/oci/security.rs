//! `--security-opt` and the paths of /proc and /sys that a container does not see or cannot write.

use std::path::PathBuf;

use cala_spec::invalid::InvalidValue;

/// Hidden: kernel interfaces that tell of the host or act on it. The union of what Docker and Podman hide.
const MASKED: [&str; 16] = [
    "/proc/acpi",
    "/proc/asound",
    "/proc/interrupts",
    "/proc/kallsyms",
    "/proc/kcore",
    "/proc/keys",
    "/proc/kmsg",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/sys/dev/block",
    "/sys/devices/virtual/powercap",
    "/sys/firmware",
    "/sys/fs/selinux",
];

/// Each processor's temperature events: a side channel (GHSA-6fw5-f8r9-fgfm).
fn thermal_throttle() -> impl Iterator<Item = String> {
    (0u32..)
        .map(|cpu| format!("/sys/devices/system/cpu/cpu{cpu}/thermal_throttle"))
        .take_while(|path| std::path::Path::new(path).exists())
}

/// Visible and read-only.
const READ_ONLY: [&str; 5] = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

/// Which filter of system calls applies.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Seccomp {
    #[default]
    Default,
    Unconfined,
    Profile(PathBuf),
}

/// What all `--security-opt` together say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Security {
    pub(crate) no_new_privileges: bool,
    pub(crate) seccomp: Seccomp,
    mask: Vec<String>,
    unmask: Vec<String>,
    unmask_all: bool,
    /// `allow=control-sockets`: sockets of container engines may be mounted.
    pub(crate) allow_control_sockets: bool,
}

impl Security {
    /// Reads the options in their order.
    ///
    /// # Errors
    /// When one is unknown or has a wrong value.
    pub(crate) fn parse(options: &[String]) -> Result<Self, InvalidValue> {
        let mut security = Self::default();
        for (index, option) in options.iter().enumerate() {
            security.apply(option).ok_or_else(|| {
                InvalidValue::new(
                    "invalid_security_opt",
                    format!("invalid --security-opt {}: {option:?}", index + 1),
                )
                .allowing(
                    "options are no-new-privileges, seccomp=unconfined|PROFILE, mask=PATH[:PATH], \
                         unmask=ALL|PATH[:PATH], label=disable, apparmor=unconfined, allow=control-sockets",
                )
            })?;
        }
        Ok(security)
    }

    fn apply(&mut self, option: &str) -> Option<()> {
        let (name, value) = match option.split_once(['=', ':']) {
            Some((name, value)) => (name, Some(value)),
            None => (option, None),
        };
        match (name, value) {
            ("no-new-privileges", None | Some("true")) => self.no_new_privileges = true,
            ("no-new-privileges", Some("false")) => self.no_new_privileges = false,
            ("seccomp", Some("unconfined")) => self.seccomp = Seccomp::Unconfined,
            ("seccomp", Some(path)) if !path.is_empty() => self.seccomp = Seccomp::Profile(path.into()),
            ("mask", Some(paths)) => self.mask.extend(paths_of(paths)?),
            ("unmask", Some(paths)) if paths.eq_ignore_ascii_case("all") => self.unmask_all = true,
            ("unmask", Some(paths)) => self.unmask.extend(paths_of(paths)?),
            ("systempaths", Some("unconfined")) => self.unmask_all = true,
            // There is no SELinux or AppArmor confinement to turn off.
            ("label", Some("disable")) | ("apparmor", Some("unconfined")) => {}
            ("allow", Some("control-sockets")) => self.allow_control_sockets = true,
            _ => return None,
        }
        Some(())
    }

    /// Paths to hide.
    pub(crate) fn masked(&self, privileged: bool) -> Vec<String> {
        let open = privileged || self.unmask_all;
        let defaults: &[&str] = if open { &[] } else { &MASKED };
        let throttle = thermal_throttle()
            .filter(|path| !open && !self.unmask.iter().any(|pattern| covers(pattern, path)));
        self.kept(defaults).chain(throttle).chain(self.mask.iter().cloned()).collect()
    }

    /// Paths to make read-only.
    pub(crate) fn read_only(&self, privileged: bool) -> Vec<String> {
        let defaults: &[&str] = if privileged || self.unmask_all { &[] } else { &READ_ONLY };
        self.kept(defaults).collect()
    }

    fn kept<'a>(&'a self, defaults: &'a [&'a str]) -> impl Iterator<Item = String> + 'a {
        defaults
            .iter()
            .filter(|path| !self.unmask.iter().any(|pattern| covers(pattern, path)))
            .map(|path| (*path).to_owned())
    }
}

fn paths_of(text: &str) -> Option<Vec<String>> {
    let paths: Vec<String> = text.split(':').map(str::to_owned).collect();
    paths.iter().all(|path| path.starts_with('/')).then_some(paths)
}

/// Whether an `unmask` pattern covers a path: the path itself, or `/proc/*` for what is below.
fn covers(pattern: &str, path: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => path.starts_with(prefix),
        None => path == pattern.trim_end_matches('/'),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(options: &[&str]) -> Result<Security, InvalidValue> {
        Security::parse(&options.iter().map(|&o| o.to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn options_are_read_in_both_spellings() {
        assert!(of(&["no-new-privileges"]).expect("valid").no_new_privileges);
        assert!(of(&["no-new-privileges:true"]).expect("valid").no_new_privileges);
        assert!(!of(&["no-new-privileges", "no-new-privileges=false"]).expect("valid").no_new_privileges);
        assert_eq!(of(&["seccomp=unconfined"]).expect("valid").seccomp, Seccomp::Unconfined);
        assert_eq!(of(&["seccomp=/a:b.json"]).expect("valid").seccomp, Seccomp::Profile("/a:b.json".into()));
        assert!(of(&["label=disable", "apparmor=unconfined"]).is_ok());
    }

    #[test]
    fn unknown_options_are_named_with_their_place() {
        let error = of(&["no-new-privileges", "nope"]).expect_err("unknown");
        assert_eq!(error.to_string(), "invalid --security-opt 2: \"nope\"");
        for bad in [
            "seccomp",
            "seccomp=",
            "mask=proc",
            "unmask=relative",
            "no-new-privileges=maybe",
            "apparmor=mine",
        ] {
            assert!(of(&[bad]).is_err(), "{bad}");
        }
    }

    #[test]
    fn paths_are_masked_unmasked_and_added() {
        let security = of(&["unmask=/proc/acpi:/sys/*", "mask=/srv/secret"]).expect("valid");
        let masked = security.masked(false);
        assert!(masked.contains(&"/proc/kcore".to_owned()) && masked.contains(&"/srv/secret".to_owned()));
        assert!(!masked.iter().any(|path| path == "/proc/acpi" || path.starts_with("/sys/")));
        assert_eq!(of(&["unmask=all"]).expect("valid").masked(false), [""; 0]);
        assert_eq!(of(&[]).expect("valid").read_only(true), [""; 0]);
        assert_eq!(of(&[]).expect("valid").read_only(false).len(), READ_ONLY.len());
    }
}
