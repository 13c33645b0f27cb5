//! Everything that peers count, so that threads and windows can be added and subtracted.

use std::ops::{AddAssign, Index, Sub};
use std::time::Duration;

use super::Histogram;

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Counter {
    /// Peers whose media came up.
    Joined,
    /// Peers that never got so far.
    JoinFailed,
    /// Peers that the server or the network threw out later.
    Disconnected,
    /// Peers that left as planned.
    Left,
    /// Resumptions that the server accepted.
    Resumed,
    /// Resumptions that ended in anything else.
    ResumeFailed,
    /// Media packets that subscribers received: what the server forwarded.
    Packets,
    /// UDP payload of these.
    Bytes,
    /// Those of [`Self::Packets`] that are video.
    VideoPackets,
    /// Retransmissions received.
    Repairs,
    /// Packets of nothing but padding.
    Padding,
    /// Sequence numbers that went by at subscribers.
    Expected,
    /// Those of them that came, repaired ones included.
    Arrived,
    /// Media packets sent by publishers, all layers.
    PublishedPackets,
    /// Payload of these.
    PublishedBytes,
    /// Keyframes that publishers were asked for.
    KeyframesAsked,
    /// Whole and decodable pictures at the sample.
    Frames,
    /// Pauses between pictures that a viewer notices.
    Freezes,
    /// How long these were, in microseconds.
    FreezeMicros,
    /// How long pictures were watched, in microseconds.
    WatchedMicros,
    /// Changes of the simulcast layer in what a viewer sees.
    LayerSwitches,
    /// Packets whose payload nobody here sent: made by the server itself, such as blank pictures at
    /// a track's end.
    Foreign,
    /// Packets whose payload is damaged.
    Corrupt,
}

/// How many [`Counter`]s there are.
const COUNTERS: usize = Counter::Corrupt as usize + 1;

/// What is timed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Timing {
    /// From the connection's start to the server's first message.
    Signal,
    /// From the connection's start until media can flow.
    Join,
    /// From the connection's start to the first whole picture.
    FirstFrame,
    /// From the loss of the signalling connection until the server took the peer back.
    Resume,
    /// From a publisher's send call to a subscriber's receive call.
    Latency,
    /// How late publishers send, which tells whether this machine is fast enough.
    Lateness,
}

/// How many [`Timing`]s there are.
const TIMINGS: usize = Timing::Lateness as usize + 1;

/// Sums since the beginning.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    counters: [u64; COUNTERS],
    timings: [Histogram; TIMINGS],
}

impl Totals {
    /// Counts one.
    pub(crate) fn count(&mut self, counter: Counter) {
        self.add(counter, 1);
    }

    /// Counts several.
    pub(crate) fn add(&mut self, counter: Counter, number: u64) {
        self.counters[counter as usize] += number;
    }

    /// Adds a duration in microseconds.
    pub(crate) fn add_micros(&mut self, counter: Counter, duration: Duration) {
        self.add(counter, u64::try_from(duration.as_micros()).unwrap_or(0));
    }

    /// Times something.
    pub(crate) fn time(&mut self, timing: Timing, duration: Duration) {
        self.timings[timing as usize].record(duration);
    }

    /// Everything of one kind that was timed.
    pub(crate) fn timing(&self, timing: Timing) -> &Histogram {
        &self.timings[timing as usize]
    }
}

impl Index<Counter> for Totals {
    type Output = u64;

    fn index(&self, counter: Counter) -> &u64 {
        &self.counters[counter as usize]
    }
}

impl AddAssign<&Self> for Totals {
    fn add_assign(&mut self, other: &Self) {
        for (mine, theirs) in self.counters.iter_mut().zip(&other.counters) {
            *mine += theirs;
        }
        for (mine, theirs) in self.timings.iter_mut().zip(&other.timings) {
            *mine += theirs;
        }
    }
}

impl Sub for &Totals {
    type Output = Totals;

    /// What came after `earlier`.
    fn sub(self, earlier: Self) -> Totals {
        Totals {
            counters: std::array::from_fn(|index| {
                self.counters[index].saturating_sub(earlier.counters[index])
            }),
            timings: std::array::from_fn(|index| &self.timings[index] - &earlier.timings[index]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_the_difference_of_two_sums() {
        let mut early = Totals::default();
        early.add(Counter::Packets, 5);
        early.time(Timing::Latency, Duration::from_micros(7));
        let mut late = early.clone();
        let mut more = Totals::default();
        more.count(Counter::Packets);
        more.time(Timing::Latency, Duration::from_micros(9));
        late += &more;

        assert_eq!(&late - &early, more);
    }
}
