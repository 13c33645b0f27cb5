//! Reads compounds from the network.

use thiserror::Error;

use super::arrivals::Arrivals;
use super::fields::{
    APPLICATION, COUNT_MASK, FULL_INTRA, GOODBYE, NACK, PADDING, PAYLOAD_FEEDBACK, PICTURE_LOSS,
    RECEIVER_REPORT, REPORT_BLOCK_BYTES, SENDER_REPORT, TRANSPORT_FEEDBACK, TRANSPORT_WIDE,
    VERSION, WORD_BYTES, byte, short, word,
};
use super::report::{ReportBlock, SenderInfo};

/// Stands at the start of a receiver's estimate.
const ESTIMATE_NAME: u32 = u32::from_be_bytes(*b"REMB");
const SOURCE_BYTES: usize = 4;

/// Why a compound can't be read on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum ReadError {
    /// It ends within a packet, or a packet within a field.
    #[error("the RTCP packet ends too early")]
    Truncated,
    /// It is no RTCP of version 2, or its padding is longer than the packet.
    #[error("the RTCP packet breaks its format")]
    Malformed,
}

/// A packet of a compound. `sender` is who says it, `media` the stream that it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Packet<'a> {
    /// What the client sends, and how it receives.
    SenderReport {
        sender: u32,
        clock: SenderInfo,
        reports: Reports<'a>,
    },
    /// How the client receives.
    ReceiverReport { sender: u32, reports: Reports<'a> },
    /// Sequence numbers that are missing.
    Nack {
        sender: u32,
        media: u32,
        lost: LostNumbers<'a>,
    },
    /// Pictures can't be decoded.
    PictureLoss { sender: u32, media: u32 },
    /// Keyframes are asked for.
    FullIntra {
        sender: u32,
        requests: FullIntraRequests<'a>,
    },
    /// What the client takes for the bandwidth of its way in (draft-alvestrand-rmcat-remb-03).
    BandwidthEstimate { sender: u32, bits_per_second: u64 },
    /// Which packets of all streams arrived, and when
    /// (draft-holmer-rmcat-transport-wide-cc-extensions-01).
    TransportWide {
        sender: u32,
        media: u32,
        arrivals: Arrivals<'a>,
    },
    /// Streams have ended.
    Goodbye { sources: Sources<'a> },
}

/// Reads a compound, packet by packet: unknown types are skipped, an error is the last item.
pub(crate) fn read(compound: &[u8]) -> Packets<'_> {
    Packets { rest: compound }
}

/// The packets of a compound.
#[derive(Debug, Clone)]
pub(crate) struct Packets<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Packets<'a> {
    type Item = Result<Packet<'a>, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.rest.is_empty() {
            match self.take().and_then(Raw::read) {
                Ok(None) => {}
                Ok(Some(packet)) => return Some(Ok(packet)),
                Err(error) => {
                    self.rest = &[];
                    return Some(Err(error));
                }
            }
        }
        None
    }
}

impl<'a> Packets<'a> {
    /// Takes off one packet by its length (RFC 3550, section 6.4.1).
    fn take(&mut self) -> Result<Raw<'a>, ReadError> {
        let Some((&[first, packet_type, high, low], after)) = self.rest.split_first_chunk() else {
            return Err(ReadError::Truncated);
        };
        if first & !(PADDING | COUNT_MASK) != VERSION {
            return Err(ReadError::Malformed);
        }
        let body_bytes = usize::from(u16::from_be_bytes([high, low])) * WORD_BYTES;
        let (mut body, rest) = after
            .split_at_checked(body_bytes)
            .ok_or(ReadError::Truncated)?;
        if first & PADDING != 0 {
            let padding = usize::from(body.last().copied().unwrap_or(0));
            let text_bytes = body.len().checked_sub(padding);
            body = match text_bytes {
                Some(text_bytes) if padding > 0 => &body[..text_bytes],
                Some(_) | None => return Err(ReadError::Malformed),
            };
        }
        self.rest = rest;
        Ok(Raw {
            packet_type,
            count: first & COUNT_MASK,
            body,
        })
    }
}

/// A packet whose type is to be looked at.
struct Raw<'a> {
    packet_type: u8,
    /// Of what follows, or the format of feedback.
    count: u8,
    body: &'a [u8],
}

impl<'a> Raw<'a> {
    fn read(self) -> Result<Option<Packet<'a>>, ReadError> {
        let mut body = self.body;
        let packet = match (self.packet_type, self.count) {
            (SENDER_REPORT, count) => sender_report(&mut body, count),
            (RECEIVER_REPORT, count) => receiver_report(&mut body, count),
            (GOODBYE, count) => counted(body, count, SOURCE_BYTES).map(|bytes| Packet::Goodbye {
                sources: Sources { bytes },
            }),
            (TRANSPORT_FEEDBACK, NACK) => nack(&mut body),
            (TRANSPORT_FEEDBACK, TRANSPORT_WIDE) => transport_wide(&mut body),
            (PAYLOAD_FEEDBACK, PICTURE_LOSS) => picture_loss(&mut body),
            (PAYLOAD_FEEDBACK, FULL_INTRA) => full_intra(&mut body),
            (PAYLOAD_FEEDBACK, APPLICATION) => {
                return estimate(&mut body);
            }
            _ => return Ok(None),
        };
        packet.map(Some).ok_or(ReadError::Truncated)
    }
}

fn sender_report<'a>(body: &mut &'a [u8], count: u8) -> Option<Packet<'a>> {
    Some(Packet::SenderReport {
        sender: word(body)?,
        clock: SenderInfo::take(body)?,
        reports: reports(body, count)?,
    })
}

fn receiver_report<'a>(body: &mut &'a [u8], count: u8) -> Option<Packet<'a>> {
    Some(Packet::ReceiverReport {
        sender: word(body)?,
        reports: reports(body, count)?,
    })
}

fn nack<'a>(body: &mut &'a [u8]) -> Option<Packet<'a>> {
    Some(Packet::Nack {
        sender: word(body)?,
        media: word(body)?,
        lost: LostNumbers {
            entries: body,
            next: None,
        },
    })
}

fn transport_wide<'a>(body: &mut &'a [u8]) -> Option<Packet<'a>> {
    Some(Packet::TransportWide {
        sender: word(body)?,
        media: word(body)?,
        arrivals: Arrivals::take(body)?,
    })
}

fn picture_loss<'a>(body: &mut &'a [u8]) -> Option<Packet<'a>> {
    Some(Packet::PictureLoss {
        sender: word(body)?,
        media: word(body)?,
    })
}

fn full_intra<'a>(body: &mut &'a [u8]) -> Option<Packet<'a>> {
    let sender = word(body)?;
    // Each request names its own stream.
    let _media = word(body)?;
    Some(Packet::FullIntra {
        sender,
        requests: FullIntraRequests { bytes: body },
    })
}

/// Reads a receiver's estimate; nothing if it is another application's message.
fn estimate<'a>(body: &mut &'a [u8]) -> Result<Option<Packet<'a>>, ReadError> {
    let sender = word(body).ok_or(ReadError::Truncated)?;
    let _media = word(body).ok_or(ReadError::Truncated)?;
    if word(body) != Some(ESTIMATE_NAME) {
        return Ok(None);
    }
    let estimate = word(body).ok_or(ReadError::Truncated)?;
    // 8 bits count the streams meant, 6 are an exponent of two, 18 the mantissa.
    let exponent = estimate >> 18 & 0x3f;
    let mantissa = u64::from(estimate & 0x3_ffff);
    let is_shifted = mantissa.leading_zeros() >= exponent;
    Ok(Some(Packet::BandwidthEstimate {
        sender,
        bits_per_second: if is_shifted {
            mantissa << exponent
        } else {
            u64::MAX
        },
    }))
}

fn reports<'a>(body: &mut &'a [u8], count: u8) -> Option<Reports<'a>> {
    counted(body, count, REPORT_BLOCK_BYTES).map(|bytes| Reports { bytes })
}

/// Gives the bytes of `count` entries.
fn counted(bytes: &[u8], count: u8, entry_bytes: usize) -> Option<&[u8]> {
    bytes.get(..usize::from(count) * entry_bytes)
}

/// The report blocks of a report: 31 at most.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reports<'a> {
    bytes: &'a [u8],
}

impl Iterator for Reports<'_> {
    type Item = ReportBlock;

    fn next(&mut self) -> Option<ReportBlock> {
        ReportBlock::take(&mut self.bytes)
    }
}

/// The streams that have ended: 31 at most.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sources<'a> {
    bytes: &'a [u8],
}

impl Iterator for Sources<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        word(&mut self.bytes)
    }
}

/// Sequence numbers that are missing, in the order of the packet (RFC 4585, section 6.2.1). The client
/// may name one twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LostNumbers<'a> {
    entries: &'a [u8],
    /// The next number, and which ones after it are missing too: bit 0 stands for the one after.
    next: Option<(u16, u16)>,
}

impl Iterator for LostNumbers<'_> {
    type Item = u16;

    fn next(&mut self) -> Option<u16> {
        let (number, followers) = match self.next.take() {
            Some(next) => next,
            None => (short(&mut self.entries)?, short(&mut self.entries)?),
        };
        if followers != 0 {
            let skipped = followers.trailing_zeros();
            let step = u16::try_from(skipped + 1).expect("there are 16 bits");
            let rest = followers.checked_shr(skipped + 1).unwrap_or(0);
            self.next = Some((number.wrapping_add(step), rest));
        }
        Some(number)
    }
}

/// A request for a keyframe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FullIntraRequest {
    /// SSRC of the stream.
    pub(crate) media: u32,
    /// Rises with each request; one that is sent again keeps it.
    pub(crate) number: u8,
}

/// Requests for keyframes (RFC 5104, section 4.3.1.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FullIntraRequests<'a> {
    bytes: &'a [u8],
}

impl Iterator for FullIntraRequests<'_> {
    type Item = FullIntraRequest;

    fn next(&mut self) -> Option<FullIntraRequest> {
        let media = word(&mut self.bytes)?;
        let number = byte(&mut self.bytes)?;
        let _reserved = (byte(&mut self.bytes)?, short(&mut self.bytes)?);
        Some(FullIntraRequest { media, number })
    }
}
