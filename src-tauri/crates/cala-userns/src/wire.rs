//! How a live monitor (or network holder) is asked for the descriptor of U: the words of its protocol that this room
//! needs, so that it need not know the rest. A test in cala-monitor holds them equal.

/// The greeting, without its length.
pub const HELLO: &[u8] = br#"{"request":"hello","protocol":1,"version":"userns"}"#;

/// The question, without its length. The answer carries one descriptor.
pub const ASK: &[u8] = br#"{"request":"user_namespace"}"#;
