//! A filter of system calls from a file (`--security-opt seccomp=PROFILE`) in Docker's form, which Podman uses too: rules
//! that hold only for some architectures or capabilities. The runtime specification has no conditions; they are decided
//! here.

use std::path::Path;

use cala_spec::invalid::InvalidValue;
use oci_spec::runtime::{
    Arch, LinuxSeccomp, LinuxSeccompAction, LinuxSeccompArg, LinuxSeccompFilterFlag, LinuxSyscall,
};
use serde::Deserialize;

/// Bytes of the largest profile; Docker's own has 15 KiB.
const MAX_PROFILE: usize = 1 << 20;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Profile {
    default_action: LinuxSeccompAction,
    #[serde(default)]
    default_errno_ret: Option<u32>,
    #[serde(default)]
    flags: Option<Vec<LinuxSeccompFilterFlag>>,
    #[serde(default)]
    architectures: Option<Vec<Arch>>,
    #[serde(default, rename = "archMap", alias = "architecturesMap")]
    arch_map: Option<Vec<ArchMap>>,
    #[serde(default)]
    syscalls: Vec<Rule>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ArchMap {
    architecture: Arch,
    #[serde(default)]
    sub_architectures: Option<Vec<Arch>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    names: Vec<String>,
    action: LinuxSeccompAction,
    #[serde(default)]
    errno_ret: Option<u32>,
    #[serde(default)]
    args: Option<Vec<LinuxSeccompArg>>,
    #[serde(default)]
    includes: Condition,
    #[serde(default)]
    excludes: Condition,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Condition {
    arches: Option<Vec<String>>,
    caps: Option<Vec<String>>,
    min_kernel: Option<String>,
}

/// Reads a profile for a container with these capabilities on this kernel (`6.1.0-13-amd64`).
///
/// # Errors
/// When the file cannot be read or is no profile.
pub(crate) fn read(path: &Path, caps: &[String], kernel: &str) -> Result<LinuxSeccomp, InvalidValue> {
    let refused = |text: String| InvalidValue::new("invalid_seccomp_profile", text);
    let text = std::fs::read_to_string(path).map_err(|error| {
        refused(format!("opening seccomp profile failed: open {}: {}", path.display(), reason(&error)))
    })?;
    if text.len() > MAX_PROFILE {
        return Err(refused(format!("seccomp profile {} is larger than 1 MiB", path.display())));
    }
    parse(&text, caps, kernel)
        .map_err(|error| refused(format!("decoding seccomp profile {} failed: {error}", path.display())))
}

fn reason(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "no such file or directory".to_owned(),
        _ => error.to_string(),
    }
}

fn parse(text: &str, caps: &[String], kernel: &str) -> Result<LinuxSeccomp, serde_json::Error> {
    let profile: Profile = serde_json::from_str(text)?;
    let architectures = architectures(&profile);
    let syscalls =
        profile.syscalls.into_iter().filter(|rule| applies(rule, caps, kernel)).map(to_syscall).collect();
    let mut seccomp = LinuxSeccomp::default();
    seccomp
        .set_default_action(profile.default_action)
        .set_default_errno_ret(profile.default_errno_ret)
        .set_flags(profile.flags)
        .set_architectures(architectures)
        .set_syscalls(Some(syscalls));
    Ok(seccomp)
}

/// Those the profile names, else those its map has for this machine.
fn architectures(profile: &Profile) -> Option<Vec<Arch>> {
    if profile.architectures.as_ref().is_some_and(|list| !list.is_empty()) {
        return profile.architectures.clone();
    }
    let native = match std::env::consts::ARCH {
        "x86_64" => Arch::ScmpArchX86_64,
        "aarch64" => Arch::ScmpArchAarch64,
        _ => return None,
    };
    let entry = profile.arch_map.iter().flatten().find(|entry| entry.architecture == native)?;
    Some(std::iter::once(native).chain(entry.sub_architectures.iter().flatten().copied()).collect())
}

fn applies(rule: &Rule, caps: &[String], kernel: &str) -> bool {
    let arch = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    let holds_arch = |list: &Option<Vec<String>>| {
        list.as_ref().filter(|l| !l.is_empty()).map(|l| l.iter().any(|a| a == arch))
    };
    let has = |cap: &String| caps.contains(cap);
    let include = &rule.includes;
    let exclude = &rule.excludes;
    let newer = |least: &Option<String>| least.as_ref().map(|least| version(kernel) >= version(least));
    holds_arch(&include.arches) != Some(false)
        && include.caps.as_ref().is_none_or(|list| list.iter().all(has))
        && newer(&include.min_kernel) != Some(false)
        && holds_arch(&exclude.arches) != Some(true)
        && !exclude.caps.as_ref().is_some_and(|list| list.iter().any(has))
        && newer(&exclude.min_kernel) != Some(true)
}

/// Major and minor number of a kernel's release.
fn version(text: &str) -> (u32, u32) {
    let mut numbers = text.split(|c: char| !c.is_ascii_digit()).map(|part| part.parse().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

fn to_syscall(rule: Rule) -> LinuxSyscall {
    let names = rule.name.into_iter().chain(rule.names).collect();
    let mut syscall = LinuxSyscall::default();
    syscall
        .set_names(names)
        .set_action(rule.action)
        .set_errno_ret(rule.errno_ret)
        .set_args(rule.args.filter(|args| !args.is_empty()));
    syscall
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROFILE: &str = r#"{
        "defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 1,
        "archMap": [{"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86"]}],
        "syscalls": [
            {"names": ["read", "write"], "action": "SCMP_ACT_ALLOW", "args": []},
            {"names": ["mount"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_SYS_ADMIN"]}},
            {"names": ["clone"], "action": "SCMP_ACT_ALLOW", "excludes": {"caps": ["CAP_SYS_ADMIN"]},
             "args": [{"index": 0, "value": 2114060288, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}]},
            {"names": ["ptrace"], "action": "SCMP_ACT_ALLOW", "includes": {"minKernel": "4.8"}},
            {"names": ["sync_file_range2"], "action": "SCMP_ACT_ALLOW", "includes": {"arches": ["ppc64le"]}}
        ]}"#;

    fn names(caps: &[&str], kernel: &str) -> Vec<String> {
        let caps: Vec<String> = caps.iter().map(|&cap| cap.to_owned()).collect();
        let seccomp = parse(PROFILE, &caps, kernel).expect("it is a profile");
        seccomp.syscalls().iter().flatten().flat_map(|s| s.names().clone()).collect()
    }

    #[test]
    fn conditions_are_decided() {
        assert_eq!(names(&[], "6.1.0-13-amd64"), ["read", "write", "clone", "ptrace"]);
        assert_eq!(names(&["CAP_SYS_ADMIN"], "4.4"), ["read", "write", "mount"]);
    }

    #[test]
    fn a_missing_file_and_nonsense_are_told_apart() {
        let missing = read(Path::new("/nope"), &[], "6.1").expect_err("no such file");
        assert_eq!(
            missing.to_string(),
            "opening seccomp profile failed: open /nope: no such file or directory"
        );
        assert!(parse("{}", &[], "6.1").is_err());
    }
}
