//! Content store, layers, object directories, names, locks, event log.
