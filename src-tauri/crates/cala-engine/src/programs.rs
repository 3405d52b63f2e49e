//! Where Cala's other programs are: beside the running one, else in ../libexec/cala.

use std::path::{Path, PathBuf};

/// Finds a program by its name.
///
/// The path is returned even if nothing is there: starting it then fails with an error that names it.
pub(crate) fn find(name: &str, wanted: Option<&Path>) -> PathBuf {
    if let Some(dir) = wanted {
        return dir.join(name);
    }
    let exe = std::env::current_exe().unwrap_or_default();
    let here = exe.parent().unwrap_or(Path::new("/usr/bin"));
    let beside = here.join(name);
    if beside.exists() {
        return beside;
    }
    let libexec = here.parent().unwrap_or(here).join("libexec/cala").join(name);
    if libexec.exists() { libexec } else { beside }
}
