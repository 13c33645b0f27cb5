//! The `clapt` binary.
fn main() {}
