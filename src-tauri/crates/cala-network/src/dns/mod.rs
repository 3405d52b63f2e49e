//! The name server of a network.
