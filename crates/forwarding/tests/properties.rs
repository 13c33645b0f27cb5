//! Properties of what subscribers get, over random calls.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use forwarding::{
    Codec, Descriptor, Forward, LayerTarget, PayloadRewrite, Room, SubscriptionKey, TrackKey,
};
use proptest::prelude::*;
use support::av1::Av1;
use support::{FRAME_MS, Sent, Simulcast, Svc, hand, origin};

/// What happens at one frame of a call.
#[expect(
    clippy::option_option,
    reason = "no change and a change to a pause are two things"
)]
#[derive(Debug, Clone)]
struct Tick {
    /// Which encodings get a keyframe.
    keyframes: u8,
    target: Option<Option<LayerTarget>>,
    packets: u64,
    /// How far each packet is put off, in packets; every fifth value loses it.
    disorder: Vec<u8>,
}

fn ticks(max: usize) -> impl Strategy<Value = Vec<Tick>> {
    let target = prop_oneof![
        8 => Just(None),
        1 => Just(Some(None)),
        3 => (0_u8..4, 0_u8..4).prop_map(|(spatial, temporal)| {
            Some(Some(LayerTarget { spatial, temporal }))
        }),
    ];
    let keyframes = prop_oneof![4 => Just(0_u8), 1 => 0_u8..8];
    let tick = (
        keyframes,
        target,
        1_u64..4,
        proptest::collection::vec(0_u8..40, 12),
    )
        .prop_map(|(keyframes, target, packets, disorder)| Tick {
            keyframes,
            target,
            packets,
            disorder,
        });
    proptest::collection::vec(tick, 1..max)
}

/// A subscriber's view of a call: what it got, in the order of arrival.
struct Call {
    room: Room,
    track: TrackKey,
    subscription: SubscriptionKey,
    at_ms: u64,
    got: Vec<(Sent, Forward)>,
    start: std::time::Instant,
}

impl Call {
    fn new(codec: Codec, encodings: u8) -> Self {
        let mut room = Room::default();
        let track = room.publish(codec, encodings);
        let subscription = room
            .subscribe(track, LayerTarget::ALL)
            .expect("the track is published");
        Self {
            room,
            track,
            subscription,
            at_ms: 0,
            got: Vec::new(),
            start: origin(),
        }
    }

    fn begin_tick(&mut self, tick: &Tick) {
        self.at_ms += FRAME_MS;
        if let Some(target) = tick.target {
            self.room.set_target(self.subscription, target);
        }
    }

    fn send(&mut self, sent: &Sent) {
        let now = self.start + Duration::from_millis(self.at_ms);
        let forward = hand(
            &mut self.room,
            now,
            self.track,
            &sent.view,
            self.subscription,
        );
        if let Some(forward) = forward {
            self.got.push((*sent, forward));
        }
        while self.room.poll_keyframe_request(now).is_some() {}
    }
}

/// Puts packets off, loses some and repeats some.
fn disturb(all: &[(Sent, u8)]) -> Vec<Sent> {
    let mut order: Vec<(usize, Sent)> = Vec::new();
    for (at, &(sent, disorder)) in all.iter().enumerate() {
        match disorder {
            0 => {}
            1 => order.extend([(at, sent), (at + 7, sent)]),
            2..=5 => order.push((at + usize::from(disorder) * 3, sent)),
            _ => order.push((at, sent)),
        }
    }
    order.sort_by_key(|&(at, _)| at);
    order.into_iter().map(|(_, sent)| sent).collect()
}

/// Which frame of a simulcast track a packet belongs to.
fn frame_of(sent: &Sent) -> (u8, u64) {
    (sent.view.encoding, sent.picture)
}

fn picture_id(forward: &Forward) -> u16 {
    match forward.rewrite {
        PayloadRewrite::Vp8 {
            picture_id: Some(id),
            ..
        } => id,
        other
        @ (PayloadRewrite::None | PayloadRewrite::Vp8 { .. } | PayloadRewrite::Av1 { .. }) => {
            panic!("a VP8 packet has a picture id: {other:?}")
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 192,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn numbers_are_unique_and_in_order_whatever_the_network_does(ticks in ticks(60)) {
        let mut call = Call::new(Codec::Vp8, 3);
        let mut streams = [0, 1, 2].map(Simulcast::vp8);
        let mut all = Vec::new();
        for tick in &ticks {
            for stream in &mut streams {
                let keyframe = tick.keyframes >> stream.encoding & 1 == 1;
                let frame = stream.frame(keyframe, tick.packets);
                all.extend(frame.into_iter().zip(tick.disorder.iter().copied()));
            }
        }
        let mut targets = ticks.iter();
        for (at, sent) in disturb(&all).iter().enumerate() {
            if at % 9 == 0 && let Some(tick) = targets.next() {
                call.begin_tick(tick);
            }
            call.send(sent);
        }

        let mut numbers = BTreeSet::new();
        let mut frames: BTreeMap<(u8, u64), (u16, u32)> = BTreeMap::new();
        let mut ids: BTreeMap<(u16, u32), (u8, u64)> = BTreeMap::new();
        let mut newest: Option<(Sent, Forward)> = None;
        for (sent, forward) in &call.got {
            prop_assert!(numbers.insert(forward.sequence), "{} came twice", forward.sequence);
            // Packets of a frame share picture id and timestamp, packets of different frames don't.
            let id = (picture_id(forward), forward.timestamp);
            prop_assert_eq!(*frames.entry(frame_of(sent)).or_insert(id), id);
            prop_assert_eq!(*ids.entry(id).or_insert(frame_of(sent)), frame_of(sent));
            // In the order of the source within an encoding.
            if let Some((before, last)) = newest
                && before.view.encoding == sent.view.encoding
            {
                let is_later = sent.view.sequence > before.view.sequence;
                prop_assert_eq!(forward.sequence > last.sequence, is_later);
            }
            if newest.is_none_or(|(_, last)| forward.sequence > last.sequence) {
                newest = Some((*sent, *forward));
            }
        }
        if let Some((_, first)) = call.got.first() {
            prop_assert!(first.sequence < 65_536);
        }
    }

    #[test]
    fn without_loss_a_vp8_subscriber_sees_no_hole_and_can_decode_all(ticks in ticks(60)) {
        let mut call = Call::new(Codec::Vp8, 3);
        let mut streams = [0, 1, 2].map(Simulcast::vp8);
        for tick in &ticks {
            call.begin_tick(tick);
            for stream in &mut streams {
                let keyframe = tick.keyframes >> stream.encoding & 1 == 1;
                for sent in stream.frame(keyframe, tick.packets) {
                    call.send(&sent);
                }
            }
        }

        let mut decoder = Vp8Decoder::default();
        for pair in call.got.windows(2) {
            let ((before, earlier), (after, later)) = (&pair[0], &pair[1]);
            prop_assert_eq!(later.sequence, earlier.sequence + 1);
            let step = picture_id(later).wrapping_sub(picture_id(earlier)) & 0x7fff;
            prop_assert_eq!(step, u16::from(frame_of(before) != frame_of(after)));
        }
        for (sent, _) in &call.got {
            prop_assert!(decoder.decode(sent), "{sent:?} needs what was not sent");
        }
    }

    #[test]
    fn without_loss_a_vp9_subscriber_can_decode_all_and_every_picture_ends(
        ticks in ticks(60),
        key_only: bool,
        flexible: bool,
    ) {
        let mut call = Call::new(Codec::Vp9, 1);
        let mut stream = Svc::new(key_only, flexible);
        for tick in &ticks {
            call.begin_tick(tick);
            for sent in stream.picture(tick.keyframes > 0, 3, tick.packets) {
                call.send(&sent);
            }
        }

        check_pictures(&call.got)?;
        let mut decoded: BTreeSet<(u8, u8)> = BTreeSet::new();
        for (sent, _) in &call.got {
            let Descriptor::Vp9(vp9) = &sent.view.descriptor else {
                continue;
            };
            let (spatial, temporal) = (vp9.spatial(), vp9.temporal());
            if sent.keyframe && spatial == 0 && vp9.frame_start {
                decoded.clear();
            }
            // The layer below in this picture, and in this layer the layers of the group before.
            if vp9.layer.is_some_and(|layer| layer.inter_layer) {
                prop_assert!(decoded.contains(&(spatial - 1, 0)), "{sent:?}");
            }
            if !sent.keyframe && vp9.frame_start {
                prop_assert!(decoded.contains(&(spatial, 0)), "{sent:?}");
            }
            decoded.insert((spatial, temporal));
        }
    }

    #[test]
    fn without_loss_an_av1_subscriber_can_decode_all_and_every_picture_ends(
        ticks in ticks(60),
        key_only: bool,
    ) {
        let mut call = Call::new(Codec::Av1, 1);
        let mut stream = Av1::new(key_only);
        for tick in &ticks {
            call.begin_tick(tick);
            for sent in stream.picture(tick.keyframes > 0, tick.packets) {
                call.send(&sent);
            }
        }

        check_pictures(&call.got)?;
        let mut decoded: BTreeSet<u16> = BTreeSet::new();
        for (sent, _) in &call.got {
            let Descriptor::Av1(av1) = &sent.view.descriptor else {
                continue;
            };
            for diff in av1.references.as_slice() {
                let reference = av1.number.wrapping_sub(*diff);
                prop_assert!(decoded.contains(&reference), "{} needs {reference}", av1.number);
            }
            decoded.insert(av1.number);
        }
    }
}

/// Numbers run on, and the last packet of every picture, and no other, has the marker.
fn check_pictures(got: &[(Sent, Forward)]) -> Result<(), TestCaseError> {
    for pair in got.windows(2) {
        let ((before, earlier), (after, later)) = (&pair[0], &pair[1]);
        prop_assert_eq!(later.sequence, earlier.sequence + 1);
        let is_next = before.picture != after.picture;
        prop_assert_eq!(
            earlier.marker,
            is_next,
            "{:?} {:?}",
            before.view,
            after.view
        );
        let ticks = later
            .timestamp
            .wrapping_sub(earlier.timestamp)
            .cast_signed();
        prop_assert_eq!(ticks > 0, is_next);
    }
    Ok(())
}

/// Knows which VP8 frames of [`Simulcast`] can be decoded.
#[derive(Default)]
struct Vp8Decoder {
    encoding: Option<u8>,
    /// The last picture of each temporal layer.
    last: [Option<u64>; 3],
    current: u64,
}

impl Vp8Decoder {
    /// Takes a packet; says no if its frame needs one that did not come.
    fn decode(&mut self, sent: &Sent) -> bool {
        let Descriptor::Vp8(vp8) = &sent.view.descriptor else {
            return false;
        };
        let layer = vp8.temporal.map_or(0, |layer| layer.id);
        if self.encoding == Some(sent.view.encoding) && self.current == sent.picture {
            return true;
        }
        let is_sync = vp8.temporal.is_some_and(|layer| layer.layer_sync);
        let is_whole = vp8.partition_start;
        let has_references = if sent.keyframe {
            self.encoding = Some(sent.view.encoding);
            self.last = [None; 3];
            true
        } else if self.encoding != Some(sent.view.encoding) {
            false
        } else if is_sync {
            self.last[0].is_some()
        } else {
            // The frames of this layer and those below since the group of four began.
            let previous = self.last[usize::from(layer)];
            let has_own =
                previous.is_some_and(|at| sent.picture - at <= [4, 4, 2][usize::from(layer)]);
            let has_middle = layer < 2 || self.last[1].is_some_and(|at| sent.picture - at <= 4);
            has_own && has_middle
        };
        self.last[usize::from(layer)] = Some(sent.picture);
        self.current = sent.picture;
        is_whole && has_references
    }
}
