//! What is counted and timed, and how it is summed up. Pure.

pub(crate) mod histogram;
pub(crate) mod playout;
pub(crate) mod sequence;
pub(crate) mod totals;

pub(crate) use histogram::Histogram;
pub(crate) use playout::{Piece, Playout};
pub(crate) use sequence::Sequence;
pub(crate) use totals::{Counter, Timing, Totals};
