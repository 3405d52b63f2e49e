//! config/certs
