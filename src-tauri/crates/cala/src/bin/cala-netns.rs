//! The program `cala-netns`.

fn main() {}
