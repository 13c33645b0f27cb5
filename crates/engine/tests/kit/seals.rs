//! Nonce safety, seen from the wire: no (SSRC, extended sequence) and no (SSRC, SRTCP index) is sealed
//! twice with different content towards one peer (RFC 7714, section 8).

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

/// RTCP packet types (RFC 3550, section 12.1). Those of the first packet stand in the clear.
const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;

#[derive(Debug, Default)]
pub(crate) struct Seals {
    rtp: HashMap<(usize, u32, u64), u64>,
    rtcp: HashMap<(usize, u32, u32), u64>,
    newest: HashMap<(usize, u32), u64>,
    /// Who sends RTCP with which SSRC: sender reports are the egress's, all else is str0m's.
    reporters: HashMap<(usize, u32), bool>,
}

impl Seals {
    /// Looks at a datagram to a peer; panics at a nonce that is used again.
    pub(crate) fn observe(&mut self, peer: usize, datagram: &[u8]) {
        let [first, second, ..] = *datagram else {
            return;
        };
        if !(128..192).contains(&first) || datagram.len() < 16 {
            return;
        }
        let mut hasher = DefaultHasher::new();
        datagram.hash(&mut hasher);
        let content = hasher.finish();
        if (64..96).contains(&(second & 0x7f)) {
            let index = word(&datagram[datagram.len() - 4..]);
            let is_report = second == SENDER_REPORT;
            let reporter = (peer, word(&datagram[4..]));
            let was_report = self.reporters.insert(reporter, is_report);
            assert!(
                was_report
                    .is_none_or(|was_report| was_report == is_report || second == RECEIVER_REPORT),
                "two sides send SRTCP with SSRC {:x}",
                reporter.1
            );
            let before = self
                .rtcp
                .insert((peer, word(&datagram[4..]), index), content);
            assert!(
                before.is_none_or(|before| before == content),
                "SRTCP index {index:x} was used twice"
            );
            return;
        }
        let ssrc = word(&datagram[8..]);
        let sequence = u16::from_be_bytes([datagram[2], datagram[3]]);
        let extended = self.extend(peer, ssrc, sequence);
        let before = self.rtp.insert((peer, ssrc, extended), content);
        assert!(
            before.is_none_or(|before| before == content),
            "SSRC {ssrc:x} sealed number {extended} twice"
        );
    }

    fn extend(&mut self, peer: usize, ssrc: u32, sequence: u16) -> u64 {
        let newest = self
            .newest
            .entry((peer, ssrc))
            .or_insert(u64::from(sequence) + (1 << 16));
        let ahead = sequence.wrapping_sub(u16::try_from(*newest & 0xffff).expect("masked"));
        let extended = if ahead < 1 << 15 {
            *newest + u64::from(ahead)
        } else {
            *newest - u64::from(ahead.wrapping_neg())
        };
        *newest = extended.max(*newest);
        extended
    }

    /// The SSRCs of the media that a peer got, and of the RTCP that str0m sent it.
    pub(crate) fn media_and_foreign(&self, peer: usize) -> [HashSet<u32>; 2] {
        let of = |(owner, ssrc): &(usize, u32)| (*owner == peer).then_some(*ssrc);
        let media = self.newest.keys().filter_map(of).collect();
        let foreign = self.reporters.iter().filter(|(_, is_report)| !**is_report);
        [media, foreign.filter_map(|(key, _)| of(key)).collect()]
    }

    /// The numbers of each SSRC that a peer was sent: the first, the last, and how many there were.
    pub(crate) fn spans(&self, peer: usize) -> BTreeMap<u32, (u64, u64, usize)> {
        let mut spans = BTreeMap::new();
        for (_, ssrc, number) in self.rtp.keys().filter(|(owner, ..)| *owner == peer) {
            let (first, last, count) = spans.entry(*ssrc).or_insert((*number, *number, 0));
            (*first, *last) = ((*first).min(*number), (*last).max(*number));
            *count += 1;
        }
        spans
    }

    /// How many RTP packets were looked at.
    pub(crate) fn count(&self) -> usize {
        self.rtp.len()
    }
}

fn word(bytes: &[u8]) -> u32 {
    u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
}

/// SSRC and sequence number of an RTP packet.
pub(crate) fn media_number(datagram: &[u8]) -> Option<(u32, u16)> {
    let header: &[u8; 12] = datagram.first_chunk()?;
    let is_media = (128..192).contains(&header[0]) && !(64..96).contains(&(header[1] & 0x7f));
    let ssrc = u32::from_be_bytes([header[8], header[9], header[10], header[11]]);
    is_media.then_some((ssrc, u16::from_be_bytes([header[2], header[3]])))
}
