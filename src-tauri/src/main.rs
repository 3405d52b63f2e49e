//! The desktop.

fn main() {}
