//! Session descriptions (RFC 8866) as far as we read and change them ourselves.

mod formats;
mod text;

pub(crate) use formats::Formats;
pub(crate) use text::{Description, Direction, Outline, Section, SentTrack};
