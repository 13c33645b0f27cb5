//! Sending datagrams in batches: several runs (see [`crate::runs`]) per `sendmmsg`.
//!
//! What the kernel doesn't take at once waits for the next turn, up to [`PENDING_MAX`] datagrams;
//! beyond that the oldest are dropped. A socket that takes nothing for that long is on a link that
//! is too slow: congestion control and retransmission are the cure, not a longer queue.

use std::io::IoSlice;
use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::os::fd::RawFd;

use engine::{Datagram, Transmit};
use nix::errno::Errno;
use nix::libc::{in_addr, in_pktinfo, in6_addr, in6_pktinfo};
use nix::sys::socket::{ControlMessage, MsgFlags, MultiHeaders, SockaddrStorage, sendmmsg};

use crate::address::Addresses;
use crate::runs::{Batch, Grouping, Run, next_batch};

/// Datagrams that wait for the kernel; about 60 ms of a full gigabit link.
pub(crate) const PENDING_MAX: usize = 8192;

/// Runs in one call. The gain of more is below what can be measured.
const RUNS_MAX: usize = 64;

/// Shapes of a control message, each with headers of its own: a header's control message must fill
/// its space exactly.
const SHAPES: usize = 6;

/// What became of datagrams, since the start.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct SendCounters {
    /// Datagrams that the kernel took.
    pub(crate) datagrams: u64,
    /// Their payload.
    pub(crate) bytes: u64,
    /// Messages that they went in, each of one datagram or several that the kernel cut from it.
    pub(crate) messages: u64,
    /// Calls that it took.
    pub(crate) calls: u64,
    /// Datagrams dropped because too many waited.
    pub(crate) dropped_full: u64,
    /// Datagrams that the kernel refused.
    pub(crate) dropped_refused: u64,
}

/// Sends through one socket.
pub(crate) struct Transmitter {
    socket: RawFd,
    v6: bool,
    segments_max: usize,
    grouping: Grouping,
    headers: [Option<MultiHeaders<SockaddrStorage>>; SHAPES],
    counters: SendCounters,
}

impl Transmitter {
    /// Sends through `socket`, which stays open for as long and is an IPv6 socket if `v6`.
    /// `segments_max` is the number of segments that the kernel cuts from one message, 1 if it
    /// doesn't.
    pub(crate) fn new(socket: RawFd, v6: bool, segments_max: usize) -> Self {
        Self {
            socket,
            v6,
            segments_max,
            grouping: Grouping::default(),
            headers: std::array::from_fn(|_| None),
            counters: SendCounters::default(),
        }
    }

    /// Tells what became of the datagrams until now.
    pub(crate) fn counters(&self) -> SendCounters {
        self.counters
    }

    /// Sends what is in `transmit`; what has to wait for the next call is left in it, oldest first.
    pub(crate) fn send(&mut self, addresses: &Addresses, transmit: &mut Transmit) {
        if transmit.is_empty() {
            return;
        }
        let mut grouping = std::mem::take(&mut self.grouping);
        let datagrams = transmit.datagrams();
        let runs = grouping.group(datagrams, self.segments_max);
        let mut next = 0;
        while next < runs.len() {
            let batch = next_batch(datagrams, runs, next, RUNS_MAX);
            let source = addresses.source_ip(batch.source);
            match self.send_batch(transmit, &runs[batch.runs.clone()], &batch, source) {
                Err(Errno::EINTR) => {}
                Ok(0) | Err(Errno::EAGAIN | Errno::ENOBUFS) => break,
                Ok(sent) => {
                    self.count_sent(datagrams, &runs[next..next + sent]);
                    next += sent;
                }
                Err(error) => {
                    self.send_singly(transmit, &runs[next], &batch, source, error);
                    next += 1;
                }
            }
        }
        let waiting = &runs[next..];
        if waiting.is_empty() {
            transmit.clear();
        } else {
            self.keep(transmit, waiting);
        }
        self.grouping = grouping;
    }

    fn count_sent(&mut self, datagrams: &[Datagram], runs: &[Run]) {
        self.counters.messages += runs.len() as u64;
        for run in runs {
            let sent = &datagrams[run.datagrams.clone()];
            self.counters.datagrams += sent.len() as u64;
            let bytes: usize = sent.iter().map(Datagram::bytes).sum();
            self.counters.bytes += bytes as u64;
        }
    }

    /// Leaves only the datagrams of `waiting`, and of them the newest.
    fn keep(&mut self, transmit: &mut Transmit, waiting: &[Run]) {
        let mut kept = vec![false; transmit.len()];
        for run in waiting {
            kept[run.datagrams.clone()].fill(true);
        }
        let count = kept.iter().filter(|&&kept| kept).count();
        let mut excess = count.saturating_sub(PENDING_MAX);
        self.counters.dropped_full += excess as u64;
        let mut kept = kept.into_iter();
        transmit.retain(|| {
            let mut keep = kept.next().unwrap_or(false);
            if keep && excess > 0 {
                excess -= 1;
                keep = false;
            }
            keep
        });
    }

    /// Sends the datagrams of a refused run one by one. If that works, the kernel can't cut
    /// messages on this path, and is not asked to again.
    fn send_singly(
        &mut self,
        transmit: &Transmit,
        run: &Run,
        batch: &Batch,
        source: Option<IpAddr>,
        error: Errno,
    ) {
        let single = Batch {
            segmented: false,
            ..batch.clone()
        };
        let datagrams = transmit.datagrams();
        let mut refused = 0;
        for index in run.datagrams.clone() {
            let one = Run::single(index, datagrams[index].bytes());
            match self.send_batch(transmit, std::slice::from_ref(&one), &single, source) {
                Ok(_) => self.count_sent(datagrams, std::slice::from_ref(&one)),
                Err(_) => refused += 1,
            }
        }
        self.counters.dropped_refused += refused;
        let destination = datagrams[run.datagrams.start].destination;
        tracing::debug!(%destination, %error, refused, "the kernel refused a message");
        let unsupported = matches!(error, Errno::EIO | Errno::EINVAL);
        if unsupported && refused == 0 && run.datagrams.len() > 1 && self.segments_max > 1 {
            tracing::info!(%error, "segmentation offload is not supported; going on without");
            self.segments_max = 1;
        }
    }

    /// Hands `runs` to the kernel. Gives how many of them it took.
    fn send_batch(
        &mut self,
        transmit: &Transmit,
        runs: &[Run],
        batch: &Batch,
        source: Option<IpAddr>,
    ) -> nix::Result<usize> {
        self.counters.calls += 1;
        let mut messages = Vec::with_capacity(runs.len());
        let mut destinations = Vec::with_capacity(runs.len());
        for run in runs {
            messages.push([IoSlice::new(transmit.contents(run.datagrams.clone()))]);
            let destination = transmit.datagrams()[run.datagrams.start].destination;
            destinations.push(Some(SockaddrStorage::from(self.to_family(destination))));
        }

        let segment = u16::try_from(batch.segment_bytes).map_err(|_| Errno::EMSGSIZE)?;
        let segmented = batch
            .segmented
            .then_some(ControlMessage::UdpGsoSegments(&segment));
        let (v4, v6);
        let packet_info = match source {
            Some(IpAddr::V4(ip)) => {
                v4 = in_pktinfo {
                    ipi_ifindex: 0,
                    ipi_spec_dst: in_addr {
                        s_addr: u32::from_ne_bytes(ip.octets()),
                    },
                    ipi_addr: in_addr { s_addr: 0 },
                };
                Some(ControlMessage::Ipv4PacketInfo(&v4))
            }
            Some(IpAddr::V6(ip)) => {
                v6 = in6_pktinfo {
                    ipi6_addr: in6_addr {
                        s6_addr: ip.octets(),
                    },
                    ipi6_ifindex: 0,
                };
                Some(ControlMessage::Ipv6PacketInfo(&v6))
            }
            None => None,
        };
        let shape = usize::from(batch.segmented) * 3
            + source.map_or(0, |ip| if ip.is_ipv4() { 1 } else { 2 });
        let control: Vec<ControlMessage<'_>> = segmented.into_iter().chain(packet_info).collect();
        let headers = self.headers[shape].get_or_insert_with(|| new_headers(batch, source));
        let flags = MsgFlags::MSG_DONTWAIT;
        let sent = sendmmsg(
            self.socket,
            headers,
            &messages,
            &destinations,
            &control,
            flags,
        )?;
        Ok(sent.count())
    }

    /// Writes an address in the socket's family.
    fn to_family(&self, address: SocketAddr) -> SocketAddr {
        match address {
            SocketAddr::V4(v4) if self.v6 => {
                SocketAddrV6::new(v4.ip().to_ipv6_mapped(), v4.port(), 0, 0).into()
            }
            SocketAddr::V4(_) | SocketAddr::V6(_) => address,
        }
    }
}

fn new_headers(batch: &Batch, source: Option<IpAddr>) -> MultiHeaders<SockaddrStorage> {
    let control = match (batch.segmented, source) {
        (false, None) => None,
        (false, Some(IpAddr::V4(_))) => Some(nix::cmsg_space!(in_pktinfo)),
        (false, Some(IpAddr::V6(_))) => Some(nix::cmsg_space!(in6_pktinfo)),
        (true, None) => Some(nix::cmsg_space!(u16)),
        (true, Some(IpAddr::V4(_))) => Some(nix::cmsg_space!(u16, in_pktinfo)),
        (true, Some(IpAddr::V6(_))) => Some(nix::cmsg_space!(u16, in6_pktinfo)),
    };
    MultiHeaders::preallocate(RUNS_MAX, control)
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;
    use std::os::fd::AsRawFd;
    use std::time::Duration;

    use super::*;

    /// Receives from `socket` until `count` datagrams are there or 5 s have passed.
    fn receive(socket: &UdpSocket, count: usize) -> Vec<Vec<u8>> {
        let deadline = Some(Duration::from_secs(5));
        socket.set_read_timeout(deadline).unwrap();
        let mut buffer = [0; 2048];
        (0..count)
            .map(|_| {
                let length = socket.recv(&mut buffer).unwrap();
                buffer[..length].to_vec()
            })
            .collect()
    }

    /// Sends a frame of equal packets, a shorter one and a small one to two clients.
    fn send_frames(bind_to: &str, segments_max: usize) -> SendCounters {
        let bound = crate::socket::bind(bind_to.parse().unwrap(), 1 << 20).unwrap();
        let source: SocketAddr = ([127, 0, 0, 1], bound.port).into();
        let addresses =
            Addresses::of_host(vec![source], bind_to.parse::<SocketAddr>().unwrap().ip());
        let clients = [0, 1].map(|_| UdpSocket::bind("127.0.0.1:0").unwrap());
        let sizes = [1200, 1200, 1200, 700, 90, 1200];
        let mut datagrams = Transmit::default();
        for client in &clients {
            for (number, size) in (0_u8..).zip(sizes) {
                let to = client.local_addr().unwrap();
                datagrams.push(source, to, &vec![number; size]);
            }
        }
        let mut transmitter = Transmitter::new(bound.socket.as_raw_fd(), bound.v6, segments_max);

        transmitter.send(&addresses, &mut datagrams);

        assert!(datagrams.is_empty());
        for client in &clients {
            let received = receive(client, sizes.len());
            let expected = (0_u8..).zip(sizes).map(|(number, size)| vec![number; size]);
            assert!(received.into_iter().eq(expected));
        }
        transmitter.counters()
    }

    #[test]
    fn packets_arrive_whole_and_in_order_over_every_kind_of_socket() {
        for bind_to in ["127.0.0.1:0", "0.0.0.0:0", "[::]:0"] {
            for segments_max in [1, 64] {
                let counters = send_frames(bind_to, segments_max);

                assert_eq!((counters.datagrams, counters.bytes), (12, 2 * 5590));
                let messages = if segments_max > 1 { 2 * 3 } else { 12 };
                assert_eq!(counters.messages, messages);
                assert_eq!(counters.dropped_full + counters.dropped_refused, 0);
                assert!(counters.calls <= 6);
            }
        }
    }

    #[test]
    fn a_refused_destination_is_counted_and_the_others_get_theirs() {
        let bound = crate::socket::bind("127.0.0.1:0".parse().unwrap(), 1 << 20).unwrap();
        let source: SocketAddr = ([127, 0, 0, 1], bound.port).into();
        let addresses = Addresses::of_host(vec![source], source.ip());
        let client = UdpSocket::bind("127.0.0.1:0").unwrap();
        let nowhere: SocketAddr = ([127, 0, 0, 1], 0).into();
        let to = client.local_addr().unwrap();
        let mut datagrams = Transmit::default();
        for (number, destination) in (1..).zip([nowhere, nowhere, to, to]) {
            datagrams.push(source, destination, &[number; 100]);
        }
        let mut transmitter = Transmitter::new(bound.socket.as_raw_fd(), bound.v6, 64);

        transmitter.send(&addresses, &mut datagrams);

        assert_eq!(receive(&client, 2), [vec![3; 100], vec![4; 100]]);
        assert_eq!(transmitter.counters().dropped_refused, 2);
        assert_eq!(transmitter.segments_max, 64);
    }

    #[test]
    fn of_too_many_waiting_datagrams_the_oldest_are_dropped() {
        let mut transmitter = Transmitter::new(0, false, 64);
        let address: SocketAddr = ([127, 0, 0, 1], 9).into();
        let mut datagrams = Transmit::default();
        for number in 0..PENDING_MAX + 3 {
            datagrams.push(address, address, &number.to_be_bytes());
        }
        let waiting: Vec<Run> = (1..datagrams.len())
            .map(|index| Run::single(index, 8))
            .collect();

        transmitter.keep(&mut datagrams, &waiting);

        assert_eq!(datagrams.len(), PENDING_MAX);
        assert_eq!(datagrams.contents(0..1), 3_usize.to_be_bytes());
        assert_eq!(transmitter.counters().dropped_full, 2);
    }
}
