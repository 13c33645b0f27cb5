//! Sockets and buffers, and what all connections share.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use mio::net::UdpSocket;
use mio::{Interest, Registry, Token};
use quinn_udp::{BATCH_SIZE, RecvMeta, UdpSocketState};

use super::session::SessionKit;

/// Datagrams that the kernel keeps for a socket, in bytes; it may grant less.
const RECEIVE_BUFFER_BYTES: usize = 2 << 20;

/// What all connections share.
#[derive(Debug, Clone)]
pub(crate) struct Kit {
    /// Makes sessions.
    pub(crate) sessions: SessionKit,
    /// The local address that reaches the server.
    pub(crate) local_ip: IpAddr,
    /// The run's beginning.
    pub(crate) epoch: Instant,
    /// Let the kernel join datagrams on receiving.
    pub(crate) offload: bool,
}

/// Buffers for receiving, one set for each thread.
#[derive(Debug)]
pub(crate) struct Buffers {
    pub(super) storage: Vec<u8>,
    pub(super) stride: usize,
    pub(super) metas: [RecvMeta; BATCH_SIZE],
}

impl Buffers {
    pub(crate) fn new(offload: bool) -> Self {
        let stride = if offload { 65_535 } else { 2048 };
        Self {
            storage: vec![0; stride * BATCH_SIZE],
            stride,
            metas: [RecvMeta::default(); BATCH_SIZE],
        }
    }
}

/// Opens a socket that the poll watches.
pub(super) fn open(
    kit: &Kit,
    registry: &Registry,
    token: Token,
) -> io::Result<(UdpSocket, UdpSocketState, SocketAddr)> {
    let mut socket = UdpSocket::bind(SocketAddr::new(kit.local_ip, 0))?;
    socket2::SockRef::from(&socket).set_recv_buffer_size(RECEIVE_BUFFER_BYTES)?;
    let state = UdpSocketState::new((&socket).into())?;
    if !kit.offload {
        // quinn-udp turns it on where it can.
        let segment = nix::sys::socket::sockopt::UdpGroSegment;
        let _ = nix::sys::socket::setsockopt(&socket, segment, &false);
    }
    let local = socket.local_addr()?;
    registry.register(&mut socket, token, Interest::READABLE)?;
    Ok((socket, state, local))
}
