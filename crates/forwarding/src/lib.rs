//! Decides which packet of a published track goes to which subscriber, and how it is rewritten.
//!
//! Nothing here knows of sockets, clocks, locks or a WebRTC library: packets are numbers, time is an
//! argument. [`Room`] owns the tracks and routes; small types decide.
//!
//! Invariants:
//! - no packet of any shape makes this crate panic;
//! - nothing is allocated per packet but what is pushed into the caller's `Vec`, with two bounded
//!   exceptions: tables that grow to their cap once, and AV1 structures, which come with keyframes;
//! - every table has a bound, named where it is declared.
//!
//! How to drive a [`Room`]: give it inputs (`publish`, `subscribe`, `set_*`, `handle_*`), then take
//! from [`Room::poll_keyframe_request`] and [`Room::poll_speakers`] until each gives `None`, then sleep until [`Room::poll_timeout`] or the next input.

pub mod descriptor;
mod forwarder;
mod gaps;
mod keyframes;
mod layer;
mod packet;
mod rewriter;
mod room;
mod selector;
mod slab;
mod speakers;
mod timeline;
mod track;
mod voices;

pub use descriptor::av1::{Av1Frame, DependencyDescriptorReader};
pub use descriptor::h264::{H264Descriptor, parse_h264};
pub use descriptor::red::{RedBlock, RedLayout, parse_red};
pub use descriptor::size::{PictureSize, picture_size};
pub use descriptor::vp8::{Vp8Descriptor, parse_vp8};
pub use descriptor::vp9::{Vp9Descriptor, parse_vp9};
pub use descriptor::{Descriptor, DescriptorError, WriteDescriptorError};
pub use forwarder::StreamState;
pub use gaps::{LostSound, SoundGap, SoundGaps};
pub use layer::{Codec, ENCODINGS_MAX, Layer, LayerLimit, LayerTarget};
pub use packet::{Forward, PacketView, PayloadRewrite};
pub use rewriter::{RewriteError, RtpRewriter};
pub use room::{Room, RoomOptions};
pub use slab::{SubscriptionKey, TrackKey};
pub use speakers::Speaker;

#[cfg(test)]
mod test_time {
    use std::time::Instant;

    /// Some point in time for virtual clocks to begin at.
    #[expect(
        clippy::disallowed_methods,
        reason = "an Instant can be had no other way; tests count from it"
    )]
    pub(crate) fn origin() -> Instant {
        Instant::now()
    }
}
