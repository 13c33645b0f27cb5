//! Which sound is passed on when many microphones are open: the loudest, by their audio levels (RFC 6464).
//!
//! Loudness is smoothed, quick to rise and slow to fall. Who is passed on keeps its place for a while, and
//! only one who is clearly louder takes it, so that nobody is cut off in the middle of a word and two
//! equally loud ones do not take turns.
//!
//! Invariants:
//! - at most so many tracks as there are places are passed on;
//! - a track that sends nothing keeps no place from one that does.

use std::time::{Duration, Instant};

use crate::slab::TrackKey;

/// How much of a rise or fall each packet, mostly of 20 ms, takes over: a word is heard from its second
/// or third packet on, and the pause between two words is no silence.
const RISE: f32 = 0.4;
const FALL: f32 = 0.03;

/// How much louder one has to be to take another's place, in dB.
const MARGIN_DB: f32 = 6.0;

/// How long a place is kept whoever is louder.
const HOLD: Duration = Duration::from_millis(500);

/// Without a packet for so long a place is free. Opus with DTX sends every 400 ms in silence.
const SILENT_AFTER: Duration = Duration::from_secs(1);

/// RFC 6464: silence.
const LEVEL_SILENT: u8 = 127;

/// The smoothed loudness of one track, in dB above silence.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Loudness(f32);

impl Loudness {
    /// Takes the level of one packet, 0 (loudest) to 127 (silence).
    pub(crate) fn add(&mut self, level_dbov: u8) {
        let loudness = f32::from(LEVEL_SILENT.saturating_sub(level_dbov));
        let change = if loudness > self.0 { RISE } else { FALL };
        self.0 += (loudness - self.0) * change;
    }
}

/// A track that is passed on.
#[derive(Debug, Clone, Copy)]
struct Place {
    track: TrackKey,
    loudness: Loudness,
    since: Instant,
    last: Instant,
}

/// What became of a track that sent a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hearing {
    /// It is passed on. If it took another's place, that one no longer is.
    Heard { instead_of: Option<TrackKey> },
    /// Others are louder.
    Unheard,
}

/// The tracks of a room that are passed on.
#[derive(Debug)]
pub(crate) struct Voices {
    places: Vec<Place>,
    places_max: usize,
}

impl Voices {
    /// `places_max` tracks are passed on.
    pub(crate) fn new(places_max: usize) -> Self {
        Self {
            places: Vec::new(),
            places_max,
        }
    }

    /// Tells whether a track that has just sent a packet, and is now so loud, is passed on.
    pub(crate) fn hear(&mut self, now: Instant, track: TrackKey, loudness: Loudness) -> Hearing {
        if let Some(place) = self.places.iter_mut().find(|place| place.track == track) {
            (place.loudness, place.last) = (loudness, now);
            return Hearing::Heard { instead_of: None };
        }
        let place = Place {
            track,
            loudness,
            since: now,
            last: now,
        };
        if self.places.len() < self.places_max {
            self.places.push(place);
            return Hearing::Heard { instead_of: None };
        }
        match self.weakest(now) {
            Some(weakest) if weakest.yields_to(now, loudness) => {
                let instead_of = Some(weakest.track);
                *weakest = place;
                Hearing::Heard { instead_of }
            }
            Some(_) | None => Hearing::Unheard,
        }
    }

    /// Frees the place of a track that has ended.
    pub(crate) fn remove(&mut self, track: TrackKey) {
        self.places.retain(|place| place.track != track);
    }

    fn weakest(&mut self, now: Instant) -> Option<&mut Place> {
        let worth = |place: &Place| {
            if place.is_silent(now) {
                -1.0
            } else {
                place.loudness.0
            }
        };
        self.places
            .iter_mut()
            .min_by(|a, b| worth(a).total_cmp(&worth(b)))
    }
}

impl Place {
    fn is_silent(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.last) >= SILENT_AFTER
    }

    fn yields_to(&self, now: Instant, challenger: Loudness) -> bool {
        let held = now.saturating_duration_since(self.since);
        self.is_silent(now) || (held >= HOLD && challenger.0 > self.loudness.0 + MARGIN_DB)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::slab::Slab;

    /// Some tracks, how loud they are, and who is heard.
    struct Talk {
        now: Instant,
        voices: Voices,
        tracks: Vec<(TrackKey, Loudness)>,
    }

    impl Talk {
        fn of(tracks: usize, places: usize) -> Self {
            let mut keys: Slab<TrackKey, ()> = Slab::default();
            Self {
                now: crate::test_time::origin(),
                voices: Voices::new(places),
                tracks: (0..tracks)
                    .map(|_| (keys.insert(()), Loudness::default()))
                    .collect(),
            }
        }

        /// Each track with a level sends for `packets` times 20 ms. Gives who was heard in the last turn.
        fn send(&mut self, packets: usize, levels: &[Option<u8>]) -> Vec<bool> {
            let mut heard = vec![false; levels.len()];
            for _ in 0..packets {
                self.now += Duration::from_millis(20);
                for (index, level) in levels.iter().enumerate() {
                    let Some(level) = *level else {
                        continue;
                    };
                    let (key, loudness) = &mut self.tracks[index];
                    loudness.add(level);
                    let hearing = self.voices.hear(self.now, *key, *loudness);
                    heard[index] = hearing != Hearing::Unheard;
                }
            }
            heard
        }
    }

    #[test]
    fn who_speaks_takes_the_place_of_one_who_is_quiet() {
        let mut talk = Talk::of(3, 2);
        let quiet = talk.send(50, &[Some(70), Some(60), Some(65)]);
        let spoken = talk.send(10, &[Some(70), Some(60), Some(20)]);

        assert_eq!(quiet, [true, true, false]);
        assert_eq!(spoken, [false, true, true]);
    }

    #[test]
    fn a_place_is_kept_between_words() {
        let mut talk = Talk::of(2, 1);
        talk.send(50, &[Some(20), Some(60)]);

        let pause = talk.send(20, &[Some(80), Some(45)]);

        assert_eq!(pause, [true, false]);
    }

    #[test]
    fn two_equally_loud_ones_do_not_take_turns() {
        let mut talk = Talk::of(2, 1);
        talk.send(50, &[Some(30), Some(30)]);

        for round in 0..100_u8 {
            let heard = talk.send(1, &[Some(30 + round % 4), Some(33 - round % 4)]);
            assert_eq!(heard, [true, false]);
        }
    }

    #[test]
    fn a_new_place_is_kept_for_a_while() {
        let mut talk = Talk::of(3, 1);
        talk.send(50, &[Some(80), Some(80), Some(80)]);
        talk.send(5, &[Some(80), Some(40), Some(80)]);

        let soon = talk.send(10, &[Some(80), Some(40), Some(5)]);
        let later = talk.send(20, &[Some(80), Some(40), Some(5)]);

        assert_eq!(soon, [false, true, false]);
        assert_eq!(later, [false, false, true]);
    }

    #[test]
    fn one_who_sends_nothing_keeps_no_place() {
        let mut talk = Talk::of(2, 1);
        talk.send(50, &[Some(5), Some(90)]);

        let before = talk.send(45, &[None, Some(90)]);
        let after = talk.send(10, &[None, Some(90)]);

        assert_eq!(before, [false, false]);
        assert_eq!(after, [false, true]);
    }

    proptest! {
        #[test]
        fn at_most_so_many_are_heard(
            places in 1_usize..5,
            levels in prop::collection::vec(prop::collection::vec(prop::option::of(0_u8..=200), 8), 1..200),
        ) {
            let mut talk = Talk::of(8, places);
            for turn in levels {
                let before = talk.voices.places.len();
                talk.send(1, &turn);
                prop_assert!(talk.voices.places.len() <= places);
                prop_assert!(talk.voices.places.len() >= before);
            }
        }
    }
}
