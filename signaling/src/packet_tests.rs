use livekit_protocol::data_packet::{Kind, Value as Payload};
use livekit_protocol::{ActiveSpeakerUpdate, DataPacket, RpcRequest, UserPacket};
use proptest::prelude::*;
use prost::Message as _;

use super::*;

const ALICE: Sender<'_> = Sender {
    sid: "PA_alice",
    identity: "alice",
};

fn rewrite(packet: &DataPacket) -> (Packet, DataPacket) {
    let packet = Packet::rewrite(&packet.encode_to_vec(), ALICE, DataChannel::Reliable).unwrap();
    let decoded = DataPacket::decode(packet.bytes.as_slice()).unwrap();
    (packet, decoded)
}

fn user(user: UserPacket) -> DataPacket {
    DataPacket {
        value: Some(Payload::User(user)),
        ..DataPacket::default()
    }
}

#[test]
#[expect(deprecated, reason = "older clients write and read these fields")]
fn the_sender_is_overwritten_outside_and_inside() {
    let mut forged = user(UserPacket {
        participant_sid: "PA_bob".into(),
        participant_identity: "bob".into(),
        payload: b"hi".to_vec(),
        topic: Some("t".into()),
        ..UserPacket::default()
    });
    forged.participant_identity = "bob".into();
    forged.participant_sid = "PA_bob".into();

    let (_, decoded) = rewrite(&forged);

    assert_eq!(decoded.participant_identity, "alice");
    assert_eq!(decoded.participant_sid, "PA_alice");
    let Some(Payload::User(user)) = decoded.value else {
        panic!("the payload is still that of a user");
    };
    assert_eq!(
        (
            user.participant_identity.as_str(),
            user.participant_sid.as_str()
        ),
        ("alice", "PA_alice")
    );
    assert_eq!(
        (user.payload.as_slice(), user.topic.as_deref()),
        (b"hi".as_slice(), Some("t"))
    );
}

#[test]
#[expect(deprecated, reason = "older clients write these fields")]
fn receivers_are_found_in_the_packet_and_in_the_user_payload() {
    let mut packet = user(UserPacket {
        destination_identities: vec!["bob".into()],
        destination_sids: vec!["PA_carol".into()],
        ..UserPacket::default()
    });
    packet.destination_identities = vec!["dave".into()];

    let (packet, decoded) = rewrite(&packet);

    assert!(packet.is_for("PA_1", "bob") && packet.is_for("PA_carol", "x"));
    assert!(packet.is_for("PA_1", "dave") && !packet.is_for("PA_1", "erin"));
    assert_eq!(decoded.destination_identities, ["dave"]);
}

#[test]
fn a_packet_without_receivers_is_for_everybody() {
    let (packet, _) = rewrite(&user(UserPacket::default()));

    assert!(packet.is_for("PA_1", "anybody"));
}

#[test]
fn a_payload_from_the_future_survives() {
    let mut bytes = DataPacket {
        sequence: 77,
        ..DataPacket::default()
    }
    .encode_to_vec();
    let unknown = [0xfa, 0x3e, 3, b'a', b'b', b'c']; // Field 1007, three bytes.
    bytes.extend(unknown);

    let packet = Packet::rewrite(&bytes, ALICE, DataChannel::Lossy).unwrap();

    assert!(
        packet
            .bytes
            .windows(unknown.len())
            .any(|window| window == unknown)
    );
    assert_eq!(packet.sequence, 77);
    let decoded = DataPacket::decode(packet.bytes.as_slice()).unwrap();
    assert_eq!(decoded.sequence, 77);
    assert_eq!(decoded.participant_identity, "alice");
}

#[test]
#[expect(deprecated, reason = "older clients read `kind`")]
fn the_kind_is_that_of_the_channel() {
    let mut packet = user(UserPacket::default());
    packet.kind = Kind::Lossy.into();

    assert_eq!(rewrite(&packet).1.kind(), Kind::Reliable);
}

#[test]
fn a_hidden_sender_stays_nameless() {
    let hidden = Sender {
        sid: "",
        identity: "",
    };
    let mut packet = user(UserPacket::default());
    packet.participant_identity = "bob".into();

    let packet = Packet::rewrite(&packet.encode_to_vec(), hidden, DataChannel::Reliable).unwrap();

    let decoded = DataPacket::decode(packet.bytes.as_slice()).unwrap();
    assert_eq!(decoded.participant_identity, "");
}

#[test]
#[expect(deprecated, reason = "it is what must not be sent")]
fn clients_can_not_tell_who_speaks() {
    let packet = DataPacket {
        value: Some(Payload::Speaker(ActiveSpeakerUpdate::default())),
        ..DataPacket::default()
    };

    let result = Packet::rewrite(&packet.encode_to_vec(), ALICE, DataChannel::Reliable);

    assert_eq!(result.unwrap_err(), PacketError::Forbidden);
}

#[test]
fn rpc_passes_unchanged() {
    let request = RpcRequest {
        id: "1".into(),
        method: "add".into(),
        payload: "2+2".into(),
        ..RpcRequest::default()
    };
    let (_, decoded) = rewrite(&DataPacket {
        value: Some(Payload::RpcRequest(request.clone())),
        ..DataPacket::default()
    });

    assert_eq!(decoded.value, Some(Payload::RpcRequest(request)));
}

proptest! {
    #[test]
    fn no_bytes_at_all_make_it_panic_and_the_sender_is_always_ours(
        bytes in prop::collection::vec(any::<u8>(), 0..200)
    ) {
        if let Ok(packet) = Packet::rewrite(&bytes, ALICE, DataChannel::Reliable)
            && let Ok(decoded) = DataPacket::decode(packet.bytes.as_slice())
        {
            prop_assert_eq!(decoded.participant_identity, "alice");
            prop_assert_eq!(decoded.participant_sid, "PA_alice");
        }
    }

    #[test]
    fn the_sequence_is_kept(sequence in any::<u32>(), payload in prop::collection::vec(any::<u8>(), 0..50)) {
        let mut packet = user(UserPacket { payload, ..UserPacket::default() });
        packet.sequence = sequence;

        let (rewritten, decoded) = rewrite(&packet);

        prop_assert_eq!(rewritten.sequence, u64::from(sequence));
        prop_assert_eq!(decoded.sequence, sequence);
    }
}
