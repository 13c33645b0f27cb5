//! The VP8 payload descriptor (RFC 7741, section 4.2) and the bit that tells a keyframe.

use super::{DescriptorError, WriteDescriptorError};

const EXTENDED: u8 = 0x80;
const NON_REFERENCE: u8 = 0x20;
const PARTITION_START: u8 = 0x10;
const PARTITION_MASK: u8 = 0x0f;
const HAS_PICTURE_ID: u8 = 0x80;
const HAS_TL0_PIC_IDX: u8 = 0x40;
const HAS_TID: u8 = 0x20;
const HAS_KEY_IDX: u8 = 0x10;
const WIDE_PICTURE_ID: u8 = 0x80;
const LAYER_SYNC: u8 = 0x20;
const KEY_IDX_MASK: u8 = 0x1f;
/// Set in the first byte of a VP8 frame that is not a keyframe (RFC 6386, section 9.1).
const INTERFRAME: u8 = 0x01;

/// A VP8 picture id in the width that it is sent in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PictureId {
    /// 7 bits, 0 to 127.
    Narrow(u8),
    /// 15 bits, 0 to 32767.
    Wide(u16),
}

impl PictureId {
    /// Gives the number.
    #[must_use]
    pub fn value(self) -> u16 {
        match self {
            Self::Narrow(value) => u16::from(value),
            Self::Wide(value) => value,
        }
    }

    /// Gives how many bits it has: 7 or 15.
    #[must_use]
    pub const fn width_bits(self) -> u32 {
        match self {
            Self::Narrow(_) => 7,
            Self::Wide(_) => 15,
        }
    }
}

/// The temporal layer of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vp8Temporal {
    /// Temporal layer, 0 to 3.
    pub id: u8,
    /// The frame depends on the base layer only (`Y`): a place to begin this layer at.
    pub layer_sync: bool,
}

/// What a VP8 packet says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vp8Descriptor {
    /// No other frame depends on this one (`N`).
    pub non_reference: bool,
    /// A partition starts here (`S`).
    pub partition_start: bool,
    /// Index of the partition, 0 to 15; 16-partition frames don't exist.
    pub partition: u8,
    /// Picture id.
    pub picture_id: Option<PictureId>,
    /// Number of the base layer frame that this frame belongs to. Needs `temporal`.
    pub tl0_pic_idx: Option<u8>,
    /// Temporal layer.
    pub temporal: Option<Vp8Temporal>,
    /// Temporal key frame index, 0 to 31.
    pub key_idx: Option<u8>,
    /// The frame that starts here is a keyframe. Only known at a frame start, otherwise `false`.
    pub keyframe: bool,
}

impl Vp8Descriptor {
    /// Tells whether a frame starts with this packet.
    #[must_use]
    pub fn is_frame_start(&self) -> bool {
        self.partition_start && self.partition == 0
    }

    /// Tells how many bytes of `payload`, of which this was read, the descriptor takes.
    #[must_use]
    pub fn len_bytes(&self, payload: &[u8]) -> usize {
        let is_extended = payload.first().is_some_and(|first| first & EXTENDED != 0);
        let id_bytes = match self.picture_id {
            None => 0,
            Some(PictureId::Narrow(_)) => 1,
            Some(PictureId::Wide(_)) => 2,
        };
        1 + usize::from(is_extended)
            + id_bytes
            + usize::from(self.tl0_pic_idx.is_some())
            + usize::from(self.temporal.is_some() || self.key_idx.is_some())
    }

    /// Writes the descriptor and one byte of VP8 frame header into `out`; gives the bytes written.
    ///
    /// # Errors
    ///
    /// [`WriteDescriptorError::NoSpace`] if `out` is too short (7 bytes always suffice),
    /// [`WriteDescriptorError::Unrepresentable`] if a field is out of its range, if a TL0PICIDX has no
    /// temporal layer, or if a keyframe has no frame start.
    pub fn write(&self, out: &mut [u8]) -> Result<usize, WriteDescriptorError> {
        self.check()?;
        let mut bytes = [0_u8; 7];
        let mut len = 1;
        let extension = self.extension();
        bytes[0] = if extension == 0 { 0 } else { EXTENDED }
            | if self.non_reference { NON_REFERENCE } else { 0 }
            | if self.partition_start {
                PARTITION_START
            } else {
                0
            }
            | self.partition;
        let mut push = |byte: u8| {
            bytes[len] = byte;
            len += 1;
        };
        if extension != 0 {
            push(extension);
        }
        match self.picture_id {
            None => {}
            Some(PictureId::Narrow(value)) => push(value),
            Some(PictureId::Wide(value)) => {
                let [high, low] = value.to_be_bytes();
                push(high | WIDE_PICTURE_ID);
                push(low);
            }
        }
        if let Some(tl0_pic_idx) = self.tl0_pic_idx {
            push(tl0_pic_idx);
        }
        if self.temporal.is_some() || self.key_idx.is_some() {
            let temporal = self.temporal.map_or(0, |temporal| {
                temporal.id << 6 | if temporal.layer_sync { LAYER_SYNC } else { 0 }
            });
            push(temporal | self.key_idx.unwrap_or(0));
        }
        push(if self.keyframe { 0 } else { INTERFRAME });
        let capacity_bytes = out.len();
        out.get_mut(..len)
            .ok_or(WriteDescriptorError::NoSpace { capacity_bytes })?
            .copy_from_slice(&bytes[..len]);
        Ok(len)
    }

    /// Puts new numbers into a payload that starts with this descriptor, in place: the payload keeps
    /// its length, and a picture id of 7 bits stays one (the number is cut). `None` leaves a field.
    ///
    /// # Errors
    ///
    /// [`WriteDescriptorError::NoSpace`] if `payload` is too short to hold this descriptor;
    /// [`WriteDescriptorError::Unrepresentable`] if it has no such field. Nothing is changed then.
    pub fn rewrite(
        &self,
        payload: &mut [u8],
        picture_id: Option<u16>,
        tl0_pic_idx: Option<u8>,
    ) -> Result<(), WriteDescriptorError> {
        let capacity_bytes = payload.len();
        let no_space = WriteDescriptorError::NoSpace { capacity_bytes };
        let id_bytes = match self.picture_id {
            None => 0,
            Some(PictureId::Narrow(_)) => 1,
            Some(PictureId::Wide(_)) => 2,
        };
        if (picture_id.is_some() && id_bytes == 0)
            || (tl0_pic_idx.is_some() && self.tl0_pic_idx.is_none())
        {
            return Err(WriteDescriptorError::Unrepresentable);
        }
        let fields = payload.get_mut(2..).ok_or(no_space)?;
        if fields.len() < id_bytes + usize::from(self.tl0_pic_idx.is_some()) {
            return Err(no_space);
        }
        if let Some(id) = picture_id {
            let [high, low] = id.to_be_bytes();
            if id_bytes == 2 {
                fields[0] = high | WIDE_PICTURE_ID;
                fields[1] = low;
            } else {
                fields[0] = low & !WIDE_PICTURE_ID;
            }
        }
        if let Some(index) = tl0_pic_idx {
            fields[id_bytes] = index;
        }
        Ok(())
    }

    fn extension(&self) -> u8 {
        (if self.picture_id.is_some() {
            HAS_PICTURE_ID
        } else {
            0
        }) | (if self.tl0_pic_idx.is_some() {
            HAS_TL0_PIC_IDX
        } else {
            0
        }) | (if self.temporal.is_some() { HAS_TID } else { 0 })
            | (if self.key_idx.is_some() {
                HAS_KEY_IDX
            } else {
                0
            })
    }

    fn check(&self) -> Result<(), WriteDescriptorError> {
        let id_fits = match self.picture_id {
            None => true,
            Some(PictureId::Narrow(value)) => value < 1 << 7,
            Some(PictureId::Wide(value)) => value < 1 << 15,
        };
        let representable = id_fits
            && self.partition <= PARTITION_MASK
            && self.temporal.is_none_or(|temporal| temporal.id < 4)
            && (self.tl0_pic_idx.is_none() || self.temporal.is_some())
            && self.key_idx.is_none_or(|index| index <= KEY_IDX_MASK)
            && (!self.keyframe || self.is_frame_start());
        if representable {
            Ok(())
        } else {
            Err(WriteDescriptorError::Unrepresentable)
        }
    }
}

/// Reads the VP8 payload descriptor at the start of an RTP payload (RFC 7741, section 4.2).
///
/// `payload` is what follows the RTP header, padding removed: 1 to 6 bytes of descriptor, then
/// VP8 data. It comes from the network, so any bytes at all are allowed.
///
/// # Errors
///
/// [`DescriptorError::Truncated`] if `payload` ends before its first byte of VP8 data,
/// [`DescriptorError::Malformed`] if it has a TL0PICIDX without a temporal layer. Drop such a packet.
pub fn parse_vp8(payload: &[u8]) -> Result<Vp8Descriptor, DescriptorError> {
    let mut rest = payload.iter().copied();
    let mut next = || rest.next().ok_or(DescriptorError::Truncated);
    let first = next()?;
    let mut descriptor = Vp8Descriptor {
        non_reference: first & NON_REFERENCE != 0,
        partition_start: first & PARTITION_START != 0,
        partition: first & PARTITION_MASK,
        picture_id: None,
        tl0_pic_idx: None,
        temporal: None,
        key_idx: None,
        keyframe: false,
    };
    let extension = if first & EXTENDED == 0 { 0 } else { next()? };
    if extension & HAS_PICTURE_ID != 0 {
        let high = next()?;
        descriptor.picture_id = Some(if high & WIDE_PICTURE_ID == 0 {
            PictureId::Narrow(high)
        } else {
            PictureId::Wide(u16::from_be_bytes([high & !WIDE_PICTURE_ID, next()?]))
        });
    }
    if extension & HAS_TL0_PIC_IDX != 0 {
        if extension & HAS_TID == 0 {
            return Err(DescriptorError::Malformed);
        }
        descriptor.tl0_pic_idx = Some(next()?);
    }
    if extension & (HAS_TID | HAS_KEY_IDX) != 0 {
        let byte = next()?;
        descriptor.temporal = (extension & HAS_TID != 0).then_some(Vp8Temporal {
            id: byte >> 6,
            layer_sync: byte & LAYER_SYNC != 0,
        });
        descriptor.key_idx = (extension & HAS_KEY_IDX != 0).then_some(byte & KEY_IDX_MASK);
    }
    let frame_header = next()?;
    descriptor.keyframe = descriptor.is_frame_start() && frame_header & INTERFRAME == 0;
    Ok(descriptor)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn descriptors() -> impl Strategy<Value = Vp8Descriptor> {
        let picture_id = prop_oneof![
            Just(None),
            (0_u8..128).prop_map(|id| Some(PictureId::Narrow(id))),
            (0_u16..1 << 15).prop_map(|id| Some(PictureId::Wide(id))),
        ];
        let temporal = proptest::option::of((0_u8..4, any::<bool>()));
        (
            any::<(bool, bool, bool, Option<u8>)>(),
            0_u8..16,
            picture_id,
            temporal,
            proptest::option::of(0_u8..32),
        )
            .prop_map(|(flags, partition, picture_id, temporal, key_idx)| {
                let (non_reference, partition_start, keyframe, tl0_pic_idx) = flags;
                Vp8Descriptor {
                    non_reference,
                    partition_start,
                    partition,
                    picture_id,
                    tl0_pic_idx: temporal.and(tl0_pic_idx),
                    temporal: temporal.map(|(id, layer_sync)| Vp8Temporal { id, layer_sync }),
                    key_idx,
                    keyframe: keyframe && partition_start && partition == 0,
                }
            })
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(descriptor in descriptors()) {
            let mut bytes = [0xff; 7];
            let len = descriptor.write(&mut bytes).unwrap();

            prop_assert_eq!(parse_vp8(&bytes[..len]), Ok(descriptor));
            for shorter in 0..len {
                prop_assert_eq!(
                    parse_vp8(&bytes[..shorter]),
                    Err(DescriptorError::Truncated)
                );
            }
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..12)) {
            if let Ok(descriptor) = parse_vp8(&bytes) {
                let mut copy = [0; 7];
                let len = descriptor.write(&mut copy).unwrap();
                prop_assert_eq!(parse_vp8(&copy[..len]), Ok(descriptor));
            }
        }

        #[test]
        fn rewriting_changes_the_two_numbers_and_nothing_else(
            descriptor in descriptors(),
            id: u16,
            tl0: u8,
        ) {
            let mut bytes = [0xff; 9];
            let len = descriptor.write(&mut bytes).unwrap();
            let new_id = descriptor.picture_id.map(|_| id & 0x7fff);
            let new_tl0 = descriptor.tl0_pic_idx.map(|_| tl0);

            descriptor.rewrite(&mut bytes[..len], new_id, new_tl0).unwrap();

            let mut expected = descriptor;
            expected.tl0_pic_idx = new_tl0;
            expected.picture_id = match descriptor.picture_id {
                None => None,
                Some(PictureId::Narrow(_)) => {
                    Some(PictureId::Narrow(u8::try_from(id & 0x7f).unwrap()))
                }
                Some(PictureId::Wide(_)) => Some(PictureId::Wide(id & 0x7fff)),
            };
            prop_assert_eq!(parse_vp8(&bytes[..len]), Ok(expected));
        }
    }

    #[test]
    fn a_browser_keyframe_is_read() {
        // X S, I L T, picture id 0x1234, TL0PICIDX 7, TID 0 Y, keyframe.
        let payload = [0x90, 0xe0, 0x92, 0x34, 7, 0x20, 0x10];

        let descriptor = parse_vp8(&payload).unwrap();

        assert!(descriptor.keyframe);
        assert_eq!(descriptor.picture_id, Some(PictureId::Wide(0x1234)));
        assert_eq!(descriptor.tl0_pic_idx, Some(7));
        assert_eq!(
            descriptor.temporal,
            Some(Vp8Temporal {
                id: 0,
                layer_sync: true
            })
        );
    }

    #[test]
    fn a_number_that_is_not_there_is_not_rewritten() {
        let mut payload = [0x10, 0x00];
        let descriptor = parse_vp8(&payload).unwrap();

        let result = descriptor.rewrite(&mut payload, Some(1), None);

        assert_eq!(result, Err(WriteDescriptorError::Unrepresentable));
        assert_eq!(payload, [0x10, 0x00]);
    }

    #[test]
    fn a_tl0_index_without_a_layer_is_refused() {
        assert_eq!(
            parse_vp8(&[0x80, 0x40, 7, 0]),
            Err(DescriptorError::Malformed)
        );
    }
}
