//! config/helper
