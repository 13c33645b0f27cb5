//! Whether what should come does come.

use std::time::Duration;

use crate::MediaFlow;

/// Looks in a row without a packet after which a track is taken to have dried up. Looks are two seconds
/// apart; what is sent seldom (a still screen, silence with DTX) comes once a second at least.
const DRY_LOOKS_MAX: u8 = 2;

/// Clients check their connections every 6 s at least (RFC 7675, section 5.1), and report about as often on
/// sound: whoever is silent for longer is cut off.
const SILENCE: Duration = Duration::from_secs(8);

/// The flow of one published track, looked at now and then.
#[derive(Debug, Default)]
pub(crate) struct Flow {
    packets: u64,
    seen: u64,
    dry_looks: u8,
}

impl Flow {
    /// Counts a packet.
    pub(crate) fn count(&mut self) {
        self.packets += 1;
    }

    /// Takes a look, and says whether a track that has begun and is expected to flow does not. What is
    /// muted, or watched by nobody, is not expected.
    pub(crate) fn look(&mut self, is_expected: bool) -> bool {
        let flows = self.packets != self.seen || self.packets == 0;
        self.seen = self.packets;
        self.dry_looks = if flows || !is_expected {
            0
        } else {
            self.dry_looks.saturating_add(1)
        };
        self.dry_looks > DRY_LOOKS_MAX
    }

    /// Tells whether any packet came so far.
    pub(crate) fn has_begun(&self) -> bool {
        self.packets > 0
    }
}

/// Judges a session: how long nothing at all was heard of its client, whether anything is to flow, and
/// whether a track has dried up.
pub(crate) fn judge(silent_for: Duration, is_in_use: bool, is_dry: bool) -> MediaFlow {
    if is_in_use && silent_for >= SILENCE {
        MediaFlow::Lost
    } else if is_dry {
        MediaFlow::Dry
    } else {
        MediaFlow::Steady
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_track_is_dry_after_three_looks_without_a_packet_and_back_with_the_next() {
        let mut flow = Flow::default();
        flow.count();

        let looks: Vec<bool> = (0..5).map(|_| flow.look(true)).collect();
        flow.count();

        assert_eq!(looks, [false, false, false, true, true]);
        assert!(!flow.look(true));
    }

    #[test]
    fn what_is_not_expected_or_has_not_begun_is_not_dry() {
        let mut muted = Flow::default();
        muted.count();
        let mut late = Flow::default();

        for _ in 0..9 {
            assert!(!muted.look(false) && !late.look(true));
        }
        // It gets its time when it is expected again.
        assert!(!muted.look(true) && !muted.look(true) && muted.look(true));
    }

    #[test]
    fn silence_is_lost_only_where_something_is_to_flow() {
        let ms = Duration::from_millis;

        assert_eq!(judge(ms(8000), true, true), MediaFlow::Lost);
        assert_eq!(judge(ms(8000), false, false), MediaFlow::Steady);
        assert_eq!(judge(ms(7999), true, true), MediaFlow::Dry);
        assert_eq!(judge(ms(0), true, false), MediaFlow::Steady);
    }
}
