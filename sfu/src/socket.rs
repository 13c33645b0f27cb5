//! A shard's UDP socket.

use std::io;
use std::net::{SocketAddr, UdpSocket};

use socket2::{Domain, Protocol, Socket, Type};

/// A bound socket.
#[derive(Debug)]
pub(crate) struct Bound {
    /// The socket, not blocking.
    pub(crate) socket: UdpSocket,
    /// Its port.
    pub(crate) port: u16,
    /// Whether it is an IPv6 socket, and so writes IPv4 addresses as IPv6 ones.
    pub(crate) v6: bool,
}

/// Binds a socket. The unspecified IPv6 address takes in IPv4. The kernel may grant smaller buffers
/// than `buffer_bytes`.
///
/// # Errors
///
/// What the system says; `AddrInUse` if another program has the port.
pub(crate) fn bind(address: SocketAddr, buffer_bytes: usize) -> io::Result<Bound> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::DGRAM,
        Some(Protocol::UDP),
    )?;
    if address.is_ipv6() {
        socket.set_only_v6(!address.ip().is_unspecified())?;
    }
    socket.set_nonblocking(true)?;
    socket.set_recv_buffer_size(buffer_bytes)?;
    socket.set_send_buffer_size(buffer_bytes)?;
    socket.bind(&address.into())?;
    let socket = UdpSocket::from(socket);
    let port = socket.local_addr()?.port();
    Ok(Bound {
        socket,
        port,
        v6: address.is_ipv6(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_for_all_addresses_hears_ipv4() {
        let bound = bind("[::]:0".parse().unwrap(), 1 << 16).unwrap();
        let sender = UdpSocket::bind("127.0.0.1:0").unwrap();

        sender.send_to(b"hello", ("127.0.0.1", bound.port)).unwrap();

        bound.socket.set_nonblocking(false).unwrap();
        let deadline = std::time::Duration::from_secs(5);
        bound.socket.set_read_timeout(Some(deadline)).unwrap();
        let mut bytes = [0; 16];
        let (length, source) = bound.socket.recv_from(&mut bytes).unwrap();
        assert_eq!(&bytes[..length], b"hello");
        assert_eq!(
            source.ip().to_canonical(),
            sender.local_addr().unwrap().ip()
        );
    }

    #[test]
    fn a_port_is_bound_once() {
        let first = bind("[::]:0".parse().unwrap(), 1 << 16).unwrap();

        let second = bind(([127, 0, 0, 1], first.port).into(), 1 << 16);

        assert_eq!(second.unwrap_err().kind(), io::ErrorKind::AddrInUse);
    }
}
