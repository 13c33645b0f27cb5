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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::descriptor::vp8::Vp8Temporal;

    fn frame(id: u8, layer_sync: bool, keyframe: bool) -> Vp8Descriptor {
        Vp8Descriptor {
            non_reference: false,
            partition_start: true,
            partition: 0,
            picture_id: None,
            tl0_pic_idx: None,
            temporal: Some(Vp8Temporal { id, layer_sync }),
            key_idx: None,
            keyframe,
        }
    }

    fn passes(filter: &mut Vp8Filter, descriptor: &Vp8Descriptor, limit: u8) -> bool {
        filter.decide(descriptor, limit, true) == Verdict::PASS
    }

    #[test]
    fn layers_are_begun_one_by_one_at_sync_frames() {
        let mut filter = Vp8Filter::default();
        assert!(passes(&mut filter, &frame(0, false, true), 0));

        // Limit 2 from here on: layer, sync, passes.
        let table = [
            (1, false, false),
            (2, true, false),
            (1, true, true),
            (2, false, false),
            (2, true, true),
            (2, false, true),
            (0, false, true),
        ];
        for (id, sync, expected) in table {
            assert_eq!(
                passes(&mut filter, &frame(id, sync, false), 2),
                expected,
                "{id} {sync}"
            );
        }
    }

    #[test]
    fn a_layer_is_left_at_a_frame_start_and_not_within() {
        let mut filter = Vp8Filter::default();
        passes(&mut filter, &frame(0, false, true), 2);
        assert!(passes(&mut filter, &frame(2, false, false), 2));
        let mut rest = frame(2, false, false);
        rest.partition_start = false;

        assert!(passes(&mut filter, &rest, 0));
        assert!(passes(&mut filter, &frame(0, false, false), 0));
        assert!(!passes(&mut filter, &frame(1, false, false), 0));
    }

    #[test]
    fn a_late_frame_changes_nothing() {
        let mut filter = Vp8Filter::default();
        passes(&mut filter, &frame(0, false, true), 0);

        assert_eq!(
            filter.decide(&frame(1, true, false), 2, false),
            Verdict::Skip
        );
        assert_eq!(
            filter.decide(&frame(0, false, true), 2, false),
            Verdict::PASS
        );
        assert!(!passes(&mut filter, &frame(1, false, false), 2));
    }

    #[test]
    fn a_stream_without_layers_passes() {
        let mut plain = frame(0, false, false);
        plain.temporal = None;

        assert!(passes(&mut Vp8Filter::default(), &plain, 0));
    }
}
