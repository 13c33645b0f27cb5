//! What an SFU needs of an H.264 payload (RFC 6184, section 5): where a keyframe starts.

use super::{DescriptorError, WriteDescriptorError};

const TYPE_MASK: u8 = 0x1f;
/// `nal_ref_idc` 3: what parameter sets and keyframes carry.
const REFERENCE: u8 = 0x60;
const NON_IDR: u8 = 1;
const IDR: u8 = 5;
const SPS: u8 = 7;
const SINGLE_MAX: u8 = 23;
const STAP_A: u8 = 24;
const FU_A: u8 = 28;
const FU_START: u8 = 0x80;
const FU_END: u8 = 0x40;
const SIZE_BYTES: usize = 2;

/// How NAL units lie in a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum H264Packet {
    /// One NAL unit.
    Single,
    /// Several whole NAL units (STAP-A).
    Aggregate,
    /// A piece of one NAL unit (FU-A).
    Fragment {
        /// The first piece.
        start: bool,
        /// The last piece.
        end: bool,
    },
}

/// What an H.264 packet says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct H264Descriptor {
    /// How NAL units lie in it.
    pub packet: H264Packet,
    /// It has a sequence parameter set, which a keyframe begins with.
    pub parameter_sets: bool,
    /// It has an IDR slice or a piece of one.
    pub idr: bool,
}

impl H264Descriptor {
    /// Tells whether decoding can start with this packet.
    #[must_use]
    pub fn is_keyframe_start(&self) -> bool {
        match self.packet {
            H264Packet::Single | H264Packet::Aggregate => self.parameter_sets || self.idr,
            H264Packet::Fragment { start, .. } => start && (self.parameter_sets || self.idr),
        }
    }

    /// Writes the shortest payload that reads as this value; gives the bytes written.
    ///
    /// # Errors
    ///
    /// [`WriteDescriptorError::NoSpace`] if `out` is too short (10 bytes always suffice),
    /// [`WriteDescriptorError::Unrepresentable`] for a parameter set and an IDR slice in one NAL
    /// unit, or a fragment that is first and last at once.
    pub fn write(&self, out: &mut [u8]) -> Result<usize, WriteDescriptorError> {
        let one = match (self.parameter_sets, self.idr) {
            (true, false) => Ok(SPS),
            (false, true) => Ok(IDR),
            (false, false) => Ok(NON_IDR),
            (true, true) => Err(WriteDescriptorError::Unrepresentable),
        };
        let mut bytes = [0_u8; 10];
        let len = match self.packet {
            H264Packet::Single => {
                bytes[..2].copy_from_slice(&[REFERENCE | one?, 0]);
                2
            }
            H264Packet::Fragment {
                start: true,
                end: true,
            } => return Err(WriteDescriptorError::Unrepresentable),
            H264Packet::Fragment { start, end } => {
                let flags = if start { FU_START } else { 0 } | if end { FU_END } else { 0 };
                bytes[..3].copy_from_slice(&[REFERENCE | FU_A, flags | one?, 0]);
                3
            }
            H264Packet::Aggregate => {
                bytes[0] = REFERENCE | STAP_A;
                let units = [
                    (self.parameter_sets, SPS),
                    (self.idr, IDR),
                    (!self.parameter_sets && !self.idr, NON_IDR),
                ];
                let mut len = 1;
                for (_, kind) in units.into_iter().filter(|&(present, _)| present) {
                    bytes[len..len + 4].copy_from_slice(&[0, 2, REFERENCE | kind, 0]);
                    len += 4;
                }
                len
            }
        };
        let capacity_bytes = out.len();
        out.get_mut(..len)
            .ok_or(WriteDescriptorError::NoSpace { capacity_bytes })?
            .copy_from_slice(&bytes[..len]);
        Ok(len)
    }
}

/// Reads the NAL unit headers of an RTP payload (RFC 6184, sections 5.6 to 5.8).
///
/// `payload` is what follows the RTP header, padding removed; any bytes are allowed. Packetization
/// modes 0 and 1 are read; nobody negotiates mode 2.
///
/// # Errors
///
/// [`DescriptorError::Truncated`] if the payload or a unit in it ends too early,
/// [`DescriptorError::Malformed`] for a packet type of no or another packetization mode. Drop such a
/// packet.
pub fn parse_h264(payload: &[u8]) -> Result<H264Descriptor, DescriptorError> {
    let (&indicator, rest) = payload.split_first().ok_or(DescriptorError::Truncated)?;
    match indicator & TYPE_MASK {
        kind @ 1..=SINGLE_MAX => Ok(H264Descriptor {
            packet: H264Packet::Single,
            parameter_sets: kind == SPS,
            idr: kind == IDR,
        }),
        STAP_A => parse_aggregate(rest),
        FU_A => {
            let header = *rest.first().ok_or(DescriptorError::Truncated)?;
            let (start, end) = (header & FU_START != 0, header & FU_END != 0);
            if start && end {
                return Err(DescriptorError::Malformed);
            }
            let kind = header & TYPE_MASK;
            Ok(H264Descriptor {
                packet: H264Packet::Fragment { start, end },
                parameter_sets: kind == SPS,
                idr: kind == IDR,
            })
        }
        _ => Err(DescriptorError::Malformed),
    }
}

fn parse_aggregate(mut rest: &[u8]) -> Result<H264Descriptor, DescriptorError> {
    let mut descriptor = H264Descriptor {
        packet: H264Packet::Aggregate,
        parameter_sets: false,
        idr: false,
    };
    while !rest.is_empty() {
        let (unit, after) = split_unit(rest).ok_or(DescriptorError::Truncated)?;
        let kind = unit.first().ok_or(DescriptorError::Malformed)? & TYPE_MASK;
        descriptor.parameter_sets |= kind == SPS;
        descriptor.idr |= kind == IDR;
        rest = after;
    }
    Ok(descriptor)
}

/// Splits the first NAL unit off those of an aggregate (RFC 6184, section 5.7.1).
fn split_unit(rest: &[u8]) -> Option<(&[u8], &[u8])> {
    let (size, after) = rest.split_first_chunk::<SIZE_BYTES>()?;
    after.split_at_checked(u16::from_be_bytes(*size).into())
}

/// Lists the whole NAL units of a packet of the kind `packet`.
pub(super) fn units(packet: H264Packet, payload: &[u8]) -> impl Iterator<Item = &[u8]> {
    let (single, mut rest) = match packet {
        H264Packet::Single => (Some(payload), [].as_slice()),
        H264Packet::Aggregate => (None, payload.get(1..).unwrap_or_default()),
        H264Packet::Fragment { .. } => (None, [].as_slice()),
    };
    let several = std::iter::from_fn(move || {
        let (unit, after) = split_unit(rest)?;
        rest = after;
        Some(unit)
    });
    single.into_iter().chain(several)
}

/// Tells whether a NAL unit is a sequence parameter set.
pub(super) fn is_parameter_set(unit: &[u8]) -> bool {
    unit.first().is_some_and(|header| header & TYPE_MASK == SPS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn descriptors() -> impl Strategy<Value = H264Descriptor> {
        let packet = prop_oneof![
            Just(H264Packet::Single),
            Just(H264Packet::Aggregate),
            prop_oneof![
                Just((true, false)),
                Just((false, true)),
                Just((false, false))
            ]
            .prop_map(|(start, end)| H264Packet::Fragment { start, end }),
        ];
        (packet, any::<(bool, bool)>()).prop_map(|(packet, (parameter_sets, idr))| H264Descriptor {
            packet,
            parameter_sets,
            idr: idr && (!parameter_sets || packet == H264Packet::Aggregate),
        })
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(descriptor in descriptors()) {
            let mut bytes = [0xff; 10];
            let len = descriptor.write(&mut bytes).unwrap();

            prop_assert_eq!(parse_h264(&bytes[..len]), Ok(descriptor));
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let _ = parse_h264(&bytes);
        }
    }

    #[test]
    fn a_keyframe_starts_where_decoding_can() {
        // Payload, whether decoding can start there.
        let table: [(&[u8], bool); 8] = [
            (&[0x67, 1], true),                             // SPS
            (&[0x68, 1], false),                            // PPS
            (&[0x65, 1], true),                             // IDR slice
            (&[0x41, 1], false),                            // slice
            (&[0x78, 0, 2, 0x67, 1, 0, 2, 0x68, 1], true),  // STAP-A: SPS, PPS
            (&[0x78, 0, 2, 0x06, 1, 0, 2, 0x41, 1], false), // STAP-A: SEI, slice
            (&[0x7c, 0x85, 1], true),                       // FU-A: first piece of an IDR slice
            (&[0x7c, 0x05, 1], false),                      // FU-A: another piece
        ];

        for (payload, expected) in table {
            let descriptor = parse_h264(payload).unwrap();
            assert_eq!(descriptor.is_keyframe_start(), expected, "{payload:02x?}");
        }
    }

    #[test]
    fn broken_payloads_are_refused() {
        let table: [(&[u8], DescriptorError); 7] = [
            (&[], DescriptorError::Truncated),
            (&[0x60], DescriptorError::Malformed),
            (&[0x79, 0], DescriptorError::Malformed),
            (&[0x7c], DescriptorError::Truncated),
            (&[0x7c, 0xc5], DescriptorError::Malformed),
            (&[0x78, 0, 9, 0x67], DescriptorError::Truncated),
            (&[0x78, 0, 0], DescriptorError::Malformed),
        ];

        for (payload, expected) in table {
            assert_eq!(parse_h264(payload), Err(expected), "{payload:02x?}");
        }
    }
}
