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
