//! Many open microphones in a room that passes on the loudest.

use forwarding::RoomOptions;

use super::*;

/// Microphones, and for each of them one subscription.
struct Talk {
    room: Room,
    now: Instant,
    microphones: Vec<(TrackKey, SubscriptionKey)>,
    sequence: u64,
}

impl Talk {
    fn of(microphones: usize, voices_max: usize) -> Self {
        let mut room = Room::new(RoomOptions {
            voices_max,
            ..RoomOptions::default()
        });
        let microphones = (0..microphones)
            .map(|_| {
                let track = room.publish(Codec::Opus, 1);
                let subscription = room.subscribe(track, LayerTarget::ALL);
                (track, subscription.expect("the track is published"))
            })
            .collect();
        Self {
            room,
            now: origin(),
            microphones,
            sequence: 0,
        }
    }

    /// Each microphone sends `packets` packets of its level. Gives what came of each.
    fn send(&mut self, packets: usize, levels: &[u8]) -> Vec<Vec<Forward>> {
        let mut got = vec![Vec::new(); levels.len()];
        for _ in 0..packets {
            self.now += ms(20);
            self.sequence += 1;
            for (index, level) in levels.iter().enumerate() {
                let (track, subscription) = self.microphones[index];
                self.room.handle_loudness(self.now, track, *level);
                let packet = sound(self.sequence);
                got[index].extend(hand(&mut self.room, self.now, track, &packet, subscription));
            }
        }
        got
    }
}

fn counts(got: &[Vec<Forward>]) -> Vec<usize> {
    got.iter().map(Vec::len).collect()
}

#[test]
fn the_loudest_microphones_are_heard() {
    let mut talk = Talk::of(4, 2);
    talk.send(50, &[60, 60, 60, 60]);
    talk.send(50, &[70, 30, 70, 20]);

    assert_eq!(counts(&talk.send(50, &[70, 30, 70, 20])), [0, 50, 0, 50]);
}

#[test]
fn all_are_heard_unless_a_room_says_otherwise() {
    let mut talk = Talk::of(4, 0);

    assert_eq!(counts(&talk.send(50, &[90, 30, 127, 20])), [50; 4]);
}

#[test]
fn one_who_was_not_heard_goes_on_without_a_gap_in_its_numbers() {
    let mut talk = Talk::of(2, 1);
    let first = talk.send(50, &[20, 90]).swap_remove(0);
    let silent = talk.send(100, &[90, 20]).swap_remove(0);
    let again = talk.send(100, &[20, 90]).swap_remove(0);

    let all = [first, silent, again].concat();
    let steps = all
        .windows(2)
        .map(|pair| pair[1].sequence - pair[0].sequence);
    let (first, last) = (all.first().unwrap(), all.last().unwrap());

    assert_eq!(steps.max(), Some(1));
    assert_eq!(last.timestamp - first.timestamp, 249 * 960);
}

#[test]
fn a_recorder_hears_all() {
    let mut talk = Talk::of(2, 1);
    let recorder = talk.microphones[1].1;
    talk.room.hear_all(recorder);

    assert_eq!(counts(&talk.send(50, &[20, 90])), [50, 50]);
}

#[test]
fn who_ends_takes_no_place() {
    let mut talk = Talk::of(2, 1);
    talk.send(50, &[10, 90]);
    let (ended, _) = talk.microphones.remove(0);
    talk.room.unpublish(ended);

    assert_eq!(counts(&talk.send(5, &[90])), [5]);
}
