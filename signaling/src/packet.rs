//! Data packets, changed on the wire.
//!
//! A packet is not decoded into a type and written again: that would lose every field and payload
//! that this version does not know. Only the fields that the server vouches for are replaced.
//!
//! Invariants:
//! - sender id, sender identity and kind of what comes out are the server's, inside the payload of
//!   user packets too;
//! - every other field comes out as it went in, byte for byte.

use prost::bytes::{Buf, BufMut};
use prost::encoding::{WireType, decode_key, decode_varint, encode_key, encode_varint};
use sfu::DataChannel;
use thiserror::Error;

/// Field numbers of `livekit.DataPacket`.
mod field {
    pub(super) const KIND: u32 = 1;
    pub(super) const USER: u32 = 2;
    pub(super) const SPEAKER: u32 = 3;
    pub(super) const IDENTITY: u32 = 4;
    pub(super) const DESTINATIONS: u32 = 5;
    pub(super) const METRICS: u32 = 8;
    pub(super) const SEQUENCE: u32 = 16;
    pub(super) const SID: u32 = 17;
}

/// Field numbers of `livekit.UserPacket`.
mod user {
    pub(super) const SID: u32 = 1;
    pub(super) const DESTINATION_SIDS: u32 = 3;
    pub(super) const IDENTITY: u32 = 5;
    pub(super) const DESTINATIONS: u32 = 6;
}

/// Receivers that a packet may name; as many as a large room has.
const DESTINATIONS_MAX: usize = 1000;

/// Who sends; both empty for hidden participants.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sender<'a> {
    pub(crate) sid: &'a str,
    pub(crate) identity: &'a str,
}

/// A packet that is ready to go out, and where to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Packet {
    pub(crate) bytes: Vec<u8>,
    /// Identities of the receivers, sorted.
    pub(crate) destinations: Vec<String>,
    /// Ids of the receivers, sorted, from old clients. Everybody receives if both lists are empty.
    pub(crate) destination_sids: Vec<String>,
    /// Number of a reliable packet; 0 if it has none.
    pub(crate) sequence: u64,
    /// For those only who may see metrics.
    pub(crate) is_metrics: bool,
}

/// Why a packet is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PacketError {
    /// Not protobuf.
    #[error("the packet can't be read")]
    Malformed,
    /// Only the server may tell who speaks.
    #[error("clients may not send speaker updates")]
    Forbidden,
    /// More receivers than one packet may name.
    #[error("the packet names too many receivers")]
    TooManyDestinations,
}

impl Sender<'_> {
    /// The server, or somebody whom nobody may know.
    pub(crate) const SERVER: Sender<'static> = Sender {
        sid: "",
        identity: "",
    };
}

impl Packet {
    /// Rewrites the packet `bytes` that `sender` sent on `channel`.
    ///
    /// # Errors
    ///
    /// [`PacketError`]; drop the packet, it harms nobody.
    pub(crate) fn rewrite(
        bytes: &[u8],
        sender: Sender<'_>,
        channel: DataChannel,
    ) -> Result<Self, PacketError> {
        let mut packet = Self::default();
        let mut rest = bytes;
        while rest.has_remaining() {
            let Field { number, value, raw } = next_field(&mut rest)?;
            match (number, value) {
                (field::KIND | field::IDENTITY | field::SID, _) => continue,
                (field::SPEAKER, _) => return Err(PacketError::Forbidden),
                (field::USER, Value::Bytes(payload)) => {
                    packet.rewrite_user(payload, sender)?;
                    continue;
                }
                (field::DESTINATIONS, Value::Bytes(name)) => packet.add_destination(name)?,
                (field::SEQUENCE, Value::Varint(sequence)) => packet.sequence = sequence,
                (field::METRICS, Value::Bytes(_)) => packet.is_metrics = true,
                _ => {}
            }
            packet.bytes.put_slice(raw);
        }
        packet.destinations.sort_unstable();
        packet.destination_sids.sort_unstable();
        put_string(field::IDENTITY, sender.identity, &mut packet.bytes);
        put_string(field::SID, sender.sid, &mut packet.bytes);
        if channel != DataChannel::Reliable {
            encode_key(field::KIND, WireType::Varint, &mut packet.bytes);
            encode_varint(1, &mut packet.bytes);
        }
        Ok(packet)
    }

    /// Tells whether somebody with this id and identity is to receive the packet.
    pub(crate) fn is_for(&self, sid: &str, identity: &str) -> bool {
        let is_for_all = self.destinations.is_empty() && self.destination_sids.is_empty();
        let contains = |names: &[String], name: &str| {
            names
                .binary_search_by(|other| other.as_str().cmp(name))
                .is_ok()
        };
        is_for_all
            || contains(&self.destinations, identity)
            || contains(&self.destination_sids, sid)
    }

    fn rewrite_user(&mut self, payload: &[u8], sender: Sender<'_>) -> Result<(), PacketError> {
        let mut user = Vec::with_capacity(payload.len() + sender.sid.len() + sender.identity.len());
        let mut rest = payload;
        while rest.has_remaining() {
            let Field { number, value, raw } = next_field(&mut rest)?;
            match (number, value) {
                (user::SID | user::IDENTITY, _) => continue,
                (user::DESTINATIONS, Value::Bytes(name)) => self.add_destination(name)?,
                (user::DESTINATION_SIDS, Value::Bytes(name)) => {
                    add_name(&mut self.destination_sids, name)?;
                }
                _ => {}
            }
            user.put_slice(raw);
        }
        put_string(user::SID, sender.sid, &mut user);
        put_string(user::IDENTITY, sender.identity, &mut user);
        encode_key(field::USER, WireType::LengthDelimited, &mut self.bytes);
        encode_varint(user.len() as u64, &mut self.bytes);
        self.bytes.put_slice(&user);
        Ok(())
    }

    fn add_destination(&mut self, name: &[u8]) -> Result<(), PacketError> {
        add_name(&mut self.destinations, name)
    }
}

fn add_name(names: &mut Vec<String>, name: &[u8]) -> Result<(), PacketError> {
    if names.len() >= DESTINATIONS_MAX {
        return Err(PacketError::TooManyDestinations);
    }
    let name = std::str::from_utf8(name).map_err(|_| PacketError::Malformed)?;
    names.push(name.to_owned());
    Ok(())
}

fn put_string(number: u32, text: &str, out: &mut Vec<u8>) {
    if !text.is_empty() {
        encode_key(number, WireType::LengthDelimited, out);
        encode_varint(text.len() as u64, out);
        out.put_slice(text.as_bytes());
    }
}

enum Value<'a> {
    Varint(u64),
    Bytes(&'a [u8]),
    Fixed,
}

struct Field<'a> {
    number: u32,
    value: Value<'a>,
    /// Key and value as they stand in the packet.
    raw: &'a [u8],
}

fn next_field<'a>(rest: &mut &'a [u8]) -> Result<Field<'a>, PacketError> {
    let start = *rest;
    let (number, wire_type) = decode_key(rest).map_err(|_| PacketError::Malformed)?;
    let value = match wire_type {
        WireType::Varint => Value::Varint(decode_varint(rest).map_err(|_| PacketError::Malformed)?),
        WireType::LengthDelimited => {
            let length = decode_varint(rest).map_err(|_| PacketError::Malformed)?;
            Value::Bytes(take(rest, length)?)
        }
        WireType::ThirtyTwoBit => take(rest, 4).map(|_| Value::Fixed)?,
        WireType::SixtyFourBit => take(rest, 8).map(|_| Value::Fixed)?,
        WireType::StartGroup | WireType::EndGroup => return Err(PacketError::Malformed),
    };
    let raw = &start[..start.len() - rest.len()];
    Ok(Field { number, value, raw })
}

fn take<'a>(rest: &mut &'a [u8], length: u64) -> Result<&'a [u8], PacketError> {
    let length = usize::try_from(length).map_err(|_| PacketError::Malformed)?;
    let (taken, after) = rest
        .split_at_checked(length)
        .ok_or(PacketError::Malformed)?;
    *rest = after;
    Ok(taken)
}

#[cfg(test)]
#[path = "packet_tests.rs"]
mod tests;
