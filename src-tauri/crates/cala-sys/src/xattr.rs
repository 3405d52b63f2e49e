//! xattr.
