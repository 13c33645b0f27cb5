//! What publishers send: sizes and times of a real camera, microphone and screen. Pure.
//!
//! Everything follows from a seed and the time, so that two runs send the same.

pub(crate) mod encoder;
pub(crate) mod microphone;
pub(crate) mod stamp;
pub(crate) mod track;
pub(crate) mod vp8;

pub(crate) use stamp::{Stamp, StampKind, is_intact};
pub(crate) use track::{Outgoing, TrackSource};
