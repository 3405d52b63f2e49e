//! The program `cala`.

fn main() {}
