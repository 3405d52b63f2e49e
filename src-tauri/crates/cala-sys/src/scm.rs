//! scm.
