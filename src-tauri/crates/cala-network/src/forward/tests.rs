//! Connections through real namespaces.
