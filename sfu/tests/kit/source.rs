//! Synthetic media: packets that look like VP8 or Opus and carry a number.

use std::time::{Duration, Instant};

use str0m::Rtc;
use str0m::format::Codec;
use str0m::media::{Mid, Pt, Rid};
use str0m::rtp::{ExtensionValues, RtpWrite};

/// How a track is sent.
#[derive(Debug, Clone)]
pub(crate) struct Shape {
    /// VP8 if set, else Opus.
    pub(crate) is_video: bool,
    /// Simulcast layers, smallest first; none means one plain stream.
    pub(crate) rids: &'static [&'static str],
    /// Time between frames.
    pub(crate) interval: Duration,
    /// Packets of a frame, on each layer.
    pub(crate) packets: u32,
    /// Payload of a packet.
    pub(crate) packet_bytes: usize,
    /// Whether the later half of a frame's packets has a byte more, as browsers cut.
    pub(crate) is_uneven: bool,
    /// Over which part of a frame's time its packets are spread; 0 sends them at once.
    pub(crate) spread: f64,
}

impl Shape {
    /// A small camera track with three layers.
    pub(crate) fn camera() -> Self {
        Self {
            is_video: true,
            rids: &["q", "h", "f"],
            interval: Duration::from_millis(20),
            packets: 2,
            packet_bytes: 300,
            is_uneven: false,
            spread: 0.0,
        }
    }

    /// A microphone.
    pub(crate) fn microphone() -> Self {
        Self {
            is_video: false,
            rids: &[],
            interval: Duration::from_millis(20),
            packets: 1,
            packet_bytes: 90,
            is_uneven: false,
            spread: 0.0,
        }
    }
}

#[derive(Debug)]
struct Layer {
    rid: Option<Rid>,
    sequence: u64,
    keyframe: bool,
}

/// A track that is being sent.
#[derive(Debug)]
pub(crate) struct Publication {
    mid: Mid,
    shape: Shape,
    layers: Vec<Layer>,
    frame: u32,
    /// Packets of the frame that are written.
    written: u32,
    number: u64,
    frame_due: Instant,
    due: Instant,
}

/// First byte of a VP8 payload descriptor with an extension, start of partition 0.
const DESCRIPTOR: u8 = 0x90;

impl Publication {
    pub(crate) fn new(mid: Mid, shape: Shape, now: Instant) -> Self {
        let layer = |rid: Option<Rid>| Layer {
            rid,
            sequence: 100,
            keyframe: true,
        };
        let layers = if shape.rids.is_empty() {
            vec![layer(None)]
        } else {
            shape
                .rids
                .iter()
                .map(|&rid| layer(Some(rid.into())))
                .collect()
        };
        Self {
            mid,
            shape,
            layers,
            frame: 0,
            written: 0,
            number: 1,
            frame_due: now,
            due: now,
        }
    }

    pub(crate) fn due(&self) -> Instant {
        self.due
    }

    /// Makes the next frame of a layer a keyframe.
    pub(crate) fn ask_keyframe(&mut self, mid: Mid, rid: Option<Rid>) {
        if mid == self.mid {
            for layer in &mut self.layers {
                layer.keyframe |= rid.is_none() || layer.rid == rid;
            }
        }
    }

    /// Writes a packet of each layer if one is due. Gives whether it was.
    pub(crate) fn write(&mut self, now: Instant, rtc: &mut Rtc) -> bool {
        if self.due > now {
            return false;
        }
        let codec = if self.shape.is_video {
            Codec::Vp8
        } else {
            Codec::Opus
        };
        let mut params = rtc.codec_config().params().iter();
        if let Some(params) = params.find(|params| params.spec().codec == codec) {
            let pt = params.pt();
            for layer in 0..self.layers.len() {
                self.write_packet(now, rtc, pt, layer);
            }
        }
        self.written += 1;
        if self.written < self.shape.packets {
            let spread = self.shape.interval.mul_f64(self.shape.spread);
            self.due = self.frame_due + spread * self.written / self.shape.packets;
        } else {
            self.written = 0;
            self.frame += 1;
            self.frame_due += self.shape.interval;
            self.due = self.frame_due;
        }
        true
    }

    fn write_packet(&mut self, now: Instant, rtc: &mut Rtc, pt: Pt, layer: usize) {
        let layer = &mut self.layers[layer];
        let is_first = self.written == 0;
        let is_larger = self.shape.is_uneven && self.written >= self.shape.packets / 2;
        let mut payload = vec![0_u8; self.shape.packet_bytes + usize::from(is_larger)];
        let mut values = ExtensionValues::default();
        if self.shape.is_video {
            let keyframe = is_first && std::mem::take(&mut layer.keyframe);
            let [_, _, high, low] = self.frame.to_be_bytes();
            let start = if is_first { DESCRIPTOR } else { 0x80 };
            payload[..5].copy_from_slice(&[start, 0x80, 0x80 | high, low, u8::from(!keyframe)]);
        } else {
            values.audio_level = Some(-20);
            values.voice_activity = Some(true);
        }
        let end = payload.len() - 8;
        payload[end..].copy_from_slice(&self.number.to_be_bytes());
        self.number += 1;
        layer.sequence += 1;
        let clock = if self.shape.is_video { 90_000 } else { 48_000 };
        let step = u32::try_from(self.shape.interval.as_micros()).unwrap() / 100 * clock / 10_000;
        let timestamp = 1000 + self.frame.wrapping_mul(step);
        let write = RtpWrite::new(pt, layer.sequence.into(), timestamp, now, payload)
            .marker(self.shape.is_video && self.written + 1 == self.shape.packets)
            .nackable(self.shape.is_video)
            .ext_vals(values);
        let mut direct = rtc.direct_api();
        if let Some(stream) = direct.stream_tx_by_mid(self.mid, layer.rid) {
            stream.write_rtp(write);
        }
    }
}

/// Reads the number that a packet carries.
pub(crate) fn number_of(payload: &[u8]) -> u64 {
    let bytes = payload.last_chunk().expect("a packet carries its number");
    u64::from_be_bytes(*bytes)
}

/// Tells whether a video packet begins a keyframe.
pub(crate) fn is_keyframe(payload: &[u8]) -> bool {
    payload[0] == DESCRIPTOR && payload[4] & 1 == 0
}
