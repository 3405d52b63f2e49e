//! ofd_lock.
