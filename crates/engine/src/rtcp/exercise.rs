//! What holds for any bytes: for the fuzz target, the replay of its corpus, and properties.

use super::arrivals::STATUSES_MAX;
use super::read::{Packet, ReadError, read};
use super::report::{NtpTime, ReportBlock};

/// Reads a compound to the last field.
///
/// # Panics
///
/// Panics if something doesn't hold.
#[cfg_attr(
    not(feature = "testing"),
    expect(unreachable_pub, reason = "the fuzz target is another crate")
)]
pub fn exercise(compound: &[u8]) {
    let mut packets = read(compound);
    let mut entries = 0;
    let mut is_over = false;
    for packet in &mut packets {
        assert!(!is_over, "an error is the last item");
        match packet {
            Ok(packet) => entries += count(packet),
            Err(ReadError::Truncated | ReadError::Malformed) => is_over = true,
        }
    }
    assert!(entries <= compound.len() / 4, "every entry takes bytes");
    assert_eq!(packets.next(), None);
}

/// Counts what takes 4 bytes at least.
fn count(packet: Packet<'_>) -> usize {
    match packet {
        Packet::SenderReport { reports, .. } | Packet::ReceiverReport { reports, .. } => {
            reports.inspect(check_report).count()
        }
        // One entry names 17 numbers at most.
        Packet::Nack { lost, .. } => lost.count().div_ceil(17),
        Packet::FullIntra { requests, .. } => requests.count(),
        // Few bytes name many, but never more than the bound.
        Packet::TransportWide { arrivals, .. } => {
            assert!(arrivals.count() <= STATUSES_MAX.into());
            1
        }
        Packet::Goodbye { sources } => sources.count(),
        Packet::PictureLoss { .. } | Packet::BandwidthEstimate { .. } => 1,
    }
}

fn check_report(block: &ReportBlock) {
    assert_eq!(block.cumulative_lost << 8 >> 8, block.cumulative_lost);
    let round_trip = block.round_trip(NtpTime(1));
    assert!(round_trip.is_none_or(|trip| trip.as_secs() <= 1 << 15));
}
