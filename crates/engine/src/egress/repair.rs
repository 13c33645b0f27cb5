//! Sending packets again that a client has not got (RFC 4585, section 6.2.1; RFC 4588).
//!
//! The packets themselves are kept once per track ([`History`](super::history::History)); a stream keeps
//! [`SENT_MAX`] entries that say which of them it sent under which number.
//!
//! Invariants:
//! - a packet is sent again [`REPAIRS_MAX`] times at most, and not twice within a round trip;
//! - of all bytes of a stream, repairs are no more than one for [`BYTES_PER_REPAIR`] sent, and
//!   [`BURST_BYTES`]: at 20 % loss a quarter has to be sent again, and a flood of requests gains no more
//!   than a third.

use std::time::{Duration, Instant};

use forwarding::{Forward, PayloadRewrite};

/// Numbers that a stream remembers: a power of two, and at least as many as packets are kept.
pub(crate) const SENT_MAX: usize = 512;

/// At 20 % loss, one packet in 3000 is lost this often and once more.
const REPAIRS_MAX: u8 = 4;

/// Bytes to be sent before one byte may be sent again.
const BYTES_PER_REPAIR: usize = 3;

/// What may be sent again at once after a while without loss: a tenth of a second of a good picture.
const BURST_BYTES: usize = 20_000;

/// How long a repaired packet is taken to be under way while no round trip is known.
const ROUND_TRIP_DEFAULT: Duration = Duration::from_millis(40);

/// Shorter round trips are not told from the jitter of requests; longer ones are one lost report.
const ROUND_TRIP_RANGE: [Duration; 2] = [Duration::from_millis(10), Duration::from_millis(500)];

/// A packet that was sent: what is needed to send it again.
#[derive(Debug, Clone, Copy)]
struct Sent {
    /// Lower half of its number.
    sequence: u32,
    /// Its place in the history of its encoding.
    place: u32,
    timestamp: u32,
    rewrite: PayloadRewrite,
    /// When it was sent again last, in milliseconds, modulo 2^16.
    repaired_ms: u16,
    /// Bits 0 to 3: how often it was sent again; 4: the marker; 5 and 6: its encoding; 7: it is there.
    bits: u8,
}

const _: () = assert!(size_of::<Sent>() <= 24 && SENT_MAX >= super::history::PACKETS_MAX);

const REPAIRS: u8 = 0x0f;
const MARKER: u8 = 0x10;
const ENCODING_SHIFT: u32 = 5;
const ENCODING: u8 = 0x03;
const PRESENT: u8 = 0x80;

/// A packet that may be sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lost {
    /// The number that it had.
    pub(crate) original: u16,
    pub(crate) place: u32,
    pub(crate) encoding: u8,
    pub(crate) timestamp: u32,
    pub(crate) marker: bool,
    pub(crate) rewrite: PayloadRewrite,
}

/// Retransmission of one stream.
#[derive(Debug)]
pub(crate) struct Repair {
    pub(crate) ssrc: u32,
    pub(crate) payload_type: u8,
    next: u64,
    newest: u64,
    sent: Box<[Sent]>,
    /// Bytes that may be sent again.
    allowance: usize,
}

impl Repair {
    /// `next` is the number of the first retransmission: none is used twice for one SSRC.
    pub(crate) fn new(ssrc: u32, payload_type: u8, next: u64) -> Self {
        let none = Sent {
            sequence: 0,
            place: 0,
            timestamp: 0,
            rewrite: PayloadRewrite::None,
            repaired_ms: 0,
            bits: 0,
        };
        Self {
            ssrc,
            payload_type,
            next,
            newest: 0,
            sent: vec![none; SENT_MAX].into_boxed_slice(),
            allowance: BURST_BYTES,
        }
    }

    /// The number of the next retransmission.
    pub(crate) fn next(&self) -> u64 {
        self.next
    }

    /// Notes a packet that goes out for the first time.
    pub(crate) fn note_sent(&mut self, forward: &Forward, encoding: u8, place: u32, bytes: usize) {
        let sequence = low_32(forward.sequence);
        let marker = if forward.marker { MARKER } else { 0 };
        self.sent[slot(sequence)] = Sent {
            sequence,
            place,
            timestamp: forward.timestamp,
            rewrite: forward.rewrite,
            repaired_ms: 0,
            bits: PRESENT | marker | ((encoding & ENCODING) << ENCODING_SHIFT),
        };
        self.newest = self.newest.max(forward.sequence);
        self.allowance = (self.allowance + bytes / BYTES_PER_REPAIR).min(BURST_BYTES);
    }

    /// Finds what was sent as `number`, if it may be sent again now.
    pub(crate) fn find(&self, number: u16, clock: RepairClock) -> Option<Lost> {
        let sent = &self.sent[slot(self.extend(number))];
        let repairs = sent.bits & REPAIRS;
        let is_under_way = repairs > 0
            && Duration::from_millis(clock.now_ms.wrapping_sub(sent.repaired_ms).into())
                < clock.round_trip;
        let is_there = sent.bits & PRESENT != 0 && sent.sequence == self.extend(number);
        (is_there && repairs < REPAIRS_MAX && !is_under_way).then_some(Lost {
            original: number,
            place: sent.place,
            encoding: (sent.bits >> ENCODING_SHIFT) & ENCODING,
            timestamp: sent.timestamp,
            marker: sent.bits & MARKER != 0,
            rewrite: sent.rewrite,
        })
    }

    /// Takes `bytes` from what may be sent again, for the packet that was sent as `number`. Gives the
    /// number of the retransmission; `None`: it has to wait.
    pub(crate) fn begin(&mut self, number: u16, bytes: usize, clock: RepairClock) -> Option<u64> {
        self.allowance = self.allowance.checked_sub(bytes)?;
        let sequence = self.extend(number);
        let sent = &mut self.sent[slot(sequence)];
        sent.bits += 1;
        sent.repaired_ms = clock.now_ms;
        Some(self.take_number())
    }

    /// Takes a number that no retransmission has.
    pub(crate) fn take_number(&mut self) -> u64 {
        let next = self.next;
        self.next += 1;
        next
    }

    /// The lower half of the newest number that ends with `number` and was given.
    fn extend(&self, number: u16) -> u32 {
        let newest = low_32(self.newest);
        let behind = low_16(newest).wrapping_sub(number);
        newest.wrapping_sub(u32::from(behind))
    }

    #[cfg(test)]
    pub(crate) fn bytes(&self) -> usize {
        size_of::<Self>() + std::mem::size_of_val(&*self.sent)
    }
}

/// The time, as far as repairs need it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RepairClock {
    now_ms: u16,
    round_trip: Duration,
}

impl RepairClock {
    /// `origin` is any instant that stays the same.
    pub(crate) fn new(origin: Instant, now: Instant, round_trip: Option<Duration>) -> Self {
        let elapsed = now.saturating_duration_since(origin).as_millis();
        let [least, most] = ROUND_TRIP_RANGE;
        let now_ms = elapsed & u128::from(u16::MAX);
        Self {
            now_ms: u16::try_from(now_ms).expect("16 bits are left"),
            // Clients ask again after what they take for the round trip; half of it is surely too soon.
            round_trip: round_trip
                .unwrap_or(ROUND_TRIP_DEFAULT)
                .clamp(least, most)
                .mul_f32(0.75),
        }
    }
}

fn slot(sequence: u32) -> usize {
    sequence as usize % SENT_MAX
}

#[expect(clippy::cast_possible_truncation, reason = "the lower half is meant")]
fn low_32(number: u64) -> u32 {
    number as u32
}

#[expect(clippy::cast_possible_truncation, reason = "the lower half is meant")]
fn low_16(number: u32) -> u16 {
    number as u16
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_time::start;

    const BYTES: usize = 1000;

    fn clock(ms: u64) -> RepairClock {
        let origin = start();
        RepairClock::new(origin, origin + Duration::from_millis(ms), None)
    }

    fn forward(sequence: u64) -> Forward {
        let mut room = forwarding::Room::default();
        let track = room.publish(forwarding::Codec::Opus, 1);
        let subscription = room.subscribe(track, forwarding::LayerTarget::ALL);
        Forward {
            subscription: subscription.unwrap(),
            sequence,
            timestamp: low_32(sequence) * 3,
            marker: sequence.is_multiple_of(2),
            rewrite: PayloadRewrite::None,
        }
    }

    fn send(repair: &mut Repair, numbers: std::ops::Range<u64>) {
        let template = forward(0);
        for sequence in numbers {
            let forward = Forward {
                sequence,
                timestamp: low_32(sequence),
                ..template
            };
            repair.note_sent(&forward, 2, low_32(sequence), BYTES);
        }
    }

    fn repair(repair: &mut Repair, number: u16, at: RepairClock) -> bool {
        let lost = repair.find(number, at);
        lost.is_some() && repair.begin(number, BYTES, at).is_some()
    }

    #[test]
    fn what_was_sent_is_found_as_it_was_over_the_wrap_of_16_bits() {
        let mut repair = Repair::new(1, 97, 0);
        send(&mut repair, 65_400..65_700);

        let lost = |number| repair.find(number, clock(0)).map(|lost| lost.timestamp);

        assert_eq!(lost(65_400), Some(65_400));
        assert_eq!(lost(163), Some(65_699));
        assert_eq!(lost(164), None);
        assert_eq!(lost(65_399), None);
        let found = repair.find(65_400, clock(0)).unwrap();
        assert_eq!(
            (found.encoding, found.place, found.original),
            (2, 65_400, 65_400)
        );
    }

    #[test]
    fn numbers_that_are_too_old_are_not_mistaken_for_newer_ones() {
        let mut repair = Repair::new(1, 97, 0);
        send(&mut repair, 0..SENT_MAX as u64 + 1);

        assert!(repair.find(0, clock(0)).is_none());
        assert!(repair.find(1, clock(0)).is_some());
    }

    #[test]
    fn a_packet_is_not_repaired_twice_within_a_round_trip_nor_for_ever() {
        let mut stream = Repair::new(1, 97, 0);
        send(&mut stream, 0..10);

        let repairs: Vec<u64> = (0..300)
            .filter(|ms| repair(&mut stream, 5, clock(*ms)))
            .collect();

        assert_eq!(repairs, [0, 30, 60, 90]);
    }

    #[test]
    fn a_flood_of_requests_gains_a_third_of_what_is_sent() {
        let mut stream = Repair::new(1, 97, 0);
        let (mut sent, mut repaired) = (0, 0);
        for round in 0..500_u64 {
            send(&mut stream, round * 10..(round + 1) * 10);
            sent += 10 * BYTES;
            for number in 0..5000 {
                repaired += BYTES * usize::from(repair(&mut stream, number, clock(round * 40)));
            }
        }

        assert!(repaired <= sent / 3 + BURST_BYTES, "{repaired} of {sent}");
        assert!(repaired >= sent / 4, "{repaired} of {sent}");
    }

    #[test]
    fn every_retransmission_has_a_number_of_its_own() {
        let mut stream = Repair::new(1, 97, 0);
        send(&mut stream, 0..100);

        let numbers: Vec<_> = (0..100)
            .filter_map(|number| stream.begin(number, BYTES, clock(0)))
            .collect();

        assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]));
    }
}
