//! Receiving datagrams in batches: many per system call, several per buffer (GRO).

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use quinn_udp::{BATCH_SIZE, RecvMeta, UdpSocketState};

use crate::address::canonical;

/// A buffer takes as much as the kernel may join into one.
const BUFFER_BYTES: usize = 65_535;

/// A received datagram.
#[derive(Debug)]
pub(crate) struct Received<'a> {
    /// Who sent it.
    pub(crate) source: SocketAddr,
    /// The local address that it was sent to, if the kernel tells.
    pub(crate) local_ip: Option<IpAddr>,
    /// Its payload.
    pub(crate) contents: &'a [u8],
}

/// Received datagrams that wait to be handled. What one turn leaves, the next one takes first.
#[derive(Debug)]
pub(crate) struct Receiver {
    storage: Vec<u8>,
    metas: [RecvMeta; BATCH_SIZE],
    filled: usize,
    index: usize,
    offset: usize,
}

impl Receiver {
    pub(crate) fn new() -> Self {
        Self {
            storage: vec![0; BUFFER_BYTES * BATCH_SIZE],
            metas: [RecvMeta::default(); BATCH_SIZE],
            filled: 0,
            index: 0,
            offset: 0,
        }
    }

    /// Tells whether no received datagram waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.index >= self.filled
    }

    /// Reads once from the socket; call it when [`Self::is_empty`]. Gives whether more may be there.
    ///
    /// # Errors
    ///
    /// What the system says. That nothing was there is no error.
    pub(crate) fn fill(
        &mut self,
        socket: &mio::net::UdpSocket,
        state: &UdpSocketState,
    ) -> io::Result<bool> {
        (self.filled, self.index, self.offset) = (0, 0, 0);
        let mut chunks = self.storage.chunks_exact_mut(BUFFER_BYTES);
        let mut buffers: [IoSliceMut<'_>; BATCH_SIZE] = std::array::from_fn(|_| {
            IoSliceMut::new(chunks.next().expect("storage holds BATCH_SIZE buffers"))
        });
        match state.recv(socket.into(), &mut buffers, &mut self.metas) {
            Ok(filled) => {
                self.filled = filled;
                Ok(filled == BATCH_SIZE)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Gives the next datagram of those read.
    pub(crate) fn poll(&mut self) -> Option<Received<'_>> {
        loop {
            let meta = self.metas[..self.filled].get(self.index)?;
            if self.offset < meta.len {
                break;
            }
            self.index += 1;
            self.offset = 0;
        }
        let meta = &self.metas[self.index];
        let start = self.index * BUFFER_BYTES + self.offset;
        let length = meta.stride.clamp(1, meta.len - self.offset);
        self.offset += length;
        Some(Received {
            source: canonical(meta.addr),
            local_ip: meta.dst_ip,
            contents: &self.storage[start..start + length],
        })
    }

    /// Tells how long ago the kernel received the first datagram of the last read.
    pub(crate) fn age(&self) -> Option<Duration> {
        let received = self.metas[..self.filled].first()?.timestamp?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
        now.checked_sub(received)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Puts `payload` into the buffer `index` as if the kernel had read it.
    fn put(receiver: &mut Receiver, index: usize, payload: &[u8], stride: usize) {
        let start = index * BUFFER_BYTES;
        receiver.storage[start..start + payload.len()].copy_from_slice(payload);
        let mut meta = RecvMeta::default();
        meta.len = payload.len();
        meta.stride = stride;
        receiver.metas[index] = meta;
        receiver.filled = index + 1;
    }

    fn drain(receiver: &mut Receiver) -> Vec<Vec<u8>> {
        std::iter::from_fn(|| receiver.poll().map(|datagram| datagram.contents.to_vec())).collect()
    }

    #[test]
    fn joined_datagrams_are_split_and_the_last_may_be_shorter() {
        let mut receiver = Receiver::new();
        put(&mut receiver, 0, b"aabbc", 2);
        put(&mut receiver, 1, b"dd", 2);

        let contents = drain(&mut receiver);

        let expected: [&[u8]; 4] = [b"aa", b"bb", b"c", b"dd"];
        assert_eq!(contents, expected);
        assert!(receiver.is_empty());
    }

    #[test]
    fn an_empty_datagram_is_passed_over() {
        let mut receiver = Receiver::new();
        put(&mut receiver, 0, b"", 0);
        put(&mut receiver, 1, b"x", 1);

        assert_eq!(drain(&mut receiver), [b"x"]);
    }
}
