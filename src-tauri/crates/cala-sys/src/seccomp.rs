//! seccomp(2): system call filters.

use std::io;

/// One instruction of classic BPF (`struct sock_filter`, linux/filter.h).
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Instruction {
    /// Operation.
    pub code: u16,
    /// Instructions to skip when the comparison holds.
    pub jt: u8,
    /// Instructions to skip when it does not.
    pub jf: u8,
    /// Operand.
    pub k: u32,
}

/// Installs a filter for this thread and all that it becomes.
///
/// # Errors
///
/// EACCES without `no_new_privs` or CAP_SYS_ADMIN, EINVAL for a malformed or too long program (seccomp(2)).
pub fn set_filter(program: &[Instruction]) -> io::Result<()> {
    let len = u16::try_from(program.len()).map_err(|_| io::Error::from_raw_os_error(libc::EINVAL))?;
    let fprog = libc::sock_fprog { len, filter: program.as_ptr().cast_mut().cast() };
    // SAFETY: `fprog` and the `len` instructions behind it (same layout as `struct sock_filter`) live for the whole
    // call, and the kernel only reads them.
    let result = unsafe {
        libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, 0 as libc::c_uint, &raw const fprog)
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
