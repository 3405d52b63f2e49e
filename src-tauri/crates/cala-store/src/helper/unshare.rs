//! `cala unshare`: a command of the person's in U, with mounts of its own.

use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use cala_sys::clone::CloneFlags;
use cala_sys::{mount, namespace};

/// The first argument of a `cala-store` that is to become a command: then follow the run root, the program's path, the name
/// that it is called by, and its arguments.
pub const WORD: &str = "unshare";

/// Enters U and a new mount namespace, which gets the host's later mounts and gives none back, and executes the command
/// with everything that this process has. Returns only when that failed, 125 then.
pub(super) fn main(mut args: impl Iterator<Item = OsString>) -> ExitCode {
    let (Some(run_root), Some(program), Some(name)) = (args.next(), args.next(), args.next()) else {
        return ExitCode::from(125);
    };
    let why = match enter(&PathBuf::from(run_root)) {
        Ok(()) => Command::new(&program).arg0(name).args(args).exec().to_string(),
        Err(why) => why,
    };
    let line = format!("Error: cannot execute {}: {why}\n", Path::new(&program).display());
    let _ = rustix::io::write(rustix::stdio::stderr(), line.as_bytes());
    ExitCode::from(125)
}

fn enter(run_root: &Path) -> Result<(), String> {
    cala_userns::enter_for_helper(Some(run_root)).map_err(|error| cala_spec::error::chain(&error))?;
    namespace::unshare(CloneFlags::NEWNS)
        .and_then(|()| mount::make_all_slave())
        .map_err(|error| format!("cannot make a mount namespace: {error}"))
}
