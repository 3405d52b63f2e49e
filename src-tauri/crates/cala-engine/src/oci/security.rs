//! `--security-opt` and the paths of /proc and /sys that a container does not see or cannot write.

use std::path::PathBuf;

use cala_spec::invalid::InvalidValue;
use cala_spec::security_opt::SecurityOpt;

/// Allows the mounting of what commands a container engine (design §9.7).
const ALLOW_CONTROL_SOCKETS: &str = "allow=control-sockets";

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
    /// When one is unknown, has a wrong value, or asks for what Cala does not have.
    pub(crate) fn parse(options: &[String]) -> Result<Self, InvalidValue> {
        let mut security = Self::default();
        for option in options {
            if option == ALLOW_CONTROL_SOCKETS {
                security.allow_control_sockets = true;
            } else {
                security.apply(option.parse()?)?;
            }
        }
        Ok(security)
    }

    fn apply(&mut self, option: SecurityOpt) -> Result<(), InvalidValue> {
        match option {
            SecurityOpt::NoNewPrivileges(on) => self.no_new_privileges = on,
            SecurityOpt::SeccompUnconfined => self.seccomp = Seccomp::Unconfined,
            SecurityOpt::SeccompProfile(path) => self.seccomp = Seccomp::Profile(path.into()),
            SecurityOpt::Mask(paths) => self.mask.extend(paths),
            SecurityOpt::Unmask(paths) => self.unmask.extend(paths),
            SecurityOpt::UnmaskAll => self.unmask_all = true,
            // There is no confinement by SELinux or AppArmor; to turn off what is off is fine.
            SecurityOpt::Label(_) => {}
            SecurityOpt::AppArmor(profile) if profile == "unconfined" => {}
            SecurityOpt::AppArmor(profile) => {
                return Err(InvalidValue::new(
                    "apparmor_not_supported",
                    format!("AppArmor profile \"{profile}\" is not supported"),
                )
                .allowing("without root no profile can be applied; leave the option out"));
            }
        }
        Ok(())
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
    fn what_is_unknown_or_not_there_is_refused() {
        for bad in ["nope", "seccomp=", "mask=proc", "no-new-privileges=maybe", "apparmor=mine", "allow=all"]
        {
            assert!(of(&[bad]).is_err(), "{bad}");
        }
        assert!(of(&[ALLOW_CONTROL_SOCKETS]).expect("valid").allow_control_sockets);
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
