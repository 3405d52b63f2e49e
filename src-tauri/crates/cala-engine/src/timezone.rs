//! Time zones of the host (tzfile(5)), for `--tz`.

use std::fs;
use std::path::{Component, Path, PathBuf};

use crate::{EngineError, Result};

/// Where zones are by name.
const ZONES: &str = "/usr/share/zoneinfo";

/// The host's own zone.
const LOCAL: &str = "/etc/localtime";

/// Bytes of the largest file that is taken for a zone; the largest there is has 4 KiB.
const MAX_SIZE: u64 = 64 << 10;

/// The file of a zone such as `Europe/Madrid`; the host's own for `local`, UTC if it has none.
///
/// # Errors
/// There is no such zone.
pub(crate) fn read(zone: &str) -> Result<Vec<u8>> {
    let path = match zone {
        "local" if Path::new(LOCAL).exists() => Some(PathBuf::from(LOCAL)),
        "local" => Some(Path::new(ZONES).join("UTC")),
        zone => is_name(zone).then(|| Path::new(ZONES).join(zone)),
    };
    let is_zone =
        |path: &PathBuf| fs::metadata(path).is_ok_and(|found| found.is_file() && found.len() <= MAX_SIZE);
    let bytes = path.filter(is_zone).and_then(|path| fs::read(path).ok());
    bytes.filter(|bytes| bytes.starts_with(b"TZif")).ok_or_else(|| {
        EngineError::invalid("unknown_timezone", format!("finding timezone: unknown time zone {zone}"))
    })
}

/// A path below the zones that leads nowhere else.
fn is_name(zone: &str) -> bool {
    !zone.is_empty() && Path::new(zone).components().all(|part| matches!(part, Component::Normal(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_zones_are_read() {
        for wrong in ["", "/etc/passwd", "../../../etc/passwd", "Europe", "Nowhere/Land", "tzdata.zi"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
