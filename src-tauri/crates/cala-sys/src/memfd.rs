//! memfd_create(2) with seals: a program or a table that nobody can change any more (CVE-2019-5736).

use std::fs::File;
use std::io::{self, Seek as _, Write as _};
use std::os::fd::OwnedFd;

use rustix::fs::{MemfdFlags, SealFlags};

/// A sealed, close-on-exec file in memory with these bytes; reading starts at the first.
///
/// # Errors
/// Those of memfd_create(2), write(2) and F_ADD_SEALS.
pub fn sealed(name: &str, bytes: &[u8]) -> io::Result<OwnedFd> {
    let mut file = create(name)?;
    file.write_all(bytes)?;
    seal(file)
}

/// A sealed copy of a file, to be executed instead of it.
///
/// # Errors
/// As [`sealed`], and those of reading the file.
pub fn sealed_copy(name: &str, source: &mut File) -> io::Result<OwnedFd> {
    let mut file = create(name)?;
    io::copy(source, &mut file)?;
    seal(file)
}

fn create(name: &str) -> io::Result<File> {
    Ok(File::from(rustix::fs::memfd_create(name, MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?))
}

fn seal(mut file: File) -> io::Result<OwnedFd> {
    file.rewind()?;
    rustix::fs::fcntl_add_seals(
        &file,
        SealFlags::SEAL | SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE,
    )?;
    Ok(file.into())
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn a_sealed_file_is_read_and_never_written() {
        let mut file = File::from(sealed("cala-test", b"abc").unwrap());
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        assert_eq!(text, "abc");
        assert!(file.write_all(b"x").is_err());
    }
}
