//! Measures what one forwarded packet costs: one VP8 publisher, 50 subscribers, a fifth of them with
//! fewer temporal layers. Run with `cargo run --release -p forwarding --example throughput`.

use std::time::{Duration, Instant};

use forwarding::descriptor::vp8::{PictureId, Vp8Temporal};
use forwarding::{Codec, Descriptor, LayerTarget, PacketView, Room, Vp8Descriptor};

const SUBSCRIBERS: u8 = 50;
const FRAMES: u32 = 60_000;
const PACKETS_PER_FRAME: u32 = 7;
const PATTERN: [u8; 4] = [0, 2, 1, 2];

#[expect(
    clippy::disallowed_methods,
    reason = "a measurement needs a clock; the library has none"
)]
fn clock() -> Instant {
    Instant::now()
}

fn main() {
    let mut room = Room::default();
    let track = room.publish(Codec::Vp8, 1);
    for at in 0..SUBSCRIBERS {
        let temporal = if at % 5 == 0 { 0 } else { 2 };
        room.subscribe(
            track,
            LayerTarget {
                spatial: 0,
                temporal,
            },
        );
    }
    let mut forwards = Vec::new();
    let mut forwarded = 0;
    let mut packets = 0_u64;
    let begin = clock();
    let mut now = begin;
    for frame in 0..FRAMES {
        now += Duration::from_millis(33);
        for at in 0..PACKETS_PER_FRAME {
            packets += 1;
            let layer = PATTERN[frame as usize % PATTERN.len()];
            let view = PacketView {
                encoding: 0,
                sequence: packets,
                timestamp: frame.wrapping_mul(3_000),
                marker: at + 1 == PACKETS_PER_FRAME,
                payload_bytes: 1_200,
                descriptor: Descriptor::Vp8(Vp8Descriptor {
                    non_reference: false,
                    partition_start: at == 0,
                    partition: 0,
                    picture_id: Some(PictureId::Wide(u16::try_from(frame & 0x7fff).unwrap_or(0))),
                    tl0_pic_idx: Some(u8::try_from((frame / 4) & 0xff).unwrap_or(0)),
                    temporal: Some(Vp8Temporal {
                        id: layer,
                        layer_sync: false,
                    }),
                    key_idx: None,
                    keyframe: frame == 0 && at == 0,
                }),
            };
            forwards.clear();
            room.handle_packet(now, track, &view, &mut forwards);
            forwarded += forwards.len() as u64;
            while room.poll_keyframe_request(now).is_some() {}
        }
    }
    let spent = begin.elapsed();
    let per_forward = spent.as_nanos() / u128::from(forwarded.max(1));
    println!("{packets} packets in, {forwarded} out: {per_forward} ns per forwarded packet");
}
