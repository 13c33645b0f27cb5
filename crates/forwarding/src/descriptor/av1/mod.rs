//! The AV1 dependency descriptor (AV1 RTP specification, appendix A): an RTP header extension that
//! tells which decode targets a frame belongs to, so that payloads stay unread.
//!
//! Reading needs memory: templates come with a keyframe and later packets point to them.
//! [`DependencyDescriptorReader`] keeps them, one reader per encoding.

mod descriptor;
mod frame;
mod structure;

pub use descriptor::DependencyDescriptor;
pub use frame::{Av1Frame, DecodeTargets, DependencyDescriptorReader, is_new_sequence};
pub use structure::{FrameStructure, Template};

use super::{DescriptorError, WriteDescriptorError};

/// Most templates: template ids have 6 bits.
pub const TEMPLATES_MAX: usize = 64;
/// Most decode targets: their count has 5 bits.
pub const TARGETS_MAX: usize = 32;
/// Most references of a frame. AV1 has 8 reference slots, so no honest frame lists more.
pub const REFERENCES_MAX: usize = 8;
/// Highest spatial layer (table A.1).
pub const SPATIAL_MAX: u8 = 3;
/// Highest temporal layer (table A.1).
pub const TEMPORAL_MAX: u8 = 7;

/// How a frame relates to a decode target (table A.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Indication {
    /// The frame is not part of the target.
    NotPresent,
    /// Part of the target; no later frame of it needs this one.
    Discardable,
    /// Part of the target, which can be begun here if this frame can be decoded.
    Switch,
    /// Part of the target and needed.
    Required,
}

/// One [`Indication`] per decode target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Indications(u64);

impl Indications {
    /// Gives the indication of a target; [`Indication::NotPresent`] for targets that don't exist.
    #[must_use]
    pub fn of(self, target: u8) -> Indication {
        let bits = self.0.checked_shr(u32::from(target) * 2).unwrap_or(0) & 3;
        match bits {
            0 => Indication::NotPresent,
            1 => Indication::Discardable,
            2 => Indication::Switch,
            _ => Indication::Required,
        }
    }

    /// Changes the indication of a target below [`TARGETS_MAX`]; others are ignored.
    pub fn set(&mut self, target: u8, indication: Indication) {
        let bits = match indication {
            Indication::NotPresent => 0,
            Indication::Discardable => 1,
            Indication::Switch => 2,
            Indication::Required => 3,
        };
        if usize::from(target) < TARGETS_MAX {
            let shift = u32::from(target) * 2;
            self.0 = self.0 & !(3 << shift) | bits << shift;
        }
    }
}

/// Distances in frame numbers to the frames that a frame refers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FrameReferences {
    len: u8,
    diffs: [u16; REFERENCES_MAX],
}

impl FrameReferences {
    /// Gives the distances.
    #[must_use]
    pub fn as_slice(&self) -> &[u16] {
        &self.diffs[..usize::from(self.len)]
    }

    /// Adds a distance.
    ///
    /// # Errors
    ///
    /// [`DescriptorError::TooMany`] if there are [`REFERENCES_MAX`] already.
    pub fn push(&mut self, diff: u16) -> Result<(), DescriptorError> {
        let place = self
            .diffs
            .get_mut(usize::from(self.len))
            .ok_or(DescriptorError::TooMany {
                what: "references",
                max: REFERENCES_MAX,
            })?;
        *place = diff;
        self.len += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
