//! RTCP as it is on the wire: what clients report of what we send, and what we report to them (RFC 3550,
//! section 6; RFC 4585; RFC 5104).
//!
//! Invariants:
//! - reading accepts any bytes at all, and allocates nothing;
//! - reading what was written here gives the same values;
//! - a packet type that is not known is skipped.

mod arrivals;
#[cfg(any(test, feature = "testing"))]
mod exercise;
mod fields;
mod read;
mod report;
#[cfg(test)]
mod tests;
mod write;

pub(crate) use arrivals::{Arrivals, REFERENCE_BITS, REFERENCE_TICKS, TICK_MICROS};
#[cfg(feature = "testing")]
pub use exercise::exercise;
pub(crate) use read::{Packet, read};
pub(crate) use report::{NtpTime, ReportBlock, SenderInfo};
pub(crate) use write::{write_cname, write_goodbye, write_receiver_report, write_sender_report};
