//! prctl.
