//! Transport-wide feedback: which packets arrived, and when
//! (draft-holmer-rmcat-transport-wide-cc-extensions-01, section 3.1).
//!
//! Invariants:
//! - a packet gives [`STATUSES_MAX`] arrivals at most, however many it claims;
//! - times stay within 32 bits.

use super::fields::{byte, short, word};

/// Packets that one feedback tells of at most; what it says of further ones is not read. Clients send
/// feedback several times a second, and forget no packet of before.
pub(crate) const STATUSES_MAX: u16 = 4096;

/// Unit of all times here, in microseconds.
pub(crate) const TICK_MICROS: i64 = 250;

/// The reference time counts these many ticks: 64 ms.
pub(crate) const REFERENCE_TICKS: i64 = 256;

/// The reference time has as many bits.
pub(crate) const REFERENCE_BITS: u32 = 24;

const COUNT_BITS: u32 = 8;
const IS_VECTOR: u16 = 0x8000;
const HAS_TWO_BITS: u16 = 0x4000;
const RUN_LENGTH: u16 = 0x1fff;
const SYMBOLS_OF_ONE_BIT: u16 = 14;
const SYMBOLS_OF_TWO_BITS: u16 = 7;

/// What is said of one packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Arrival {
    /// Its transport-wide number.
    pub(crate) number: u16,
    /// When it came, in ticks after the reference time; `None`: it has not come.
    pub(crate) ticks: Option<i32>,
}

/// The statuses of one feedback packet, in the order of their numbers. What is cut off or makes no sense
/// ends them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Arrivals<'a> {
    /// The time from which arrivals are counted, in 64 ms, modulo 2^24.
    pub(crate) reference: u32,
    next: u16,
    left: u16,
    ticks: i32,
    chunk: Chunk,
    chunks: &'a [u8],
    deltas: &'a [u8],
}

/// Several statuses in 16 bits (sections 3.1.3 and 3.1.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Chunk {
    Run { symbol: u16, left: u16 },
    OneBit { bits: u16, left: u16 },
    TwoBits { bits: u16, left: u16 },
}

impl Chunk {
    const NONE: Self = Self::Run { symbol: 0, left: 0 };

    fn of(word: u16) -> Self {
        if word & IS_VECTOR == 0 {
            Self::Run {
                symbol: (word >> 13) & 3,
                left: word & RUN_LENGTH,
            }
        } else if word & HAS_TWO_BITS == 0 {
            Self::OneBit {
                bits: word,
                left: SYMBOLS_OF_ONE_BIT,
            }
        } else {
            Self::TwoBits {
                bits: word,
                left: SYMBOLS_OF_TWO_BITS,
            }
        }
    }

    fn left(self) -> u16 {
        match self {
            Self::Run { left, .. } | Self::OneBit { left, .. } | Self::TwoBits { left, .. } => left,
        }
    }

    /// Takes the next symbol: 0 not received, 1 small delta, 2 large delta.
    fn next(&mut self) -> Option<u16> {
        match self {
            Self::Run { symbol, left } => {
                *left = left.checked_sub(1)?;
                Some(*symbol)
            }
            Self::OneBit { bits, left } => {
                *left = left.checked_sub(1)?;
                Some((*bits >> *left) & 1)
            }
            Self::TwoBits { bits, left } => {
                *left = left.checked_sub(1)?;
                Some((*bits >> (2 * *left)) & 3)
            }
        }
    }
}

impl<'a> Arrivals<'a> {
    /// Reads what follows the two SSRCs; nothing if the fixed part or a chunk is cut off.
    pub(super) fn take(body: &mut &'a [u8]) -> Option<Self> {
        let (next, claimed) = (short(body)?, short(body)?);
        let reference = word(body)? >> COUNT_BITS;
        let chunks = *body;
        // The deltas begin after the chunks for all that is claimed.
        let mut covered = 0;
        while covered < u32::from(claimed) {
            let chunk = Chunk::of(short(body)?);
            covered += u32::from(chunk.left().max(1));
        }
        Some(Self {
            reference,
            next,
            left: claimed.min(STATUSES_MAX),
            ticks: 0,
            chunk: Chunk::NONE,
            chunks: &chunks[..chunks.len() - body.len()],
            deltas: body,
        })
    }

    fn symbol(&mut self) -> Option<u16> {
        loop {
            if let Some(symbol) = self.chunk.next() {
                return Some(symbol);
            }
            self.chunk = Chunk::of(short(&mut self.chunks)?);
        }
    }

    fn read(&mut self) -> Option<Arrival> {
        self.left = self.left.checked_sub(1)?;
        let delta = match self.symbol()? {
            0 => None,
            1 => Some(i32::from(byte(&mut self.deltas)?)),
            2 => Some(i32::from(short(&mut self.deltas)?.cast_signed())),
            _ => return None,
        };
        let number = self.next;
        self.next = number.wrapping_add(1);
        if let Some(delta) = delta {
            self.ticks += delta; // At most 2^12 times 2^15.
        }
        Some(Arrival {
            number,
            ticks: delta.map(|_| self.ticks),
        })
    }
}

impl Iterator for Arrivals<'_> {
    type Item = Arrival;

    fn next(&mut self) -> Option<Arrival> {
        let arrival = self.read();
        if arrival.is_none() {
            self.left = 0;
        }
        arrival
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A number, and ticks after the reference time.
    type Told = (u16, Option<i32>);

    fn arrivals(mut body: &[u8]) -> Option<(u32, Vec<Told>)> {
        let arrivals = Arrivals::take(&mut body)?;
        let reference = arrivals.reference;
        let list = arrivals.map(|arrival| (arrival.number, arrival.ticks));
        Some((reference, list.collect()))
    }

    #[test]
    fn runs_and_vectors_name_packets_and_deltas_add_up() {
        let body = [
            0xff,
            0xff,
            0,
            12,
            0x01,
            0x02,
            0x03,
            9, // Base, count, reference, feedback count.
            0x20,
            0x02, // A run of two with small deltas.
            0x80 | 0b01_0000,
            0, // One bit each: 0 1 0 ..., of which 8 are meant by the count.
            4,
            255,
            1,
            0,
            0,
        ];

        let (reference, list) = arrivals(&body).unwrap();

        assert_eq!(reference, 0x01_0203);
        assert_eq!(list.len(), 12);
        assert_eq!(
            list[..4],
            [(65535, Some(4)), (0, Some(259)), (1, None), (2, Some(260))]
        );
        assert!(list[4..].iter().all(|(_, ticks)| ticks.is_none()));
    }

    #[test]
    fn large_deltas_go_back_in_time() {
        let body = [
            0,
            7,
            0,
            3,
            0,
            0,
            1,
            0, // Two bits each: large, not received, large.
            0b1110_0010,
            0,
            0,
            10,
            0xff,
            0xfb,
        ];

        let (_, list) = arrivals(&body).unwrap();

        assert_eq!(list, [(7, Some(10)), (8, None), (9, Some(5))]);
    }

    #[test]
    fn what_is_cut_off_ends_the_list() {
        let run_of_three = [0, 0, 0, 3, 0, 0, 0, 0, 0x20, 3, 1, 1];
        assert_eq!(arrivals(&run_of_three).unwrap().1.len(), 2);
        assert_eq!(arrivals(&run_of_three[..9]), None);
        // A reserved symbol.
        let reserved = [0, 0, 0, 3, 0, 0, 0, 0, 0x60, 3, 1, 1, 1];
        assert_eq!(arrivals(&reserved).unwrap().1, []);
    }

    #[test]
    fn a_few_bytes_that_claim_all_numbers_cost_no_more_than_is_allowed() {
        let mut body = vec![0, 0, 0xff, 0xff, 0, 0, 0, 0];
        body.extend([0x1f, 0xff].repeat(9));

        assert_eq!(arrivals(&body).unwrap().1.len(), usize::from(STATUSES_MAX));
        // Runs of nothing are no way to cost more.
        let empty = [vec![0, 0, 0, 9, 0, 0, 0, 0], vec![0; 2000]].concat();
        assert_eq!(arrivals(&empty).unwrap().1, []);
    }

    proptest! {
        #[test]
        fn any_bytes_give_numbers_in_order_and_end(body in prop::collection::vec(any::<u8>(), 0..400)) {
            if let Some((_, list)) = arrivals(&body) {
                prop_assert!(list.len() <= usize::from(STATUSES_MAX));
                for pair in list.windows(2) {
                    prop_assert_eq!(pair[1].0, pair[0].0.wrapping_add(1));
                }
            }
        }
    }
}
