//! Spatial and temporal layers of VP9 SVC.
//!
//! Invariants:
//! - a spatial layer is begun with a keyframe only: a frame that needs nothing but the lower layers of
//!   its own picture would do, but by then their last packet has told that the picture is over;
//! - a temporal layer is begun after a switching-up point (`U`) of a layer that is received;
//! - layers are left between pictures, so that no picture lacks what its upper layers need;
//! - the last packet of the highest layer sent ends the picture.

use super::{PacketPlace, Verdict};
use crate::descriptor::vp9::Vp9Descriptor;
use crate::layer::{Layer, LayerTarget};

/// Chooses spatial and temporal layers.
#[derive(Debug, Default)]
pub(crate) struct Vp9Filter {
    current: Layer,
}

impl Vp9Filter {
    pub(super) fn decide(
        &mut self,
        descriptor: &Vp9Descriptor,
        limit: LayerTarget,
        place: PacketPlace,
    ) -> Verdict {
        let (spatial, temporal) = (descriptor.spatial(), descriptor.temporal());
        if place.is_newest {
            self.advance(descriptor, limit, place.is_picture_start);
        }
        if spatial > self.current.spatial || temporal > self.current.temporal {
            return Verdict::Skip;
        }
        Verdict::Forward {
            ends_picture: descriptor.frame_end && spatial == self.current.spatial,
            active_targets: None,
        }
    }

    fn advance(&mut self, descriptor: &Vp9Descriptor, limit: LayerTarget, is_picture_start: bool) {
        if descriptor.is_keyframe_start() {
            self.current = Layer {
                spatial: limit.spatial,
                temporal: limit.temporal,
            };
            return;
        }
        if is_picture_start {
            self.current.spatial = self.current.spatial.min(limit.spatial);
            self.current.temporal = self.current.temporal.min(limit.temporal);
        }
        let Some(layer) = descriptor.layer else {
            return;
        };
        if !descriptor.frame_start || layer.temporal > self.current.temporal {
            return;
        }
        if layer.switching_up && layer.spatial <= self.current.spatial {
            self.current.temporal = self.current.temporal.max(limit.temporal);
        }
    }

    pub(super) fn needs_keyframe(&self, limit: LayerTarget, spatial_flowing: u8) -> bool {
        self.current.spatial < limit.spatial.min(spatial_flowing)
    }
}

#[cfg(test)]
mod tests {

    use super::*;
    use crate::descriptor::vp9::{Vp9Layer, Vp9References};

    const TOP: LayerTarget = LayerTarget {
        spatial: 2,
        temporal: 2,
    };
    const BASE: LayerTarget = LayerTarget {
        spatial: 0,
        temporal: 0,
    };

    /// A one-packet frame. `inter`: it refers to earlier pictures.
    fn frame(spatial: u8, temporal: u8, inter: bool, up: bool) -> Vp9Descriptor {
        Vp9Descriptor {
            picture_id: None,
            inter_picture: inter,
            flexible: false,
            frame_start: true,
            frame_end: true,
            not_for_upper_layers: false,
            layer: Some(Vp9Layer {
                temporal,
                switching_up: up,
                spatial,
                inter_layer: spatial > 0 && !inter,
                tl0_pic_idx: Some(0),
            }),
            references: Vp9References::default(),
            structure: None,
        }
    }

    /// Sends the frames of one picture; gives for each whether it is sent and ends the picture.
    fn picture(
        filter: &mut Vp9Filter,
        limit: LayerTarget,
        temporal: u8,
        inter: bool,
        up: bool,
    ) -> Vec<Option<bool>> {
        (0..3)
            .map(|spatial| {
                let place = PacketPlace {
                    now: crate::test_time::origin(),
                    is_newest: true,
                    is_picture_start: spatial == 0,
                };
                match filter.decide(&frame(spatial, temporal, inter, up), limit, place) {
                    Verdict::Skip => None,
                    Verdict::Forward { ends_picture, .. } => Some(ends_picture),
                }
            })
            .collect()
    }

    #[test]
    fn the_last_layer_that_is_sent_ends_the_picture() {
        let middle = LayerTarget {
            spatial: 1,
            temporal: 2,
        };
        let mut filter = Vp9Filter::default();

        assert_eq!(
            picture(&mut filter, middle, 0, false, true),
            [Some(false), Some(true), None]
        );
        assert_eq!(
            picture(&mut filter, BASE, 0, true, true),
            [Some(true), None, None]
        );
    }

    #[test]
    fn a_spatial_layer_is_not_begun_with_a_frame_that_needs_earlier_pictures() {
        let mut filter = Vp9Filter::default();
        picture(&mut filter, BASE, 0, false, true);

        assert_eq!(
            picture(&mut filter, TOP, 0, true, true),
            [Some(true), None, None]
        );
        assert!(filter.needs_keyframe(TOP, 2));
        assert!(!filter.needs_keyframe(TOP, 0));
        assert_eq!(
            picture(&mut filter, TOP, 0, false, true),
            [Some(false), Some(false), Some(true)]
        );
        assert!(!filter.needs_keyframe(TOP, 2));
    }

    #[test]
    fn temporal_layers_are_begun_after_a_switching_up_point_and_left_at_once() {
        let mut filter = Vp9Filter::default();
        picture(&mut filter, BASE, 0, false, false);

        assert_eq!(picture(&mut filter, TOP, 1, true, true)[0], None);
        picture(&mut filter, TOP, 0, true, false);
        assert_eq!(picture(&mut filter, TOP, 2, true, false)[0], None);
        picture(&mut filter, TOP, 0, true, true);
        assert!(picture(&mut filter, TOP, 2, true, false)[0].is_some());
        assert_eq!(picture(&mut filter, BASE, 2, true, false)[0], None);
    }

    #[test]
    fn spatial_layers_are_left_between_pictures_only() {
        let mut filter = Vp9Filter::default();
        picture(&mut filter, TOP, 0, false, true);
        let place = PacketPlace {
            now: crate::test_time::origin(),
            is_newest: true,
            is_picture_start: false,
        };

        assert_ne!(
            filter.decide(&frame(2, 0, true, true), BASE, place),
            Verdict::Skip
        );
        assert_eq!(
            picture(&mut filter, BASE, 0, true, true),
            [Some(true), None, None]
        );
    }
}
