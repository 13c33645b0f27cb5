//! Datagrams on their way out, side by side in one buffer.
//!
//! Datagrams of one destination that follow each other also lie next to each other, so that a sender can
//! hand many of them to the kernel as one piece.

use std::net::SocketAddr;
use std::ops::Range;

/// A datagram to be sent; its bytes lie in the [`Transmit`] that it belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Datagram {
    /// The local address to send from.
    pub source: SocketAddr,
    /// Where it goes.
    pub destination: SocketAddr,
    start: usize,
    end: usize,
}

impl Datagram {
    /// Gives its size in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.end - self.start
    }
}

/// Datagrams in the order in which they are to leave. It keeps its memory from one use to the next.
///
/// Invariant: the bytes of the datagrams follow each other without a gap, from the first byte on.
#[derive(Debug, Default)]
pub struct Transmit {
    bytes: Vec<u8>,
    datagrams: Vec<Datagram>,
}

impl Transmit {
    /// Adds a datagram.
    pub fn push(&mut self, source: SocketAddr, destination: SocketAddr, contents: &[u8]) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(contents);
        self.finish(source, destination, start);
    }

    /// The datagrams, in order.
    #[must_use]
    pub fn datagrams(&self) -> &[Datagram] {
        &self.datagrams
    }

    /// Gives the bytes of some datagrams that follow each other, in one piece.
    ///
    /// # Panics
    ///
    /// Panics if the range is not one of the datagrams.
    #[must_use]
    pub fn contents(&self, datagrams: Range<usize>) -> &[u8] {
        match &self.datagrams[datagrams] {
            [] => &[],
            [first, .., last] => &self.bytes[first.start..last.end],
            [only] => &self.bytes[only.start..only.end],
        }
    }

    /// Counts the datagrams.
    #[must_use]
    pub fn len(&self) -> usize {
        self.datagrams.len()
    }

    /// Tells whether there is nothing to send.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.datagrams.is_empty()
    }

    /// Takes all datagrams out.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.datagrams.clear();
    }

    /// Keeps only the datagrams that `is_kept` says yes to, asked in order.
    pub fn retain(&mut self, mut is_kept: impl FnMut() -> bool) {
        let mut end = 0;
        let bytes = &mut self.bytes;
        self.datagrams.retain_mut(|datagram| {
            let is_kept = is_kept();
            if is_kept {
                let length = datagram.bytes();
                bytes.copy_within(datagram.start..datagram.end, end);
                (datagram.start, datagram.end) = (end, end + length);
                end += length;
            }
            is_kept
        });
        self.bytes.truncate(end);
    }

    /// Moves all datagrams of `other` behind these.
    pub(crate) fn append(&mut self, other: &mut Self) {
        if self.is_empty() {
            std::mem::swap(self, other);
        } else {
            let base = self.bytes.len();
            self.bytes.extend_from_slice(&other.bytes);
            let moved = other.datagrams.iter().map(|datagram| Datagram {
                start: datagram.start + base,
                end: datagram.end + base,
                ..*datagram
            });
            self.datagrams.extend(moved);
        }
        other.clear();
    }

    /// The buffer, for a datagram that is written in place. Either [`Transmit::finish`] or
    /// [`Transmit::abandon`] has to follow, with the length that the buffer has now.
    pub(crate) fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// Makes what was written since the buffer had `start` bytes a datagram.
    pub(crate) fn finish(&mut self, source: SocketAddr, destination: SocketAddr, start: usize) {
        self.datagrams.push(Datagram {
            source,
            destination,
            start,
            end: self.bytes.len(),
        });
    }

    /// Takes back what was written since the buffer had `start` bytes.
    pub(crate) fn abandon(&mut self, start: usize) {
        self.bytes.truncate(start);
    }

    /// Takes back a datagram that a panic left half written.
    pub(crate) fn mend(&mut self) {
        let end = self.datagrams.last().map_or(0, |last| last.end);
        self.bytes.truncate(end);
    }

    /// Counts the bytes of all datagrams.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(port: u16) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], port))
    }

    fn filled(contents: &[&[u8]]) -> Transmit {
        let mut transmit = Transmit::default();
        for (port, contents) in (1..).zip(contents) {
            transmit.push(address(9), address(port), contents);
        }
        transmit
    }

    #[test]
    fn datagrams_that_are_left_lie_side_by_side_again() {
        let mut transmit = filled(&[b"one", b"three", b"to", b"four"]);
        let mut answers = [false, true, false, true].into_iter();

        transmit.retain(|| answers.next().unwrap());

        assert_eq!(transmit.contents(0..2), b"threefour");
        assert_eq!(transmit.contents(1..2), b"four");
        assert_eq!(transmit.datagrams()[0].destination, address(2));
        assert_eq!(transmit.len(), 2);
    }

    #[test]
    fn appended_datagrams_come_last_and_keep_their_bytes() {
        let (mut first, mut second) = (filled(&[b"a", b"bc"]), filled(&[b"def"]));

        first.append(&mut second);

        assert_eq!(first.contents(0..3), b"abcdef");
        assert_eq!(first.contents(2..3), b"def");
        assert!(second.is_empty() && second.bytes() == 0);
    }

    #[test]
    fn an_abandoned_datagram_leaves_nothing() {
        let mut transmit = filled(&[b"a"]);
        let start = transmit.bytes();

        transmit.buffer().extend_from_slice(b"half");
        transmit.abandon(start);
        transmit.push(address(9), address(2), b"b");

        assert_eq!(transmit.contents(0..2), b"ab");
    }
}
