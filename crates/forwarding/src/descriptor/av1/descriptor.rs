//! The descriptor of one packet, field by field.

use super::super::bits::{BitReader, BitWriter};
use super::structure::{read_indications, write_indications};
use super::{
    DescriptorError, FrameReferences, FrameStructure, Indications, TARGETS_MAX,
    WriteDescriptorError,
};

/// Size of the mandatory fields; a descriptor of this size has no others.
const MANDATORY_BYTES: usize = 3;
/// Largest distance that `frame_fdiffs` can tell: 12 bits.
const REFERENCE_DIFF_MAX: u16 = 1 << 12;

/// A dependency descriptor as it stands in a packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DependencyDescriptor {
    /// First packet of a frame.
    pub start_of_frame: bool,
    /// Last packet of a frame.
    pub end_of_frame: bool,
    /// Which template the frame follows, 0 to 63.
    pub template_id: u8,
    /// Number of the frame in decoding order, modulo 2^16.
    pub frame_number: u16,
    /// A new structure; only on the first packet of a coded video sequence.
    pub structure: Option<Box<FrameStructure>>,
    /// Which decode targets are sent at present; bit `i` is target `i`.
    pub active_targets: Option<u32>,
    /// Relations to decode targets that differ from the template's.
    pub indications: Option<Indications>,
    /// References that differ from the template's; distances of 1 to 4096.
    pub references: Option<FrameReferences>,
    /// Chain distances that differ from the template's; zero beyond the last chain.
    pub chain_diffs: Option<[u8; TARGETS_MAX]>,
}

/// Where the bits of a descriptor lie, so that it can be changed without writing it anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct BitLayout {
    /// Bit where the active decode targets stand or would stand.
    pub(super) targets_at: u16,
    /// Whether they stand there.
    pub(super) targets_present: bool,
    /// Whether the descriptor brings a structure.
    pub(super) has_structure: bool,
    /// First bit after the descriptor.
    pub(super) end: u16,
}

impl DependencyDescriptor {
    /// Reads a descriptor; `known` is the structure of the last keyframe.
    pub(super) fn read(
        bytes: &[u8],
        known: Option<&FrameStructure>,
    ) -> Result<(Self, BitLayout), DescriptorError> {
        let mut reader = BitReader::new(bytes);
        let mut descriptor = Self {
            start_of_frame: reader.bit()?,
            end_of_frame: reader.bit()?,
            template_id: reader.small(6)?,
            frame_number: reader.medium(16)?,
            structure: None,
            active_targets: None,
            indications: None,
            references: None,
            chain_diffs: None,
        };
        let mut layout = BitLayout::default();
        if bytes.len() > MANDATORY_BYTES {
            layout = descriptor.read_extended(&mut reader, known)?;
        } else {
            layout.targets_at = bit_position(&reader)?;
        }
        layout.end = bit_position(&reader)?;
        let structure = descriptor.structure.as_deref().or(known);
        if structure.is_none_or(|structure| structure.template(descriptor.template_id).is_none()) {
            return Err(DescriptorError::UnknownStructure);
        }
        Ok((descriptor, layout))
    }

    fn read_extended(
        &mut self,
        reader: &mut BitReader<'_>,
        known: Option<&FrameStructure>,
    ) -> Result<BitLayout, DescriptorError> {
        let has_structure = reader.bit()?;
        let targets_present = reader.bit()?;
        let has_indications = reader.bit()?;
        let has_references = reader.bit()?;
        let has_chains = reader.bit()?;
        if has_structure {
            self.structure = Some(Box::new(FrameStructure::read(reader)?));
        }
        let structure = self
            .structure
            .as_deref()
            .or(known)
            .ok_or(DescriptorError::UnknownStructure)?;
        let layout = BitLayout {
            targets_at: bit_position(reader)?,
            targets_present,
            has_structure,
            end: 0,
        };
        if targets_present {
            self.active_targets = Some(reader.bits(u32::from(structure.targets))?);
        }
        if has_indications {
            self.indications = Some(read_indications(reader, structure.targets)?);
        }
        if has_references {
            self.references = Some(read_references(reader)?);
        }
        if has_chains {
            let mut diffs = [0; TARGETS_MAX];
            for diff in diffs.iter_mut().take(usize::from(structure.chains)) {
                *diff = reader.small(8)?;
            }
            self.chain_diffs = Some(diffs);
        }
        Ok(layout)
    }

    /// Writes the descriptor into `out`; gives the bytes written. `known` is the structure that the
    /// receiver has, needed if this descriptor brings none.
    ///
    /// # Errors
    ///
    /// [`WriteDescriptorError::NoSpace`] if `out` is too short,
    /// [`WriteDescriptorError::Unrepresentable`] if a field is out of its range, or the structure is
    /// unknown or does not have the template.
    pub fn write(
        &self,
        known: Option<&FrameStructure>,
        out: &mut [u8],
    ) -> Result<usize, WriteDescriptorError> {
        let structure = self
            .structure
            .as_deref()
            .or(known)
            .ok_or(WriteDescriptorError::Unrepresentable)?;
        if self.template_id > 63 || structure.template(self.template_id).is_none() {
            return Err(WriteDescriptorError::Unrepresentable);
        }
        let mut writer = BitWriter::new(out);
        writer.bit(self.start_of_frame)?;
        writer.bit(self.end_of_frame)?;
        writer.bits(u32::from(self.template_id), 6)?;
        writer.bits(u32::from(self.frame_number), 16)?;
        let flags = [
            self.structure.is_some(),
            self.active_targets.is_some(),
            self.indications.is_some(),
            self.references.is_some(),
            self.chain_diffs.is_some(),
        ];
        if flags == [false; 5] {
            return Ok(writer.len_bytes());
        }
        for flag in flags {
            writer.bit(flag)?;
        }
        if let Some(new) = &self.structure {
            new.write(&mut writer)?;
        }
        if let Some(active) = self.active_targets {
            writer.bits(active, u32::from(structure.targets))?;
        }
        if let Some(indications) = self.indications {
            write_indications(&mut writer, indications, structure.targets)?;
        }
        if let Some(references) = self.references {
            write_references(&mut writer, references)?;
        }
        if let Some(diffs) = self.chain_diffs {
            for &diff in &diffs[..usize::from(structure.chains)] {
                writer.bits(u32::from(diff), 8)?;
            }
        }
        Ok(writer.len_bytes())
    }
}

fn bit_position(reader: &BitReader<'_>) -> Result<u16, DescriptorError> {
    // A header extension has 255 bytes at most.
    u16::try_from(reader.position()).map_err(|_| DescriptorError::Malformed)
}

fn read_references(reader: &mut BitReader<'_>) -> Result<FrameReferences, DescriptorError> {
    let mut references = FrameReferences::default();
    loop {
        let size = reader.bits(2)?;
        if size == 0 {
            return Ok(references);
        }
        references.push(reader.medium(4 * size)? + 1)?;
    }
}

fn write_references(
    writer: &mut BitWriter<'_>,
    references: FrameReferences,
) -> Result<(), WriteDescriptorError> {
    for &diff in references.as_slice() {
        if !(1..=REFERENCE_DIFF_MAX).contains(&diff) {
            return Err(WriteDescriptorError::Unrepresentable);
        }
        let value = u32::from(diff - 1);
        let size = (u32::BITS - value.leading_zeros()).div_ceil(4).max(1);
        writer.bits(size, 2)?;
        writer.bits(value, 4 * size)?;
    }
    writer.bits(0, 2)
}
