//! What the fuzz targets do with their bytes, one module for each crate that they are about. The tests
//! of those crates replay the corpus through the same functions.

mod harness;
pub mod tokens;
pub mod wire;

pub use harness::*;
