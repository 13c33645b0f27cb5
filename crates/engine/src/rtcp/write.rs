//! Writes packets to the end of a buffer; one after another they make a compound.
//!
//! A compound starts with a sender or receiver report, and a CNAME follows (RFC 3550, section 6.1).

use super::fields::{
    COUNT_MASK, GOODBYE, RECEIVER_REPORT, SENDER_REPORT, SOURCE_DESCRIPTION, VERSION, WORD_BYTES,
};
use super::report::SenderInfo;

/// An item of a source description has a length of one byte.
const TEXT_BYTES_MAX: usize = 255;
const CNAME: u8 = 1;

/// Writes a sender report without report blocks (RFC 3550, section 6.4.1).
pub(crate) fn write_sender_report(out: &mut Vec<u8>, sender: u32, info: &SenderInfo) {
    header(out, 0, SENDER_REPORT, 6);
    out.extend_from_slice(&sender.to_be_bytes());
    out.extend_from_slice(&info.ntp.0.to_be_bytes());
    for field in [info.rtp, info.packets, info.octets] {
        out.extend_from_slice(&field.to_be_bytes());
    }
}

/// Writes a receiver report without report blocks: what begins the compound of one that has nothing to
/// report (RFC 3550, section 6.4.2).
pub(crate) fn write_receiver_report(out: &mut Vec<u8>, sender: u32) {
    header(out, 0, RECEIVER_REPORT, 1);
    out.extend_from_slice(&sender.to_be_bytes());
}

/// Writes the name by which receivers know streams of one clock (RFC 3550, section 6.5.1). Beyond 255
/// bytes it is cut.
pub(crate) fn write_cname(out: &mut Vec<u8>, source: u32, cname: &str) {
    let text = &cname.as_bytes()[..cname.floor_char_boundary(TEXT_BYTES_MAX)];
    let text_bytes = u8::try_from(text.len()).expect("it was cut");
    // One zero byte at least ends the chunk.
    let words = 1 + (2 + u16::from(text_bytes) + 1).div_ceil(4);
    header(out, 1, SOURCE_DESCRIPTION, words);
    let end = out.len() + usize::from(words) * WORD_BYTES;
    out.extend_from_slice(&source.to_be_bytes());
    out.extend_from_slice(&[CNAME, text_bytes]);
    out.extend_from_slice(text);
    out.resize(end, 0);
}

/// Says that streams have ended (RFC 3550, section 6.6). Of more than 31 the rest is left out.
pub(crate) fn write_goodbye(out: &mut Vec<u8>, sources: &[u32]) {
    let sources = &sources[..sources.len().min(COUNT_MASK.into())];
    let count = u8::try_from(sources.len()).expect("it was cut");
    header(out, count, GOODBYE, count.into());
    for source in sources {
        out.extend_from_slice(&source.to_be_bytes());
    }
}

/// Writes what each packet starts with; `words` of 4 bytes follow.
fn header(out: &mut Vec<u8>, count: u8, packet_type: u8, words: u16) {
    out.extend_from_slice(&[VERSION | count, packet_type]);
    out.extend_from_slice(&words.to_be_bytes());
}
