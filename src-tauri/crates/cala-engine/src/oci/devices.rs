//! Devices of the host in a container. Without privileges no node can be made; the host's own is bound.

use std::fs;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};

use cala_spec::ContainerSpec;
use cala_spec::invalid::InvalidValue;
use cala_spec::mount::DeviceMapping;
use oci_spec::runtime::Mount;

use super::mounts::bind;
use crate::EngineError;

/// What every container has already, or gets of its own.
const OWN: [&str; 14] = [
    "console", "core", "fd", "full", "mqueue", "null", "ptmx", "pts", "random", "shm", "tty", "urandom",
    "zero", "log",
];

/// Checks the devices asked for.
///
/// # Errors
/// When one does not exist or is no device.
pub(crate) fn check(devices: &[DeviceMapping]) -> Result<(), EngineError> {
    devices.iter().try_for_each(check_one)
}

fn check_one(device: &DeviceMapping) -> Result<(), EngineError> {
    let invalid = |text: String| EngineError::from(InvalidValue::new("invalid_device", text));
    let DeviceMapping { host, container, permissions } = device;
    let found = fs::metadata(host).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => invalid(format!("stat {host}: no such file or directory")),
        _ => invalid(format!("stat {host}: {error}")),
    })?;
    if !(is_device(&found.file_type()) || found.is_dir()) {
        return Err(invalid(format!("{host} is not a device")));
    }
    if !container.starts_with('/') {
        return Err(invalid(format!(
            "invalid device path \"{container}\" in the container, must be an absolute path"
        )));
    }
    if !permissions.chars().all(|c| "rwm".contains(c)) {
        return Err(invalid(format!("invalid device permissions \"{permissions}\"")));
    }
    // Without root nothing but the device's own mode decides who may read and write it, as for Podman.
    Ok(())
}

/// The mounts that show the devices asked for; all that the user has for `--privileged`.
pub(super) fn mounts(spec: &ContainerSpec) -> Vec<Mount> {
    let mut found: Vec<(PathBuf, PathBuf)> = Vec::new();
    if spec.privileged {
        let mut nodes = Vec::new();
        collect(Path::new("/dev"), 0, &mut nodes);
        found.extend(nodes.into_iter().map(|node| (node.clone(), node)));
    }
    for device in &spec.devices {
        let (host, target) = (Path::new(&device.host), Path::new(&device.container));
        if host.is_dir() {
            let mut nodes = Vec::new();
            collect(host, 1, &mut nodes);
            found.extend(nodes.into_iter().filter_map(|node| {
                Some((target.join(node.strip_prefix(host).ok()?), node.clone())).map(|(t, n)| (n, t))
            }));
        } else {
            found.push((host.to_owned(), target.to_owned()));
        }
    }
    found.sort_by(|a, b| a.1.cmp(&b.1));
    found.dedup_by(|a, b| a.1 == b.1);
    found
        .iter()
        .filter_map(|(host, target)| {
            Some(bind(host, target.to_str()?, &["rbind", "slave", "nosuid", "noexec", "rw"]))
        })
        .collect()
}

/// Nodes below a directory of devices, at most four levels deep; links are not followed.
fn collect(dir: &Path, depth: usize, nodes: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(dir) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        if depth == 0 && name.to_str().is_some_and(is_own) {
            continue;
        }
        match entry.file_type() {
            Ok(kind) if is_device(&kind) => nodes.push(entry.path()),
            Ok(kind) if kind.is_dir() && depth < 4 => collect(&entry.path(), depth + 1, nodes),
            _ => {}
        }
    }
}

/// Also the virtual consoles: they show the host's screen.
fn is_own(name: &str) -> bool {
    OWN.contains(&name)
        || name.strip_prefix("tty").is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_digit()))
}

fn is_device(kind: &fs::FileType) -> bool {
    kind.is_char_device() || kind.is_block_device()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(host: &str, permissions: &str) -> DeviceMapping {
        DeviceMapping { host: host.into(), container: host.into(), permissions: permissions.into() }
    }

    #[test]
    fn devices_are_checked_before_anything_is_made() {
        assert!(check(&[device("/dev/null", "rwm")]).is_ok());
        assert!(check(&[device("/dev/null", "")]).is_ok());
        let missing = check(&[device("/dev/nope", "rwm")]).expect_err("there is none");
        assert_eq!(missing.to_string(), "stat /dev/nope: no such file or directory");
        assert!(check(&[device("/dev/null", "x")]).is_err());
        assert!(check(&[device("/dev/null", "r")]).is_ok());
        assert!(check(&[device("/proc/version", "rwm")]).is_err());
    }

    #[test]
    fn privileged_shows_no_console_and_nothing_twice() {
        let spec = ContainerSpec {
            privileged: true,
            devices: vec![device("/dev/null", "")],
            ..ContainerSpec::default()
        };
        let targets: Vec<_> = mounts(&spec).iter().map(|m| m.destination().clone()).collect();
        assert_eq!(targets.iter().filter(|t| t.as_path() == Path::new("/dev/null")).count(), 1);
        assert!(!targets.iter().any(|t| t.starts_with("/dev/pts") || t.as_path() == Path::new("/dev/tty1")));
    }
}
