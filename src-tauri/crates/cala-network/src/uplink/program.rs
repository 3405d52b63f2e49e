//! The programs and their arguments.
