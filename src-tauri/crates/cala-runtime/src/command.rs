//! Which file a command is, and why it did not run.
//!
//! Until `execve` has happened, /proc/self/exe of the new process is a program of the host. A command, a `#!` line or an
//! ELF interpreter that leads there would run it inside the container, where it could then be opened and overwritten
//! (CVE-2019-5736, rule R5). So each is followed without magic links first.

use std::ffi::{CString, OsStr};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use oci_spec::runtime::Process;
use rustix::fs::{Access, AtFlags, CWD, FileType, Mode, OFlags, ResolveFlags, accessat, openat2, statat};
use rustix::io::Errno;

use crate::StartError;

/// `PATH` where the environment has none.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// `#!` lines that lead to another script, at most (BINPRM depth of the kernel).
const MAX_SCRIPTS: usize = 5;

/// Bytes that the kernel reads of a file to find out what it is (BINPRM_BUF_SIZE).
const HEAD: usize = 256;

fn word(process: &Process) -> &str {
    process.args().iter().flatten().next().map_or("", String::as_str)
}

fn not_executable(process: &Process, reason: impl Into<String>) -> StartError {
    StartError::NotExecutable { command: word(process).to_owned(), reason: reason.into() }
}

/// Looks for the command as the present user, in `PATH` of the container's environment.
pub(crate) fn find(process: &Process) -> Result<CString, StartError> {
    let command = word(process);
    let path = look_up(process, command)?;
    if leads_to_host(&path, MAX_SCRIPTS) {
        return Err(not_executable(process, "it leads to a file of the host through /proc"));
    }
    CString::new(path.into_os_string().into_encoded_bytes())
        .map_err(|_| StartError::CommandNotFound { command: command.to_owned() })
}

fn look_up(process: &Process, command: &str) -> Result<PathBuf, StartError> {
    if command.is_empty() {
        return Err(StartError::Refused("no command: neither the image nor the request has one".into()));
    }
    if command.contains('/') {
        return Ok(command.into());
    }
    let path = process.env().iter().flatten().find_map(|entry| entry.strip_prefix("PATH="));
    let mut seen = false;
    for folder in path.unwrap_or(DEFAULT_PATH).split(':') {
        let candidate = Path::new(if folder.is_empty() { "." } else { folder }).join(command);
        if kind(&candidate) == Some(FileType::RegularFile) {
            if accessat(CWD, &candidate, Access::EXEC_OK, AtFlags::EACCESS).is_ok() {
                return Ok(candidate);
            }
            seen = true;
        }
    }
    Err(match seen {
        true => not_executable(process, "permission denied"),
        false => StartError::CommandNotFound { command: command.to_owned() },
    })
}

fn kind(path: &Path) -> Option<FileType> {
    statat(CWD, path, AtFlags::empty()).ok().map(|stat| FileType::from_raw_mode(stat.st_mode))
}

/// Whether the file, or what it names as its interpreter, is behind a magic link.
fn leads_to_host(path: &Path, scripts: usize) -> bool {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let open = |flags| openat2(CWD, path, flags, Mode::empty(), ResolveFlags::NO_MAGICLINKS);
    let file = match open(flags) {
        Ok(file) => file,
        Err(Errno::LOOP) => return true,
        // Executable but not readable: its interpreter cannot be known, only its own path.
        Err(Errno::ACCESS) => return matches!(open(OFlags::PATH | OFlags::CLOEXEC), Err(Errno::LOOP)),
        Err(_) => return false,
    };
    match interpreter(file) {
        Ok(Some(next)) => scripts == 0 || leads_to_host(&next, scripts - 1),
        Ok(None) | Err(_) => false,
    }
}

/// The interpreter that a script or an ELF program names.
fn interpreter(file: OwnedFd) -> io::Result<Option<PathBuf>> {
    let file = std::fs::File::from(file);
    if !file.metadata()?.is_file() {
        return Ok(None);
    }
    let mut head = [0; HEAD];
    let length = file.read_at(&mut head, 0)?;
    let head = head.get(..length).unwrap_or_default();
    if let Some(line) = head.strip_prefix(b"#!") {
        let line = line.split(|byte| *byte == b'\n').next().unwrap_or_default().trim_ascii();
        let path = line.split(|byte| matches!(byte, b' ' | b'\t')).next().unwrap_or_default();
        return Ok(Some(Path::new(OsStr::from_bytes(path)).to_owned()));
    }
    if head.starts_with(b"\x7fELF\x02\x01") { elf_interpreter(&file, head) } else { Ok(None) }
}

/// PT_INTERP of a 64-bit little-endian ELF file (elf(5)).
fn elf_interpreter(file: &std::fs::File, head: &[u8]) -> io::Result<Option<PathBuf>> {
    const PT_INTERP: u64 = 3;
    const ENTRY: u64 = 56;
    let (Some(table), Some(count)) = (number(head, 32, 8), number(head, 56, 2)) else { return Ok(None) };
    for index in 0..count.min(64) {
        let mut entry = [0; 56];
        file.read_exact_at(&mut entry, table.saturating_add(index * ENTRY))?;
        if number(&entry, 0, 4) == Some(PT_INTERP) {
            let (Some(offset), Some(size)) = (number(&entry, 8, 8), number(&entry, 32, 8)) else {
                return Ok(None);
            };
            let mut path = vec![0; usize::try_from(size.min(4096)).unwrap_or(0)];
            file.read_exact_at(&mut path, offset)?;
            let path = path.split(|byte| *byte == 0).next().unwrap_or_default();
            return Ok(Some(Path::new(OsStr::from_bytes(path)).to_owned()));
        }
    }
    Ok(None)
}

fn number(bytes: &[u8], at: usize, length: usize) -> Option<u64> {
    let bytes = bytes.get(at..at + length)?;
    Some(bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

/// What the answer of execve(2) means, in the words of a person who wrote the command.
pub(crate) fn explain(process: &Process, path: &CString, error: &io::Error) -> StartError {
    let kind = kind(Path::new(OsStr::from_bytes(path.as_bytes())));
    match error.raw_os_error().map(Errno::from_raw_os_error) {
        Some(Errno::NOENT | Errno::NOTDIR) if kind.is_none() => {
            StartError::CommandNotFound { command: word(process).to_owned() }
        }
        Some(Errno::NOENT | Errno::NOTDIR) => {
            not_executable(process, "its interpreter or dynamic loader is not in the image")
        }
        Some(Errno::ACCESS | Errno::ISDIR) if kind == Some(FileType::Directory) => {
            not_executable(process, "it is a directory")
        }
        Some(Errno::ACCESS | Errno::PERM) => not_executable(process, "permission denied"),
        Some(Errno::NOEXEC) => {
            not_executable(process, "exec format error (not a program, or one of another architecture)")
        }
        Some(Errno::TOOBIG) => not_executable(process, "argument list too long"),
        _ => not_executable(process, error.to_string()),
    }
}
