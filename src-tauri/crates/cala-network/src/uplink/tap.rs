//! The tap in the network's namespace.
