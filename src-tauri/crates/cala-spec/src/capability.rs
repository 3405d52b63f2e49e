//! Capabilities by name (capabilities(7)).

use crate::invalid::InvalidValue;

/// All capabilities without `CAP_`, in the order of their numbers from 0 (linux/capability.h).
pub const NAMES: [&str; 41] = [
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "IPC_OWNER",
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_PACCT",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_NICE",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "MKNOD",
    "LEASE",
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "SETFCAP",
    "MAC_OVERRIDE",
    "MAC_ADMIN",
    "SYSLOG",
    "WAKE_ALARM",
    "BLOCK_SUSPEND",
    "AUDIT_READ",
    "PERFMON",
    "BPF",
    "CHECKPOINT_RESTORE",
];

/// What a container has by default: Podman's set.
pub const DEFAULT: [&str; 11] = [
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

/// The name as OCI writes it: `chown` and `CAP_CHOWN` are `CAP_CHOWN`. `ALL` stays `ALL`.
///
/// # Errors
/// There is no such capability.
pub fn canonical(text: &str) -> Result<String, InvalidValue> {
    let upper = text.to_ascii_uppercase();
    if upper == "ALL" {
        return Ok(upper);
    }
    let name = upper.strip_prefix("CAP_").unwrap_or(&upper);
    if NAMES.contains(&name) {
        return Ok(format!("CAP_{name}"));
    }
    let shown: String = name.chars().take(80).collect();
    Err(InvalidValue::new("unknown_capability", format!("{:?}: unknown capability", format!("CAP_{shown}")))
        .allowing("capabilities(7) lists the names; `ALL` stands for all of them"))
}

/// The capabilities of a container: the default set, without `drop`, with `add`. Sorted, each once, in OCI's names.
///
/// # Errors
/// An unknown name, or one that is both added and dropped.
pub fn merge(add: &[String], drop: &[String]) -> Result<Vec<String>, InvalidValue> {
    let canonical_all =
        |names: &[String]| names.iter().map(|name| canonical(name)).collect::<Result<Vec<_>, _>>();
    let (add, drop) = (canonical_all(add)?, canonical_all(drop)?);
    if let Some(both) = add.iter().find(|name| drop.contains(name)) {
        return Err(InvalidValue::new(
            "capability_added_and_dropped",
            format!("capability {both:?} cannot be dropped and added"),
        ));
    }
    let all = |names: &[String]| names.iter().any(|name| name == "ALL");
    let mut set: Vec<String> = if all(&add) {
        NAMES.iter().map(|name| format!("CAP_{name}")).collect()
    } else if all(&drop) {
        Vec::new()
    } else {
        DEFAULT.iter().map(|name| (*name).to_owned()).collect()
    };
    set.retain(|name| !drop.contains(name));
    set.extend(add.into_iter().filter(|name| name != "ALL"));
    set.sort();
    set.dedup();
    Ok(set)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merged(add: &[&str], drop: &[&str]) -> Result<Vec<String>, InvalidValue> {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        merge(&owned(add), &owned(drop))
    }

    #[test]
    fn names_are_read_in_any_spelling() {
        assert_eq!(canonical("sys_admin").as_deref(), Ok("CAP_SYS_ADMIN"));
        assert_eq!(canonical("Cap_Chown").as_deref(), Ok("CAP_CHOWN"));
        assert_eq!(canonical("FOO").expect_err("unknown").to_string(), "\"CAP_FOO\": unknown capability");
    }

    #[test]
    fn adding_and_dropping_start_from_the_default() {
        assert_eq!(merged(&[], &[]).map(|set| set.len()), Ok(11));
        assert_eq!(merged(&["CHOWN"], &["ALL"]), Ok(vec!["CAP_CHOWN".to_owned()]));
        assert_eq!(merged(&["ALL"], &["SYS_ADMIN"]).map(|set| set.len()), Ok(40));
        assert_eq!(merged(&["NET_RAW"], &["kill"]).map(|set| set.len()), Ok(11));
        assert!(merged(&["KILL"], &["CAP_KILL"]).is_err());
    }
}
