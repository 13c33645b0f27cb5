//! Attackers beside an honest call, which must not notice. See also `security`.

mod floods;
mod handshake;
mod streams;

use std::net::SocketAddr;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

/// An address that nobody has validated.
fn stranger(number: u16) -> SocketAddr {
    let [high, low] = number.to_be_bytes();
    SocketAddr::from(([203, 0, high, low], 4444))
}
