//! From what a viewer asks for to what is sent.
//!
//! Clients speak of qualities (low, medium, high) or of the size of the picture on their screen;
//! the media server speaks of spatial and temporal layers.

use livekit_protocol::{TrackSource, UpdateTrackSettings, VideoLayer, VideoQuality};
use sfu::{MediaKind, Target};

/// A picture may be shown this much larger than its layer before the next layer is sent: the
/// difference can't be seen, and costs three times the bits.
const ENLARGE_PERCENT_MAX: u64 = 10;

/// Cameras send 30 frames per second mostly; half of them are the base layer and the one above.
const FULL_FRAME_RATE: u32 = 30;

/// Ranks of a client that are told apart.
const RANKS: u8 = 250;

/// What a viewer last asked for of one track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TrackSettings {
    disabled: bool,
    quality: VideoQuality,
    width: u32,
    height: u32,
    frames_per_second: u32,
    /// 1 is the highest, 0 is none.
    priority: u32,
}

impl Default for TrackSettings {
    fn default() -> Self {
        Self {
            disabled: false,
            quality: VideoQuality::High,
            width: 0,
            height: 0,
            frames_per_second: 0,
            priority: 0,
        }
    }
}

impl TrackSettings {
    /// Takes over a client's message.
    pub(crate) fn of(update: &UpdateTrackSettings) -> Self {
        Self {
            disabled: update.disabled,
            quality: update.quality(),
            width: update.width,
            height: update.height,
            frames_per_second: update.fps,
            priority: update.priority,
        }
    }

    /// Ranks a track from this source when not all fits the client's way in; higher goes first. What the
    /// client ranks itself goes before everything else, then screens.
    pub(crate) fn priority(&self, source: TrackSource) -> u8 {
        match u8::try_from(self.priority) {
            Ok(0) if source == TrackSource::ScreenShare => 1,
            Ok(0) => 0,
            Ok(rank) => u8::MAX - rank.min(RANKS),
            Err(_) => u8::MAX - RANKS,
        }
    }

    /// Asks for one quality, whatever the size.
    pub(crate) fn of_quality(quality: VideoQuality) -> Self {
        Self {
            quality,
            ..Self::default()
        }
    }

    /// Asks for nothing, and for `quality` when it is wanted again.
    pub(crate) fn disabled_with(quality: VideoQuality) -> Self {
        Self {
            disabled: true,
            ..Self::of_quality(quality)
        }
    }

    /// Decides what to send of a track with `layers`, sorted from small to large.
    pub(crate) fn target(&self, kind: MediaKind, layers: &[VideoLayer]) -> Target {
        if self.disabled {
            return Target::Paused;
        }
        match kind {
            MediaKind::Audio => Target::ALL,
            MediaKind::Video => self.video_target(layers),
        }
    }

    fn video_target(&self, layers: &[VideoLayer]) -> Target {
        if self.quality == VideoQuality::Off && self.width == 0 {
            return Target::Paused;
        }
        let temporal = match self.frames_per_second {
            0 => u8::MAX,
            fps if fps * 4 <= FULL_FRAME_RATE => 0,
            fps if fps * 2 <= FULL_FRAME_RATE => 1,
            _ => u8::MAX,
        };
        Target::Layers {
            spatial: self.spatial(layers),
            temporal,
        }
    }

    /// The largest layer has no upper bound, in case that more are sent than were announced.
    fn spatial(&self, layers: &[VideoLayer]) -> u8 {
        let Some(top) = layers.len().checked_sub(1) else {
            return u8::MAX;
        };
        let index = if self.width > 0 && self.height > 0 {
            self.index_of_size(layers)
        } else {
            layers
                .iter()
                .rposition(|layer| layer.quality <= self.quality.into())
                .unwrap_or(0)
        };
        if index >= top {
            u8::MAX
        } else {
            u8::try_from(index).unwrap_or(u8::MAX)
        }
    }

    /// The smallest layer that fills the wanted size, compared by the shorter side, so that
    /// turning a phone changes nothing.
    fn index_of_size(&self, layers: &[VideoLayer]) -> usize {
        let wanted = u64::from(self.width.min(self.height)) * 100;
        layers
            .iter()
            .position(|layer| {
                let short = u64::from(layer.width.min(layer.height));
                short == 0 || short * (100 + ENLARGE_PERCENT_MAX) >= wanted
            })
            .unwrap_or(layers.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(quality: VideoQuality, width: u32, height: u32) -> VideoLayer {
        VideoLayer {
            quality: quality.into(),
            width,
            height,
            ..VideoLayer::default()
        }
    }

    fn three() -> Vec<VideoLayer> {
        vec![
            layer(VideoQuality::Low, 320, 180),
            layer(VideoQuality::Medium, 640, 360),
            layer(VideoQuality::High, 1280, 720),
        ]
    }

    fn sized(width: u32, height: u32) -> TrackSettings {
        TrackSettings {
            width,
            height,
            ..TrackSettings::default()
        }
    }

    fn spatial(settings: TrackSettings, layers: &[VideoLayer]) -> Option<u8> {
        match settings.target(MediaKind::Video, layers) {
            Target::Paused => None,
            Target::Layers { spatial, .. } => Some(spatial),
        }
    }

    #[test]
    fn the_size_on_screen_picks_the_smallest_layer_that_fills_it() {
        for (width, height, expected) in [
            (160, 90, 0),
            (320, 180, 0),
            (340, 191, 0),
            (400, 225, 1),
            (640, 360, 1),
            (360, 640, 1),
            (800, 450, u8::MAX),
            (3840, 2160, u8::MAX),
        ] {
            assert_eq!(
                spatial(sized(width, height), &three()),
                Some(expected),
                "{width}×{height}"
            );
        }
    }

    #[test]
    fn a_quality_picks_the_layer_of_that_name_or_the_next_smaller_one() {
        let quality = |quality| TrackSettings {
            quality,
            ..TrackSettings::default()
        };
        let two = &three()[..2];
        let only_high = [layer(VideoQuality::High, 640, 360)];

        assert_eq!(spatial(quality(VideoQuality::Low), &three()), Some(0));
        assert_eq!(spatial(quality(VideoQuality::Medium), &three()), Some(1));
        assert_eq!(
            spatial(quality(VideoQuality::High), &three()),
            Some(u8::MAX)
        );
        assert_eq!(spatial(quality(VideoQuality::High), two), Some(u8::MAX));
        assert_eq!(
            spatial(quality(VideoQuality::Low), &only_high),
            Some(u8::MAX)
        );
        assert_eq!(spatial(quality(VideoQuality::Low), &[]), Some(u8::MAX));
        assert_eq!(spatial(quality(VideoQuality::Off), &three()), None);
    }

    #[test]
    fn a_disabled_track_is_paused_whatever_its_kind() {
        let disabled = TrackSettings {
            disabled: true,
            ..TrackSettings::default()
        };

        assert_eq!(disabled.target(MediaKind::Video, &three()), Target::Paused);
        assert_eq!(disabled.target(MediaKind::Audio, &[]), Target::Paused);
        let enabled = TrackSettings::default();
        assert_eq!(enabled.target(MediaKind::Audio, &[]), Target::ALL);
    }

    #[test]
    fn the_clients_own_ranks_go_first_then_screens() {
        let ranked = |priority| TrackSettings {
            priority,
            ..TrackSettings::default()
        };
        let ranks = [1, 2, 200, u32::MAX].map(|rank| ranked(rank).priority(TrackSource::Camera));
        let screen = ranked(0).priority(TrackSource::ScreenShare);
        let camera = ranked(0).priority(TrackSource::Camera);

        let all = [&ranks[..], &[screen, camera]].concat();
        assert!(all.windows(2).all(|pair| pair[0] > pair[1]), "{all:?}");
    }

    #[test]
    fn a_lower_frame_rate_drops_temporal_layers() {
        for (fps, expected) in [(0, u8::MAX), (5, 0), (15, 1), (30, u8::MAX)] {
            let settings = TrackSettings {
                frames_per_second: fps,
                ..TrackSettings::default()
            };
            let Target::Layers { temporal, .. } = settings.target(MediaKind::Video, &three())
            else {
                panic!("a track that is not disabled has layers");
            };
            assert_eq!(temporal, expected, "{fps} frames per second");
        }
    }
}
