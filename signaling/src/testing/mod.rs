//! What the fuzz targets do with this crate, behind the feature `testing`: no release has it.
//!
//! Each function panics if an invariant does not hold.

#![expect(
    clippy::missing_panics_doc,
    reason = "that they panic is what they are for"
)]

mod stage;

use std::collections::HashMap;
use std::io::Write;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use flate2::Compression as Level;
use flate2::write::GzEncoder;
use livekit_protocol::wrapped_join_request::Compression;
use livekit_protocol::{DataPacket, WrappedJoinRequest};
use prost::Message as _;
use sfu::DataChannel;

use self::stage::with_stage;
use crate::join_request::JoinWish;
use crate::packet::{Packet, Sender};
use crate::trickle;
use crate::whip;

/// Longest join request that the fuzzed reader takes.
const REQUEST_BYTES_MAX: usize = 4096;

/// Passes on a data packet: what comes out names the sender that the server knows.
pub fn data_packet(bytes: &[u8]) {
    let sender = Sender {
        sid: "PA_alice",
        identity: "alice",
    };
    for channel in [DataChannel::Reliable, DataChannel::Lossy] {
        let Ok(packet) = Packet::rewrite(bytes, sender, channel) else {
            continue;
        };
        let rewritten = DataPacket::decode(packet.bytes.as_slice());
        let original = DataPacket::decode(bytes);
        // Broken claims about the sender are replaced, so it may become readable.
        assert!(rewritten.is_ok() || original.is_err(), "still readable");
        if let Ok(rewritten) = rewritten {
            assert_eq!(rewritten.participant_identity, sender.identity);
            assert_eq!(rewritten.participant_sid, sender.sid);
        }
    }
}

/// Reads the wishes of a client: the first byte says in which wrapping the rest comes.
pub fn join_request(bytes: &[u8]) {
    let Some((&choice, content)) = bytes.split_first() else {
        return;
    };
    let wrap = |compression: Compression, join_request: Vec<u8>| {
        let wrapped = WrappedJoinRequest {
            compression: compression.into(),
            join_request,
        };
        URL_SAFE.encode(wrapped.encode_to_vec())
    };
    let text = match choice % 5 {
        0 => String::from_utf8_lossy(content).into_owned(),
        1 => URL_SAFE.encode(content),
        2 => wrap(Compression::None, content.to_vec()),
        3 => wrap(Compression::Gzip, content.to_vec()),
        _ => wrap(Compression::Gzip, gzip(content, choice)),
    };
    let mut query = HashMap::from([("join_request".to_owned(), text)]);
    if choice >= 250 {
        let pairs = String::from_utf8_lossy(content);
        let pairs = pairs.split('&').filter_map(|pair| pair.split_once('='));
        query = pairs
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect();
    }
    let Ok(wish) = JoinWish::read(&query, "Firefox/128", choice & 1 == 0, REQUEST_BYTES_MAX) else {
        return;
    };
    let attributes = wish
        .attributes
        .iter()
        .map(|(key, value)| key.len() + value.len());
    let offer = wish
        .publisher_offer
        .as_ref()
        .map_or(0, |offer| offer.sdp.len());
    let held = wish.metadata.len() + attributes.sum::<usize>() + offer;
    assert!(
        choice >= 250 || held <= REQUEST_BYTES_MAX,
        "{held} bytes are held"
    );
}

/// Packs `content`, some of the time with a great many zeros behind it.
fn gzip(content: &[u8], choice: u8) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Level::fast());
    let zeros = if choice & 0x40 == 0 { 0 } else { 1 << 20 };
    encoder.write_all(content).expect("memory takes it");
    encoder.write_all(&vec![0; zeros]).expect("memory takes it");
    encoder.finish().expect("memory takes it")
}

/// Lets a client say signal messages in a room with an honest participant: the room lives on, and so does
/// the other one. An odd first byte makes it a client with one peer connection. Each message comes after two
/// bytes that tell its length. Ids of [`PLACEHOLDERS`](stage::PLACEHOLDERS) become those of the two.
pub fn signal_frames(bytes: &[u8]) {
    let Some((&choice, frames)) = bytes.split_first() else {
        return;
    };
    with_stage(async |stage| stage.frames(choice % 2 == 1, frames).await);
}

/// Calls the server API: the first byte names method and format, the rest is the body.
pub fn twirp(bytes: &[u8]) {
    let Some((&choice, body)) = bytes.split_first() else {
        return;
    };
    with_stage(async |stage| stage.call(choice, body).await);
}

/// Speaks WHIP or WHEP: the first byte says whether the rest is the body of a `PATCH` to a session, or the
/// offer of a publisher or of a player.
pub fn whip(bytes: &[u8]) {
    let Some((&choice, body)) = bytes.split_first() else {
        return;
    };
    if let Ok(text) = std::str::from_utf8(body) {
        whip::exercise(text);
    }
    with_stage(async |stage| stage.whip(choice, body).await);
}

/// Reads the candidate of a trickle message, which is JSON.
pub fn candidate(bytes: &[u8]) {
    let _ = trickle::candidate(&String::from_utf8_lossy(bytes));
}
