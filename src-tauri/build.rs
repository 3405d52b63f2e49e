//! Puts the built pages (`ui/dist`) into the program, and lets Tauri read its configuration.
#![allow(clippy::expect_used, reason = "a build script may stop the build with a sentence")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

fn main() {
    let here = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let dist = here.join("../ui/dist");
    println!("cargo::rerun-if-changed={}", dist.display());
    // Tauri wants the folder to exist, also where the pages were not built (a plain `cargo build`).
    std::fs::create_dir_all(&dist).expect("ui/ is writable");
    let mut files = Vec::new();
    collect(&dist, &dist, &mut files);
    files.sort();
    let mut code = String::from("static ASSETS: &[(&str, &[u8])] = &[\n");
    for (name, path) in &files {
        writeln!(code, "    ({name:?}, include_bytes!({path:?})),").expect("memory");
    }
    code.push_str("];\n");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets it"));
    std::fs::write(out.join("assets.rs"), code).expect("OUT_DIR is writable");
    #[cfg(feature = "window")]
    tauri_build::build();
}

fn collect(base: &Path, folder: &Path, files: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(base, &path, files);
        } else if let Ok(name) = path.strip_prefix(base) {
            files.push((name.display().to_string(), path.display().to_string()));
        }
    }
}
