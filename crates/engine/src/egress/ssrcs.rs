//! The SSRCs that one session sends with.
//!
//! Invariants (RFC 3711, section 9.1; RFC 7714, section 8):
//! - no SSRC is given out twice in the life of a session, whose keys never change: a second use would begin
//!   its sequence numbers anew, and so use nonces twice;
//! - none is one that str0m sends RTCP with, which counts SRTCP packets on its own.

/// Odd, so that steps of it visit every number once before any comes again.
const STEP: u32 = 0x9e37_79b9;

/// `STEP * STEP_INVERSE` is 1, modulo 2^32.
const STEP_INVERSE: u32 = inverse(STEP);

/// Gives SSRCs out: scattered, beginning at a random one.
#[derive(Debug)]
pub(crate) struct Ssrcs {
    first: u32,
    given: u32,
    /// What str0m sends RTCP with, once it did.
    foreign: Option<u32>,
}

impl Ssrcs {
    /// Begins at `first`, which has to be random.
    pub(crate) fn new(first: u32) -> Self {
        Self {
            first,
            given: 0,
            foreign: None,
        }
    }

    /// Gives the next one that is not `taken` by the client itself.
    pub(crate) fn next(&mut self, taken: impl Fn(u32) -> bool) -> u32 {
        loop {
            let ssrc = self.first.wrapping_add(self.given.wrapping_mul(STEP));
            self.given += 1;
            if ssrc != 0 && Some(ssrc) != self.foreign && !taken(ssrc) {
                return ssrc;
            }
        }
    }

    /// Tells whether str0m may send an RTCP packet with this SSRC: not if it was given out here.
    pub(crate) fn may_be_foreign(&mut self, ssrc: u32) -> bool {
        if self.foreign == Some(ssrc) {
            return true;
        }
        if self.contains(ssrc) {
            return false;
        }
        self.foreign = Some(ssrc);
        true
    }

    fn contains(&self, ssrc: u32) -> bool {
        ssrc.wrapping_sub(self.first).wrapping_mul(STEP_INVERSE) < self.given
    }
}

/// Inverts an odd number modulo 2^32: each round of Newton's doubles the bits that are right.
const fn inverse(odd: u32) -> u32 {
    let mut inverse = odd;
    let mut round = 0;
    while round < 5 {
        inverse = inverse.wrapping_mul(2_u32.wrapping_sub(odd.wrapping_mul(inverse)));
        round += 1;
    }
    inverse
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_ssrc_comes_twice_and_each_is_known_as_given() {
        let mut ssrcs = Ssrcs::new(0xdead_beef);

        let given: HashSet<u32> = (0..100_000).map(|_| ssrcs.next(|_| false)).collect();

        assert_eq!(given.len(), 100_000);
        assert!(given.iter().all(|ssrc| ssrcs.contains(*ssrc)));
        assert!(!ssrcs.contains(0xdead_beef_u32.wrapping_sub(STEP)));
    }

    #[test]
    fn zero_and_what_others_use_are_left_out() {
        let mut ssrcs = Ssrcs::new(0);
        assert!(ssrcs.may_be_foreign(STEP));

        let given = ssrcs.next(|ssrc| ssrc == STEP.wrapping_mul(2));

        assert_eq!(given, STEP.wrapping_mul(3));
    }

    #[test]
    fn str0m_may_not_use_what_was_given_out() {
        let mut ssrcs = Ssrcs::new(7);
        let ours = ssrcs.next(|_| false);

        assert!(!ssrcs.may_be_foreign(ours));
        assert!(ssrcs.may_be_foreign(ours + 1));
    }
}
