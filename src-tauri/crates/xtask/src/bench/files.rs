//! Files of containers: copied in and out, and made an image of.

use std::cell::Cell;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::cases::Table;
use super::measure::{Act, compare};

/// Runs of cases that take seconds.
const FEW: usize = 3;

/// Folders, and small files in each: 20,000 files in all.
const FOLDERS: usize = 200;
const FILES: usize = 100;

/// Bytes of the large file.
const LARGE: usize = 1_000_000_000;

/// Bytes that a container has written when it is committed.
const COMMITTED: usize = 200 << 20;

/// Bytes that no compressor makes smaller (a xorshift generator; the same for the same seed).
fn noise(path: &Path, length: usize, seed: u64) -> Result<()> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64 ^ seed;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend(state.to_le_bytes());
    }
    bytes.truncate(length);
    Ok(std::fs::write(path, bytes)?)
}

/// A folder that cases put things into; it goes with the home folder.
fn folder() -> Result<PathBuf> {
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    let folder = home.join("files");
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}

/// 20,000 small files, made once.
fn many() -> Result<PathBuf> {
    let many = folder()?.join("many");
    if !many.exists() {
        for outer in 0..FOLDERS {
            let folder = many.join(outer.to_string());
            std::fs::create_dir_all(&folder)?;
            for inner in 0..FILES {
                std::fs::write(folder.join(inner.to_string()), format!("{outer} {inner}\n").repeat(20))?;
            }
        }
    }
    Ok(many)
}

/// A container of both that runs; its name.
fn start(table: &Table) -> Result<String> {
    let name = table.bench.fresh_name();
    table.each(&["run", "-d", "--name", &name, "--network", "none", &table.image, "sleep", "100000"])?;
    Ok(name)
}

/// Copies to a name of its own each time, which `paths` makes of a number.
fn copy(table: &Table, name: &str, goal: &str, paths: impl Fn(&str) -> (String, String)) -> Result<()> {
    let number = Cell::new(0);
    let act = |podman: bool| {
        let (number, paths) = (&number, &paths);
        Act::after(
            || Ok(()),
            move || {
                number.set(number.get() + 1);
                let (from, to) = paths(&number.get().to_string());
                let words = ["cp", &from, &to];
                let mut command = if podman { table.bench.podman(words) } else { table.bench.cala(words) };
                super::measure::quiet(&mut command)
            },
        )
    };
    compare(name, FEW, goal, act(false), act(true))
}

pub(super) fn cp_in(table: &Table, name: &str) -> Result<()> {
    let (many, container) = (many()?.display().to_string(), start(table)?);
    copy(table, &format!("{name}: 20,000 files"), "<= 0.2", |number| {
        (many.clone(), format!("{container}:/in-{number}"))
    })?;
    table.each(&["rm", "-f", "-t", "0", &container])
}

pub(super) fn cp_out(table: &Table, name: &str) -> Result<()> {
    let (many, container, folder) = (many()?.display().to_string(), start(table)?, folder()?);
    table.each(&["cp", &many, &format!("{container}:/many")])?;
    copy(table, &format!("{name}: 20,000 files"), "<= 0.2", |number| {
        (format!("{container}:/many"), folder.join(format!("out-{number}")).display().to_string())
    })?;
    table.each(&["rm", "-f", "-t", "0", &container])
}

pub(super) fn cp_large(table: &Table, name: &str) -> Result<()> {
    let (large, container) = (folder()?.join("large"), start(table)?);
    noise(&large, LARGE, 0)?;
    copy(table, &format!("{name}: 1 GB"), "<= 0.8", |_| {
        (large.display().to_string(), format!("{container}:/large"))
    })?;
    std::fs::remove_file(&large)?;
    table.each(&["rm", "-f", "-t", "0", &container])
}

pub(super) fn commit(table: &Table, name: &str) -> Result<()> {
    let (written, container) = (folder()?.join("written"), start(table)?);
    let seed = Cell::new(0);
    let command = |podman: bool, words: &[&str]| {
        let words = words.iter().copied();
        super::measure::quiet(&mut if podman { table.bench.podman(words) } else { table.bench.cala(words) })
    };
    let act = |podman: bool| {
        let (seed, written, container, command) = (&seed, &written, &container, &command);
        Act::after(
            // Other bytes each time: else both would find the layer that is there already.
            move || {
                seed.set(seed.get() + 1);
                noise(written, COMMITTED, seed.get())?;
                command(podman, &["cp", &written.display().to_string(), &format!("{container}:/written")])
            },
            move || command(podman, &["commit", "-q", container]),
        )
    };
    compare(&format!("{name}: 200 MB"), FEW, "<= 0.8", act(false), act(true))?;
    table.each(&["rm", "-f", "-t", "0", &container])
}
