//! Session descriptions (RFC 8866) as far as we read and change them ourselves.

mod checks;
mod text;

pub(crate) use checks::Outline;
use text::Section;
pub(crate) use text::{Description, Direction};
