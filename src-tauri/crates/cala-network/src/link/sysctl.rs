//! Settings below /proc/sys/net: those of the calling thread's network namespace.

use std::io;

use super::LinkError;

/// Writes settings, each `name value` with slashes in the name and without the leading `net/`.
///
/// A kernel without IPv6 has no `ipv6/…`: nothing to set there then.
pub(super) fn write(settings: &[(&str, &str)]) -> Result<(), LinkError> {
    for (name, value) in settings {
        match std::fs::write(format!("/proc/sys/net/{name}"), value) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && name.starts_with("ipv6/") => {}
            Err(source) => return Err(LinkError::Sysctl { name: (*name).to_owned(), source }),
            Ok(()) => {}
        }
    }
    Ok(())
}
