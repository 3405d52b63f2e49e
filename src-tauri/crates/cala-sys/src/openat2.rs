//! openat2.
