//! What can be done with containers.

mod mounts;
