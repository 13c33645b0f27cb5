//! Sizes and times of pictures as a real-time video encoder makes them.
//!
//! A camera: pictures of a steady rate whose sizes follow the scene's complexity (which drifts),
//! the temporal layer, and a rate control that takes back what a keyframe cost. A screen: long
//! pauses, scrolling, and now and then a whole new page.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::units;

use super::vp8::Picture;

/// One encoding of a video.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct LayerSpec {
    /// The restriction id in the offer; empty for a single stream.
    pub(crate) rid: &'static str,
    /// Width in pixels.
    pub(crate) width: u16,
    /// Height in pixels.
    pub(crate) height: u16,
    /// Pictures per second.
    pub(crate) rate: u32,
    /// Bits per second.
    pub(crate) bitrate: u32,
}

/// What is in front of the lens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content {
    /// A person.
    Camera,
    /// Slides and documents.
    Screen,
}

/// Temporal layers of successive pictures (L1T3).
const PATTERN: [u8; 4] = [0, 2, 1, 2];

/// How large pictures of a temporal layer are beside the mean; the mean over [`PATTERN`] is 1.
const TEMPORAL_SIZES: [f64; 3] = [1.7, 0.9, 0.7];

/// How much of a keyframe's size over the mean is in it.
const KEYFRAME_SIZES: std::ops::Range<f64> = 5.0..8.0;

/// Keyframes are not made more often, whatever is asked for.
const KEYFRAME_INTERVAL: Duration = Duration::from_millis(300);

/// Smallest picture, in bytes.
const PICTURE_BYTES_MIN: f64 = 60.0;

/// A picture that was made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Frame {
    /// Its place in the stream.
    pub(crate) picture: Picture,
    /// When it was captured, since the track's beginning.
    pub(crate) at: Duration,
    /// Bytes of VP8 data.
    pub(crate) bytes: usize,
}

/// The encoder of one layer.
#[derive(Debug)]
pub(crate) struct Encoder {
    spec: LayerSpec,
    content: Content,
    rng: StdRng,
    /// Pictures made or left out since the track's beginning: the clock.
    ticks: u64,
    picture_id: u16,
    tl0_index: u8,
    since_keyframe: usize,
    is_keyframe_wanted: bool,
    last_keyframe: Option<Duration>,
    /// Logarithm of how hard the scene is to encode, around 0.
    complexity: f64,
    /// Bytes sent beyond the bitrate.
    debt: f64,
    /// Screen: pictures of scrolling to come.
    scrolling: u32,
}

impl Encoder {
    pub(crate) fn new(spec: LayerSpec, content: Content, seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        Self {
            spec,
            content,
            ticks: 0,
            picture_id: rng.random_range(0..0x7fff),
            tl0_index: rng.random(),
            since_keyframe: 0,
            is_keyframe_wanted: true,
            last_keyframe: None,
            complexity: 0.0,
            debt: 0.0,
            scrolling: 0,
            rng,
        }
    }

    /// What is encoded.
    pub(crate) fn spec(&self) -> LayerSpec {
        self.spec
    }

    /// Makes the next picture a keyframe.
    pub(crate) fn want_keyframe(&mut self) {
        self.is_keyframe_wanted = true;
    }

    /// When the next picture is captured, since the track's beginning.
    pub(crate) fn due(&self) -> Duration {
        let nanos = self.ticks * 1_000_000_000 / u64::from(self.spec.rate);
        Duration::from_nanos(nanos)
    }

    /// Leaves a picture out: nobody watches this layer.
    pub(crate) fn skip(&mut self) {
        self.ticks += 1;
        self.debt = 0.0;
        self.is_keyframe_wanted = true;
    }

    /// Misses a picture: there was no time to capture it. The next one follows on the last.
    pub(crate) fn miss(&mut self) {
        self.ticks += 1;
    }

    /// Makes the next picture; nothing if there is nothing new to show.
    pub(crate) fn encode(&mut self) -> Option<Frame> {
        let at = self.due();
        self.ticks += 1;
        let is_keyframe = self.is_keyframe_wanted
            && self
                .last_keyframe
                .is_none_or(|last| at >= last + KEYFRAME_INTERVAL);
        let bytes = match self.content {
            Content::Camera => self.camera_bytes(is_keyframe),
            Content::Screen => self.screen_bytes(is_keyframe)?,
        };
        if is_keyframe {
            self.is_keyframe_wanted = false;
            self.last_keyframe = Some(at);
            self.since_keyframe = 0;
        }
        let temporal = PATTERN[self.since_keyframe % PATTERN.len()];
        self.since_keyframe += 1;
        self.picture_id = (self.picture_id + 1) & 0x7fff;
        if temporal == 0 {
            self.tl0_index = self.tl0_index.wrapping_add(1);
        }
        let picture = Picture {
            id: self.picture_id,
            tl0_index: self.tl0_index,
            temporal,
            is_keyframe,
        };
        let bytes = units::length(bytes.max(PICTURE_BYTES_MIN));
        Some(Frame { picture, at, bytes })
    }

    /// Bytes of a picture at the bitrate.
    fn mean_bytes(&self) -> f64 {
        f64::from(self.spec.bitrate) / 8.0 / f64::from(self.spec.rate)
    }

    fn camera_bytes(&mut self, is_keyframe: bool) -> f64 {
        let mean = self.mean_bytes();
        let drift = self.rng.random_range(-0.12..0.12);
        self.complexity = self.complexity * 0.97 + drift;
        let noise: f64 = self.rng.random_range(-0.25..0.25);
        let raw = if is_keyframe {
            mean * self.rng.random_range(KEYFRAME_SIZES)
        } else {
            let temporal = PATTERN[self.since_keyframe % PATTERN.len()];
            mean * TEMPORAL_SIZES[usize::from(temporal)] * (self.complexity + noise).exp()
        };
        // A second's worth of debt is taken back in about a second.
        let second = mean * f64::from(self.spec.rate);
        let correction = (1.0 - 3.0 * self.debt / second).clamp(0.4, 1.8);
        let bytes = if is_keyframe { raw } else { raw * correction };
        // Long keyframe storms are not paid back for ever.
        self.debt = (self.debt + bytes - mean).clamp(-second, second);
        bytes
    }

    fn screen_bytes(&mut self, is_keyframe: bool) -> Option<f64> {
        let page = self.mean_bytes() * 9.0;
        if is_keyframe {
            return Some(page * self.rng.random_range(0.8..1.2));
        }
        let rate = f64::from(self.spec.rate);
        if self.scrolling > 0 {
            self.scrolling -= 1;
            return Some(page * self.rng.random_range(0.1..0.25));
        }
        // A new page every 8 s, two seconds of scrolling every 6 s, else a cursor that moves.
        if self.rng.random_bool(1.0 / (8.0 * rate)) {
            return Some(page * self.rng.random_range(0.6..1.4));
        }
        if self.rng.random_bool(1.0 / (6.0 * rate)) {
            self.scrolling = self.spec.rate * 2;
        }
        let has_moved = self.rng.random_bool(0.3);
        has_moved.then(|| self.rng.random_range(80.0..600.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HIGH: LayerSpec = LayerSpec {
        rid: "f",
        width: 1280,
        height: 720,
        rate: 30,
        bitrate: 1_700_000,
    };

    fn camera(seconds: usize) -> Vec<Frame> {
        let mut encoder = Encoder::new(HIGH, Content::Camera, 1);
        (0..seconds * 30).filter_map(|_| encoder.encode()).collect()
    }

    #[test]
    fn the_bitrate_is_kept_within_a_tenth() {
        let bytes: usize = camera(120).iter().map(|frame| frame.bytes).sum();

        let bitrate = units::size(bytes * 8) / 120.0;

        assert!((1_530_000.0..1_870_000.0).contains(&bitrate), "{bitrate}");
    }

    #[test]
    fn what_keyframes_cost_is_taken_back() {
        let mut encoder = Encoder::new(HIGH, Content::Camera, 1);
        let storm = (0..60 * 30).filter_map(|_| {
            encoder.want_keyframe();
            encoder.encode()
        });
        let bytes: usize = storm.map(|frame| frame.bytes).sum();

        // Without it, a keyframe in nine pictures would make 1.6 times the bitrate.
        let bitrate = units::size(bytes * 8) / 60.0;
        assert!(bitrate < 1.25 * 1_700_000.0, "{bitrate}");
    }

    #[test]
    fn sizes_vary_and_keyframes_are_large() {
        let frames = camera(60);
        let mean = 1_700_000.0 / 8.0 / 30.0;

        let large = frames.iter().filter(|f| units::size(f.bytes) > mean * 1.5);
        let small = frames.iter().filter(|f| units::size(f.bytes) < mean * 0.7);

        assert!(frames[0].picture.is_keyframe);
        assert!(units::size(frames[0].bytes) > mean * 4.0);
        assert!(large.count() > 100);
        assert!(small.count() > 100);
    }

    #[test]
    fn temporal_layers_and_picture_ids_follow_the_pattern() {
        let frames = camera(1);
        let layers: Vec<u8> = frames[..8].iter().map(|f| f.picture.temporal).collect();

        assert_eq!(layers, [0, 2, 1, 2, 0, 2, 1, 2]);
        for pair in frames.windows(2) {
            let step = pair[1].picture.id.wrapping_sub(pair[0].picture.id);
            assert_eq!(step & 0x7fff, 1);
            let is_lowest = u8::from(pair[1].picture.temporal == 0);
            let index = pair[0].picture.tl0_index.wrapping_add(is_lowest);
            assert_eq!(pair[1].picture.tl0_index, index);
        }
    }

    #[test]
    fn a_keyframe_comes_on_request_but_not_too_often() {
        let mut encoder = Encoder::new(HIGH, Content::Camera, 1);
        let mut keyframes = Vec::new();
        for index in 0..30 {
            encoder.want_keyframe();
            if encoder.encode().unwrap().picture.is_keyframe {
                keyframes.push(index);
            }
        }

        assert_eq!(keyframes, [0, 9, 18, 27]);
    }

    #[test]
    fn a_layer_that_is_watched_again_begins_with_a_keyframe() {
        let mut encoder = Encoder::new(HIGH, Content::Camera, 1);
        encoder.encode().unwrap();
        for _ in 0..30 {
            encoder.skip();
        }

        let frame = encoder.encode().unwrap();

        assert!(frame.picture.is_keyframe);
        assert_eq!(frame.at, Duration::from_nanos(31 * 1_000_000_000 / 30));
    }

    #[test]
    fn a_picture_that_was_missed_needs_no_keyframe() {
        let mut encoder = Encoder::new(HIGH, Content::Camera, 1);
        let first = encoder.encode().unwrap();
        for _ in 0..30 {
            encoder.miss();
        }

        let frame = encoder.encode().unwrap();

        assert!(!frame.picture.is_keyframe);
        assert_eq!(frame.picture.id, (first.picture.id + 1) & 0x7fff);
        assert_eq!(frame.at, Duration::from_nanos(31 * 1_000_000_000 / 30));
    }

    #[test]
    fn a_screen_has_pauses_and_bursts() {
        let spec = LayerSpec { rate: 15, ..HIGH };
        let mut encoder = Encoder::new(spec, Content::Screen, 3);
        let frames: Vec<Option<Frame>> = (0..15 * 60).map(|_| encoder.encode()).collect();

        let pauses = frames.iter().filter(|frame| frame.is_none()).count();
        let largest = frames.iter().flatten().map(|frame| frame.bytes).max();

        assert!((200..800).contains(&pauses), "{pauses}");
        assert!(largest > Some(60_000), "{largest:?}");
    }

    #[test]
    fn the_same_seed_gives_the_same_pictures() {
        assert_eq!(camera(2), camera(2));
    }
}
