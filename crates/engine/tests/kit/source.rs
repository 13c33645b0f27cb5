//! Scripted media: a microphone and a camera that obey keyframe requests.

use std::time::{Duration, Instant};

use engine::{Codec, MediaKind, TrackId};
use forwarding::descriptor::vp8::{PictureId, Vp8Temporal};
use forwarding::descriptor::vp9::{Vp9Layer, Vp9References, Vp9Structure};
use forwarding::{Vp8Descriptor, Vp9Descriptor};
use str0m::Rtc;
use str0m::media::{Mid, Pt, Rid};
use str0m::rtp::{ExtensionValues, RtpWrite};

use super::stamp::Stamp;

pub(crate) const AUDIO_INTERVAL: Duration = Duration::from_millis(20);
pub(crate) const FRAME_INTERVAL: Duration = Duration::from_millis(40);

const AUDIO_TICKS: u32 = 960;
const FRAME_TICKS: u32 = 3600;
const FILL_BYTES: usize = 300;

/// Two bytes of something, the inverted length, the ending.
pub(crate) const TRAILER: [u8; 7] = [1, 2, !7, b'L', b'K', b'T', b'S'];

/// What is published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Script {
    /// Opus with an audio level of -20 dBov.
    Opus,
    /// The same, with the packet before repeated in each (RFC 2198).
    OpusRed,
    /// VP8 in one encoding.
    Vp8,
    /// VP8 in three encodings q, h, f, each with two temporal layers.
    Vp8Simulcast,
    /// VP9 with three spatial layers.
    Vp9Svc,
}

impl Script {
    pub(crate) fn kind(self) -> MediaKind {
        match self {
            Self::Opus | Self::OpusRed => MediaKind::Audio,
            Self::Vp8 | Self::Vp8Simulcast | Self::Vp9Svc => MediaKind::Video,
        }
    }

    pub(crate) fn codec(self) -> Codec {
        match self {
            Self::Opus => Codec::Opus,
            Self::OpusRed => Codec::Red,
            Self::Vp8 | Self::Vp8Simulcast => Codec::Vp8,
            Self::Vp9Svc => Codec::Vp9,
        }
    }

    pub(crate) fn rids(self) -> &'static [&'static str] {
        match self {
            Self::Opus | Self::OpusRed | Self::Vp8 | Self::Vp9Svc => &[],
            Self::Vp8Simulcast => &["q", "h", "f"],
        }
    }

    fn interval(self) -> Duration {
        match self {
            Self::Opus | Self::OpusRed => AUDIO_INTERVAL,
            Self::Vp8 | Self::Vp8Simulcast | Self::Vp9Svc => FRAME_INTERVAL,
        }
    }
}

/// A track that a peer sends.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) track: TrackId,
    pub(crate) mid: Mid,
    pub(crate) script: Script,
    pub(crate) next_at: Instant,
    /// Nothing is sent while this is off.
    pub(crate) is_on: bool,
    /// What `a=audio-level` says, in dBov.
    pub(crate) level: i8,
    /// Whether each frame ends with a trailer.
    pub(crate) has_trailer: bool,
    /// Packets of sound that are sent at once.
    pub(crate) burst: u32,
    /// When the first packet was sent.
    pub(crate) begun_at: Option<Instant>,
    pub(crate) encodings: Vec<Encoding>,
}

/// One simulcast encoding.
#[derive(Debug)]
pub(crate) struct Encoding {
    pub(crate) rid: Option<Rid>,
    layer: u8,
    sequence: u64,
    timestamp: u32,
    picture_id: u16,
    tl0_pic_idx: u8,
    pub(crate) frame: u32,
    base: Option<u32>,
    /// Packets of a frame and of a keyframe, and what fills each.
    pub(crate) packets: [u8; 2],
    pub(crate) fill_bytes: usize,
    /// The sound that the next packet repeats.
    repeated: Option<Vec<u8>>,
    pub(crate) wants_keyframe: bool,
    pub(crate) is_on: bool,
    /// When it was asked for keyframes.
    pub(crate) requests: Vec<Instant>,
    pub(crate) keyframes: Vec<Instant>,
}

impl Source {
    pub(crate) fn new(track: TrackId, mid: Mid, script: Script, now: Instant, salt: u64) -> Self {
        let rids = script.rids().iter().map(|rid| Some(Rid::from(*rid)));
        let rids: Vec<_> = if script.rids().is_empty() {
            vec![None]
        } else {
            rids.collect()
        };
        let encodings = rids
            .into_iter()
            .zip(0_u8..)
            .map(|(rid, layer)| Encoding::new(rid, layer, salt))
            .collect();
        Self {
            track,
            mid,
            script,
            next_at: now,
            is_on: true,
            level: -20,
            has_trailer: false,
            burst: 1,
            begun_at: None,
            encodings,
        }
    }

    /// The streams of the track.
    pub(crate) fn rids(&self) -> Vec<(Mid, Option<Rid>)> {
        let encodings = self.encodings.iter();
        encodings.map(|encoding| (self.mid, encoding.rid)).collect()
    }

    /// Sends as a camera of 720p does: 140, 530 and 1700 kbit/s, and keyframes of four frames' size.
    pub(crate) fn fill_as_720p(&mut self) {
        let sizes = [(600, [1, 4]), (800, [3, 12]), (1000, [8, 32])];
        for (encoding, (fill_bytes, packets)) in self.encodings.iter_mut().zip(sizes) {
            (encoding.fill_bytes, encoding.packets) = (fill_bytes, packets);
        }
    }

    /// Takes over the numbers of a track that was sent by the same sender.
    pub(crate) fn go_on_from(&mut self, retired: Self) {
        self.encodings = retired.encodings;
        for encoding in &mut self.encodings {
            encoding.wants_keyframe = true;
            encoding.requests.clear();
        }
    }

    /// Sends what is due.
    pub(crate) fn tick(&mut self, now: Instant, rtc: &mut Rtc) {
        while self.next_at <= now {
            self.next_at += self.script.interval();
            if !self.is_on {
                continue;
            }
            let Some(payload_type) = payload_type(rtc, self.script) else {
                continue;
            };
            self.begun_at.get_or_insert(now);
            let (level, burst, has_trailer) = (self.level, self.burst, self.has_trailer);
            for encoding in self.encodings.iter_mut().filter(|encoding| encoding.is_on) {
                let mut packets = match self.script {
                    Script::Opus => {
                        for _ in 1..burst {
                            let packet = encoding.opus_packet(level);
                            encoding.send(now, rtc, self.mid, payload_type, packet);
                        }
                        encoding.opus_packet(level)
                    }
                    Script::OpusRed => encoding.red_packet(level, opus_type(rtc)),
                    Script::Vp8 | Script::Vp8Simulcast => encoding.vp8_frame(now),
                    Script::Vp9Svc => encoding.vp9_picture(now),
                };
                for packet in packets
                    .iter_mut()
                    .filter(|packet| packet.marker && has_trailer)
                {
                    packet.payload.extend(TRAILER);
                }
                encoding.send(now, rtc, self.mid, payload_type, packets);
            }
        }
    }

    /// Sends `count` packets of sound at once.
    pub(crate) fn burst(&mut self, now: Instant, rtc: &mut Rtc, count: usize) {
        let payload_type = payload_type(rtc, self.script).expect("the codec is known");
        for _ in 0..count {
            let packets = self.encodings[0].opus_packet(-10);
            self.encodings[0].send(now, rtc, self.mid, payload_type, packets);
        }
    }

    /// The number that the next packet of the first encoding would have.
    pub(crate) fn next_sequence(&self) -> u64 {
        self.encodings[0].sequence
    }

    pub(crate) fn handle_keyframe_request(&mut self, now: Instant, rid: Option<Rid>) {
        for encoding in self.encodings.iter_mut().filter(|e| e.rid == rid) {
            encoding.wants_keyframe = true;
            encoding.requests.push(now);
        }
    }
}

struct Packet {
    payload: Vec<u8>,
    marker: bool,
    nackable: bool,
    extensions: ExtensionValues,
}

impl Encoding {
    fn new(rid: Option<Rid>, layer: u8, salt: u64) -> Self {
        let [a, b, c, d, ..] = salt.to_be_bytes();
        Self {
            rid,
            layer,
            // Some begin shortly before the wrap.
            sequence: u64::from(u16::from_be_bytes([a | 0x7f, b])),
            timestamp: u32::from_be_bytes([a, b, c, layer]),
            picture_id: u16::from_be_bytes([c, d]) & 0x7fff,
            tl0_pic_idx: d,
            frame: 0,
            base: None,
            packets: [1 + layer, 3 + layer],
            fill_bytes: FILL_BYTES,
            repeated: None,
            wants_keyframe: false,
            is_on: true,
            requests: Vec::new(),
            keyframes: Vec::new(),
        }
    }

    fn send(
        &mut self,
        now: Instant,
        rtc: &mut Rtc,
        mid: Mid,
        payload_type: Pt,
        packets: Vec<Packet>,
    ) {
        let mut direct = rtc.direct_api();
        let Some(stream) = direct.stream_tx_by_mid(mid, self.rid) else {
            return;
        };
        for packet in packets {
            let write = RtpWrite::new(
                payload_type,
                self.sequence.into(),
                self.timestamp,
                now,
                packet.payload,
            )
            .marker(packet.marker)
            .nackable(packet.nackable)
            .ext_vals(packet.extensions);
            stream.write_rtp(write);
            self.sequence += 1;
        }
    }

    fn opus_packet(&mut self, level: i8) -> Vec<Packet> {
        self.timestamp = self.timestamp.wrapping_add(AUDIO_TICKS);
        let stamp = self.stamp(0, false, (0, 1), None);
        let mut payload = vec![stamp.fill(); 90];
        stamp.write(&mut payload);
        self.frame += 1;
        vec![Packet {
            payload,
            marker: false,
            nackable: false,
            extensions: ExtensionValues {
                audio_level: Some(level),
                voice_activity: Some(true),
                ..ExtensionValues::default()
            },
        }]
    }

    fn red_packet(&mut self, level: i8, opus_type: u8) -> Vec<Packet> {
        let mut packets = self.opus_packet(level);
        let primary = std::mem::take(&mut packets[0].payload);
        let mut payload = Vec::new();
        if let Some(repeated) = &self.repeated {
            let length = u32::try_from(repeated.len()).expect("sound is short");
            let fields = (AUDIO_TICKS << 10) | length;
            payload.push(0x80 | opus_type);
            payload.extend_from_slice(&fields.to_be_bytes()[1..]);
        }
        payload.push(opus_type);
        payload.extend(self.repeated.iter().flatten());
        payload.extend_from_slice(&primary);
        self.repeated = Some(primary);
        packets[0].payload = payload;
        packets
    }

    /// Every second frame is of temporal layer 1, which no other frame needs. Larger encodings have more
    /// packets per frame.
    fn vp8_frame(&mut self, now: Instant) -> Vec<Packet> {
        self.timestamp = self.timestamp.wrapping_add(FRAME_TICKS);
        let keyframe = self.take_keyframe(now);
        let temporal = if keyframe {
            0
        } else {
            u8::from(self.frame % 2 == 1)
        };
        if temporal == 0 {
            self.tl0_pic_idx = self.tl0_pic_idx.wrapping_add(1);
        }
        let count = self.packets[usize::from(keyframe)];
        let needs = self.base.filter(|_| !keyframe);
        let mut packets = Vec::new();
        for index in 0..count {
            let descriptor = Vp8Descriptor {
                non_reference: temporal > 0,
                partition_start: index == 0,
                partition: 0,
                picture_id: Some(PictureId::Wide(self.picture_id)),
                tl0_pic_idx: Some(self.tl0_pic_idx),
                temporal: Some(Vp8Temporal {
                    id: temporal,
                    layer_sync: temporal > 0,
                }),
                key_idx: None,
                keyframe: keyframe && index == 0,
            };
            let mut payload = vec![0; 7];
            let written = descriptor.write(&mut payload).expect("it can be written");
            payload.truncate(written);
            if keyframe && index == 0 {
                // Rest of the frame tag, start code, size (RFC 6386, section 9.1).
                payload.extend([0, 0, 0x9d, 0x01, 0x2a]);
                payload.extend((320_u16 << self.layer).to_le_bytes());
                payload.extend((180_u16 << self.layer).to_le_bytes());
            }
            let stamp = self.stamp(temporal, keyframe, (index, count), needs);
            payload.resize(written + self.fill_bytes, stamp.fill());
            stamp.write(&mut payload);
            packets.push(video_packet(payload, index + 1 == count));
        }
        self.picture_id = (self.picture_id + 1) & 0x7fff;
        if temporal == 0 {
            self.base = Some(self.frame);
        }
        self.frame += 1;
        packets
    }

    /// One packet for each of three spatial layers.
    fn vp9_picture(&mut self, now: Instant) -> Vec<Packet> {
        self.timestamp = self.timestamp.wrapping_add(FRAME_TICKS);
        let keyframe = self.take_keyframe(now);
        self.picture_id = (self.picture_id + 1) & 0x7fff;
        self.tl0_pic_idx = self.tl0_pic_idx.wrapping_add(1);
        let mut packets = Vec::new();
        for spatial in 0..3 {
            let descriptor = Vp9Descriptor {
                picture_id: Some(PictureId::Wide(self.picture_id)),
                inter_picture: !keyframe,
                flexible: false,
                frame_start: true,
                frame_end: true,
                not_for_upper_layers: spatial == 2,
                layer: Some(Vp9Layer {
                    temporal: 0,
                    switching_up: false,
                    spatial,
                    inter_layer: spatial > 0,
                    tl0_pic_idx: Some(self.tl0_pic_idx),
                }),
                references: Vp9References::default(),
                structure: (keyframe && spatial == 0).then_some(Vp9Structure {
                    spatial_layers: 3,
                    resolutions: None,
                }),
            };
            let mut payload = vec![0; 46];
            let written = descriptor.write(&mut payload).expect("it can be written");
            payload.truncate(written);
            let mut stamp = self.stamp(0, keyframe, (spatial, 3), None);
            stamp.layer = spatial;
            payload.resize(written + FILL_BYTES, stamp.fill());
            stamp.write(&mut payload);
            packets.push(video_packet(payload, spatial == 2));
        }
        self.frame += 1;
        packets
    }

    fn take_keyframe(&mut self, now: Instant) -> bool {
        let keyframe = std::mem::take(&mut self.wants_keyframe) || self.frame == 0;
        if keyframe {
            self.keyframes.push(now);
        }
        keyframe
    }

    fn stamp(
        &self,
        temporal: u8,
        keyframe: bool,
        (index, count): (u8, u8),
        needs: Option<u32>,
    ) -> Stamp {
        Stamp {
            layer: self.layer,
            temporal,
            keyframe,
            index,
            count,
            frame: self.frame,
            needs,
        }
    }
}

fn video_packet(payload: Vec<u8>, marker: bool) -> Packet {
    Packet {
        payload,
        marker,
        nackable: true,
        extensions: ExtensionValues::default(),
    }
}

fn payload_type(rtc: &Rtc, script: Script) -> Option<Pt> {
    let wanted = match script {
        Script::Opus | Script::OpusRed => str0m::format::Codec::Opus,
        Script::Vp8 | Script::Vp8Simulcast => str0m::format::Codec::Vp8,
        Script::Vp9Svc => str0m::format::Codec::Vp9,
    };
    rtc.codec_config()
        .params()
        .iter()
        .find(|parameters| parameters.spec().codec == wanted)
        .and_then(|parameters| match script {
            Script::OpusRed => parameters.red(),
            Script::Opus | Script::Vp8 | Script::Vp8Simulcast | Script::Vp9Svc => {
                Some(parameters.pt())
            }
        })
}

fn opus_type(rtc: &Rtc) -> u8 {
    *payload_type(rtc, Script::Opus).expect("everybody knows Opus")
}
