//! The mapping against texts of LiveKit's server and clients.

use std::collections::BTreeSet;

use livekit_protocol::{
    AgentDispatch, CreateRoomRequest, Job, ListAgentDispatchResponse, ListParticipantsResponse,
    ListRoomsResponse, MuteRoomTrackResponse, ParticipantInfo, ParticipantPermission,
    PerformRpcResponse, Room, RoomParticipantIdentity, SendDataRequest, SimulcastCodecInfo,
    TrackInfo, VideoLayer, data_packet,
};
use serde::de::{Deserialize, Deserializer, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::json;

use super::*;

#[test]
fn names_are_read_in_both_spellings_and_numbers_as_text_too() {
    let texts = [
        r#"{"name": "yoga", "emptyTimeout": 60, "agents": [{"agentName": "a"}]}"#,
        r#"{"name": "yoga", "empty_timeout": "60", "agents": [{"agent_name": "a"}]}"#,
        r#"{"name": "yoga", "empty_timeout": 60, "metadata": null, "agents": [{"agent_name": "a", "metadata": null}]}"#,
        r#"{"name": "yoga", "empty_timeout": 60, "of_the_future": {"x": [null]}, "agents": [{"agent_name": "a", "x": 1}]}"#,
    ];
    for text in texts {
        let request: CreateRoomRequest = read(text.as_bytes()).unwrap();

        assert_eq!((request.name.as_str(), request.empty_timeout), ("yoga", 60));
        assert_eq!(request.agents[0].agent_name, "a", "{text}");
    }
}

#[test]
fn bytes_are_base64_and_enums_names_or_numbers() {
    for text in [
        r#"{"data": "aGk=", "kind": "LOSSY", "topic": "t"}"#,
        r#"{"data": "aGk", "kind": 1, "topic": "t"}"#,
    ] {
        let request: SendDataRequest = read(text.as_bytes()).unwrap();

        assert_eq!(request.data, b"hi", "{text}");
        assert_eq!(request.kind(), data_packet::Kind::Lossy);
        assert_eq!(request.topic.as_deref(), Some("t"));
    }
    let revoked: RoomParticipantIdentity = read(br#"{"revokeTokenTs": "1800000000"}"#).unwrap();
    assert_eq!(revoked.revoke_token_ts, 1_800_000_000);
}

#[test]
fn what_is_no_such_message_is_refused() {
    for text in [
        "",
        "null",
        "[]",
        r#"["yoga"]"#,
        "{",
        "7",
        r#"{"name": 7}"#,
        r#"{"name": ["yoga"]}"#,
        r#"{"empty_timeout": -1}"#,
        r#"{"empty_timeout": 1, "emptyTimeout": 2}"#,
    ] {
        assert!(
            read::<CreateRoomRequest>(text.as_bytes()).is_err(),
            "{text}"
        );
    }
    let deep = format!("{}{}", "{\"x\":[".repeat(10_000), "]}".repeat(10_000));
    assert!(read::<CreateRoomRequest>(deep.as_bytes()).is_err());
}

/// The text is from LiveKit's server 1.13.5, but for the codecs.
#[test]
fn a_room_is_written_with_all_its_fields() {
    let room = Room {
        sid: "RM_2QhZ5hNe4EST".into(),
        name: "r2".into(),
        empty_timeout: 60,
        departure_timeout: 7,
        creation_time: 1_795_277_231,
        creation_time_ms: 1_795_277_231_175,
        enabled_codecs: vec![livekit_protocol::Codec {
            mime: "audio/opus".into(),
            fmtp_line: String::new(),
        }],
        ..Room::default()
    };

    let written: Value = serde_json::from_slice(&write(room)).unwrap();

    let expected = r#"{"sid":"RM_2QhZ5hNe4EST", "name":"r2", "empty_timeout":60, "departure_timeout":7, "max_participants":0, "creation_time":"1795277231", "creation_time_ms":"1795277231175", "turn_password":"", "enabled_codecs":[{"mime":"audio/opus", "fmtp_line":""}], "metadata":"", "num_participants":0, "num_publishers":0, "active_recording":false, "version":null}"#;
    assert_eq!(written, serde_json::from_str::<Value>(expected).unwrap());
}

#[test]
fn what_a_client_made_up_does_not_keep_others_from_being_listed() {
    let participant = ParticipantInfo {
        identity: "eve".into(),
        attributes: [("camelCase_x".to_owned(), "1".to_owned())].into(),
        capabilities: vec![99, 1],
        kind_details: vec![-1],
        permission: Some(ParticipantPermission {
            can_publish_sources: vec![2, 77],
            ..ParticipantPermission::default()
        }),
        tracks: vec![TrackInfo {
            r#type: 9,
            source: 9,
            encryption: 9,
            audio_features: vec![99],
            codecs: vec![SimulcastCodecInfo {
                video_layer_mode: 9,
                layers: vec![VideoLayer {
                    quality: 9,
                    ..VideoLayer::default()
                }],
                ..SimulcastCodecInfo::default()
            }],
            ..TrackInfo::default()
        }],
        ..ParticipantInfo::default()
    };
    let participants = vec![participant];

    let written = write(ListParticipantsResponse { participants });

    let written: Value = serde_json::from_slice(&written).unwrap();
    let eve = &written["participants"][0];
    assert_eq!(eve["identity"], "eve");
    assert_eq!(eve["attributes"], json!({"camelCase_x": "1"}));
    assert_eq!(
        eve["permission"]["can_publish_sources"],
        json!(["MICROPHONE"])
    );
    assert_eq!(eve["tracks"][0]["codecs"][0]["layers"][0]["quality"], "LOW");
    assert_eq!(eve["capabilities"].as_array().unwrap().len(), 1);
}

/// Finds out which fields a type reads, and reads nothing.
struct Probe<'a>(&'a mut BTreeSet<&'static str>);

impl<'de> Deserializer<'de> for Probe<'_> {
    type Error = serde::de::value::Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, serde::de::value::Error> {
        Err(serde::de::Error::custom("nothing is read"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, serde::de::value::Error> {
        self.0.extend(fields);
        Err(serde::de::Error::custom("nothing is read"))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

fn assert_whole<M: for<'de> Deserialize<'de>>(shape: &Shape, passed_over: &[&str]) {
    let mut fields = BTreeSet::new();
    let _ = M::deserialize(Probe(&mut fields));
    let listed = shape.0.iter().map(|(name, _)| *name);
    let named: BTreeSet<&str> = listed.chain(passed_over.iter().copied()).collect();

    // The types know each field by both names.
    let expected: BTreeSet<String> = named
        .iter()
        .flat_map(|name| [(*name).to_owned(), camel_case(name)])
        .collect();

    let fields: BTreeSet<String> = fields.into_iter().map(str::to_owned).collect();
    assert_eq!(fields, expected);
}

/// The shape of the message that the first of `names` leads to, and so on.
fn inner(shape: &'static Shape, names: &[&str]) -> &'static Shape {
    names.iter().fold(shape, |shape, name| {
        let field = shape.0.iter().find(|(field, _)| field == name);
        match field.map(|(_, kind)| kind) {
            Some(Kind::One(shape) | Kind::Many(shape)) => shape,
            other => panic!("{name} is {other:?}"),
        }
    })
}

#[test]
fn every_field_of_every_answer_is_written() {
    let participant = ParticipantInfo::SHAPE;
    let dispatch = AgentDispatch::SHAPE;

    assert_whole::<Room>(Room::SHAPE, &[]);
    assert_whole::<livekit_protocol::Codec>(inner(Room::SHAPE, &["enabled_codecs"]), &[]);
    assert_whole::<livekit_protocol::TimedVersion>(inner(Room::SHAPE, &["version"]), &[]);
    assert_whole::<ListRoomsResponse>(ListRoomsResponse::SHAPE, &[]);
    assert_whole::<ListParticipantsResponse>(ListParticipantsResponse::SHAPE, &[]);
    assert_whole::<MuteRoomTrackResponse>(MuteRoomTrackResponse::SHAPE, &[]);
    assert_whole::<PerformRpcResponse>(PerformRpcResponse::SHAPE, &[]);
    assert_whole::<ListAgentDispatchResponse>(ListAgentDispatchResponse::SHAPE, &[]);
    assert_whole::<ParticipantInfo>(participant, &[]);
    assert_whole::<ParticipantPermission>(inner(participant, &["permission"]), &[]);
    assert_whole::<TrackInfo>(TrackInfo::SHAPE, &[]);
    assert_whole::<SimulcastCodecInfo>(inner(TrackInfo::SHAPE, &["codecs"]), &[]);
    assert_whole::<VideoLayer>(inner(TrackInfo::SHAPE, &["layers"]), &[]);
    assert_whole::<livekit_protocol::DataTrackInfo>(
        inner(participant, &["data_tracks"]),
        &["frame_encoding", "schema"],
    );
    assert_whole::<AgentDispatch>(dispatch, &[]);
    assert_whole::<livekit_protocol::AgentDispatchState>(inner(dispatch, &["state"]), &[]);
    assert_whole::<Job>(Job::SHAPE, &[]);
    assert_whole::<livekit_protocol::JobState>(inner(Job::SHAPE, &["state"]), &[]);
}
