//! Opus as a browser sends it: 20 ms packets while somebody talks, one in 400 ms while nobody does.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::stamp::STAMP_BYTES;

/// Time of a packet.
pub(crate) const PACKET: Duration = Duration::from_millis(20);

/// Packets between two while silent (DTX).
const SILENCE_PACKETS: u64 = 20;

/// Packets of silence before DTX begins, as libopus has it.
const HANGOVER: u64 = 10;

/// A packet that was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AudioPacket {
    /// Number of its 20 ms since the track's beginning.
    pub(crate) tick: u64,
    /// Bytes of payload.
    pub(crate) bytes: usize,
    /// Level in dBov (RFC 6464), 0 is loudest.
    pub(crate) level: i8,
    /// Somebody speaks.
    pub(crate) is_voice: bool,
    /// It is the first after silence.
    pub(crate) is_beginning: bool,
}

/// A microphone.
#[derive(Debug)]
pub(crate) struct Microphone {
    rng: StdRng,
    tick: u64,
    silent: u64,
}

impl Microphone {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            rng: StdRng::seed_from_u64(seed),
            tick: 0,
            silent: HANGOVER,
        }
    }

    /// When the next packet may be due, since the track's beginning.
    pub(crate) fn due(&self) -> Duration {
        PACKET * u32::try_from(self.tick).unwrap_or(u32::MAX)
    }

    /// Makes the next packet; nothing while DTX keeps silent.
    pub(crate) fn encode(&mut self, is_talking: bool) -> Option<AudioPacket> {
        let tick = self.tick;
        self.tick += 1;
        let was_silent = self.silent >= HANGOVER;
        self.silent = if is_talking { 0 } else { self.silent + 1 };
        let is_sent =
            self.silent < HANGOVER || (self.silent - HANGOVER).is_multiple_of(SILENCE_PACKETS);
        let (bytes, level) = if is_talking {
            let bytes = self.rng.random_range(60..130);
            (bytes, self.rng.random_range(-38..-18))
        } else {
            (STAMP_BYTES + 1, self.rng.random_range(-110..-80))
        };
        is_sent.then_some(AudioPacket {
            tick,
            bytes,
            level,
            is_voice: is_talking,
            is_beginning: is_talking && was_silent,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn talking_sends_fifty_packets_a_second_and_silence_two_or_three() {
        let mut microphone = Microphone::new(1);

        let talk = (0..500).filter_map(|_| microphone.encode(true)).count();
        let silence = (0..500).filter_map(|_| microphone.encode(false)).count();

        assert_eq!(talk, 500);
        assert!((24..40).contains(&silence), "{silence}");
    }

    #[test]
    fn the_first_word_after_silence_is_marked() {
        let mut microphone = Microphone::new(1);
        let first = microphone.encode(true).unwrap();
        let second = microphone.encode(true).unwrap();
        for _ in 0..100 {
            microphone.encode(false);
        }
        let again = microphone.encode(true).unwrap();

        assert!(first.is_beginning && !second.is_beginning && again.is_beginning);
        assert_eq!(again.tick, 102);
        assert!(first.level > -40 && first.is_voice);
    }

    #[test]
    fn the_clock_goes_on_while_nothing_is_sent() {
        let mut microphone = Microphone::new(1);
        for _ in 0..50 {
            microphone.encode(false);
        }

        assert_eq!(microphone.due(), Duration::from_secs(1));
    }
}
