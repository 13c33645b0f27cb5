//! Which packets of a track a subscription gets.
//!
//! Two steps: [`EncodingSelector`] chooses among simulcast encodings, then a [`LayerFilter`] chooses
//! layers within the encoding.

mod av1;
mod simulcast;
mod vp8;
mod vp9;

use std::time::Instant;

pub(crate) use simulcast::{EncodingChoice, EncodingSelector};

use crate::descriptor::Descriptor;
use crate::layer::{Codec, LayerTarget};
use av1::Av1Filter;
use vp8::Vp8Filter;
use vp9::Vp9Filter;

/// What a filter is told of a packet beside its descriptor.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PacketPlace {
    pub(crate) now: Instant,
    /// No later packet of the encoding has come: state may change here.
    pub(crate) is_newest: bool,
    /// The first packet of a picture that came.
    pub(crate) is_picture_start: bool,
}

/// What a filter says of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Skip,
    Forward {
        /// The last packet of the picture for this subscription.
        ends_picture: bool,
        /// AV1 decode targets to tell the subscriber.
        active_targets: Option<u32>,
    },
}

impl Verdict {
    pub(crate) const PASS: Self = Self::Forward {
        ends_picture: false,
        active_targets: None,
    };
}

/// Chooses layers within an encoding.
#[derive(Debug)]
pub(crate) enum LayerFilter {
    /// No layers to choose from.
    None,
    Vp8(Vp8Filter),
    Vp9(Vp9Filter),
    Av1(Box<Av1Filter>),
}

impl LayerFilter {
    pub(crate) fn new(codec: Codec) -> Self {
        match codec {
            Codec::Opus | Codec::Red | Codec::H264 => Self::None,
            Codec::Vp8 => Self::Vp8(Vp8Filter::default()),
            Codec::Vp9 => Self::Vp9(Vp9Filter::default()),
            Codec::Av1 => Self::Av1(Box::default()),
        }
    }

    /// Decides on a packet; a descriptor of another codec than the track's passes nothing.
    pub(crate) fn decide(
        &mut self,
        descriptor: &Descriptor,
        limit: LayerTarget,
        place: PacketPlace,
    ) -> Verdict {
        match (self, descriptor) {
            (Self::None, Descriptor::Audio | Descriptor::H264(_)) => Verdict::PASS,
            (Self::Vp8(filter), Descriptor::Vp8(vp8)) => {
                filter.decide(vp8, limit.temporal, place.is_newest)
            }
            (Self::Vp9(filter), Descriptor::Vp9(vp9)) => filter.decide(vp9, limit, place),
            (Self::Av1(filter), Descriptor::Av1(av1)) => filter.decide(av1, limit, place),
            (Self::None | Self::Vp8(_) | Self::Vp9(_) | Self::Av1(_), _) => Verdict::Skip,
        }
    }

    /// Tells whether the layers within `limit` can only be had with a keyframe. `spatial_flowing` is
    /// the highest spatial layer that came of late.
    pub(crate) fn needs_keyframe(
        &self,
        limit: LayerTarget,
        spatial_flowing: u8,
        now: Instant,
    ) -> bool {
        match self {
            Self::None | Self::Vp8(_) => false,
            Self::Vp9(filter) => filter.needs_keyframe(limit, spatial_flowing),
            Self::Av1(filter) => filter.needs_keyframe(spatial_flowing, now),
        }
    }
}
