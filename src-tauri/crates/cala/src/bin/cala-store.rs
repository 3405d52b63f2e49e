//! The program `cala-store`.

fn main() {}
