//! Sequence number rewriting for one subscription.
//!
//! A subscriber sees one RTP stream, but its packets come from several encodings, each numbered on
//! its own, and some are left out. [`RtpRewriter`] maps them into one outgoing space.
//!
//! Invariants:
//! - a packet that is skipped in order leaves no gap; one lost upstream does, so that NACK still
//!   works. A packet that comes late and is skipped then keeps its gap: the number was counted on;
//! - no outgoing number is ever given to two packets, whatever the input: [`SentWindow`] remembers
//!   what was given and refuses what is too old to be remembered;
//! - a late packet gets the number that was left free for it, or none;
//! - memory is bounded by [`SEGMENTS_MAX`] and [`SENT_WINDOW`].

use std::collections::VecDeque;

use thiserror::Error;

/// Covers 2 s of reordering at 30 skipped runs of packets per second.
const SEGMENTS_MAX: usize = 64;

/// Covers 2 s of a 5 Mbit/s stream in packets of 1200 bytes; retransmissions come sooner.
const SENT_WINDOW: u64 = 1024;
const SENT_WORDS: usize = 16;

/// A wider jump can't be told from a step back in 16 bits: it is a new stream, and leaves no gap.
const JUMP_MAX: u64 = 1 << 15;

/// First outgoing numbers keep below this, so that the receiver needs no rollover counter and has
/// half of the 16 bits until the first wrap (RFC 3711, section 3.3.1).
const FIRST_MASK: u64 = 0x7fff;

/// Why a packet gets no outgoing number. Don't send it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum RewriteError {
    /// It was skipped, or is from before the last switch or too old to know.
    #[error("the packet has no place in the outgoing stream")]
    NoPlace,
    /// Its number was given already.
    #[error("the packet was sent already")]
    Duplicate,
}

/// A run of numbers that are mapped with the same distance.
#[derive(Debug, Clone, Copy)]
struct Segment {
    first: u64,
    /// First number after the run; the last segment is open and ends at `expected`.
    end: Option<u64>,
    outgoing_first: u64,
}

/// Maps a growing source numbering, from which numbers are left out, to one without holes.
#[derive(Debug, Default)]
pub(crate) struct NumberMap {
    segments: VecDeque<Segment>,
    /// The number after the highest one seen.
    expected: u64,
    /// What `expected` is mapped to, unless it is skipped.
    next: u64,
    started: bool,
}

impl NumberMap {
    /// Begins a new source numbering at `first`; outgoing numbers go on without a gap.
    pub(crate) fn restart(&mut self, first: u64) {
        if !self.started {
            self.started = true;
            self.next = first & FIRST_MASK;
        }
        self.segments.clear();
        self.open(first);
    }

    /// Maps `number`; numbers between it and the highest seen are counted on to come later.
    pub(crate) fn map(&mut self, number: u64) -> Option<u64> {
        let Some(missing) = self.missing_before(number) else {
            return self.find(number);
        };
        if missing > JUMP_MAX {
            self.restart(number);
            return self.map(number);
        }
        let outgoing = self.next + missing;
        self.expected = number.wrapping_add(1);
        self.next = outgoing + 1;
        Some(outgoing)
    }

    /// Leaves `number` out, if that is still possible.
    pub(crate) fn skip(&mut self, number: u64) {
        let Some(missing) = self.missing_before(number) else {
            return;
        };
        let after = number.wrapping_add(1);
        if missing > JUMP_MAX {
            self.restart(after);
            return;
        }
        self.next += missing;
        if let Some(last) = self.segments.back_mut() {
            if last.first == number {
                self.segments.pop_back();
            } else {
                last.end = Some(number);
            }
        }
        self.open(after);
    }

    fn open(&mut self, first: u64) {
        if self.segments.len() == SEGMENTS_MAX {
            self.segments.pop_front();
        }
        self.segments.push_back(Segment {
            first,
            end: None,
            outgoing_first: self.next,
        });
        self.expected = first;
    }

    /// Counts the unseen numbers below `number`; `None` if it is not above all that were seen.
    fn missing_before(&self, number: u64) -> Option<u64> {
        let missing = number.wrapping_sub(self.expected);
        (self.started && missing <= u64::MAX / 2).then_some(missing)
    }

    fn find(&self, number: u64) -> Option<u64> {
        self.segments.iter().rev().find_map(|segment| {
            let end = segment.end.unwrap_or(self.expected);
            let at = number.wrapping_sub(segment.first);
            (at < end.wrapping_sub(segment.first)).then(|| segment.outgoing_first + at)
        })
    }
}

/// Remembers which of the newest [`SENT_WINDOW`] numbers were given.
#[derive(Debug, Default)]
struct SentWindow {
    words: [u64; SENT_WORDS],
    /// The number after the highest given.
    end: u64,
}

impl SentWindow {
    /// Notes `number`; says no if it was noted before or is too old to know.
    fn insert(&mut self, number: u64) -> bool {
        if number >= self.end {
            if number - self.end >= SENT_WINDOW {
                self.words = [0; SENT_WORDS];
            } else {
                for passed in self.end..number {
                    let (word, bit) = Self::place(passed);
                    self.words[word] &= !bit;
                }
            }
            self.end = number + 1;
        } else if self.end - number > SENT_WINDOW {
            return false;
        } else {
            let (word, bit) = Self::place(number);
            if self.words[word] & bit != 0 {
                return false;
            }
        }
        let (word, bit) = Self::place(number);
        self.words[word] |= bit;
        true
    }

    fn place(number: u64) -> (usize, u64) {
        let at = number % SENT_WINDOW;
        let word = usize::try_from(at / 64).expect("a remainder of 1024 fits");
        (word, 1 << (at % 64))
    }
}

/// Gives the packets of one subscription their outgoing sequence numbers.
#[derive(Debug, Default)]
pub struct RtpRewriter {
    numbers: NumberMap,
    sent: SentWindow,
}

impl RtpRewriter {
    /// Goes over to a source whose next packet is `first`. Packets of the source before have no place
    /// any more. The first call decides the first outgoing number, which is below 32768.
    pub fn switch_layer(&mut self, first: u64) {
        self.numbers.restart(first);
    }

    /// Gives packet `sequence` of the present source its outgoing number.
    ///
    /// # Errors
    ///
    /// [`RewriteError`] if it must not be sent.
    pub fn rewrite(&mut self, sequence: u64) -> Result<u64, RewriteError> {
        let outgoing = self.numbers.map(sequence).ok_or(RewriteError::NoPlace)?;
        if self.sent.insert(outgoing) {
            Ok(outgoing)
        } else {
            Err(RewriteError::Duplicate)
        }
    }

    /// Leaves packet `sequence` of the present source out.
    pub fn skip(&mut self, sequence: u64) {
        self.numbers.skip(sequence);
    }
}

#[cfg(test)]
mod tests;
