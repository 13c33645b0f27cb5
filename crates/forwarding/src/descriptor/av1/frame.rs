//! A packet's descriptor with its template filled in, and the memory that this needs.

use super::descriptor::{BitLayout, DependencyDescriptor};
use super::{
    DescriptorError, FrameReferences, FrameStructure, Indication, Indications, TARGETS_MAX,
    WriteDescriptorError,
};
use crate::descriptor::bits::{BitReader, BitWriter};
use crate::layer::Layer;

/// First byte of the AV1 aggregation header: the packet starts a coded video sequence (AV1 RTP
/// specification, section 4.4).
const NEW_SEQUENCE: u8 = 0x08;
/// A frame this far behind is late; further behind, the publisher has begun to count anew. Covers 2 s
/// of three spatial layers at 30 fps.
const LATE_FRAMES_MAX: u16 = 180;
/// Bits of the mandatory fields of a descriptor.
const MANDATORY_BITS: usize = 24;

/// The decode targets of a coded video sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecodeTargets {
    count: u8,
    layers: [Layer; TARGETS_MAX],
}

impl DecodeTargets {
    /// Gives the highest layer of each target.
    #[must_use]
    pub fn layers(&self) -> &[Layer] {
        &self.layers[..usize::from(self.count)]
    }

    /// Gives a mask with the bit of every target set.
    #[must_use]
    pub fn all(&self) -> u32 {
        u32::MAX
            .checked_shr(u32::BITS - u32::from(self.count))
            .unwrap_or(0)
    }
}

/// What an AV1 packet says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Av1Frame {
    /// First packet of a frame.
    pub start: bool,
    /// Last packet of a frame.
    pub end: bool,
    /// The frame refers to no other, and decoding can start with it. Only known at its first packet.
    pub keyframe: bool,
    /// Spatial and temporal layer.
    pub layer: Layer,
    /// Number of the frame in decoding order, modulo 2^16.
    pub number: u16,
    /// Relation to each decode target.
    pub indications: Indications,
    /// Distances to the frames referred to.
    pub references: FrameReferences,
    /// The decode targets; none if the packet has no descriptor, and then everything is passed on.
    pub targets: DecodeTargets,
    /// Which decode targets the publisher sends.
    pub active_targets: u32,
    layout: BitLayout,
}

impl Av1Frame {
    /// Makes do without a descriptor: one layer, and a keyframe where the aggregation header says so.
    #[must_use]
    pub fn without_descriptor(payload: &[u8], marker: bool) -> Self {
        let keyframe = is_new_sequence(payload);
        Self {
            start: keyframe,
            end: marker,
            keyframe,
            layer: Layer::default(),
            number: 0,
            indications: Indications::default(),
            references: FrameReferences::default(),
            targets: DecodeTargets {
                count: 0,
                layers: [Layer::default(); TARGETS_MAX],
            },
            active_targets: 0,
            layout: BitLayout::default(),
        }
    }

    /// Tells whether the frame is part of decode target `target`.
    #[must_use]
    pub fn is_part_of(&self, target: u8) -> bool {
        self.indications.of(target) != Indication::NotPresent
    }

    /// Tells whether the packet brings a structure or active targets, which every subscriber with
    /// fewer layers has to get in its own version.
    #[must_use]
    pub fn tells_targets(&self) -> bool {
        self.layout.targets_present || self.layout.has_structure
    }

    /// Copies the descriptor `original`, which this value was read from, with other active decode
    /// targets; gives the bytes written to `out`.
    ///
    /// A receiver has to be told that targets are missing, in every packet with a structure and
    /// reliably after a change (A.4.4).
    ///
    /// # Errors
    ///
    /// [`WriteDescriptorError::NoSpace`] if `out` is too short: it needs 5 bytes more than `original`.
    /// [`WriteDescriptorError::Unrepresentable`] if `original` is not what this value was read from.
    pub fn write_active_targets(
        &self,
        original: &[u8],
        active_targets: u32,
        out: &mut [u8],
    ) -> Result<usize, WriteDescriptorError> {
        let targets_bits = u32::from(self.targets.count);
        if targets_bits == 0 {
            return Err(WriteDescriptorError::Unrepresentable);
        }
        let mut reader = BitReader::new(original);
        let mut writer = BitWriter::new(out);
        copy(&mut reader, &mut writer, MANDATORY_BITS)?;
        let end = usize::from(self.layout.end);
        if end == MANDATORY_BITS {
            writer.bits(0b0_1000, 5)?;
        } else {
            copy(&mut reader, &mut writer, 1)?;
            reader
                .bit()
                .map_err(|_| WriteDescriptorError::Unrepresentable)?;
            writer.bit(true)?;
            let before = usize::from(self.layout.targets_at).saturating_sub(reader.position());
            copy(&mut reader, &mut writer, before)?;
        }
        writer.bits(active_targets, targets_bits)?;
        if self.layout.targets_present {
            reader
                .bits(targets_bits)
                .map_err(|_| WriteDescriptorError::Unrepresentable)?;
        }
        let after = end.saturating_sub(reader.position());
        copy(&mut reader, &mut writer, after)?;
        Ok(writer.len_bytes())
    }
}

fn copy(
    reader: &mut BitReader<'_>,
    writer: &mut BitWriter<'_>,
    bits: usize,
) -> Result<(), WriteDescriptorError> {
    for _ in 0..bits {
        let bit = reader
            .bit()
            .map_err(|_| WriteDescriptorError::Unrepresentable)?;
        writer.bit(bit)?;
    }
    Ok(())
}

/// Tells from the aggregation header of an AV1 payload whether a coded video sequence, and so a
/// keyframe, starts with the packet (`N`; AV1 RTP specification, section 4.4).
#[must_use]
pub fn is_new_sequence(payload: &[u8]) -> bool {
    payload.first().is_some_and(|byte| byte & NEW_SEQUENCE != 0)
}

/// Reads the dependency descriptors of one encoding, and remembers the structure of its last
/// keyframe.
#[derive(Debug, Default)]
pub struct DependencyDescriptorReader {
    structure: Option<KnownStructure>,
    /// Number of the newest frame.
    newest: u16,
}

#[derive(Debug)]
struct KnownStructure {
    structure: Box<FrameStructure>,
    layers: [Layer; TARGETS_MAX],
    active_targets: u32,
    /// Number of the frame that brought it.
    frame_number: u16,
}

impl DependencyDescriptorReader {
    /// Reads the header extension of one packet. `bytes` is what follows the extension's id and
    /// length; any bytes are allowed.
    ///
    /// # Errors
    ///
    /// [`DescriptorError::UnknownStructure`] if the packet belongs to a sequence whose first packet
    /// did not come: hand it on as [`Descriptor::Unreadable`](super::super::Descriptor::Unreadable).
    /// The other errors: the same; nothing is remembered of such a packet.
    pub fn read(&mut self, bytes: &[u8]) -> Result<Av1Frame, DescriptorError> {
        let known = self.structure.as_ref().map(|known| &*known.structure);
        let (descriptor, layout) = DependencyDescriptor::read(bytes, known)?;
        let DependencyDescriptor {
            start_of_frame,
            end_of_frame,
            template_id,
            frame_number,
            structure,
            active_targets,
            indications,
            references,
            chain_diffs: _,
        } = descriptor;
        let has_structure = structure.is_some();
        let mut late = None;
        if let Some(structure) = structure {
            let new = KnownStructure::new(structure, frame_number);
            // A keyframe that comes again, late, must not bring back what it told.
            let came_late = is_late(self.newest, frame_number)
                && self
                    .structure
                    .as_ref()
                    .is_some_and(|known| is_late(known.frame_number, frame_number));
            if came_late {
                late = Some(new);
            } else {
                self.structure = Some(new);
            }
        }
        let known = late
            .as_mut()
            .or(self.structure.as_mut())
            .ok_or(DescriptorError::UnknownStructure)?;
        if let Some(active_targets) = active_targets {
            known.active_targets = active_targets;
        }
        if !is_late(self.newest, frame_number) {
            self.newest = frame_number;
        }
        let template = known
            .structure
            .template(template_id)
            .ok_or(DescriptorError::UnknownStructure)?;
        let references = references.unwrap_or(template.references);
        Ok(Av1Frame {
            start: start_of_frame,
            end: end_of_frame,
            keyframe: has_structure && start_of_frame && references.as_slice().is_empty(),
            layer: template.layer,
            number: frame_number,
            indications: indications.unwrap_or(template.indications),
            references,
            targets: DecodeTargets {
                count: known.structure.targets,
                layers: known.layers,
            },
            active_targets: known.active_targets,
            layout,
        })
    }

    /// Gives the structure of the last keyframe.
    #[must_use]
    pub fn structure(&self) -> Option<&FrameStructure> {
        self.structure.as_ref().map(|known| &*known.structure)
    }
}

/// Tells whether frame `number` is late beside frame `newest`.
fn is_late(newest: u16, number: u16) -> bool {
    (1..=LATE_FRAMES_MAX).contains(&newest.wrapping_sub(number))
}

impl KnownStructure {
    fn new(structure: Box<FrameStructure>, frame_number: u16) -> Self {
        let targets = DecodeTargets {
            count: structure.targets,
            layers: [Layer::default(); TARGETS_MAX],
        };
        Self {
            layers: structure.target_layers(),
            active_targets: targets.all(),
            structure,
            frame_number,
        }
    }
}
