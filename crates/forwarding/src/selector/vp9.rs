//! Spatial and temporal layers of VP9 SVC.
//!
//! Invariants:
//! - a spatial layer is begun with a keyframe, or with a frame that needs nothing but the lower
//!   layers of its own picture;
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
        if !descriptor.inter_picture
            && layer.spatial == self.current.spatial.saturating_add(1)
            && layer.spatial <= limit.spatial
        {
            self.current.spatial = layer.spatial;
        }
        if layer.switching_up && layer.spatial <= self.current.spatial {
            self.current.temporal = self.current.temporal.max(limit.temporal);
        }
    }

    pub(super) fn needs_keyframe(&self, limit: LayerTarget, spatial_flowing: u8) -> bool {
        self.current.spatial < limit.spatial.min(spatial_flowing)
    }
}
