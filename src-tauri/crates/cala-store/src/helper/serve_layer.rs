//! Layers on request.
