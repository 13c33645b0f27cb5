//! Who is speaking, from the audio levels that publishers send (RFC 6464).
//!
//! Levels are gathered over a window and smoothed over windows. A track becomes a speaker above one
//! loudness and stops being one below a lower one, so that nobody flickers at the edge.
//!
//! Invariants:
//! - a list is given at most once per [`WINDOW`], and only if it differs from the one before;
//! - a track that sends nothing falls silent.

use std::time::{Duration, Instant};

use crate::slab::TrackKey;

/// Time between two looks at the levels: short enough to follow turns in a conversation.
const WINDOW: Duration = Duration::from_millis(400);

/// Quietest level that may be speech, in -dBov (RFC 6464: 0 is the loudest, 127 silence). Rooms are
/// at 50 to 70.
const SPEECH_LEVEL_MAX: u8 = 40;

/// Fewest loud packets in a window, each 20 ms: a click is shorter.
const LOUD_PACKETS_MIN: u32 = 4;

/// How much of a rise or fall each window takes over: quick to rise, slow to fall.
const RISE: f32 = 0.7;
const FALL: f32 = 0.35;

/// Smoothed loudness that makes a speaker, and the one that ends it. One window of speech gives
/// 0.7 × 0.69 at least.
const SPEAKER_ABOVE: f32 = 0.45;
const SILENT_BELOW: f32 = 0.25;

/// Levels are told in steps of this size, so that small changes are not told at all.
const LEVEL_STEPS: f32 = 8.0;

/// Most speakers told at once: nobody looks for more.
const SPEAKERS_MAX: usize = 16;

/// RFC 6464: silence.
const LEVEL_SILENT: u8 = 127;

/// A track that is heard.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Speaker {
    /// The track.
    pub track: TrackKey,
    /// Loudness, 0 (silence) to 1 (the loudest there is), linear in decibels.
    pub level: f32,
}

/// The loudness of one track.
#[derive(Debug)]
struct Voice {
    track: TrackKey,
    loud_packets: u32,
    /// Sum of what the loud packets are above silence, in dB.
    loud_sum: u32,
    smoothed: f32,
    is_speaking: bool,
}

impl Voice {
    fn close_window(&mut self) {
        let loudness = if self.loud_packets >= LOUD_PACKETS_MIN {
            let mean = self.loud_sum / self.loud_packets;
            f32::from(u8::try_from(mean).unwrap_or(LEVEL_SILENT)) / f32::from(LEVEL_SILENT)
        } else {
            0.0
        };
        let change = if loudness > self.smoothed { RISE } else { FALL };
        self.smoothed += (loudness - self.smoothed) * change;
        self.is_speaking = if self.is_speaking {
            self.smoothed >= SILENT_BELOW
        } else {
            self.smoothed >= SPEAKER_ABOVE
        };
        self.loud_packets = 0;
        self.loud_sum = 0;
    }
}

/// The speakers of a room.
#[derive(Debug, Default)]
pub(crate) struct Speakers {
    /// One for each track that was heard and is still published.
    voices: Vec<Voice>,
    window_end: Option<Instant>,
    told: Vec<Speaker>,
}

impl Speakers {
    /// Notes the level of one packet, in -dBov. `has_voice` is the sender's own opinion; it counts
    /// only against speech where it says no to a quiet packet.
    pub(crate) fn handle_level(
        &mut self,
        now: Instant,
        track: TrackKey,
        level: u8,
        has_voice: bool,
    ) {
        let level = level.min(LEVEL_SILENT);
        let at = self.voices.iter().position(|voice| voice.track == track);
        let at = at.unwrap_or_else(|| {
            self.voices.push(Voice {
                track,
                loud_packets: 0,
                loud_sum: 0,
                smoothed: 0.0,
                is_speaking: false,
            });
            self.voices.len() - 1
        });
        if self.window_end.is_none() {
            self.window_end = Some(now + WINDOW);
        }
        let quietest = if has_voice {
            SPEECH_LEVEL_MAX
        } else {
            SPEECH_LEVEL_MAX / 2
        };
        if level <= quietest {
            let voice = &mut self.voices[at];
            voice.loud_packets += 1;
            voice.loud_sum += u32::from(LEVEL_SILENT - level);
        }
    }

    /// Forgets a track.
    pub(crate) fn remove(&mut self, track: TrackKey) {
        self.voices.retain(|voice| voice.track != track);
    }

    /// Gives the speakers, loudest first, if the list has changed.
    pub(crate) fn poll(&mut self, now: Instant) -> Option<&[Speaker]> {
        if self.window_end? > now {
            return None;
        }
        let mut speakers = Vec::new();
        for voice in &mut self.voices {
            voice.close_window();
            if voice.is_speaking {
                speakers.push(Speaker {
                    track: voice.track,
                    level: (voice.smoothed * LEVEL_STEPS).round() / LEVEL_STEPS,
                });
            }
        }
        let is_quiet = self
            .voices
            .iter()
            .all(|voice| !voice.is_speaking && voice.smoothed < SILENT_BELOW);
        self.window_end = (!is_quiet).then(|| now + WINDOW);
        speakers.sort_by(|a, b| b.level.total_cmp(&a.level).then(a.track.cmp(&b.track)));
        speakers.truncate(SPEAKERS_MAX);
        if speakers == self.told {
            return None;
        }
        self.told = speakers;
        Some(&self.told)
    }

    pub(crate) fn timeout(&self) -> Option<Instant> {
        self.window_end
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::Codec;
    use crate::room::Room;
    use crate::test_time::origin;

    const PACKET: Duration = Duration::from_millis(20);
    const TALK: u8 = 25;
    const NOISE: u8 = 60;

    /// Lets tracks send levels for `packets` × 20 ms; gives each list with its time.
    fn run(
        speakers: &mut Speakers,
        now: &mut Instant,
        packets: u32,
        levels: &[(TrackKey, u8)],
    ) -> Vec<Vec<TrackKey>> {
        let mut lists = Vec::new();
        for _ in 0..packets {
            for &(track, level) in levels {
                speakers.handle_level(*now, track, level, true);
            }
            *now += PACKET;
            if let Some(list) = speakers.poll(*now) {
                lists.push(list.iter().map(|speaker| speaker.track).collect());
            }
        }
        lists
    }

    fn two_tracks() -> (TrackKey, TrackKey) {
        let mut room = Room::default();
        (room.publish(Codec::Opus, 1), room.publish(Codec::Opus, 1))
    }

    #[test]
    fn who_talks_is_a_speaker_and_who_is_quiet_is_not() {
        let (ann, bob) = two_tracks();
        let mut speakers = Speakers::default();
        let mut now = origin();

        let lists = run(&mut speakers, &mut now, 50, &[(ann, TALK), (bob, NOISE)]);

        assert_eq!(lists.first(), Some(&vec![ann]));
        assert!(lists.iter().all(|list| list == &[ann]));
    }

    #[test]
    fn the_loudest_comes_first() {
        let (ann, bob) = two_tracks();
        let mut speakers = Speakers::default();
        let mut now = origin();

        let lists = run(&mut speakers, &mut now, 60, &[(ann, TALK), (bob, 5)]);

        assert_eq!(lists.last(), Some(&vec![bob, ann]));
    }

    #[test]
    fn a_list_is_told_once_a_window_and_only_if_it_differs() {
        let (ann, _) = two_tracks();
        let mut speakers = Speakers::default();
        let mut now = origin();
        run(&mut speakers, &mut now, 200, &[(ann, TALK)]);

        let unchanged = run(&mut speakers, &mut now, 200, &[(ann, TALK)]);

        assert_eq!(unchanged, Vec::<Vec<TrackKey>>::new());
    }

    #[test]
    fn a_track_that_sends_nothing_falls_silent_and_polling_stops() {
        let (ann, bob) = two_tracks();
        let mut speakers = Speakers::default();
        let mut now = origin();
        run(&mut speakers, &mut now, 60, &[(ann, TALK)]);

        let lists = run(&mut speakers, &mut now, 150, &[(bob, LEVEL_SILENT)]);

        assert_eq!(lists.last(), Some(&vec![]));
        now += WINDOW;
        assert_eq!(speakers.poll(now), None);
        assert_eq!(speakers.timeout(), None);
    }

    #[test]
    fn a_pause_between_words_and_a_click_change_nobody() {
        let (ann, bob) = two_tracks();
        let mut speakers = Speakers::default();
        let mut now = origin();
        run(&mut speakers, &mut now, 60, &[(ann, TALK)]);

        let mut lists = run(&mut speakers, &mut now, 20, &[(ann, NOISE), (bob, NOISE)]);
        lists.extend(run(&mut speakers, &mut now, 2, &[(ann, TALK), (bob, 0)]));
        lists.extend(run(
            &mut speakers,
            &mut now,
            60,
            &[(ann, TALK), (bob, NOISE)],
        ));

        assert!(lists.iter().all(|list| list == &[ann]), "{lists:?}");
    }

    #[test]
    fn the_edge_of_loudness_does_not_flicker() {
        let (ann, _) = two_tracks();
        let mut speakers = Speakers::default();
        let mut now = origin();
        run(&mut speakers, &mut now, 60, &[(ann, 40)]);
        let mut lists = Vec::new();

        for level in [40, 45, 40, 45, 40, 45] {
            lists.extend(run(&mut speakers, &mut now, 20, &[(ann, level)]));
        }

        assert!(lists.iter().all(|list| list == &[ann]), "{lists:?}");
    }

    #[test]
    fn an_unpublished_track_is_forgotten() {
        let (ann, _) = two_tracks();
        let mut speakers = Speakers::default();
        let mut now = origin();
        run(&mut speakers, &mut now, 60, &[(ann, TALK)]);

        speakers.remove(ann);

        assert_eq!(speakers.poll(now + WINDOW), Some(&[][..]));
    }
}
