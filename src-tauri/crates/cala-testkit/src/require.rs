//! What a test needs of the machine; a missing thing is counted and named, never passed over in silence.

use std::io::Write as _;
use std::path::Path;

/// Says that the calling test cannot run here, and why; the caller returns after it.
pub fn skip(reason: &str) {
    let test = std::thread::current().name().unwrap_or("?").to_owned();
    eprintln!("skipped: {test}: {reason}");
    if let Some(file) = std::env::var_os("CALA_TEST_SKIPS") {
        let line = format!("{test}\t{reason}\n");
        let opened = std::fs::OpenOptions::new().append(true).create(true).open(file);
        opened
            .and_then(|mut file| file.write_all(line.as_bytes()))
            .expect("the list of skipped tests is writable");
    }
}

/// Whether a program is on the PATH.
#[must_use]
pub fn program(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).chain([Path::new("/usr/sbin").into()]).any(|dir| dir.join(name).is_file())
}

/// Whether this test process may rely on private namespaces (`cargo xtask test` run as root gives them).
#[must_use]
pub fn private_namespaces() -> bool {
    std::env::var_os("CALA_TEST_PRIVATE").is_some()
}

/// Whether a cgroup v2 controller is delegated to this process.
#[must_use]
pub fn controller(name: &str) -> bool {
    let group = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let path = group.lines().find_map(|line| line.strip_prefix("0::")).unwrap_or("/").to_owned();
    let file = format!("/sys/fs/cgroup{path}/cgroup.controllers");
    std::fs::read_to_string(file).is_ok_and(|list| list.split_whitespace().any(|word| word == name))
}

/// Returns from the test, counted, unless the condition holds: `require!(program("curl"), "curl is not installed")`.
#[macro_export]
macro_rules! require {
    ($condition:expr, $reason:expr) => {
        if !$condition {
            $crate::require::skip($reason);
            return;
        }
    };
}
