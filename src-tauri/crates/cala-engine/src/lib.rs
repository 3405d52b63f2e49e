//! The façade: one method per thing a user can do.
