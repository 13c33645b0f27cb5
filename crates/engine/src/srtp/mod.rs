//! Seals RTP and RTCP for a client, and opens its RTCP (RFC 3711, RFC 7714).
//!
//! str0m's path copies each packet twice and allocates for it; this one encrypts in place, where the
//! packet was put together. Both work with the keys of one DTLS handshake, so what may be sealed by
//! whom is split by SSRC: the same index of the same SSRC sealed twice gives away the plaintext.
//!
//! Invariants:
//! - what is sealed here opens with str0m's own code, and the other way round;
//! - a packet with any bit changed is refused, and so is one that was opened before;
//! - no bytes from the network cause a panic;
//! - key material is never printed, and erased when it is dropped.

mod cipher;
mod control;
#[cfg(test)]
mod control_tests;
#[cfg(test)]
mod interop_tests;
mod keys;
mod replay;
mod seal;
#[cfg(test)]
mod vectors;

pub(crate) use control::{ControlOpener, ControlSealer, KeyExhausted};
pub(crate) use keys::{MasterKeys, Profile};
pub(crate) use seal::RtpSealer;
