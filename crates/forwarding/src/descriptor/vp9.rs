//! The VP9 payload descriptor (RFC 9628, section 4.2).

use super::bits::{BitReader, BitWriter};
use super::vp8::PictureId;
use super::{DescriptorError, WriteDescriptorError};

/// Most references of one frame: the format ends the list after three (RFC 9628, section 4.2).
pub const REFERENCES_MAX: usize = 3;
/// Most spatial layers: `N_S` has 3 bits.
pub const SPATIAL_LAYERS_MAX: usize = 8;

/// The layer of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vp9Layer {
    /// Temporal layer, 0 to 7.
    pub temporal: u8,
    /// Later frames of higher temporal layers need no earlier frame of a layer above this one (`U`).
    pub switching_up: bool,
    /// Spatial layer, 0 to 7.
    pub spatial: u8,
    /// The frame needs the frame of the next lower spatial layer of its picture (`D`).
    pub inter_layer: bool,
    /// Number of the base layer picture; in non-flexible mode only.
    pub tl0_pic_idx: Option<u8>,
}

/// Distances to the pictures that a frame refers to, in flexible mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Vp9References {
    len: u8,
    diffs: [u8; REFERENCES_MAX],
}

impl Vp9References {
    /// Takes up to [`REFERENCES_MAX`] distances in pictures, each 1 to 127; `None` if there are more
    /// or one is out of range.
    #[must_use]
    pub fn new(diffs: &[u8]) -> Option<Self> {
        let mut references = Self::default();
        for &diff in diffs {
            if !(1..1 << 7).contains(&diff) {
                return None;
            }
            *references.diffs.get_mut(usize::from(references.len))? = diff;
            references.len += 1;
        }
        Some(references)
    }

    /// Gives the distances.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        &self.diffs[..usize::from(self.len)]
    }
}

/// The scalability structure that comes with keyframes (`V`). Its picture groups are read over: the
/// descriptors of the packets tell the layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vp9Structure {
    /// Number of spatial layers, 1 to 8.
    pub spatial_layers: u8,
    /// Width and height in pixels of each spatial layer, if told; the first `spatial_layers` count
    /// and the others are zero.
    pub resolutions: Option<[(u16, u16); SPATIAL_LAYERS_MAX]>,
}

/// What a VP9 packet says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a bit of the format")]
pub struct Vp9Descriptor {
    /// Picture id (`I`); the frames of all spatial layers of a picture share it.
    pub picture_id: Option<PictureId>,
    /// The frame refers to earlier pictures (`P`). A keyframe does not.
    pub inter_picture: bool,
    /// Flexible mode (`F`): references are told per frame. Needs a picture id.
    pub flexible: bool,
    /// First packet of a frame (`B`).
    pub frame_start: bool,
    /// Last packet of a frame (`E`).
    pub frame_end: bool,
    /// No frame of a higher spatial layer refers to this one (`Z`).
    pub not_for_upper_layers: bool,
    /// Layer (`L`).
    pub layer: Option<Vp9Layer>,
    /// References, in flexible mode with `inter_picture`; empty otherwise.
    pub references: Vp9References,
    /// Scalability structure (`V`).
    pub structure: Option<Vp9Structure>,
}

impl Vp9Descriptor {
    /// Gives the spatial layer; 0 if none is told.
    #[must_use]
    pub fn spatial(&self) -> u8 {
        self.layer.map_or(0, |layer| layer.spatial)
    }

    /// Gives the temporal layer; 0 if none is told.
    #[must_use]
    pub fn temporal(&self) -> u8 {
        self.layer.map_or(0, |layer| layer.temporal)
    }

    /// Tells whether decoding can start with this packet: the lowest spatial layer of a keyframe.
    #[must_use]
    pub fn is_keyframe_start(&self) -> bool {
        self.frame_start
            && !self.inter_picture
            && self
                .layer
                .is_none_or(|layer| layer.spatial == 0 && !layer.inter_layer)
    }

    /// Writes the descriptor into `out`; gives the bytes written.
    ///
    /// # Errors
    ///
    /// [`WriteDescriptorError::NoSpace`] if `out` is too short (46 bytes always suffice),
    /// [`WriteDescriptorError::Unrepresentable`] if a field is out of its range or stands where the
    /// mode has no place for it.
    pub fn write(&self, out: &mut [u8]) -> Result<usize, WriteDescriptorError> {
        self.check()?;
        let mut writer = BitWriter::new(out);
        writer.bit(self.picture_id.is_some())?;
        writer.bit(self.inter_picture)?;
        writer.bit(self.layer.is_some())?;
        writer.bit(self.flexible)?;
        writer.bit(self.frame_start)?;
        writer.bit(self.frame_end)?;
        writer.bit(self.structure.is_some())?;
        writer.bit(self.not_for_upper_layers)?;
        match self.picture_id {
            None => {}
            Some(PictureId::Narrow(value)) => writer.bits(u32::from(value), 8)?,
            Some(PictureId::Wide(value)) => writer.bits(1 << 15 | u32::from(value), 16)?,
        }
        if let Some(layer) = self.layer {
            writer.bits(u32::from(layer.temporal), 3)?;
            writer.bit(layer.switching_up)?;
            writer.bits(u32::from(layer.spatial), 3)?;
            writer.bit(layer.inter_layer)?;
            if let Some(index) = layer.tl0_pic_idx {
                writer.bits(u32::from(index), 8)?;
            }
        }
        let references = self.references.as_slice();
        for (at, &diff) in references.iter().enumerate() {
            writer.bits(u32::from(diff), 7)?;
            writer.bit(at + 1 < references.len())?;
        }
        if let Some(structure) = self.structure {
            writer.bits(u32::from(structure.spatial_layers - 1), 3)?;
            writer.bit(structure.resolutions.is_some())?;
            writer.bits(0, 4)?;
            for (width, height) in structure.told_resolutions() {
                writer.bits(u32::from(width), 16)?;
                writer.bits(u32::from(height), 16)?;
            }
        }
        Ok(writer.len_bytes())
    }

    fn check(&self) -> Result<(), WriteDescriptorError> {
        let id_fits = match self.picture_id {
            None => true,
            Some(PictureId::Narrow(value)) => value < 1 << 7,
            Some(PictureId::Wide(value)) => value < 1 << 15,
        };
        let layer_fits = self.layer.is_none_or(|layer| {
            layer.temporal < 8 && layer.spatial < 8 && layer.tl0_pic_idx.is_some() != self.flexible
        });
        let structure_fits = self.structure.is_none_or(|structure| {
            let count = usize::from(structure.spatial_layers);
            (1..=SPATIAL_LAYERS_MAX).contains(&count)
                && structure
                    .resolutions
                    .is_none_or(|all| all[count..].iter().all(|&size| size == (0, 0)))
        });
        let references_expected = self.flexible && self.inter_picture;
        let representable = id_fits
            && layer_fits
            && structure_fits
            && (!self.flexible || self.picture_id.is_some())
            && self.references.as_slice().is_empty() != references_expected;
        if representable {
            Ok(())
        } else {
            Err(WriteDescriptorError::Unrepresentable)
        }
    }
}

impl Vp9Structure {
    fn told_resolutions(&self) -> impl Iterator<Item = (u16, u16)> {
        let count = usize::from(self.spatial_layers);
        self.resolutions
            .into_iter()
            .flat_map(move |all| all.into_iter().take(count))
    }
}

/// Reads the VP9 payload descriptor at the start of an RTP payload (RFC 9628, section 4.2).
///
/// `payload` is what follows the RTP header, padding removed; any bytes are allowed.
///
/// # Errors
///
/// [`DescriptorError::Truncated`] if the descriptor ends too early, [`DescriptorError::Malformed`] if
/// flexible mode has no picture id or a reference is the picture itself,
/// [`DescriptorError::TooMany`] if a frame has more than three references. Drop such a packet.
pub fn parse_vp9(payload: &[u8]) -> Result<Vp9Descriptor, DescriptorError> {
    let mut reader = BitReader::new(payload);
    let has_picture_id = reader.bit()?;
    let inter_picture = reader.bit()?;
    let has_layer = reader.bit()?;
    let flexible = reader.bit()?;
    let frame_start = reader.bit()?;
    let frame_end = reader.bit()?;
    let has_structure = reader.bit()?;
    let not_for_upper_layers = reader.bit()?;
    if flexible && !has_picture_id {
        return Err(DescriptorError::Malformed);
    }
    let picture_id = if has_picture_id {
        Some(parse_picture_id(&mut reader)?)
    } else {
        None
    };
    let layer = if has_layer {
        Some(parse_layer(&mut reader, flexible)?)
    } else {
        None
    };
    let references = if flexible && inter_picture {
        parse_references(&mut reader)?
    } else {
        Vp9References::default()
    };
    let structure = if has_structure {
        Some(parse_structure(&mut reader)?)
    } else {
        None
    };
    Ok(Vp9Descriptor {
        picture_id,
        inter_picture,
        flexible,
        frame_start,
        frame_end,
        not_for_upper_layers,
        layer,
        references,
        structure,
    })
}

fn parse_picture_id(reader: &mut BitReader<'_>) -> Result<PictureId, DescriptorError> {
    if reader.bit()? {
        Ok(PictureId::Wide(reader.medium(15)?))
    } else {
        Ok(PictureId::Narrow(reader.small(7)?))
    }
}

fn parse_layer(reader: &mut BitReader<'_>, flexible: bool) -> Result<Vp9Layer, DescriptorError> {
    Ok(Vp9Layer {
        temporal: reader.small(3)?,
        switching_up: reader.bit()?,
        spatial: reader.small(3)?,
        inter_layer: reader.bit()?,
        tl0_pic_idx: if flexible {
            None
        } else {
            Some(reader.small(8)?)
        },
    })
}

fn parse_references(reader: &mut BitReader<'_>) -> Result<Vp9References, DescriptorError> {
    let mut references = Vp9References::default();
    loop {
        let diff = reader.small(7)?;
        if diff == 0 {
            return Err(DescriptorError::Malformed);
        }
        let place = references
            .diffs
            .get_mut(usize::from(references.len))
            .ok_or(DescriptorError::TooMany {
                what: "references",
                max: REFERENCES_MAX,
            })?;
        *place = diff;
        references.len += 1;
        if !reader.bit()? {
            return Ok(references);
        }
    }
}

fn parse_structure(reader: &mut BitReader<'_>) -> Result<Vp9Structure, DescriptorError> {
    let spatial_layers = reader.small(3)? + 1;
    let has_resolutions = reader.bit()?;
    let has_groups = reader.bit()?;
    reader.bits(3)?; // Reserved.
    let resolutions = if has_resolutions {
        let mut all = [(0, 0); SPATIAL_LAYERS_MAX];
        for size in all.iter_mut().take(usize::from(spatial_layers)) {
            *size = (reader.medium(16)?, reader.medium(16)?);
        }
        Some(all)
    } else {
        None
    };
    if has_groups {
        let pictures = reader.small(8)?;
        for _ in 0..pictures {
            reader.bits(4)?; // Temporal layer and switching-up point.
            let references = reader.bits(2)?;
            reader.bits(2)?; // Reserved.
            for _ in 0..references {
                reader.bits(8)?;
            }
        }
    }
    Ok(Vp9Structure {
        spatial_layers,
        resolutions,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn structures() -> impl Strategy<Value = Vp9Structure> {
        (1_u8..=8, proptest::option::of(any::<[(u16, u16); 8]>())).prop_map(
            |(spatial_layers, resolutions)| Vp9Structure {
                spatial_layers,
                resolutions: resolutions.map(|mut all| {
                    all[usize::from(spatial_layers)..].fill((0, 0));
                    all
                }),
            },
        )
    }

    fn descriptors() -> impl Strategy<Value = Vp9Descriptor> {
        let picture_id = prop_oneof![
            (0_u8..128).prop_map(PictureId::Narrow),
            (0_u16..1 << 15).prop_map(PictureId::Wide),
        ];
        (
            any::<[bool; 6]>(),
            picture_id,
            proptest::option::of((0_u8..8, 0_u8..8, any::<(bool, bool, u8)>())),
            proptest::collection::vec(1_u8..128, 1..=3),
            proptest::option::of(structures()),
        )
            .prop_map(|(flags, picture_id, layer, diffs, structure)| {
                let [
                    inter_picture,
                    flexible,
                    start,
                    end,
                    not_for_upper_layers,
                    has_id,
                ] = flags;
                let layer = layer.map(|(temporal, spatial, (up, inter_layer, index))| Vp9Layer {
                    temporal,
                    switching_up: up,
                    spatial,
                    inter_layer,
                    tl0_pic_idx: (!flexible).then_some(index),
                });
                Vp9Descriptor {
                    picture_id: (has_id || flexible).then_some(picture_id),
                    inter_picture,
                    flexible,
                    frame_start: start,
                    frame_end: end,
                    not_for_upper_layers,
                    layer,
                    references: if flexible && inter_picture {
                        Vp9References::new(&diffs).unwrap()
                    } else {
                        Vp9References::default()
                    },
                    structure,
                }
            })
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(descriptor in descriptors()) {
            let mut bytes = [0xff; 46];
            let len = descriptor.write(&mut bytes).unwrap();

            prop_assert_eq!(parse_vp9(&bytes[..len]), Ok(descriptor));
            for shorter in 0..len {
                prop_assert_eq!(
                    parse_vp9(&bytes[..shorter]),
                    Err(DescriptorError::Truncated)
                );
            }
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            if let Ok(descriptor) = parse_vp9(&bytes) {
                let mut copy = [0; 46];
                let len = descriptor.write(&mut copy).unwrap();
                prop_assert_eq!(parse_vp9(&copy[..len]), Ok(descriptor));
            }
        }
    }

    #[test]
    fn a_browser_keyframe_is_read() {
        // I L B V, picture id 0x1234, T0 U S0, TL0PICIDX 5, three layers with sizes, a group of one.
        let mut payload = vec![0xaa, 0x92, 0x34, 0x10, 5, 0x58];
        payload.extend([1, 64, 0, 180, 2, 128, 1, 104, 5, 0, 2, 208]);
        payload.extend([1, 0x14, 1, 0xff]);

        let descriptor = parse_vp9(&payload).unwrap();

        assert!(descriptor.is_keyframe_start());
        assert_eq!(descriptor.picture_id, Some(PictureId::Wide(0x1234)));
        let structure = descriptor.structure.unwrap();
        assert_eq!(structure.spatial_layers, 3);
        assert_eq!(
            structure.resolutions.unwrap()[..4],
            [(320, 180), (640, 360), (1280, 720), (0, 0)]
        );
    }

    #[test]
    fn a_keyframe_starts_at_its_lowest_layer() {
        let upper = parse_vp9(&[0x28, 0x03, 5]).unwrap();
        let lowest = parse_vp9(&[0x28, 0x00, 5]).unwrap();
        let rest = parse_vp9(&[0x20, 0x00, 5]).unwrap();
        let interframe = parse_vp9(&[0x68, 0x00, 5]).unwrap();

        assert!(lowest.is_keyframe_start());
        assert!(!upper.is_keyframe_start());
        assert!(!rest.is_keyframe_start());
        assert!(!interframe.is_keyframe_start());
    }

    #[test]
    fn broken_descriptors_are_refused() {
        let table: [(&[u8], DescriptorError); 4] = [
            (&[], DescriptorError::Truncated),
            (&[0x10], DescriptorError::Malformed),
            (&[0xd0, 1, 0], DescriptorError::Malformed),
            (
                &[0xd0, 1, 3, 3, 3, 2],
                DescriptorError::TooMany {
                    what: "references",
                    max: 3,
                },
            ),
        ];

        for (payload, expected) in table {
            assert_eq!(parse_vp9(payload), Err(expected), "{payload:02x?}");
        }
    }
}
