//! The program `cala-oci`.

fn main() {}
