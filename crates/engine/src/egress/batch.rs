//! The packets between two flushes, each held once for all who get it.
//!
//! The kernel cuts a message only into datagrams of one size, the last of which may be shorter (GSO).
//! Browsers cut a picture into packets that differ by a byte, so that half of them would leave apart from
//! the others. Those that are a few bytes shorter than their neighbours get so much RTP padding (RFC 3550,
//! section 5.1) that all leave together.
//!
//! Invariants:
//! - padding makes no packet larger than another one of its encoding in the same batch;
//! - sound is never padded, and no packet is moved.

use forwarding::Descriptor;

use crate::media::Packet;

/// A packet of the present batch.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) packet: Packet,
    /// Its place in the history of its encoding.
    pub(crate) place: u32,
    /// Bytes of padding that it gets on its way to those who get all of its payload.
    pub(crate) padding: u8,
    /// Index of its track.
    track: usize,
}

impl Kept {
    /// What tells the streams of pictures apart.
    fn stream(&self) -> (usize, u8) {
        (self.track, self.packet.view.encoding)
    }

    /// What it takes in each subscriber's copy, but for what all copies of its stream have.
    fn bytes(&self) -> usize {
        let descriptor = self.packet.extensions.descriptor();
        self.packet.payload.len() + descriptor.map_or(0, <[u8]>::len)
    }

    pub(crate) fn is_sound(&self) -> bool {
        matches!(self.packet.view.descriptor, Descriptor::Audio)
    }
}

/// The packets that were queued since the last flush. It keeps its memory from one use to the next.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    packets: Vec<Kept>,
    /// So many of them have their padding.
    settled: usize,
    /// Packets of pictures by stream.
    order: Vec<usize>,
}

impl Batch {
    /// Adds a packet; gives its index.
    pub(crate) fn push(&mut self, track: usize, packet: Packet, place: u32) -> usize {
        self.packets.push(Kept {
            packet,
            place,
            padding: 0,
            track,
        });
        self.packets.len() - 1
    }

    pub(crate) fn get(&self, index: usize) -> Option<&Kept> {
        self.packets.get(index)
    }

    pub(crate) fn clear(&mut self) {
        self.packets.clear();
        self.settled = 0;
    }

    /// Decides on the padding of the packets that were added since the last call: `bytes_max` at most
    /// for each.
    pub(crate) fn settle(&mut self, bytes_max: u8) {
        let packets = &mut self.packets;
        let new = self.settled..packets.len();
        self.settled = packets.len();
        if bytes_max == 0 || new.len() < 2 {
            return;
        }
        self.order.clear();
        let pictures = new.filter(|index| !packets[*index].is_sound());
        self.order.extend(pictures);
        self.order
            .sort_unstable_by_key(|index| (packets[*index].stream(), *index));
        let mut rest = &self.order[..];
        while let Some(first) = rest.first() {
            let stream = packets[*first].stream();
            let same = rest.iter().map(|index| &packets[*index]);
            let same = same.take_while(|kept| kept.stream() == stream);
            let (length, bytes) = next_run(same.map(Kept::bytes), bytes_max.into());
            let (run, others) = rest.split_at(length);
            for index in &run[..length - 1] {
                let missing = bytes - packets[*index].bytes();
                packets[*index].padding = u8::try_from(missing).unwrap_or(0);
            }
            rest = others;
        }
    }
}

/// Counts the packets at the front that can leave together, and gives the size that all but the last of
/// them have to get for that: the largest of theirs, and by no more than `padding_max` larger than any.
fn next_run(sizes: impl Iterator<Item = usize>, padding_max: usize) -> (usize, usize) {
    let (mut least, mut most, mut length) = (usize::MAX, 0, 0);
    for size in sizes {
        let (lower, upper) = (least.min(size), most.max(size));
        if length > 0 && upper - lower > padding_max {
            // One that is much shorter may still be the last.
            return (length + usize::from(size < least), most);
        }
        (least, most, length) = (lower, upper, length + 1);
    }
    (length, most)
}

#[cfg(test)]
mod tests {
    use forwarding::PacketView;
    use proptest::prelude::*;

    use super::*;
    use crate::media::PacketExtensions;

    /// A packet of an encoding; sound if the encoding is 3.
    fn packet(encoding: u8, bytes: usize) -> Packet {
        Packet {
            view: PacketView {
                encoding,
                sequence: 1,
                timestamp: 0,
                marker: false,
                payload_bytes: u16::try_from(bytes).unwrap(),
                descriptor: if encoding == 3 {
                    Descriptor::Audio
                } else {
                    Descriptor::Unreadable
                },
            },
            payload: vec![0; bytes].into(),
            extensions: PacketExtensions::default(),
            red: None,
        }
    }

    /// The paddings of packets, each given by encoding and size.
    fn paddings(packets: &[(u8, usize)], bytes_max: u8) -> Vec<u8> {
        let mut batch = Batch::default();
        for &(encoding, bytes) in packets {
            batch.push(0, packet(encoding, bytes), 0);
        }
        batch.settle(bytes_max);
        batch.packets.iter().map(|kept| kept.padding).collect()
    }

    /// Counts the messages that packets of one stream take: GSO's rule.
    fn runs(sizes: &[usize]) -> usize {
        let (mut runs, mut segment) = (0, None);
        for &size in sizes {
            match segment {
                Some(segment_bytes) if size == segment_bytes => {}
                Some(segment_bytes) if size < segment_bytes => segment = None,
                Some(_) | None => {
                    runs += 1;
                    segment = Some(size);
                }
            }
        }
        runs
    }

    #[test]
    fn packets_of_a_browsers_picture_become_equal() {
        let picture = [(0, 1100), (0, 1100), (0, 1101), (0, 1101), (0, 1101)];

        assert_eq!(paddings(&picture, 16), [1, 1, 0, 0, 0]);
    }

    #[test]
    fn a_shorter_packet_ends_a_run_as_it_is() {
        let picture = [(0, 1000), (0, 1001), (0, 700), (0, 990), (0, 1000)];

        assert_eq!(paddings(&picture, 16), [1, 0, 0, 10, 0]);
    }

    #[test]
    fn encodings_and_sound_are_left_apart() {
        let both = [(0, 500), (3, 90), (1, 510), (0, 501), (3, 91), (1, 500)];

        assert_eq!(paddings(&both, 16), [1, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn packets_of_an_earlier_flush_keep_what_they_got() {
        let mut batch = Batch::default();
        batch.push(0, packet(0, 500), 0);
        batch.settle(16);
        batch.push(0, packet(0, 501), 0);
        batch.settle(16);

        assert_eq!(batch.get(0).map(|kept| kept.padding), Some(0));
    }

    proptest! {
        #[test]
        fn padding_joins_packets_and_makes_none_the_largest(
            sizes in prop::collection::vec(prop_oneof![90_usize..110, 1_usize..200], 0..40),
            bytes_max: u8,
        ) {
            let packets: Vec<_> = sizes.iter().map(|size| (0, *size)).collect();
            let paddings = paddings(&packets, bytes_max);

            let padded = sizes.iter().zip(&paddings).map(|(size, padding)| size + usize::from(*padding));
            let padded: Vec<usize> = padded.collect();
            prop_assert!(paddings.iter().all(|padding| *padding <= bytes_max));
            prop_assert!(padded.iter().max() == sizes.iter().max());
            prop_assert!(runs(&padded) <= runs(&sizes));
        }
    }
}
