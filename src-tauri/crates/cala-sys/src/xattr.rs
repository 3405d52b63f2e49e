//! Extended attributes of open files: xattr(7). By descriptor only, so that no link is followed.

use std::io;
use std::os::fd::AsFd;

use rustix::fs::XattrFlags;
use rustix::io::Errno;

/// The largest value or list of names that the kernel keeps, in bytes (XATTR_SIZE_MAX).
const MAX: usize = 64 << 10;

/// Sets an attribute, whether or not it was there.
///
/// # Errors
/// Those of fsetxattr(2): ENOTSUP where the file system has none, EPERM on links, devices, pipes and for `trusted.*`.
pub fn set(file: impl AsFd, name: &[u8], value: &[u8]) -> io::Result<()> {
    Ok(rustix::fs::fsetxattr(file, name, value, XattrFlags::empty())?)
}

/// The value of an attribute, or nothing when the file has none of this name.
///
/// # Errors
/// Those of fgetxattr(2).
pub fn get(file: impl AsFd, name: &[u8]) -> io::Result<Option<Vec<u8>>> {
    let mut value = Vec::with_capacity(256);
    loop {
        let space = value.capacity();
        match rustix::fs::fgetxattr(&file, name, rustix::buffer::spare_capacity(&mut value)) {
            Ok(_) => return Ok(Some(value)),
            Err(Errno::NODATA | Errno::NOTSUP) => return Ok(None),
            Err(Errno::RANGE) if space < MAX => value = Vec::with_capacity(MAX),
            Err(error) => return Err(error.into()),
        }
    }
}

/// The names of all attributes that the caller may see.
///
/// # Errors
/// Those of flistxattr(2).
pub fn list(file: impl AsFd) -> io::Result<Vec<Vec<u8>>> {
    let mut names = Vec::with_capacity(MAX);
    match rustix::fs::flistxattr(file, rustix::buffer::spare_capacity(&mut names)) {
        Ok(_) => {
            Ok(names.split(|byte| *byte == 0).filter(|name| !name.is_empty()).map(<[u8]>::to_vec).collect())
        }
        Err(Errno::NOTSUP) => Ok(Vec::new()),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_set_is_read() {
        let path = std::env::temp_dir().join(format!("cala-xattr-{}", std::process::id()));
        let file = std::fs::File::create(&path).unwrap();
        let large = vec![7; 3000];
        if set(&file, b"user.cala", &large).is_ok() {
            assert_eq!(get(&file, b"user.cala").unwrap(), Some(large));
            assert!(list(&file).unwrap().contains(&b"user.cala".to_vec()));
        }
        assert_eq!(get(&file, b"user.absent").unwrap(), None);
        std::fs::remove_file(&path).unwrap();
    }
}
