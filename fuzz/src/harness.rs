//! What the fuzz targets do with their bytes. The tests of `forwarding` replay the corpus through the
//! same functions.
//!
//! Each function panics if an invariant does not hold.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use forwarding::descriptor::av1::is_new_sequence;
use forwarding::descriptor::vp8::PictureId;
use forwarding::{
    Av1Frame, Codec, DependencyDescriptorReader, Descriptor, Forward, LayerTarget, PacketView,
    PayloadRewrite, Room, SubscriptionKey, TrackKey, parse_h264, parse_vp8, parse_vp9,
};

/// Longer than any descriptor.
const BUFFER_BYTES: usize = 512;

/// Reads a VP8 payload descriptor; what is read can be written and rewritten.
pub fn vp8(bytes: &[u8]) {
    let Ok(descriptor) = parse_vp8(bytes) else {
        return;
    };
    let mut buffer = [0; BUFFER_BYTES];
    let len = descriptor
        .write(&mut buffer)
        .expect("what was read can be written");
    assert_eq!(parse_vp8(&buffer[..len]), Ok(descriptor));
    let mut payload = bytes.to_vec();
    let picture_id = descriptor.picture_id.map(|id| id.value() ^ 1);
    let tl0_pic_idx = descriptor.tl0_pic_idx.map(|index| !index);
    descriptor
        .rewrite(&mut payload, picture_id, tl0_pic_idx)
        .expect("what is there can be rewritten");
    let rewritten = parse_vp8(&payload).expect("a rewritten payload can be read");
    assert_eq!(rewritten.picture_id.map(PictureId::value), picture_id);
    assert_eq!(rewritten.tl0_pic_idx, tl0_pic_idx);
    assert_eq!(rewritten.temporal, descriptor.temporal);
}

/// Reads a VP9 payload descriptor; what is read can be written.
pub fn vp9(bytes: &[u8]) {
    if let Ok(descriptor) = parse_vp9(bytes) {
        let mut buffer = [0; BUFFER_BYTES];
        let len = descriptor
            .write(&mut buffer)
            .expect("what was read can be written");
        assert_eq!(parse_vp9(&buffer[..len]), Ok(descriptor));
    }
}

/// Reads an H.264 payload.
pub fn h264(bytes: &[u8]) {
    if let Ok(descriptor) = parse_h264(bytes) {
        let mut buffer = [0; BUFFER_BYTES];
        // Several units of a fragment's or single unit's kind can't come from a payload.
        let len = descriptor
            .write(&mut buffer)
            .expect("what was read can be written");
        assert_eq!(parse_h264(&buffer[..len]), Ok(descriptor));
    }
}

/// Reads a stream of dependency descriptors, each after a byte that tells its length; each can be
/// given other active decode targets.
pub fn dependency_descriptor(bytes: &[u8]) {
    let mut reader = DependencyDescriptorReader::default();
    let mut rest = bytes;
    while let Some((&len, after)) = rest.split_first() {
        let (descriptor, after) = after.split_at(usize::from(len).min(after.len()));
        rest = after;
        let Ok(frame) = reader.read(descriptor) else {
            continue;
        };
        let mut buffer = [0; BUFFER_BYTES];
        let active = frame.active_targets & 0x5555_5555;
        let len = frame
            .write_active_targets(descriptor, active, &mut buffer)
            .expect("what was read can be rewritten");
        let again = reader
            .read(&buffer[..len])
            .expect("what was written can be read");
        assert_eq!(again.active_targets, active);
        assert_eq!(again.number, frame.number);
        assert_eq!(again.references, frame.references);
        assert_eq!(again.indications, frame.indications);
    }
}

/// Takes bytes off the front.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (&first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(first)
    }

    fn take(&mut self, len: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(len.min(self.0.len()));
        self.0 = rest;
        taken
    }
}

/// A published track of the fuzzed room and how its packets are numbered.
struct Track {
    key: TrackKey,
    codec: Codec,
    sequences: [u64; 4],
    timestamp: u32,
    reader: DependencyDescriptorReader,
}

/// Plays a call: each operation is a byte, followed by what it needs.
pub fn room(bytes: &[u8]) {
    let mut input = Input(bytes);
    let mut call = Call {
        room: Room::default(),
        now: origin(),
        tracks: Vec::new(),
        subscriptions: Vec::new(),
        sent: BTreeMap::new(),
        requested: BTreeMap::new(),
    };
    while call.step(&mut input).is_some() {}
}

#[expect(
    clippy::disallowed_methods,
    reason = "an Instant can be had no other way; the call counts from it"
)]
fn origin() -> Instant {
    Instant::now()
}

struct Call {
    room: Room,
    now: Instant,
    tracks: Vec<Track>,
    subscriptions: Vec<SubscriptionKey>,
    /// Numbers that each subscription got.
    sent: BTreeMap<SubscriptionKey, BTreeSet<u64>>,
    /// When each encoding was asked for a keyframe.
    requested: BTreeMap<(TrackKey, u8), Instant>,
}

impl Call {
    /// Does one operation; `None` at the end of the input.
    fn step(&mut self, input: &mut Input<'_>) -> Option<()> {
        let operation = input.byte()?;
        match operation % 16 {
            0 => self.publish(input.byte()?),
            1 => {
                let track = self.track(input.byte()?)?.key;
                let target = target(input.byte()?);
                if let Some(target) = target
                    && let Some(key) = self.room.subscribe(track, target)
                {
                    self.subscriptions.push(key);
                }
            }
            2 => {
                let subscription = self.subscription(input.byte()?)?;
                self.room.set_target(subscription, target(input.byte()?));
            }
            3 => {
                let subscription = self.subscription(input.byte()?)?;
                self.room.unsubscribe(subscription);
            }
            4 => {
                let track = self.track(input.byte()?)?.key;
                self.room.unpublish(track);
            }
            5 => {
                let subscription = self.subscription(input.byte()?)?;
                self.room.handle_keyframe_request(self.now, subscription);
            }
            6 => {
                let track = self.track(input.byte()?)?.key;
                let count = input.byte()?;
                self.room.handle_encoding_restart(track, count % 5);
            }
            7 => {
                let track = self.track(input.byte()?)?.key;
                let level = input.byte()?;
                self.room
                    .handle_audio_level(self.now, track, level, level % 2 == 0);
            }
            8 => {
                let track = self.track(input.byte()?)?.key;
                let sent = std::time::SystemTime::UNIX_EPOCH
                    + Duration::from_millis(u64::from(input.byte()?) * 7);
                let rtp = u32::from(input.byte()?) << 24;
                self.room
                    .handle_sender_report(track, input.byte()?, sent, rtp);
            }
            9 => self.now += Duration::from_millis(u64::from(input.byte()?) * 4),
            _ => self.packet(input)?,
        }
        self.poll();
        Some(())
    }

    fn publish(&mut self, choice: u8) {
        let codecs = [
            Codec::Opus,
            Codec::Red,
            Codec::Vp8,
            Codec::H264,
            Codec::Vp9,
            Codec::Av1,
        ];
        let codec = codecs[usize::from(choice) % codecs.len()];
        self.tracks.push(Track {
            key: self.room.publish(codec, choice >> 6),
            codec,
            sequences: [0, 65_530, 1 << 40, u64::MAX - 5],
            timestamp: u32::MAX - 1,
            reader: DependencyDescriptorReader::default(),
        });
    }

    fn track(&mut self, choice: u8) -> Option<&mut Track> {
        if self.tracks.is_empty() {
            self.publish(choice);
        }
        let count = self.tracks.len();
        self.tracks.get_mut(usize::from(choice) % count)
    }

    fn subscription(&self, choice: u8) -> Option<SubscriptionKey> {
        let count = self.subscriptions.len().max(1);
        self.subscriptions.get(usize::from(choice) % count).copied()
    }

    fn packet(&mut self, input: &mut Input<'_>) -> Option<()> {
        let (choice, step, flags) = (input.byte()?, input.byte()?, input.byte()?);
        let payload = input.take(usize::from(flags % 32));
        let track = self.track(choice)?;
        let encoding = choice >> 6;
        let sequence = &mut track.sequences[usize::from(encoding)];
        *sequence = match step {
            0..=127 => sequence.wrapping_add(1),
            128..=191 => sequence.wrapping_add(u64::from(step - 126)),
            192..=250 => sequence.wrapping_sub(u64::from(step - 192)),
            _ => sequence.wrapping_add(u64::from(step) << 12),
        };
        if flags & 0x80 != 0 {
            track.timestamp = track.timestamp.wrapping_add(u32::from(step) * 97);
        }
        let descriptor = match track.codec {
            Codec::Opus | Codec::Red => Descriptor::Audio,
            Codec::Vp8 => parse_vp8(payload).map_or(Descriptor::Unreadable, Descriptor::Vp8),
            Codec::H264 => parse_h264(payload).map_or(Descriptor::Unreadable, Descriptor::H264),
            Codec::Vp9 => parse_vp9(payload).map_or(Descriptor::Unreadable, Descriptor::Vp9),
            Codec::Av1 if is_new_sequence(payload) => {
                Descriptor::Av1(Av1Frame::without_descriptor(payload, flags & 0x40 != 0))
            }
            Codec::Av1 => track
                .reader
                .read(payload)
                .map_or(Descriptor::Unreadable, Descriptor::Av1),
        };
        let view = PacketView {
            encoding,
            sequence: *sequence,
            timestamp: track.timestamp,
            marker: flags & 0x40 != 0,
            payload_bytes: u16::from(flags & 0x20) * 8 + u16::from(flags % 32),
            descriptor,
        };
        let key = track.key;
        let mut forwards = Vec::new();
        self.room.handle_packet(self.now, key, &view, &mut forwards);
        for forward in &forwards {
            self.check(&view, forward);
        }
        Some(())
    }

    fn check(&mut self, view: &PacketView, forward: &Forward) {
        assert!(view.payload_bytes > 0, "padding is not passed on");
        let numbers = self.sent.entry(forward.subscription).or_default();
        assert!(
            !numbers.is_empty() || forward.sequence < 65_536,
            "the first number is below 65536"
        );
        assert!(numbers.insert(forward.sequence), "a number was given twice");
        if let (
            Descriptor::Vp8(vp8),
            PayloadRewrite::Vp8 {
                picture_id,
                tl0_pic_idx,
            },
        ) = (&view.descriptor, forward.rewrite)
        {
            assert_eq!(vp8.picture_id.is_some(), picture_id.is_some());
            assert_eq!(vp8.tl0_pic_idx.is_some(), tl0_pic_idx.is_some());
            let limit = vp8.picture_id.map_or(0, |id| 1 << id.width_bits());
            assert!(picture_id.is_none_or(|id| id < limit));
        }
    }

    fn poll(&mut self) {
        while let Some(request) = self.room.poll_keyframe_request(self.now) {
            let before = self.requested.insert(request, self.now);
            assert!(
                before.is_none_or(|at| self.now - at >= Duration::from_millis(500)),
                "an encoding is asked once in 500 ms"
            );
        }
        let _ = self.room.poll_speakers(self.now);
        assert!(self.room.poll_timeout().is_none_or(|at| at > self.now));
    }
}

/// Reads a target: a byte of layers, or a pause.
fn target(byte: u8) -> Option<LayerTarget> {
    (byte != u8::MAX).then_some(LayerTarget {
        spatial: byte & 3,
        temporal: byte >> 2 & 3,
    })
}
