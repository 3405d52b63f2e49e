//! flock.
