//! Publishers' streams as packets, and what a subscriber makes of what it gets.
#![expect(dead_code, reason = "each test binary uses its part")]
#![expect(clippy::unwrap_used, reason = "a broken generator is a failed test")]

pub(crate) mod av1;

use std::time::Instant;

use forwarding::descriptor::h264::H264Packet;
use forwarding::descriptor::vp8::{PictureId, Vp8Temporal};
use forwarding::descriptor::vp9::{Vp9Layer, Vp9References};
use forwarding::{
    Descriptor, Forward, H264Descriptor, PacketView, Room, SubscriptionKey, TrackKey,
    Vp8Descriptor, Vp9Descriptor,
};

/// Ticks of a 90 kHz clock in a frame at 30 fps.
pub(crate) const FRAME_TICKS: u32 = 3_000;
/// Milliseconds in a frame at 30 fps, rounded.
pub(crate) const FRAME_MS: u64 = 33;

/// Some point in time for virtual clocks to begin at.
#[expect(
    clippy::disallowed_methods,
    reason = "an Instant can be had no other way; tests count from it"
)]
pub(crate) fn origin() -> Instant {
    Instant::now()
}

/// A packet and the frame that it belongs to, as the test knows it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sent {
    pub(crate) view: PacketView,
    /// Number of the picture in its encoding.
    pub(crate) picture: u64,
    /// The picture is a keyframe.
    pub(crate) keyframe: bool,
}

/// L1T3 in the order that browsers use: layer, sync.
const PATTERN: [(u8, bool); 8] = [
    (0, false),
    (2, true),
    (1, true),
    (2, false),
    (0, false),
    (2, false),
    (1, false),
    (2, false),
];

/// One encoding of a VP8 track, or of an H.264 one.
#[derive(Debug, Clone)]
pub(crate) struct Simulcast {
    pub(crate) encoding: u8,
    pub(crate) sequence: u64,
    pub(crate) timestamp: u32,
    picture_id: u16,
    tl0: u8,
    at: usize,
    picture: u64,
    h264: bool,
}

impl Simulcast {
    pub(crate) fn vp8(encoding: u8) -> Self {
        // Far from each other and close to a wrap, as random offsets may be.
        let far = u32::from(encoding) * 1_000_000_007;
        Self {
            encoding,
            sequence: 65_500 + u64::from(encoding) * 777,
            timestamp: u32::MAX - 50_000 - far,
            picture_id: 0x7ff0 - u16::from(encoding) * 999,
            tl0: 250 - encoding * 31,
            at: 0,
            picture: 0,
            h264: false,
        }
    }

    pub(crate) fn h264(encoding: u8) -> Self {
        Self {
            h264: true,
            ..Self::vp8(encoding)
        }
    }

    /// Makes the next frame of `packets` packets.
    pub(crate) fn frame(&mut self, keyframe: bool, packets: u64) -> Vec<Sent> {
        if keyframe {
            self.at = 0;
        }
        let (layer, sync) = PATTERN[self.at % PATTERN.len()];
        self.at += 1;
        self.picture += 1;
        self.timestamp = self.timestamp.wrapping_add(FRAME_TICKS);
        self.picture_id = (self.picture_id + 1) & 0x7fff;
        if layer == 0 {
            self.tl0 = self.tl0.wrapping_add(1);
        }
        (0..packets)
            .map(|at| {
                self.sequence += 1;
                let descriptor = if self.h264 {
                    Descriptor::H264(H264Descriptor {
                        packet: H264Packet::Fragment {
                            start: at == 0,
                            end: at + 1 == packets && packets > 1,
                        },
                        parameter_sets: false,
                        idr: keyframe,
                    })
                } else {
                    Descriptor::Vp8(Vp8Descriptor {
                        non_reference: layer == 2,
                        partition_start: at == 0,
                        partition: 0,
                        picture_id: Some(PictureId::Wide(self.picture_id)),
                        tl0_pic_idx: Some(self.tl0),
                        temporal: Some(Vp8Temporal {
                            id: layer,
                            layer_sync: sync,
                        }),
                        key_idx: None,
                        keyframe: keyframe && at == 0,
                    })
                };
                Sent {
                    view: PacketView {
                        encoding: self.encoding,
                        sequence: self.sequence,
                        timestamp: self.timestamp,
                        marker: at + 1 == packets,
                        payload_bytes: 1_000,
                        descriptor,
                    },
                    picture: self.picture,
                    keyframe,
                }
            })
            .collect()
    }
}

/// A VP9 SVC track with three spatial layers in L1T3 each.
#[derive(Debug, Clone)]
pub(crate) struct Svc {
    sequence: u64,
    timestamp: u32,
    picture_id: u16,
    tl0: u8,
    at: usize,
    picture: u64,
    /// Spatial layers refer to each other in keyframes only (`L3T3_KEY`).
    key_only: bool,
    flexible: bool,
}

impl Svc {
    pub(crate) fn new(key_only: bool, flexible: bool) -> Self {
        Self {
            sequence: 65_000,
            timestamp: 9,
            picture_id: 0x7ffa,
            tl0: 254,
            at: 0,
            picture: 0,
            key_only,
            flexible,
        }
    }

    /// Makes the next picture, `packets` packets for each of `layers` spatial layers.
    pub(crate) fn picture(&mut self, keyframe: bool, layers: u8, packets: u64) -> Vec<Sent> {
        if keyframe {
            self.at = 0;
        }
        let (temporal, _) = PATTERN[self.at % 4];
        self.at += 1;
        self.picture += 1;
        self.timestamp = self.timestamp.wrapping_add(FRAME_TICKS);
        self.picture_id = (self.picture_id + 1) & 0x7fff;
        if temporal == 0 {
            self.tl0 = self.tl0.wrapping_add(1);
        }
        let mut sent = Vec::new();
        for spatial in 0..layers {
            for at in 0..packets {
                self.sequence += 1;
                sent.push(Sent {
                    view: PacketView {
                        encoding: 0,
                        sequence: self.sequence,
                        timestamp: self.timestamp,
                        marker: spatial + 1 == layers && at + 1 == packets,
                        payload_bytes: 1_000,
                        descriptor: Descriptor::Vp9(Vp9Descriptor {
                            picture_id: Some(PictureId::Wide(self.picture_id)),
                            inter_picture: !keyframe,
                            flexible: self.flexible,
                            frame_start: at == 0,
                            frame_end: at + 1 == packets,
                            not_for_upper_layers: self.key_only && !keyframe,
                            layer: Some(Vp9Layer {
                                temporal,
                                // Second-layer frames may be referred to by the last of a group.
                                switching_up: !self.at.is_multiple_of(4),
                                spatial,
                                inter_layer: spatial > 0 && (keyframe || !self.key_only),
                                tl0_pic_idx: (!self.flexible).then_some(self.tl0),
                            }),
                            references: if self.flexible && !keyframe {
                                Vp9References::new(&[1]).unwrap()
                            } else {
                                Vp9References::default()
                            },
                            structure: None,
                        }),
                    },
                    picture: self.picture,
                    keyframe,
                });
            }
        }
        sent
    }
}

/// An Opus packet.
pub(crate) fn sound(sequence: u64) -> PacketView {
    PacketView {
        encoding: 0,
        sequence,
        timestamp: u32::try_from(sequence * 960 % (1 << 32)).unwrap(),
        marker: false,
        payload_bytes: 80,
        descriptor: Descriptor::Audio,
    }
}

/// Hands a packet to the room; gives what one subscription gets.
pub(crate) fn hand(
    room: &mut Room,
    now: Instant,
    track: TrackKey,
    packet: &PacketView,
    subscription: SubscriptionKey,
) -> Option<Forward> {
    let mut forwards = Vec::new();
    room.handle_packet(now, track, packet, &mut forwards);
    forwards
        .into_iter()
        .find(|forward| forward.subscription == subscription)
}

/// Takes all keyframe requests that are due.
pub(crate) fn keyframe_requests(room: &mut Room, now: Instant) -> Vec<(TrackKey, u8)> {
    std::iter::from_fn(|| room.poll_keyframe_request(now)).collect()
}
