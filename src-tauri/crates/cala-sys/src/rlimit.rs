//! rlimit.
