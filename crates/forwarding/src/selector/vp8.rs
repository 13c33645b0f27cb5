//! Temporal layers of VP8.
//!
//! Invariants:
//! - a layer is begun only with a keyframe, or layer by layer at a frame that needs nothing but the
//!   base layer (`Y`), so every frame sent can be decoded;
//! - a layer is left at a frame start, so no frame is cut.

use super::Verdict;
use crate::descriptor::vp8::Vp8Descriptor;

/// Chooses temporal layers.
#[derive(Debug, Default)]
pub(crate) struct Vp8Filter {
    temporal: u8,
}

impl Vp8Filter {
    pub(super) fn decide(
        &mut self,
        descriptor: &Vp8Descriptor,
        limit: u8,
        is_newest: bool,
    ) -> Verdict {
        let Some(layer) = descriptor.temporal else {
            return Verdict::PASS;
        };
        if is_newest && descriptor.is_frame_start() {
            if descriptor.keyframe || limit < self.temporal {
                self.temporal = limit;
            } else if layer.layer_sync
                && layer.id == self.temporal.saturating_add(1)
                && layer.id <= limit
            {
                self.temporal = layer.id;
            }
        }
        if layer.id <= self.temporal {
            Verdict::PASS
        } else {
            Verdict::Skip
        }
    }
}
