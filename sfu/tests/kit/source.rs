//! Synthetic media: packets that look like VP8 or Opus and carry a number.

use std::time::{Duration, Instant};

use str0m::Rtc;
use str0m::format::Codec;
use str0m::media::{Mid, Rid};
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
    number: u64,
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
            number: 1,
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

    /// Writes a frame if one is due. Gives whether it was.
    pub(crate) fn write(&mut self, now: Instant, rtc: &mut Rtc) -> bool {
        if self.due > now {
            return false;
        }
        self.due += self.shape.interval;
        let codec = if self.shape.is_video {
            Codec::Vp8
        } else {
            Codec::Opus
        };
        let params = rtc.codec_config().params().iter();
        let Some(pt) = params
            .filter(|params| params.spec().codec == codec)
            .map(|params| params.pt())
            .next()
        else {
            return true;
        };
        let clock = if self.shape.is_video { 90_000 } else { 48_000 };
        let step = u32::try_from(self.shape.interval.as_micros()).unwrap() / 100 * clock / 10_000;
        for layer in &mut self.layers {
            let keyframe = std::mem::take(&mut layer.keyframe);
            for index in 0..self.shape.packets {
                let mut payload = vec![0_u8; self.shape.packet_bytes];
                if self.shape.is_video {
                    let [_, _, high, low] = self.frame.to_be_bytes();
                    let start = if index == 0 { DESCRIPTOR } else { 0x80 };
                    let header = u8::from(!(keyframe && index == 0));
                    payload[..5].copy_from_slice(&[start, 0x80, 0x80 | high, low, header]);
                }
                let end = payload.len() - 8;
                payload[end..].copy_from_slice(&self.number.to_be_bytes());
                self.number += 1;
                layer.sequence += 1;
                let mut values = ExtensionValues::default();
                if !self.shape.is_video {
                    values.audio_level = Some(-20);
                    values.voice_activity = Some(true);
                }
                let timestamp = 1000 + self.frame.wrapping_mul(step);
                let sequence = layer.sequence.into();
                let write = RtpWrite::new(pt, sequence, timestamp, now, payload)
                    .marker(self.shape.is_video && index + 1 == self.shape.packets)
                    .nackable(self.shape.is_video)
                    .ext_vals(values);
                let mut direct = rtc.direct_api();
                if let Some(stream) = direct.stream_tx_by_mid(self.mid, layer.rid) {
                    stream.write_rtp(write);
                }
            }
        }
        self.frame += 1;
        true
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
