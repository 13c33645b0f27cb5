//! Grouping of outgoing datagrams, so that one system call carries many.
//!
//! A *run* is a sequence of datagrams for one destination that the kernel can cut from one message
//! (GSO): all of one size, but for the last, which may be shorter. A *batch* is a sequence of runs
//! that go out in one call with one segment size and one source address.
//!
//! Invariants:
//! - every datagram is in one run, and every run in one batch;
//! - the datagrams of one destination leave in the order in which they came.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::ops::Range;

use engine::Datagram;

/// The largest payload of a UDP datagram, and so of a run.
const RUN_BYTES_MAX: usize = 65_507;

/// Datagrams of one destination, by their indices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Run {
    /// Which datagrams.
    pub(crate) datagrams: Range<usize>,
    /// Size of all but the last of them.
    pub(crate) segment_bytes: usize,
    /// How many runs of the same destination go before this one.
    round: usize,
}

impl Run {
    /// Makes the run of one datagram.
    pub(crate) fn single(index: usize, bytes: usize) -> Self {
        Self {
            datagrams: index..index + 1,
            segment_bytes: bytes,
            round: 0,
        }
    }

    fn is_single(&self) -> bool {
        self.datagrams.len() == 1
    }
}

/// Runs that go out in one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Batch {
    /// Which runs, by their indices.
    pub(crate) runs: Range<usize>,
    /// The segment size of all of them. A run of one datagram may be shorter.
    pub(crate) segment_bytes: usize,
    /// Whether any of the runs has to be cut.
    pub(crate) segmented: bool,
    /// The local address that they leave from.
    pub(crate) source: SocketAddr,
}

/// Groups datagrams into runs. It keeps its memory from one use to the next.
#[derive(Debug, Default)]
pub(crate) struct Grouping {
    runs: Vec<Run>,
    rounds: HashMap<SocketAddr, usize>,
}

impl Grouping {
    /// Gives the runs of `datagrams`, ordered so that those that fit into one batch are neighbours.
    /// Runs are long if the datagrams of one destination are neighbours.
    pub(crate) fn group(&mut self, datagrams: &[Datagram], segments_max: usize) -> &[Run] {
        self.runs.clear();
        self.rounds.clear();
        let mut start = 0;
        while start < datagrams.len() {
            let end = start + run_length(&datagrams[start..], segments_max.max(1));
            let rounds = self.rounds.entry(datagrams[start].destination);
            let round = *rounds.and_modify(|round| *round += 1).or_insert(0);
            self.runs.push(Run {
                datagrams: start..end,
                segment_bytes: datagrams[start].bytes(),
                round,
            });
            start = end;
        }
        self.runs
            .sort_unstable_by_key(|run| (run.round, run.segment_bytes, run.datagrams.start));
        &self.runs
    }
}

/// Counts the datagrams at the front that make one run.
fn run_length(datagrams: &[Datagram], segments_max: usize) -> usize {
    let first = &datagrams[0];
    let segment = first.bytes();
    let mut bytes = segment;
    let mut length = 1;
    for datagram in &datagrams[1..] {
        let size = datagram.bytes();
        let fits = length < segments_max
            && (1..=segment).contains(&size)
            && bytes + size <= RUN_BYTES_MAX
            && datagram.destination == first.destination
            && datagram.source == first.source;
        if !fits {
            break;
        }
        length += 1;
        bytes += size;
        if size < segment {
            break;
        }
    }
    length
}

/// Takes the batch that begins with `runs[start]`, of at most `runs_max` runs.
pub(crate) fn next_batch(
    datagrams: &[Datagram],
    runs: &[Run],
    start: usize,
    runs_max: usize,
) -> Batch {
    let source = datagrams[runs[start].datagrams.start].source;
    let mut segment_bytes = runs[start].segment_bytes;
    let mut settled = !runs[start].is_single();
    let mut end = start + 1;
    for run in runs[end..].iter().take(runs_max.saturating_sub(1)) {
        let same = run.segment_bytes == segment_bytes;
        let fits = if run.is_single() {
            run.segment_bytes <= segment_bytes || !settled
        } else {
            same || (!settled && run.segment_bytes > segment_bytes)
        };
        if !fits || datagrams[run.datagrams.start].source != source {
            break;
        }
        segment_bytes = segment_bytes.max(run.segment_bytes);
        settled |= !run.is_single();
        end += 1;
    }
    Batch {
        runs: start..end,
        segment_bytes,
        segmented: settled,
        source,
    }
}

#[cfg(test)]
mod tests {
    use engine::Transmit;
    use proptest::prelude::*;

    use super::*;

    fn datagrams(list: &[(u16, usize)]) -> Vec<Datagram> {
        let mut transmit = Transmit::default();
        for &(port, size) in list {
            let destination = ([127, 0, 0, 1], port).into();
            transmit.push(([127, 0, 0, 1], 7882).into(), destination, &vec![0; size]);
        }
        transmit.datagrams().to_vec()
    }

    fn runs_of(datagrams: &[Datagram]) -> Vec<Run> {
        Grouping::default().group(datagrams, 64).to_vec()
    }

    fn batches_of(datagrams: &[Datagram], runs: &[Run]) -> Vec<Batch> {
        let mut batches = Vec::new();
        let mut start = 0;
        while start < runs.len() {
            let batch = next_batch(datagrams, runs, start, 64);
            start = batch.runs.end;
            batches.push(batch);
        }
        batches
    }

    #[test]
    fn equal_sizes_make_a_run_and_a_shorter_one_ends_it() {
        let datagrams = datagrams(&[(1, 9), (1, 9), (1, 4), (1, 9), (2, 9)]);

        let runs = runs_of(&datagrams);

        let mut ranges: Vec<_> = runs.iter().map(|run| run.datagrams.clone()).collect();
        ranges.sort_by_key(|range| range.start);
        assert_eq!(ranges, [0..3, 3..4, 4..5]);
    }

    #[test]
    fn subscribers_of_the_same_packets_share_a_batch() {
        let frame = |port| [(port, 1200), (port, 1200), (port, 700), (port, 90)];
        let list: Vec<_> = (1..=50).flat_map(frame).collect();
        let datagrams = datagrams(&list);

        let runs = runs_of(&datagrams);
        let batches = batches_of(&datagrams, &runs);

        assert_eq!(runs.len(), 100);
        assert_eq!(batches.len(), 2);
    }

    proptest! {
        #[test]
        fn every_datagram_leaves_once_in_the_order_of_its_destination(
            list in prop::collection::vec((1_u16..4, 0_usize..5), 0..60),
            segments_max in 1_usize..8,
        ) {
            let datagrams = datagrams(&list);
            let runs = Grouping::default().group(&datagrams, segments_max).to_vec();
            let mut left: HashMap<SocketAddr, Vec<usize>> = HashMap::new();

            for batch in batches_of(&datagrams, &runs) {
                for run in &runs[batch.runs] {
                    prop_assert!(run.datagrams.len() <= segments_max);
                    let sizes = run.datagrams.clone().map(|index| datagrams[index].bytes());
                    let last = run.datagrams.end - 1;
                    for (index, size) in run.datagrams.clone().zip(sizes) {
                        prop_assert!(size == run.segment_bytes || index == last);
                        prop_assert!(size <= batch.segment_bytes);
                        left.entry(datagrams[index].destination).or_default().push(index);
                    }
                    prop_assert!(run.is_single() || run.segment_bytes == batch.segment_bytes);
                }
            }

            for (destination, indices) in left {
                let expected: Vec<usize> = (0..datagrams.len())
                    .filter(|&index| datagrams[index].destination == destination)
                    .collect();
                prop_assert_eq!(indices, expected);
            }
        }
    }
}
