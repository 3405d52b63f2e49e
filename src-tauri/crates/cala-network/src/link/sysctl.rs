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

/// Lowers the last of a setting's three numbers to `most`. One that is lower already, or that the kernel does not let be
/// changed, stays.
pub(super) fn lower_third(name: &str, most: u64) {
    let path = format!("/proc/sys/net/{name}");
    let text = std::fs::read_to_string(&path).unwrap_or_default();
    let numbers: Vec<u64> = text.split_whitespace().filter_map(|number| number.parse().ok()).collect();
    if let [first, second, third] = numbers[..]
        && third > most
    {
        let _ = std::fs::write(path, format!("{first} {} {most}", second.min(most)));
    }
}
