//! What was sent to a client of late, by transport-wide number.
//!
//! Bound: the newest [`SENT_MAX`] packets. What is reported of older ones is not believed.

/// About a second of a room full of cameras, whose feedback comes several times a second.
pub(crate) const SENT_MAX: usize = 2048;

/// Two upper bits say what became of a packet, the next one whether it is padding, the others its bytes.
const STATE: u16 = 0xc000;
const UNKNOWN: u16 = 0;
const LOST: u16 = 0x4000;
const ARRIVED: u16 = 0x8000;
const PADDING: u16 = 0x2000;
const BYTES: u16 = !(STATE | PADDING);

/// A packet under way.
#[derive(Debug, Clone, Copy)]
struct Sent {
    /// When it left, in microseconds, modulo 2^32.
    at: u32,
    bits: u16,
}

const _: () = assert!(size_of::<Sent>() <= 8 && SENT_MAX.is_power_of_two());

/// A packet of which feedback says something that was not known before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct News {
    /// When it left, in microseconds.
    pub(crate) sent_micros: u64,
    pub(crate) bytes: u16,
    pub(crate) is_padding: bool,
    pub(crate) fate: Fate,
}

/// What became of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Arrived,
    /// It was taken for lost before.
    ArrivedLate,
    /// It has not arrived, and a later one has.
    Lost,
}

/// The newest packets of a session.
#[derive(Debug, Default)]
pub(crate) struct SentPackets {
    /// Empty until the first packet leaves.
    packets: Box<[Sent]>,
    /// Lower half of it is the number of the next packet.
    count: u64,
}

impl SentPackets {
    /// The number of the next packet.
    pub(crate) fn next(&self) -> u16 {
        low_16(self.count)
    }

    /// Notes a packet that leaves now, `micros` after the session began.
    pub(crate) fn note(&mut self, micros: u64, bytes: usize, is_padding: bool) {
        if self.packets.is_empty() {
            let none = Sent { at: 0, bits: 0 };
            self.packets = vec![none; SENT_MAX].into_boxed_slice();
        }
        let bytes = u16::try_from(bytes).unwrap_or(BYTES).min(BYTES);
        let padding = if is_padding { PADDING } else { 0 };
        self.packets[slot(self.count)] = Sent {
            at: low_32(micros),
            bits: UNKNOWN | padding | bytes,
        };
        self.count += 1;
    }

    /// Counts the packets that were sent.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// Takes what a client says of a packet; gives what is new about it.
    pub(crate) fn acknowledge(
        &mut self,
        micros: u64,
        number: u16,
        has_arrived: bool,
    ) -> Option<News> {
        let behind = u64::from(low_16(self.count).wrapping_sub(number));
        if behind == 0 || behind > self.count.min(SENT_MAX as u64) {
            return None;
        }
        let sent = &mut self.packets[slot(self.count - behind)];
        let fate = match (sent.bits & STATE, has_arrived) {
            (ARRIVED, _) | (LOST, false) => return None,
            (LOST, true) => Fate::ArrivedLate,
            (_, true) => Fate::Arrived,
            (_, false) => Fate::Lost,
        };
        let state = if has_arrived { ARRIVED } else { LOST };
        sent.bits = state | (sent.bits & !STATE);
        let age = low_32(micros).wrapping_sub(sent.at);
        Some(News {
            sent_micros: micros.saturating_sub(age.into()),
            bytes: sent.bits & BYTES,
            is_padding: sent.bits & PADDING != 0,
            fate,
        })
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the lower part is meant")]
fn slot(count: u64) -> usize {
    count as usize % SENT_MAX
}

#[expect(clippy::cast_possible_truncation, reason = "the lower part is meant")]
fn low_32(number: u64) -> u32 {
    number as u32
}

#[expect(clippy::cast_possible_truncation, reason = "the lower part is meant")]
fn low_16(number: u64) -> u16 {
    number as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_packet_is_told_once_as_lost_and_once_as_arrived() {
        let mut sent = SentPackets::default();
        assert_eq!(sent.acknowledge(0, 0, true), None);
        sent.note(5, 100, true);
        sent.note(9, 200, false);

        let lost = News {
            sent_micros: 9,
            bytes: 200,
            is_padding: false,
            fate: Fate::Lost,
        };
        assert_eq!(sent.acknowledge(50, 1, false), Some(lost));
        assert_eq!(sent.acknowledge(60, 1, false), None);
        let arrived = News {
            fate: Fate::ArrivedLate,
            ..lost
        };
        assert_eq!(sent.acknowledge(70, 1, true), Some(arrived));
        let padding = sent.acknowledge(70, 0, true).unwrap();
        assert_eq!((padding.bytes, padding.is_padding), (100, true));
        assert_eq!(padding.fate, Fate::Arrived);
        assert_eq!(sent.acknowledge(80, 1, true), None);
        assert_eq!(sent.acknowledge(80, 1, false), None);
        assert_eq!(sent.acknowledge(80, 2, true), None, "it was not sent yet");
    }

    #[test]
    fn numbers_wrap_and_old_ones_are_not_mistaken_for_new_ones() {
        let mut sent = SentPackets::default();
        for number in 0..70_000_u64 {
            assert_eq!(u64::from(sent.next()), number % 65_536);
            sent.note(number, 10, false);
        }
        let oldest = low_16(70_000 - SENT_MAX as u64);

        assert!(sent.acknowledge(70_000, oldest, true).is_some());
        assert_eq!(sent.acknowledge(70_000, oldest.wrapping_sub(1), true), None);
        assert!(sent.acknowledge(70_000, low_16(69_999), true).is_some());
    }

    #[test]
    fn the_time_of_sending_survives_the_wrap_of_32_bits() {
        let mut sent = SentPackets::default();
        let at = u64::from(u32::MAX) - 10;
        sent.note(at, 10, false);

        let news = sent.acknowledge(at + 100_000, 0, true);

        assert_eq!(news.map(|news| news.sent_micros), Some(at));
    }
}
