//! Which capabilities a container gets (capabilities(7)): Podman's default eleven, more, fewer, or all.

use cala_spec::invalid::InvalidValue;
use oci_spec::runtime::{Capabilities, LinuxCapabilities};

/// Podman's default set: what images need that start as root and drop to a user of their own.
pub(crate) const DEFAULT: [&str; 11] = [
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_NET_BIND_SERVICE",
    "CAP_SETFCAP",
    "CAP_SETGID",
    "CAP_SETPCAP",
    "CAP_SETUID",
    "CAP_SYS_CHROOT",
];

/// All that Linux has, sorted.
const ALL: [&str; 41] = [
    "CAP_AUDIT_CONTROL",
    "CAP_AUDIT_READ",
    "CAP_AUDIT_WRITE",
    "CAP_BLOCK_SUSPEND",
    "CAP_BPF",
    "CAP_CHECKPOINT_RESTORE",
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_DAC_READ_SEARCH",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_IPC_LOCK",
    "CAP_IPC_OWNER",
    "CAP_KILL",
    "CAP_LEASE",
    "CAP_LINUX_IMMUTABLE",
    "CAP_MAC_ADMIN",
    "CAP_MAC_OVERRIDE",
    "CAP_MKNOD",
    "CAP_NET_ADMIN",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_BROADCAST",
    "CAP_NET_RAW",
    "CAP_PERFMON",
    "CAP_SETFCAP",
    "CAP_SETGID",
    "CAP_SETPCAP",
    "CAP_SETUID",
    "CAP_SYSLOG",
    "CAP_SYS_ADMIN",
    "CAP_SYS_BOOT",
    "CAP_SYS_CHROOT",
    "CAP_SYS_MODULE",
    "CAP_SYS_NICE",
    "CAP_SYS_PACCT",
    "CAP_SYS_PTRACE",
    "CAP_SYS_RAWIO",
    "CAP_SYS_RESOURCE",
    "CAP_SYS_TIME",
    "CAP_SYS_TTY_CONFIG",
    "CAP_WAKE_ALARM",
];

/// The capabilities of a container, sorted; `--cap-drop` is applied before `--cap-add` names single ones, `ALL` means all.
///
/// # Errors
/// An unknown capability, or one that is both added and dropped.
pub(crate) fn merge(
    add: &[String],
    drop: &[String],
    privileged: bool,
) -> Result<Vec<&'static str>, InvalidValue> {
    let (add, add_all) = normalise(add)?;
    let (drop, drop_all) = normalise(drop)?;
    if let Some(both) = add.iter().find(|name| drop.contains(*name)) {
        return Err(InvalidValue::new(
            "invalid_capability",
            format!("capability \"{both}\" cannot be dropped and added"),
        ));
    }
    let base: &[&'static str] = match (privileged || add_all, drop_all) {
        (true, _) => &ALL,
        (false, true) => &[],
        (false, false) => &DEFAULT,
    };
    let mut merged: Vec<&'static str> =
        base.iter().filter(|name| !drop.contains(*name)).chain(&add).copied().collect();
    merged.sort_unstable();
    merged.dedup();
    Ok(merged)
}

/// Known names in full, and whether `ALL` was among them.
fn normalise(words: &[String]) -> Result<(Vec<&'static str>, bool), InvalidValue> {
    let mut known = Vec::new();
    let mut all = false;
    for word in words {
        let upper = word.to_ascii_uppercase();
        if upper == "ALL" || upper == "CAP_ALL" {
            all = true;
            continue;
        }
        let full = if upper.starts_with("CAP_") { upper } else { format!("CAP_{upper}") };
        let name = ALL.iter().find(|name| **name == full).ok_or_else(|| {
            InvalidValue::new("invalid_capability", format!("\"{full}\": unknown capability"))
                .allowing("see capabilities(7) for the names; CAP_ may be left out")
        })?;
        known.push(*name);
    }
    Ok((known, all))
}

/// The sets of a process. Inheritable and ambient stay empty (security rule R9); the runtime drops the effective ones of
/// a process that is not root.
pub(crate) fn sets(names: &[&str]) -> LinuxCapabilities {
    let set: Capabilities = names
        .iter()
        .filter_map(|name| name.strip_prefix("CAP_").and_then(|short| short.parse().ok()))
        .collect();
    let mut sets = LinuxCapabilities::default();
    sets.set_bounding(Some(set.clone()))
        .set_effective(Some(set.clone()))
        .set_permitted(Some(set))
        .set_inheritable(Some(Capabilities::new()))
        .set_ambient(Some(Capabilities::new()));
    sets
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    fn merged(add: &str, drop: &str) -> Result<Vec<&'static str>, InvalidValue> {
        merge(&words(add), &words(drop), false)
    }

    #[test]
    fn adding_and_dropping_follow_podman() {
        assert_eq!(merged("", "").expect("default"), DEFAULT);
        assert_eq!(merged("net_raw", "all").expect("valid"), ["CAP_NET_RAW"]);
        assert_eq!(merged("", "ALL").expect("valid"), [""; 0]);
        assert_eq!(merged("ALL", "").expect("valid"), ALL);
        assert_eq!(merged("ALL", "SYS_ADMIN").expect("valid").len(), ALL.len() - 1);
        assert!(
            merged("", "CAP_CHOWN KILL")
                .expect("valid")
                .iter()
                .all(|name| !["CAP_CHOWN", "CAP_KILL"].contains(name))
        );
        assert_eq!(merged("CHOWN", "").expect("valid"), DEFAULT);
        assert_eq!(merge(&[], &[], true).expect("valid"), ALL);
    }

    #[test]
    fn nonsense_is_refused_in_podmans_words() {
        assert_eq!(merged("NOPE", "").expect_err("unknown").to_string(), "\"CAP_NOPE\": unknown capability");
        assert!(merged("KILL", "kill").is_err());
    }

    #[test]
    fn every_name_is_known_to_the_specification_and_nothing_is_inheritable() {
        let sets = sets(&ALL);
        assert_eq!(sets.bounding().as_ref().map(std::collections::HashSet::len), Some(ALL.len()));
        assert!(sets.inheritable().as_ref().is_some_and(std::collections::HashSet::is_empty));
        assert!(sets.ambient().as_ref().is_some_and(std::collections::HashSet::is_empty));
    }
}
