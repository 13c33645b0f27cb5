//! Chooses among the simulcast encodings of a track. A track without simulcast has one encoding, for
//! which this decides when a subscription may begin.
//!
//! Invariants:
//! - an encoding is begun only with the start of one of its keyframes;
//! - until a better one can be begun, the current one goes on;
//! - better is: the wanted one, else the highest below it, else the lowest above it; one that has
//!   stopped sending is worse than any that sends.

/// Ranks below every encoding that sends.
const RANK_STOPPED: i16 = i16::MIN;

/// What to do with a packet of an encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EncodingChoice {
    /// Not of the chosen encoding.
    Skip,
    /// Of the chosen encoding.
    Continue,
    /// The first packet of the encoding that is chosen from now on.
    Switch,
}

/// Which encoding a subscription gets.
#[derive(Debug, Default)]
pub(crate) struct EncodingSelector {
    current: Option<u8>,
}

impl EncodingSelector {
    pub(crate) fn current(&self) -> Option<u8> {
        self.current
    }

    /// Gives up the current encoding; the next keyframe of any begins anew.
    pub(crate) fn stop(&mut self) {
        self.current = None;
    }

    /// Decides on a packet of `encoding`. `wanted` is the target, `flowing` has a bit for each
    /// encoding that sends, `may_start` says that decoding can start with this packet.
    pub(crate) fn decide(
        &mut self,
        encoding: u8,
        wanted: u8,
        flowing: u8,
        may_start: bool,
    ) -> EncodingChoice {
        if self.current == Some(encoding) {
            return EncodingChoice::Continue;
        }
        let better = || {
            self.current.is_none_or(|current| {
                rank(encoding, wanted) > rank_if_flowing(current, wanted, flowing)
            })
        };
        if may_start && better() {
            self.current = Some(encoding);
            return EncodingChoice::Switch;
        }
        EncodingChoice::Skip
    }

    /// Names the encoding that a keyframe is waited for, of `count` published ones.
    pub(crate) fn waits_for(&self, wanted: u8, flowing: u8, count: u8) -> Option<u8> {
        let best = (0..count)
            .filter(|&encoding| is_set(flowing, encoding))
            .max_by_key(|&encoding| rank(encoding, wanted))
            .or_else(|| {
                // Nothing sends: somebody who has a picture keeps it, others ask for the best.
                self.current
                    .is_none()
                    .then(|| wanted.min(count.saturating_sub(1)))
            })?;
        (self.current != Some(best)).then_some(best)
    }
}

fn is_set(flowing: u8, encoding: u8) -> bool {
    flowing.checked_shr(u32::from(encoding)).unwrap_or(0) & 1 == 1
}

fn rank(encoding: u8, wanted: u8) -> i16 {
    if encoding <= wanted {
        i16::from(encoding)
    } else {
        -i16::from(encoding)
    }
}

fn rank_if_flowing(encoding: u8, wanted: u8, flowing: u8) -> i16 {
    if is_set(flowing, encoding) {
        rank(encoding, wanted)
    } else {
        RANK_STOPPED
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: u8 = 0b111;

    fn at(current: Option<u8>) -> EncodingSelector {
        EncodingSelector { current }
    }

    #[test]
    fn an_encoding_is_begun_only_where_decoding_can_start() {
        let mut selector = at(None);

        assert_eq!(selector.decide(1, 2, ALL, false), EncodingChoice::Skip);
        assert_eq!(selector.decide(1, 2, ALL, true), EncodingChoice::Switch);
        assert_eq!(selector.decide(1, 2, ALL, false), EncodingChoice::Continue);
        assert_eq!(selector.decide(2, 2, ALL, false), EncodingChoice::Skip);
        assert_eq!(selector.current(), Some(1));
    }

    #[test]
    fn a_keyframe_is_taken_if_its_encoding_is_better() {
        // Current, wanted, flowing, encoding of the keyframe, taken.
        let table = [
            (None, 0, ALL, 2, true),
            (Some(0), 2, ALL, 1, true),
            (Some(0), 2, ALL, 2, true),
            (Some(1), 2, ALL, 0, false),
            (Some(2), 0, ALL, 1, true),
            (Some(2), 0, ALL, 0, true),
            (Some(0), 0, ALL, 1, false),
            (Some(1), 0, ALL, 2, false),
            (Some(2), 2, 0b011, 0, true),
            (Some(2), 2, 0b011, 1, true),
        ];

        for (current, wanted, flowing, encoding, taken) in table {
            let choice = at(current).decide(encoding, wanted, flowing, true);
            let expected = if taken {
                EncodingChoice::Switch
            } else {
                EncodingChoice::Skip
            };
            assert_eq!(
                choice, expected,
                "{current:?} {wanted} {flowing:b} {encoding}"
            );
        }
    }

    #[test]
    fn the_best_encoding_that_flows_is_waited_for() {
        // Current, wanted, flowing, waits for.
        let table = [
            (None, 2, ALL, Some(2)),
            (None, 2, 0b011, Some(1)),
            (None, 0, 0b110, Some(1)),
            (None, 2, 0, Some(2)),
            (None, u8::MAX, 0, Some(2)),
            (Some(2), 2, ALL, None),
            (Some(2), 2, 0b011, Some(1)),
            (Some(2), 0, ALL, Some(0)),
            (Some(1), 2, 0b011, None),
            (Some(1), 2, 0, None),
        ];

        for (current, wanted, flowing, expected) in table {
            let waits = at(current).waits_for(wanted, flowing, 3);
            assert_eq!(waits, expected, "{current:?} {wanted} {flowing:b}");
        }
    }
}
