//! VP8's payload descriptor and frame header, as a browser sends them.

/// Bytes of the descriptor that [`describe`] writes.
pub(crate) const DESCRIPTOR_BYTES: usize = 6;

/// Bytes of the header of a keyframe (RFC 6386, section 9.1).
pub(crate) const KEYFRAME_HEADER_BYTES: usize = 10;

/// Where a picture stands in its stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Picture {
    /// Counts pictures, 15 bits.
    pub(crate) id: u16,
    /// Counts pictures of the lowest temporal layer.
    pub(crate) tl0_index: u8,
    /// The temporal layer, 0 to 2.
    pub(crate) temporal: u8,
    /// It can be decoded alone.
    pub(crate) is_keyframe: bool,
}

/// Writes the descriptor of a packet (RFC 7741, section 4.2) with picture id, index of the lowest
/// temporal layer and temporal layer. `payload` must be long enough.
pub(crate) fn describe(picture: Picture, is_start: bool, payload: &mut [u8]) {
    let [high, low] = picture.id.to_be_bytes();
    // Pictures above the lowest layer depend on it alone, so that the layer sync bit is set.
    let sync = u8::from(picture.temporal > 0) << 5;
    payload[..DESCRIPTOR_BYTES].copy_from_slice(&[
        0x80 | u8::from(is_start) << 4,
        0xe0,
        0x80 | high,
        low,
        picture.tl0_index,
        picture.temporal << 6 | sync,
    ]);
}

/// Writes the beginning of a picture (RFC 6386, section 9.1) behind the descriptor.
pub(crate) fn begin(picture: Picture, size: (u16, u16), length: usize, payload: &mut [u8]) {
    // 1 bit says that it is not a keyframe, 1 that it is shown, 19 are the length of the first
    // partition.
    let partition = u32::try_from(length.min(0x7_ffff)).unwrap_or(0x7_ffff);
    let tag = u32::from(!picture.is_keyframe) | 1 << 4 | partition << 5;
    payload[..3].copy_from_slice(&tag.to_le_bytes()[..3]);
    if picture.is_keyframe {
        payload[3..6].copy_from_slice(&[0x9d, 0x01, 0x2a]);
        payload[6..8].copy_from_slice(&size.0.to_le_bytes());
        payload[8..10].copy_from_slice(&size.1.to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PICTURE: Picture = Picture {
        id: 0x1234,
        tl0_index: 9,
        temporal: 2,
        is_keyframe: false,
    };

    #[test]
    fn the_descriptor_has_the_bits_of_the_rfc() {
        let mut payload = [0; 8];

        describe(PICTURE, true, &mut payload);

        assert_eq!(payload, [0x90, 0xe0, 0x92, 0x34, 9, 0xa0, 0, 0]);
    }

    #[test]
    fn a_keyframe_says_its_size_and_has_the_start_code() {
        let picture = Picture {
            is_keyframe: true,
            ..PICTURE
        };
        let mut payload = [0xff; 10];

        begin(picture, (1280, 720), 5000, &mut payload);

        assert_eq!(payload[0] & 1, 0, "the inverse keyframe bit");
        assert_eq!(payload[3..], [0x9d, 0x01, 0x2a, 0x00, 0x05, 0xd0, 0x02]);
    }

    #[test]
    fn another_picture_says_that_it_is_none() {
        let mut payload = [0; 10];

        begin(PICTURE, (1280, 720), 5000, &mut payload);

        assert_eq!(payload[0] & 1, 1);
        assert_eq!(payload[3..], [0; 7]);
    }
}
