//! Scenes of a call, through the public interface.

#[path = "../support/mod.rs"]
mod support;

mod codecs;
mod voices;

use std::time::{Duration, Instant, SystemTime};

use forwarding::{
    Codec, DependencyDescriptorReader, Descriptor, ENCODINGS_MAX, Forward, LayerLimit, LayerTarget,
    PayloadRewrite, Room, SubscriptionKey, TrackKey,
};
use support::av1::Av1;
use support::{FRAME_MS, Simulcast, Svc, hand, keyframe_requests, origin, sound};

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

fn layers(spatial: u8, temporal: u8) -> LayerTarget {
    LayerTarget { spatial, temporal }
}

/// A publisher with three VP8 encodings and one subscriber.
struct Call {
    room: Room,
    now: Instant,
    track: TrackKey,
    subscription: SubscriptionKey,
    streams: Vec<Simulcast>,
}

impl Call {
    fn new(target: LayerTarget) -> Self {
        let mut room = Room::default();
        let track = room.publish(Codec::Vp8, ENCODINGS_MAX);
        let subscription = room
            .subscribe(track, target)
            .expect("the track is published");
        Self {
            room,
            now: origin(),
            track,
            subscription,
            streams: (0..ENCODINGS_MAX).map(Simulcast::vp8).collect(),
        }
    }

    /// Sends a frame of each of `encodings`; a keyframe where asked. Gives what the subscriber gets
    /// and from which encoding.
    fn frame(&mut self, encodings: &[u8], keyframe: &[u8]) -> Vec<(u8, Forward)> {
        let mut got = Vec::new();
        self.now += ms(FRAME_MS);
        for &encoding in encodings {
            let stream = &mut self.streams[usize::from(encoding)];
            for sent in stream.frame(keyframe.contains(&encoding), 2) {
                let forward = hand(
                    &mut self.room,
                    self.now,
                    self.track,
                    &sent.view,
                    self.subscription,
                );
                got.extend(forward.map(|forward| (encoding, forward)));
            }
        }
        got
    }

    fn frames(&mut self, count: usize, encodings: &[u8]) -> Vec<(u8, Forward)> {
        (0..count)
            .flat_map(|_| self.frame(encodings, &[]))
            .collect()
    }

    fn requests(&mut self) -> Vec<u8> {
        keyframe_requests(&mut self.room, self.now)
            .into_iter()
            .map(|(_, encoding)| encoding)
            .collect()
    }
}

fn encodings(got: &[(u8, Forward)]) -> Vec<u8> {
    let mut encodings: Vec<u8> = got.iter().map(|(encoding, _)| *encoding).collect();
    encodings.dedup();
    encodings
}

/// Asserts that numbers, picture ids and timestamps run on without a hole.
fn assert_continuous(got: &[(u8, Forward)]) {
    for pair in got.windows(2) {
        let (before, after) = (&pair[0].1, &pair[1].1);
        assert_eq!(after.sequence, before.sequence + 1);
        let (
            PayloadRewrite::Vp8 {
                picture_id: Some(id),
                tl0_pic_idx: Some(tl0),
            },
            PayloadRewrite::Vp8 {
                picture_id: Some(next_id),
                tl0_pic_idx: Some(next_tl0),
            },
        ) = (before.rewrite, after.rewrite)
        else {
            panic!("VP8 packets have ids");
        };
        let step = next_id.wrapping_sub(id) & 0x7fff;
        assert_eq!(step, u16::from(before.marker), "{before:?} {after:?}");
        assert!(next_tl0.wrapping_sub(tl0) <= 1);
        let ticks = after.timestamp.wrapping_sub(before.timestamp).cast_signed();
        assert_eq!(ticks > 0, before.marker, "{before:?} {after:?}");
    }
}

#[test]
fn a_late_joiner_begins_with_the_next_keyframe_which_is_asked_for() {
    let mut call = Call::new(layers(2, 2));
    call.room.unsubscribe(call.subscription);
    call.frames(3, &[0, 1, 2]);
    call.subscription = call.room.subscribe(call.track, layers(2, 2)).unwrap();

    assert_eq!(call.requests(), [2]);
    assert_eq!(call.frames(2, &[0, 1, 2]), []);
    let got = call.frame(&[0, 1, 2], &[2]);
    let more = call.frames(30, &[0, 1, 2]);

    assert_eq!(encodings(&got), [2]);
    assert!(got[0].1.sequence < 65_536);
    assert_eq!(more.len(), 60);
    assert_eq!(call.requests(), []);
}

#[test]
fn a_keyframe_is_asked_for_again_until_it_comes() {
    let mut call = Call::new(layers(0, 2));
    let mut asked = Vec::new();
    for _ in 0..49 {
        call.frame(&[0, 1, 2], &[]);
        asked.extend(call.requests());
    }

    assert_eq!(asked, [0, 0, 0, 0]);
    assert!(call.room.poll_timeout().unwrap() > call.now);
    call.frame(&[0, 1, 2], &[0]);
    call.now += ms(5_000);
    assert_eq!(call.requests(), []);
}

#[test]
fn a_higher_target_takes_effect_at_a_keyframe_and_nothing_shows_a_seam() {
    let mut call = Call::new(layers(0, 2));
    let mut got = call.frame(&[0, 1, 2], &[0]);
    got.extend(call.frames(9, &[0, 1, 2]));

    call.room.set_target(call.subscription, Some(layers(2, 2)));
    assert_eq!(call.requests(), [2]);
    got.extend(call.frames(5, &[0, 1, 2]));
    assert_eq!(encodings(&got), [0]);
    got.extend(call.frame(&[1, 2], &[2]));
    got.extend(call.frames(5, &[0, 1, 2]));
    call.room.set_target(call.subscription, Some(layers(1, 2)));
    got.extend(call.frames(5, &[0, 1, 2]));
    got.extend(call.frame(&[0, 1, 2], &[1]));
    got.extend(call.frames(5, &[0, 1, 2]));

    assert_eq!(encodings(&got), [0, 2, 1]);
    assert_continuous(&got);
}

#[test]
fn a_layer_that_never_comes_is_replaced_by_the_best_that_flows() {
    let mut call = Call::new(layers(2, 2));
    assert_eq!(call.requests(), [2]);
    call.frame(&[0, 1], &[]);
    assert_eq!(call.requests(), [1]);
    let mut got = call.frame(&[0, 1], &[0]);
    got.extend(call.frame(&[0, 1], &[1]));
    got.extend(call.frames(3, &[0, 1]));
    assert_eq!(encodings(&got), [0, 1]);

    call.frame(&[0, 1, 2], &[]);
    call.now += ms(500);
    call.frame(&[0, 1, 2], &[]);
    assert!(call.requests().contains(&2));
    let up = call.frame(&[0, 1, 2], &[2]);

    assert!(encodings(&up).contains(&2));
}

#[test]
fn when_the_layer_stops_another_is_asked_for_a_keyframe() {
    let mut call = Call::new(layers(2, 2));
    call.frame(&[0, 1, 2], &[2]);
    call.requests();

    let mut asked = Vec::new();
    for _ in 0..30 {
        call.frame(&[0, 1], &[]);
        asked.extend(call.requests());
    }

    assert_eq!(asked, [1]);
    assert_eq!(encodings(&call.frame(&[0, 1], &[1])), [1]);
    assert_eq!(encodings(&call.frame(&[0, 1], &[0])), [1]);
}

#[test]
fn fewer_temporal_layers_leave_no_hole_and_more_come_at_sync_frames() {
    let mut call = Call::new(layers(0, 0));
    let mut got = call.frame(&[0], &[0]);
    got.extend(call.frames(15, &[0]));
    assert_eq!(got.len(), 8, "every fourth frame");

    call.room.set_target(call.subscription, Some(layers(0, 2)));
    got.extend(call.frames(16, &[0]));
    let all = call.frames(16, &[0]);

    assert_eq!(all.len(), 32);
    got.extend(all);
    assert_continuous(&got);
}

#[test]
fn a_paused_subscription_gets_nothing_and_resumes_without_a_seam() {
    let mut call = Call::new(layers(0, 2));
    let mut got = call.frame(&[0], &[0]);
    call.room.set_target(call.subscription, None);
    assert_eq!(call.room.wanted_layers(call.track), None);
    call.now += ms(2_000);
    assert_eq!(call.frames(5, &[0]), []);
    assert_eq!(call.requests(), []);

    call.room.set_target(call.subscription, Some(layers(0, 2)));

    assert_eq!(call.requests(), [0]);
    assert_eq!(call.frame(&[0], &[]), []);
    got.extend(call.frame(&[0], &[0]));
    assert_continuous(&got);
}

#[test]
fn a_limit_holds_layers_back_without_a_seam_and_leaves_the_wish_as_it_is() {
    let mut call = Call::new(layers(2, 2));
    let mut got = call.frame(&[0, 1, 2], &[2]);

    call.room.set_limit(call.subscription, LayerLimit::UpTo(0));
    assert_eq!(call.requests(), [0]);
    got.extend(call.frame(&[0, 1, 2], &[0]));
    call.room.set_limit(call.subscription, LayerLimit::Nothing);
    assert_eq!(call.frame(&[0, 1, 2], &[0, 1, 2]), []);
    // What is wanted meanwhile is under the limit too.
    call.room.set_target(call.subscription, Some(layers(1, 2)));
    assert_eq!(call.frame(&[0, 1, 2], &[0, 1, 2]), []);
    assert_eq!(call.room.wanted_layers(call.track), Some(layers(1, 2)));
    call.room.set_limit(call.subscription, LayerLimit::None);
    got.extend(call.frame(&[0, 1, 2], &[1]));

    assert_eq!(encodings(&got), [2, 0, 1]);
    assert_continuous(&got);
}

#[test]
fn sender_reports_align_the_timestamps_of_encodings() {
    let mut call = Call::new(layers(0, 2));
    call.frame(&[0, 1], &[0]);
    // The high encoding is encoded 40 ms later than its network arrival would tell.
    let moment = SystemTime::UNIX_EPOCH + ms(1_000_000);
    let low = call.streams[0].timestamp;
    let high = call.streams[1].timestamp;
    call.room.handle_sender_report(call.track, 0, moment, low);
    call.room
        .handle_sender_report(call.track, 1, moment + ms(40), high);
    let before = call.frame(&[0, 1], &[]);
    call.room.set_target(call.subscription, Some(layers(1, 2)));

    let after = call.frame(&[1], &[1]);

    let ticks = after[0].1.timestamp.wrapping_sub(before[0].1.timestamp);
    assert_eq!(ticks, 3_000 + 40 * 90);
}

#[test]
fn many_requests_become_one_per_interval() {
    let mut call = Call::new(layers(2, 2));
    let others: Vec<SubscriptionKey> = (0..50)
        .map(|_| call.room.subscribe(call.track, layers(2, 2)).unwrap())
        .collect();
    call.requests();
    call.now += ms(500);
    call.frame(&[0, 1, 2], &[2]);

    for &subscription in &others {
        call.room.handle_keyframe_request(call.now, subscription);
    }
    assert_eq!(call.requests(), [2]);
    call.room
        .handle_keyframe_request(call.now + ms(10), others[0]);
    assert_eq!(call.requests(), []);

    assert_eq!(call.room.poll_timeout(), Some(call.now + ms(500)));
    call.now += ms(500);
    assert_eq!(call.requests(), [2]);
    call.now += ms(500);
    assert_eq!(call.requests(), []);
}

#[test]
fn an_unreadable_packet_is_kept_back_and_a_keyframe_asked_for() {
    let mut call = Call::new(layers(0, 2));
    let mut got = call.frame(&[0], &[0]);
    call.requests();
    call.now += ms(500);
    let mut broken = call.streams[0].frame(false, 1)[0].view;
    broken.descriptor = Descriptor::Unreadable;

    let refused = hand(
        &mut call.room,
        call.now,
        call.track,
        &broken,
        call.subscription,
    );

    assert_eq!(refused, None);
    assert_eq!(call.requests(), [0]);
    let next = call.frame(&[0], &[]);
    assert_eq!(next[0].1.sequence, got.pop().unwrap().1.sequence + 1);
}

#[test]
fn an_encoding_that_begins_anew_goes_on_at_its_next_keyframe() {
    let mut call = Call::new(layers(0, 2));
    let mut got = call.frame(&[0], &[0]);
    call.room.handle_encoding_restart(call.track, 0);
    call.streams[0] = Simulcast::vp8(0);
    call.streams[0].sequence = 3;
    call.streams[0].timestamp = 5;

    assert_eq!(call.frame(&[0], &[]), []);
    assert_eq!(call.requests(), [0]);
    got.extend(call.frame(&[0], &[0]));

    assert_continuous(&got);
}

#[test]
fn padding_is_not_passed_on_and_leaves_no_gap() {
    let mut room = Room::default();
    let track = room.publish(Codec::Opus, 1);
    let subscription = room.subscribe(track, LayerTarget::ALL).unwrap();
    let now = origin();
    let mut padding = sound(71);
    padding.payload_bytes = 0;

    let first = hand(&mut room, now, track, &sound(70), subscription).unwrap();
    assert_eq!(hand(&mut room, now, track, &padding, subscription), None);
    let second = hand(&mut room, now, track, &sound(72), subscription).unwrap();

    assert_eq!(second.sequence, first.sequence + 1);
    assert_eq!(second.timestamp, sound(72).timestamp);
    assert_eq!(keyframe_requests(&mut room, now), []);
}

#[test]
fn demand_is_the_highest_wish() {
    let mut room = Room::default();
    let track = room.publish(Codec::Vp8, 3);
    assert_eq!(room.wanted_layers(track), None);

    let low = room.subscribe(track, layers(0, 2)).unwrap();
    let high = room.subscribe(track, layers(2, 0)).unwrap();
    assert_eq!(room.wanted_layers(track), Some(layers(2, 2)));

    room.set_target(high, None);
    assert_eq!(room.wanted_layers(track), Some(layers(0, 2)));
    room.unsubscribe(low);
    assert_eq!(room.wanted_layers(track), None);
}

#[test]
fn the_others_stay_when_one_leaves() {
    let mut room = Room::default();
    let track = room.publish(Codec::Opus, 1);
    let keys: Vec<SubscriptionKey> = (0..4)
        .map(|_| room.subscribe(track, LayerTarget::ALL).unwrap())
        .collect();
    let now = origin();
    let mut forwards = Vec::new();
    room.unsubscribe(keys[1]);
    room.set_target(keys[3], None);

    room.handle_packet(now, track, &sound(1), &mut forwards);

    let mut got: Vec<SubscriptionKey> = forwards.iter().map(|f| f.subscription).collect();
    got.sort_unstable();
    assert_eq!(got, [keys[0], keys[2]]);
}

#[test]
fn keys_that_are_gone_do_nothing() {
    let mut room = Room::default();
    let now = origin();
    let track = room.publish(Codec::Vp8, 3);
    let subscription = room.subscribe(track, LayerTarget::ALL).unwrap();
    room.unpublish(track);
    let other = room.publish(Codec::Opus, 1);
    let mut forwards = Vec::new();

    room.unpublish(track);
    room.unsubscribe(subscription);
    room.set_target(subscription, None);
    room.handle_keyframe_request(now, subscription);
    room.handle_audio_level(now, track, 0, true);
    room.handle_packet(now, track, &sound(1), &mut forwards);

    assert_eq!(room.subscribe(track, LayerTarget::ALL), None);
    assert_eq!(room.wanted_layers(track), None);
    assert_eq!(forwards, []);
    assert_eq!(keyframe_requests(&mut room, now), []);
    assert_eq!(room.poll_timeout(), None);
    assert!(room.subscribe(other, LayerTarget::ALL).is_some());
}
