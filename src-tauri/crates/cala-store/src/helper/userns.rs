//! Entering the user namespace.
