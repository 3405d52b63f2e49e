//! The program `cala-monitor`.

fn main() {}
