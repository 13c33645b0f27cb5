//! Packets that carry nothing, to try whether more gets through.
//!
//! They go where retransmissions go, in the numbers of those: no player waits for one.

use std::time::Instant;

use super::Egress;
use super::stream::Stream;
use crate::Transmit;

/// Padding of one packet: the most that one byte can count is 255.
const PADDING_BYTES: u8 = 224;

impl Egress {
    /// Whether there is a stream on which padding can be sent and is told of.
    pub(crate) fn can_pad(&self) -> bool {
        self.streams.iter().any(|(_, stream)| takes_padding(stream))
    }

    /// Sends about `bytes` of padding. Gives how many packets that took.
    pub(crate) fn send_padding(
        &mut self,
        now: Instant,
        bytes: u64,
        transmit: &mut Transmit,
    ) -> usize {
        let (Some(ciphers), Some(path)) = (&self.ciphers, self.route.path()) else {
            return 0;
        };
        let streams = &mut self.streams;
        let stream = streams.iter_mut().find(|(_, stream)| takes_padding(stream));
        let Some((_, stream)) = stream else {
            return 0;
        };
        let micros = self.bandwidth.micros(now);
        let (mut sent, mut packets) = (0, 0);
        while sent < bytes {
            let start = transmit.bytes();
            let number = self.bandwidth.next_number();
            let buffer = transmit.buffer();
            if !stream.seal_padding(&ciphers.media, buffer, PADDING_BYTES, number) {
                transmit.abandon(start);
                break;
            }
            transmit.finish(path.source, path.destination, start);
            let length = transmit.bytes() - start;
            self.bandwidth.note_padding(micros, length);
            sent += length as u64;
            packets += 1;
        }
        packets
    }
}

fn takes_padding(stream: &Stream) -> bool {
    stream.repair.is_some() && stream.config.ids.are_numbered()
}
