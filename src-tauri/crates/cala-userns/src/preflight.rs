//! What the machine must allow, checked before anything is downloaded.

use std::fs;
use std::path::{Path, PathBuf};

use cala_spec::Hints;

use crate::{UsernsError, plan};

/// Where programs with the right to write maps live; PATH is not trusted and not there in a monitor.
const FOLDERS: [&str; 6] =
    ["/usr/bin", "/bin", "/usr/sbin", "/usr/local/bin", "/run/wrappers/bin", "/run/current-system/sw/bin"];

const CLONE: &str = "kernel.unprivileged_userns_clone";
const MAX: &str = "user.max_user_namespaces";
const APPARMOR: &str = "kernel.apparmor_restrict_unprivileged_userns";

/// Checks that U can be made, as far as that can be known without making it. Safe in any program.
///
/// # Errors
/// [`UsernsError::Disabled`], [`UsernsError::NoUidmapProgram`], [`UsernsError::Read`]; the hints name the remedy.
pub fn preflight() -> Result<(), UsernsError> {
    let plan = plan()?;
    if rustix::process::getuid().as_raw() != 0 {
        refuse_if(CLONE, "0")?;
    }
    refuse_if(MAX, "0")?;
    if !plan.direct {
        find_program("newuidmap")?;
        find_program("newgidmap")?;
    }
    Ok(())
}

/// The path of newuidmap(1) or newgidmap(1).
pub(crate) fn find_program(program: &'static str) -> Result<PathBuf, UsernsError> {
    let found = FOLDERS.iter().map(|folder| Path::new(folder).join(program)).find(|path| path.is_file());
    found.ok_or(UsernsError::NoUidmapProgram { program })
}

fn refuse_if(setting: &'static str, forbidden: &str) -> Result<(), UsernsError> {
    match value_of(setting) {
        Some(value) if value == forbidden => Err(UsernsError::Disabled { setting, value }),
        _ => Ok(()),
    }
}

fn value_of(setting: &str) -> Option<String> {
    let path = Path::new("/proc/sys").join(setting.replace('.', "/"));
    Some(fs::read_to_string(path).ok()?.trim().to_owned())
}

/// The command that lifts a setting.
pub(crate) fn remedy(setting: &str) -> &'static str {
    match setting {
        CLONE => "sudo sysctl -w kernel.unprivileged_userns_clone=1",
        MAX => "sudo sysctl -w user.max_user_namespaces=15000",
        _ => "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0",
    }
}

/// What may stand behind a refusal of the kernel: asked only after one.
pub(crate) fn restrictions() -> Hints {
    let mut hints = Hints::none();
    if value_of(CLONE).as_deref() == Some("0") {
        hints = hints.and(remedy(CLONE));
    }
    if value_of(APPARMOR).as_deref() == Some("1") {
        hints = hints
            .and("AppArmor restricts user namespaces here: Cala's packages bring the profile that allows them for Cala")
            .and(remedy(APPARMOR));
    }
    if value_of(MAX).and_then(|value| value.parse::<u64>().ok()).is_some_and(|max| max < 128) {
        hints = hints.and(remedy(MAX));
    }
    if hints.is_empty() {
        hints = hints.and("inside another container or a chroot the kernel may refuse user namespaces");
    }
    hints
}

#[cfg(test)]
mod tests {
    use cala_spec::Classify as _;

    use super::*;

    #[test]
    fn each_refusal_names_its_remedy() {
        let error = UsernsError::Disabled { setting: MAX, value: "0".into() };
        assert_eq!(error.to_string(), "user namespaces are not allowed: user.max_user_namespaces is 0");
        assert_eq!(
            error.hints().iter().collect::<Vec<_>>(),
            ["sudo sysctl -w user.max_user_namespaces=15000"]
        );
        let error = UsernsError::NoUidmapProgram { program: "newuidmap" };
        assert_eq!(error.hints().iter().next(), Some("sudo apt install uidmap"));
        let error =
            UsernsError::MapRefused { program: "newuidmap", user: "ana".into(), message: String::new() };
        assert!(error.hints().iter().next().unwrap().ends_with(" ana"));
    }
}
