//! Big-endian fields off the front of a slice, and the numbers that tell packets apart.

/// Every packet starts with version 2 in the two upper bits.
pub(super) const VERSION: u8 = 2 << 6;
pub(super) const PADDING: u8 = 1 << 5;
/// The five bits that count reports, chunks or sources, or tell the format of feedback.
pub(super) const COUNT_MASK: u8 = 0x1f;
/// Lengths are counted in these.
pub(super) const WORD_BYTES: usize = 4;
pub(super) const REPORT_BLOCK_BYTES: usize = 24;

/// Packet types (RFC 3550, section 12.1; RFC 4585, section 6.1).
pub(super) const SENDER_REPORT: u8 = 200;
pub(super) const RECEIVER_REPORT: u8 = 201;
pub(super) const SOURCE_DESCRIPTION: u8 = 202;
pub(super) const GOODBYE: u8 = 203;
pub(super) const TRANSPORT_FEEDBACK: u8 = 205;
pub(super) const PAYLOAD_FEEDBACK: u8 = 206;

/// Formats of feedback (RFC 4585, sections 6.2 and 6.3; RFC 5104, section 4.3.1; for the second
/// draft-holmer-rmcat-transport-wide-cc-extensions-01, section 3.1).
pub(super) const NACK: u8 = 1;
pub(super) const TRANSPORT_WIDE: u8 = 15;
pub(super) const PICTURE_LOSS: u8 = 1;
pub(super) const FULL_INTRA: u8 = 4;
pub(super) const APPLICATION: u8 = 15;

/// Takes a byte off the front.
pub(super) fn byte(bytes: &mut &[u8]) -> Option<u8> {
    let (first, rest) = bytes.split_first()?;
    *bytes = rest;
    Some(*first)
}

/// Takes 2 bytes off the front.
pub(super) fn short(bytes: &mut &[u8]) -> Option<u16> {
    let (first, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(u16::from_be_bytes(*first))
}

/// Takes 4 bytes off the front.
pub(super) fn word(bytes: &mut &[u8]) -> Option<u32> {
    let (first, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(u32::from_be_bytes(*first))
}
