//! malloc_trim(3): memory that a start needed goes back to the system, so that a supervisor stays small.

/// Gives free memory of the heap back to the kernel; nothing to do with other C libraries than glibc.
pub fn release_free_memory() {
    #[cfg(target_env = "gnu")]
    // SAFETY: malloc_trim only touches free memory of the allocator and takes its locks.
    unsafe {
        libc::malloc_trim(0)
    };
}
