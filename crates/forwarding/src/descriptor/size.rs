//! How large pictures are, as the stream says itself at a keyframe.
//!
//! Only what a publisher may send before anybody announced its tracks is read: VP8, H.264, and VP9 that
//! tells its structure.

use super::bits::BitReader;
use super::h264::{self, H264Descriptor};
use super::vp8::Vp8Descriptor;
use super::vp9::Vp9Descriptor;
use super::{Descriptor, DescriptorError};

/// Three bytes between the frame tag of a VP8 keyframe and its size (RFC 6386, section 9.1).
const VP8_START_CODE: [u8; 3] = [0x9d, 0x01, 0x2a];
const VP8_TAG_BYTES: usize = 3;
/// The upper two bits say how players should scale the picture.
const VP8_SIZE_MASK: u16 = 0x3fff;

/// As much of a parameter set as can matter here: what precedes the size has some 100 bytes with all scaling
/// lists in place.
const SPS_BYTES_MAX: usize = 512;

/// Profiles whose parameter sets tell of chroma (ITU-T H.264, 7.3.2.1.1).
const CHROMA_PROFILES: [u8; 13] = [44, 83, 86, 100, 110, 118, 122, 128, 134, 135, 138, 139, 244];

/// Width and height of a picture in pixels; neither is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PictureSize {
    /// Pixels in a row.
    pub width: u16,
    /// Rows.
    pub height: u16,
}

impl PictureSize {
    fn of(width: u32, height: u32) -> Option<Self> {
        let (width, height) = (u16::try_from(width).ok()?, u16::try_from(height).ok()?);
        (width > 0 && height > 0).then_some(Self { width, height })
    }

    /// The number of pixels.
    #[must_use]
    pub fn area(self) -> u32 {
        u32::from(self.width) * u32::from(self.height)
    }
}

/// Reads the size of the pictures that begin with a packet. `None` if the packet doesn't tell it, which
/// most don't, or if what it tells makes no sense.
///
/// `descriptor` is what was read of `payload`, which is what follows the RTP header, padding removed; any
/// bytes are allowed. Of scalable video it is the size of the largest layer.
#[must_use]
pub fn picture_size(descriptor: &Descriptor, payload: &[u8]) -> Option<PictureSize> {
    match descriptor {
        Descriptor::Vp8(descriptor) => vp8(descriptor, payload),
        Descriptor::H264(descriptor) => h264(*descriptor, payload),
        Descriptor::Vp9(descriptor) => vp9(descriptor),
        Descriptor::Audio | Descriptor::Av1(_) | Descriptor::Unreadable => None,
    }
}

fn vp8(descriptor: &Vp8Descriptor, payload: &[u8]) -> Option<PictureSize> {
    if !descriptor.keyframe {
        return None;
    }
    let frame = payload.get(descriptor.len_bytes(payload)..)?;
    let rest = frame.get(VP8_TAG_BYTES..)?.strip_prefix(&VP8_START_CODE)?;
    let [a, b, c, d] = *rest.first_chunk()?;
    let pixels = |bytes| u32::from(u16::from_le_bytes(bytes) & VP8_SIZE_MASK);
    PictureSize::of(pixels([a, b]), pixels([c, d]))
}

fn vp9(descriptor: &Vp9Descriptor) -> Option<PictureSize> {
    let sizes = descriptor.structure?.resolutions?;
    let sizes = sizes.into_iter();
    sizes
        .filter_map(|(width, height)| PictureSize::of(width.into(), height.into()))
        .max_by_key(|size| size.area())
}

fn h264(descriptor: H264Descriptor, payload: &[u8]) -> Option<PictureSize> {
    if !descriptor.parameter_sets {
        return None;
    }
    let unit = h264::units(descriptor.packet, payload).find(|unit| h264::is_parameter_set(unit))?;
    // Without the bytes that keep start codes out of a unit (7.4.1).
    let (mut bytes, mut len, mut zeros) = ([0; SPS_BYTES_MAX], 0, 0);
    for &byte in unit.iter().skip(1).take(SPS_BYTES_MAX) {
        if zeros >= 2 && byte == 3 {
            zeros = 0;
            continue;
        }
        zeros = if byte == 0 { zeros + 1 } else { 0 };
        bytes[len] = byte;
        len += 1;
    }
    read_sps(&mut BitReader::new(&bytes[..len])).ok().flatten()
}

/// Reads a sequence parameter set as far as the size (ITU-T H.264, 7.3.2.1.1).
fn read_sps(reader: &mut BitReader<'_>) -> Result<Option<PictureSize>, DescriptorError> {
    let profile = reader.small(8)?;
    reader.bits(16)?; // Constraints and level.
    reader.exp_golomb()?; // Id of the set.
    let chroma = if CHROMA_PROFILES.contains(&profile) {
        read_chroma(reader)?
    } else {
        1
    };
    reader.exp_golomb()?; // log2_max_frame_num_minus4
    match reader.exp_golomb()? {
        0 => {
            reader.exp_golomb()?; // log2_max_pic_order_cnt_lsb_minus4
        }
        1 => {
            reader.bit()?; // delta_pic_order_always_zero_flag
            reader.exp_golomb()?; // offset_for_non_ref_pic
            reader.exp_golomb()?; // offset_for_top_to_bottom_field
            for _ in 0..reader.exp_golomb()?.min(255) {
                reader.exp_golomb()?;
            }
        }
        _ => {}
    }
    reader.exp_golomb()?; // max_num_ref_frames
    reader.bit()?; // gaps_in_frame_num_value_allowed_flag
    let columns = reader.exp_golomb()?;
    let rows = reader.exp_golomb()?;
    let is_progressive = reader.bit()?;
    if !is_progressive {
        reader.bit()?; // mb_adaptive_frame_field_flag
    }
    reader.bit()?; // direct_8x8_inference_flag
    let mut crop = [0; 4];
    if reader.bit()? {
        for side in &mut crop {
            *side = reader.exp_golomb()?;
        }
    }
    let fields = if is_progressive { 1 } else { 2 };
    let unit_x = if matches!(chroma, 1 | 2) { 2 } else { 1 };
    let unit_y = fields * if chroma == 1 { 2 } else { 1 };
    let [left, right, top, bottom] = crop;
    let width = cropped(columns, 16, [left, right], unit_x);
    let height = cropped(rows, 16 * fields, [top, bottom], unit_y);
    Ok(width.zip(height).and_then(|(w, h)| PictureSize::of(w, h)))
}

/// Pixels of so many blocks and one, less what is cut off at both ends.
fn cropped(blocks: u32, block: u32, cut: [u32; 2], unit: u32) -> Option<u32> {
    let pixels = blocks.checked_add(1)?.checked_mul(block)?;
    let cut = cut[0].checked_add(cut[1])?.checked_mul(unit)?;
    pixels.checked_sub(cut)
}

/// Reads the part on chroma, and gives what `ChromaArrayType` would be.
fn read_chroma(reader: &mut BitReader<'_>) -> Result<u32, DescriptorError> {
    let format = reader.exp_golomb()?;
    let is_separate = format == 3 && reader.bit()?;
    reader.exp_golomb()?; // bit_depth_luma_minus8
    reader.exp_golomb()?; // bit_depth_chroma_minus8
    reader.bit()?; // qpprime_y_zero_transform_bypass_flag
    if reader.bit()? {
        let lists = if format == 3 { 12 } else { 8 };
        for list in 0..lists {
            if reader.bit()? {
                skip_scaling_list(reader, if list < 6 { 16 } else { 64 })?;
            }
        }
    }
    Ok(if is_separate { 0 } else { format })
}

/// Reads over a scaling list (7.3.2.1.1.1), which ends as soon as a scale would be 0.
fn skip_scaling_list(reader: &mut BitReader<'_>, scales: usize) -> Result<(), DescriptorError> {
    let mut last = 8;
    for _ in 0..scales {
        let code = i64::from(reader.exp_golomb()?);
        // Signed numbers alternate: 0, 1, -1, 2 (9.1.1).
        let delta = if code % 2 == 1 {
            code / 2 + 1
        } else {
            -(code / 2)
        };
        last = (last + delta).rem_euclid(256);
        if last == 0 {
            break;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::descriptor::vp8::{PictureId, Vp8Temporal};
    use crate::{parse_h264, parse_vp8, parse_vp9};

    fn size(width: u16, height: u16) -> PictureSize {
        PictureSize { width, height }
    }

    fn of_h264(payload: &[u8]) -> Option<PictureSize> {
        let descriptor = parse_h264(payload).map(Descriptor::H264);
        picture_size(&descriptor.unwrap_or(Descriptor::Unreadable), payload)
    }

    fn of_vp8(payload: &[u8]) -> Option<PictureSize> {
        let descriptor = parse_vp8(payload).map(Descriptor::Vp8);
        picture_size(&descriptor.unwrap_or(Descriptor::Unreadable), payload)
    }

    #[test]
    fn a_keyframe_of_vp8_tells_its_size_after_any_descriptor() {
        let temporal = Some(Vp8Temporal {
            id: 0,
            layer_sync: false,
        });
        let bare = Vp8Descriptor {
            non_reference: false,
            partition_start: true,
            partition: 0,
            picture_id: None,
            tl0_pic_idx: None,
            temporal: None,
            key_idx: None,
            keyframe: true,
        };
        for descriptor in [
            bare,
            Vp8Descriptor {
                picture_id: Some(PictureId::Narrow(7)),
                ..bare
            },
            Vp8Descriptor {
                picture_id: Some(PictureId::Wide(700)),
                tl0_pic_idx: Some(1),
                temporal,
                key_idx: Some(3),
                ..bare
            },
        ] {
            let mut payload = vec![0; 7];
            let len = descriptor.write(&mut payload).unwrap();
            payload.truncate(len);
            // The scale of the width, in the upper bits, is no part of it.
            payload.extend([0, 0, 0x9d, 0x01, 0x2a, 0x00, 0x45, 0xd0, 0x02]);

            assert_eq!(of_vp8(&payload), Some(size(1280, 720)), "{descriptor:?}");
            assert_eq!(of_vp8(&payload[..payload.len() - 1]), None);
            payload[len + 2] = 0;
            assert_eq!(of_vp8(&payload), None, "no start code");
        }
        // An extension byte without extensions.
        let empty = [0x90, 0, 0, 0, 0, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xb4, 0x00];
        assert_eq!(of_vp8(&empty), Some(size(320, 180)));
    }

    #[test]
    fn the_largest_layer_of_vp9_counts() {
        // Keyframe with a structure of two layers and their sizes.
        let payload = [
            0x0a, 0x30, 0x01, 0x40, 0x00, 0xb4, 0x02, 0x80, 0x01, 0x68, 0,
        ];
        let descriptor = Descriptor::Vp9(parse_vp9(&payload).unwrap());

        assert_eq!(picture_size(&descriptor, &payload), Some(size(640, 360)));
    }

    fn bytes(hex: &str) -> Vec<u8> {
        let digits = hex.as_bytes().chunks(2);
        digits
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect()
    }

    /// Parameter sets of libx264.
    const SETS: [(&str, u16, u16); 4] = [
        ("6742c01eda0280bfe584000003000400000300f23c58ba80", 640, 360),
        // Eight rows are cut off.
        (
            "6742c028da01e0089f9610000003001000000303c8f1832a",
            1920,
            1080,
        ),
        // Interlaced.
        ("674d401ff405a12684000003000400000300f27c58ba80", 720, 576),
        // 4:4:4, with a part on chroma.
        (
            "67f4000d91964054678f8b84000003000400000300f23c50a920",
            322,
            182,
        ),
    ];

    #[test]
    fn parameter_sets_of_h264_tell_the_size_alone_and_among_others() {
        for (hex, width, height) in SETS {
            let set = bytes(hex);
            let expected = Some(size(width, height));
            assert_eq!(of_h264(&set), expected, "{hex}");

            let mut aggregate = vec![0x78, 0, 2, 0x09, 0xf0];
            aggregate.extend([0, u8::try_from(set.len()).unwrap()]);
            aggregate.extend(&set);
            aggregate.extend([0, 2, 0x68, 1]);
            assert_eq!(of_h264(&aggregate), expected, "{hex} in an aggregate");

            assert_eq!(of_h264(&set[..6]), None);
        }
        assert_eq!(of_h264(&[0x65, 0x88]), None, "a slice");
    }

    proptest! {
        #[test]
        fn any_bytes_have_a_size_or_none(
            noise in proptest::collection::vec(any::<u8>(), 0..600),
            which in 0..SETS.len(),
            at in 0_usize..40,
            flip in any::<u8>(),
        ) {
            let mut set = bytes(SETS[which].0);
            let at = at % set.len();
            set[at] ^= flip;
            let as_set: Vec<u8> = std::iter::once(0x67).chain(noise.iter().copied()).collect();
            for payload in [&noise, &set, &as_set] {
                for size in [of_h264(payload), of_vp8(payload)].into_iter().flatten() {
                    prop_assert!(size.width > 0 && size.height > 0);
                }
            }
        }
    }
}
