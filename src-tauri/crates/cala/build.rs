//! Links the command line at a fixed address, and the monitor and the holder of networks too and, where the C library is
//! there as an archive, statically.
//!
//! A position-independent program writes all its tables of pointers while it is loaded, and each monitor would keep a
//! private copy of them (180 KiB) for as long as its container runs; what the loader and shared libraries write is as
//! much again, and costs time at each of the two executions of a start. A static monitor also loads nothing from inside
//! a container, whatever happens to it there. The command line writes 1.1 MiB of such tables at each of its starts, a
//! tenth of the time of a whole `cala run`; it stays dynamic, because names of hosts are looked up by the C library.
#![allow(clippy::expect_used, clippy::panic, reason = "a build script may stop the build with a sentence")]

use std::path::{Path, PathBuf};
use std::process::Command;

/// What rustc asks for by name on `*-linux-gnu`, and the archive that stands for it.
const LIBRARIES: [(&str, &str); 7] = [
    ("libc.a", "libc.a"),
    ("libm.a", "libm.a"),
    ("librt.a", "librt.a"),
    ("libdl.a", "libdl.a"),
    ("libutil.a", "libutil.a"),
    ("libpthread.a", "libpthread.a"),
    ("libgcc_s.a", "libgcc_eh.a"),
];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=CC");
    for program in ["cala", "cala-monitor", "cala-netns"] {
        println!("cargo::rustc-link-arg-bin={program}=-no-pie");
    }
    let variable = |name: &str| std::env::var(name).expect("cargo sets it");
    let native = variable("HOST") == variable("TARGET");
    if !native || variable("CARGO_CFG_TARGET_ENV") != "gnu" {
        return;
    }
    let folder = Path::new(&variable("OUT_DIR")).join("static");
    if stand_ins(&folder).is_some() {
        for program in ["cala-monitor", "cala-netns"] {
            println!("cargo::rustc-link-arg-bin={program}=-static");
            println!("cargo::rustc-link-arg-bin={program}=-L{}", folder.display());
        }
    }
}

/// Linker scripts under the names that rustc gives, which are found before the shared libraries because their folder
/// comes first. `None` when an archive is missing: then the monitor is linked as any other program.
fn stand_ins(folder: &Path) -> Option<()> {
    std::fs::create_dir_all(folder).ok()?;
    for (name, archive) in LIBRARIES {
        let archive = find(archive)?;
        std::fs::write(folder.join(name), format!("INPUT({})\n", archive.display())).ok()?;
    }
    Some(())
}

/// Where the C compiler has an archive; it answers with the bare name when it has none.
fn find(archive: &str) -> Option<PathBuf> {
    let compiler = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
    let output = Command::new(compiler).arg(format!("-print-file-name={archive}")).output().ok()?;
    let path = PathBuf::from(String::from_utf8(output.stdout).ok()?.trim());
    path.is_absolute().then_some(path)
}
