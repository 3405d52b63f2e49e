//! `--device HOST[:CONTAINER][:PERMISSIONS]`.

use std::str::FromStr;

use super::DeviceMapping;
use crate::invalid::InvalidValue;

fn is_permissions(text: &str) -> bool {
    !text.is_empty() && text.len() <= 3 && text.bytes().all(|b| matches!(b, b'r' | b'w' | b'm'))
}

impl FromStr for DeviceMapping {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let invalid = |sentence: String| {
            InvalidValue::new("invalid_device", sentence).allowing(
                "a device is `/dev/HOST[:/dev/CONTAINER][:PERMISSIONS]`, permissions out of `r`, `w` and `m`",
            )
        };
        let parts: Vec<&str> = text.split(':').collect();
        let (host, container, permissions) = match parts.as_slice() {
            [host] => (*host, *host, "rwm"),
            [host, second] if is_permissions(second) => (*host, *host, *second),
            [host, container] => (*host, *container, "rwm"),
            [host, container, permissions] => (*host, *container, *permissions),
            _ => return Err(invalid(format!("invalid device specification: {text}"))),
        };
        if !is_permissions(permissions) {
            return Err(invalid(format!("invalid device mode: {permissions}")));
        }
        if !host.starts_with('/') || !container.starts_with('/') {
            return Err(invalid(format!(
                "invalid device specification: {text}: both paths must be absolute"
            )));
        }
        if container.split('/').any(|part| part == "..") {
            return Err(invalid(format!(
                "invalid device specification: {text}: `..` in the container's path"
            )));
        }
        Ok(Self {
            host: host.to_owned(),
            container: container.to_owned(),
            permissions: permissions.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_has_up_to_three_parts() {
        let device = |text: &str| {
            text.parse::<DeviceMapping>().map(|d| (d.host, d.container, d.permissions)).expect("a device")
        };
        let owned = |a: &str, b: &str, c: &str| (a.to_owned(), b.to_owned(), c.to_owned());
        assert_eq!(device("/dev/fuse"), owned("/dev/fuse", "/dev/fuse", "rwm"));
        assert_eq!(device("/dev/fuse:rw"), owned("/dev/fuse", "/dev/fuse", "rw"));
        assert_eq!(device("/dev/fuse:/dev/f"), owned("/dev/fuse", "/dev/f", "rwm"));
        assert_eq!(device("/dev/fuse:/dev/f:r"), owned("/dev/fuse", "/dev/f", "r"));
    }

    #[test]
    fn wrong_devices_are_refused() {
        for text in
            ["", "null", "/dev/null:x:r", "/dev/null:/x:zz", "/a:/b:r:w", "/dev/null:/../x", "/dev/null:/x:"]
        {
            assert!(text.parse::<DeviceMapping>().is_err(), "{text}");
        }
        let error = "/dev/null:/x:zz".parse::<DeviceMapping>().expect_err("no such mode");
        assert_eq!(error.to_string(), "invalid device mode: zz");
    }
}
