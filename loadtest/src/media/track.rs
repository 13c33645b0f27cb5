//! A published track: encoders or a microphone, cut into packets and paced.

use std::collections::VecDeque;
use std::time::Duration;

use crate::scene::TrackPlan;
use crate::units;

use super::encoder::{Content, Encoder, Frame};
use super::microphone::Microphone;
use super::stamp::{STAMP_BYTES, Stamp, StampKind};
use super::vp8::{self, DESCRIPTOR_BYTES, KEYFRAME_HEADER_BYTES};

/// Largest payload: with RTP header, extensions and SRTP's tag a packet stays below 1 250 bytes.
const PAYLOAD_BYTES_MAX: usize = 1160;

/// How much faster than its bitrate a track is sent (as libwebrtc's pacer does).
const PACING: f64 = 2.5;

/// Packets leave in groups of so much time.
const GROUP: Duration = Duration::from_millis(5);

/// Pictures that are later are not sent any more: this machine is too slow, and to catch up would
/// flood the server.
const LATE_MAX: Duration = Duration::from_millis(150);

/// RTP clock of video.
const VIDEO_CLOCK: u64 = 90_000;

/// RTP timestamp units of an Opus packet (48 kHz).
const AUDIO_STEP: u64 = 960;

/// First byte of an Opus packet: 20 ms, full band, mono, one frame (RFC 6716, section 3.1).
const OPUS_HEADER: u8 = 0x78;

/// A packet that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outgoing {
    /// The simulcast layer, 0 is the smallest.
    pub(crate) layer: u8,
    /// Packets of the layer before this one.
    pub(crate) counter: u32,
    /// RTP timestamp.
    pub(crate) timestamp: u32,
    /// RTP marker.
    pub(crate) is_marker: bool,
    /// Level and whether it is voice, for audio.
    pub(crate) level: Option<(i8, bool)>,
    /// Payload with its stamp.
    pub(crate) payload: Vec<u8>,
    /// How long ago it should have been sent.
    pub(crate) lateness: Duration,
}

/// A packet in the pacer's queue.
#[derive(Debug)]
struct Queued {
    layer: u8,
    frame: Frame,
    frame_number: u32,
    bytes: usize,
    is_start: bool,
    is_end: bool,
    at: Duration,
}

#[derive(Debug)]
struct Layer {
    encoder: Encoder,
    is_on: bool,
    frames: u32,
    packets: u32,
}

/// A camera or a screen.
#[derive(Debug)]
pub(crate) struct Video {
    kind: StampKind,
    layers: Vec<Layer>,
    /// Bounded by [`LATE_MAX`]: what is older is dropped before a picture is added.
    queue: VecDeque<Queued>,
    /// Bytes per second of the pacer.
    rate: f64,
    /// When the pacer has sent all of the queue.
    free_at: Duration,
}

/// What a publisher sends on one track.
#[derive(Debug)]
pub(crate) enum TrackSource {
    /// Camera or screen.
    Video(Video),
    /// Microphone, and packets before the next one.
    Audio(Box<Microphone>, u32),
}

impl TrackSource {
    /// Makes the source of a track. The same seed sends the same.
    pub(crate) fn new(plan: &TrackPlan, seed: u64) -> Self {
        let (kind, content, specs) = match plan {
            TrackPlan::Camera(specs) => (StampKind::Camera, Content::Camera, specs.clone()),
            TrackPlan::Screen(spec) => (StampKind::Screen, Content::Screen, vec![*spec]),
            TrackPlan::Microphone => return Self::Audio(Box::new(Microphone::new(seed)), 0),
        };
        let total: u32 = specs.iter().map(|spec| spec.bitrate).sum();
        let layer = |(index, spec): (u64, _)| Layer {
            encoder: Encoder::new(spec, content, seed.wrapping_mul(31).wrapping_add(index)),
            is_on: true,
            frames: 0,
            packets: 0,
        };
        Self::Video(Video {
            kind,
            layers: (0..).zip(specs).map(layer).collect(),
            queue: VecDeque::new(),
            rate: f64::from(total) / 8.0 * PACING,
            free_at: Duration::ZERO,
        })
    }

    /// When to call [`Self::poll`] next, since the track's beginning.
    pub(crate) fn due(&self) -> Duration {
        match self {
            Self::Audio(microphone, _) => microphone.due(),
            Self::Video(video) => video.due(),
        }
    }

    /// Makes the next keyframe of a layer, or of all, come soon.
    pub(crate) fn want_keyframe(&mut self, layer: Option<u8>) {
        if let Self::Video(video) = self {
            for (index, one) in (0..).zip(&mut video.layers) {
                if layer.is_none_or(|layer| layer == index) {
                    one.encoder.want_keyframe();
                }
            }
        }
    }

    /// Turns layers on and off, smallest first; those that are not named stay as they are.
    pub(crate) fn set_layers(&mut self, is_on: &[bool]) {
        if let Self::Video(video) = self {
            for (layer, is_on) in video.layers.iter_mut().zip(is_on) {
                layer.is_on = *is_on;
            }
        }
    }

    /// Gives a packet if one is due `now` (since the track's beginning).
    ///
    /// `stamp_at` is the same moment since the beginning of the run; `is_talking` tells whether the
    /// microphone hears somebody.
    pub(crate) fn poll(
        &mut self,
        now: Duration,
        stamp_at: Duration,
        publisher: u32,
        is_talking: bool,
    ) -> Option<Outgoing> {
        match self {
            Self::Video(video) => video.poll(now, stamp_at, publisher),
            Self::Audio(microphone, packets) => loop {
                let due = microphone.due();
                if due > now {
                    return None;
                }
                let Some(packet) = microphone.encode(is_talking) else {
                    continue;
                };
                let lateness = now.saturating_sub(due);
                if lateness > LATE_MAX {
                    continue;
                }
                let mut payload = vec![0; packet.bytes.max(STAMP_BYTES + 1)];
                payload[0] = OPUS_HEADER;
                let counter = *packets;
                *packets += 1;
                Stamp {
                    publisher,
                    kind: StampKind::Microphone,
                    layer: 0,
                    is_start: true,
                    is_end: true,
                    is_keyframe: false,
                    counter,
                    frame: counter,
                    sent_at: stamp_at,
                }
                .write(&mut payload);
                return Some(Outgoing {
                    layer: 0,
                    counter,
                    timestamp: low(packet.tick * AUDIO_STEP),
                    is_marker: packet.is_beginning,
                    level: Some((packet.level, packet.is_voice)),
                    payload,
                    lateness,
                });
            },
        }
    }
}

impl Video {
    fn due(&self) -> Duration {
        let frame = self.layers.iter().map(|layer| layer.encoder.due()).min();
        let queued = self.queue.front().map(|packet| packet.at);
        [frame, queued]
            .into_iter()
            .flatten()
            .min()
            .unwrap_or(Duration::MAX)
    }

    fn poll(&mut self, now: Duration, stamp_at: Duration, publisher: u32) -> Option<Outgoing> {
        for index in 0..self.layers.len() {
            while self.layers[index].encoder.due() <= now {
                self.encode(index, now);
            }
        }
        if self.queue.front()?.at > now {
            return None;
        }
        let packet = self.queue.pop_front()?;
        Some(self.build(&packet, now, stamp_at, publisher))
    }

    fn encode(&mut self, index: usize, now: Duration) {
        let layer = &mut self.layers[index];
        if !layer.is_on {
            return layer.encoder.skip();
        }
        if layer.encoder.due() + LATE_MAX < now {
            return layer.encoder.miss();
        }
        let Some(frame) = layer.encoder.encode() else {
            return;
        };
        let number = layer.frames;
        layer.frames += 1;
        let layer = u8::try_from(index).expect("a few layers");
        let count = frame.bytes.div_ceil(PAYLOAD_BYTES_MAX - DESCRIPTOR_BYTES);
        let floor = STAMP_BYTES + KEYFRAME_HEADER_BYTES;
        self.free_at = self.free_at.max(frame.at);
        for packet in 0..count {
            // Of equal size to a byte, the larger ones last, as libwebrtc cuts.
            let is_larger = packet >= count - frame.bytes % count;
            let share = frame.bytes / count + usize::from(is_larger);
            let bytes = DESCRIPTOR_BYTES + share.max(floor);
            let waited = self.free_at.saturating_sub(frame.at);
            let groups = u32::try_from(waited.as_nanos() / GROUP.as_nanos()).unwrap_or(u32::MAX);
            self.queue.push_back(Queued {
                layer,
                frame,
                frame_number: number,
                bytes,
                is_start: packet == 0,
                is_end: packet + 1 == count,
                at: frame.at + GROUP * groups,
            });
            self.free_at += Duration::from_secs_f64(units::size(bytes) / self.rate);
        }
    }

    fn build(
        &mut self,
        packet: &Queued,
        now: Duration,
        stamp_at: Duration,
        publisher: u32,
    ) -> Outgoing {
        let layer = &mut self.layers[usize::from(packet.layer)];
        let counter = layer.packets;
        layer.packets += 1;
        let spec = layer.encoder.spec();
        let mut payload = vec![0; packet.bytes];
        let picture = packet.frame.picture;
        vp8::describe(picture, packet.is_start, &mut payload);
        if packet.is_start {
            let data = &mut payload[DESCRIPTOR_BYTES..];
            let size = (spec.width, spec.height);
            vp8::begin(picture, size, packet.frame.bytes, data);
        }
        Stamp {
            publisher,
            kind: self.kind,
            layer: packet.layer,
            is_start: packet.is_start,
            is_end: packet.is_end,
            is_keyframe: picture.is_keyframe,
            counter,
            frame: packet.frame_number,
            sent_at: stamp_at,
        }
        .write(&mut payload);
        let micros = u64::try_from(packet.frame.at.as_micros()).unwrap_or(u64::MAX);
        Outgoing {
            layer: packet.layer,
            counter,
            timestamp: low(micros.saturating_mul(VIDEO_CLOCK) / 1_000_000),
            is_marker: packet.is_end,
            level: None,
            payload,
            lateness: now.saturating_sub(packet.at),
        }
    }
}

/// The 32 bits that a header has place for.
fn low(value: u64) -> u32 {
    u32::try_from(value & 0xffff_ffff).expect("32 bits")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::camera_layers;

    fn run(
        source: &mut TrackSource,
        until: Duration,
        is_talking: bool,
    ) -> Vec<(Duration, Outgoing)> {
        let mut sent = Vec::new();
        loop {
            let now = source.due();
            if now >= until {
                return sent;
            }
            while let Some(packet) = source.poll(now, now, 7, is_talking) {
                sent.push((now, packet));
            }
        }
    }

    fn camera() -> TrackSource {
        TrackSource::new(&TrackPlan::Camera(camera_layers(1_700_000)), 1)
    }

    #[test]
    fn counters_of_each_layer_have_no_gap_and_pictures_end_with_the_marker() {
        let sent = run(&mut camera(), Duration::from_secs(5), false);

        for layer in 0..3 {
            let packets = sent.iter().map(|(_, packet)| packet);
            let packets: Vec<&Outgoing> = packets.filter(|p| p.layer == layer).collect();
            assert!(packets.len() > 90, "{} on {layer}", packets.len());
            for (counter, packet) in (0..).zip(&packets) {
                let stamp = Stamp::read(&packet.payload).unwrap();
                assert_eq!((packet.counter, stamp.counter), (counter, counter));
                assert_eq!(packet.is_marker, stamp.is_end);
                assert_eq!(stamp.layer, layer);
                assert!(packet.payload.len() <= PAYLOAD_BYTES_MAX);
            }
        }
    }

    #[test]
    fn a_keyframe_is_spread_over_time_but_stays_in_order() {
        let sent = run(&mut camera(), Duration::from_millis(150), false);
        let high: Vec<&(Duration, Outgoing)> = sent
            .iter()
            .filter(|(_, packet)| packet.layer == 2)
            .collect();

        let first = high.first().unwrap().0;
        let last = high.last().unwrap().0;

        // Some 45 kB of keyframe at 2.5 times 2.31 Mbit/s take some 60 ms.
        assert!(high.len() > 20, "{}", high.len());
        assert!(last > first + 5 * GROUP, "{first:?} to {last:?}");
        assert!(sent.is_sorted_by_key(|(at, _)| *at));
    }

    #[test]
    fn a_layer_that_is_off_sends_nothing_and_returns_with_a_keyframe() {
        let mut source = camera();
        source.set_layers(&[true, true, false]);
        let sent = run(&mut source, Duration::from_secs(2), false);
        assert!(sent.iter().all(|(_, packet)| packet.layer != 2));

        source.set_layers(&[true, true, true]);
        let sent = run(&mut source, Duration::from_secs(3), false);
        let first = sent.iter().find(|(_, packet)| packet.layer == 2).unwrap();
        assert!(Stamp::read(&first.1.payload).unwrap().is_keyframe);
    }

    #[test]
    fn after_a_long_standstill_old_pictures_are_left_out() {
        let mut source = camera();
        let now = Duration::from_secs(100);

        let mut packets = 0;
        while source.poll(now, now, 7, false).is_some() {
            packets += 1;
        }

        assert!(packets < 200, "{packets}");
    }

    #[test]
    fn a_microphone_is_quiet_when_nobody_talks() {
        let mut source = TrackSource::new(&TrackPlan::Microphone, 1);

        let quiet = run(&mut source, Duration::from_secs(10), false).len();
        let loud = run(&mut source, Duration::from_secs(20), true);

        assert!(quiet < 40, "{quiet}");
        assert_eq!(loud.len(), 500);
        assert!(loud[0].1.is_marker && !loud[1].1.is_marker);
        assert_eq!(loud[1].1.timestamp - loud[0].1.timestamp, 960);
    }
}
