//! The fields of the messages that the server API answers with, since prost's types know neither the
//! names of their fields nor which ones are missing from their JSON.

use livekit_protocol::participant_info::{Kind as ParticipantKind, KindDetail, State};
use livekit_protocol::video_layer::Mode;
use livekit_protocol::{
    AgentDispatch, AudioTrackFeature, BackupCodecPolicy, DeleteRoomResponse, DisconnectReason,
    ForwardParticipantResponse, Job, ListAgentDispatchResponse, ListParticipantsResponse,
    ListRoomsResponse, MoveParticipantResponse, MuteRoomTrackResponse, PacketTrailerFeature,
    ParticipantInfo, PerformRpcResponse, RemoveParticipantResponse, Room, SendDataResponse,
    TrackInfo, TrackSource, TrackType, UpdateSubscriptionsResponse, VideoLayer, VideoQuality,
    client_info, encryption,
};
use prost::Message;
use serde::Serialize;

/// The fields of a message, by their names in the `.proto` file.
#[derive(Debug)]
pub(crate) struct Shape(pub(super) &'static [(&'static str, Kind)]);

/// What a field holds.
#[derive(Debug)]
pub(crate) enum Kind {
    Text,
    Number,
    /// 64 bits, which JSON has as text.
    Long,
    Flag,
    /// An enum, with the name of its value 0.
    Choice(&'static str),
    /// A list of plain values.
    List,
    Map,
    One(&'static Shape),
    Many(&'static Shape),
}

/// A message that can be written as JSON.
pub(crate) trait Shown: Message + Serialize {
    /// Its fields.
    const SHAPE: &'static Shape;

    /// Replaces values of enums that have no name. They come from clients that are newer than this
    /// server, or are hostile, and JSON could not be written with them.
    fn drop_unknown(&mut self) {}
}

const NOTHING: Shape = Shape(&[]);

const CODEC: Shape = Shape(&[("mime", Kind::Text), ("fmtp_line", Kind::Text)]);

const TIMED_VERSION: Shape = Shape(&[("unix_micro", Kind::Long), ("ticks", Kind::Number)]);

const ROOM: Shape = Shape(&[
    ("sid", Kind::Text),
    ("name", Kind::Text),
    ("empty_timeout", Kind::Number),
    ("departure_timeout", Kind::Number),
    ("max_participants", Kind::Number),
    ("creation_time", Kind::Long),
    ("creation_time_ms", Kind::Long),
    ("turn_password", Kind::Text),
    ("enabled_codecs", Kind::Many(&CODEC)),
    ("metadata", Kind::Text),
    ("num_participants", Kind::Number),
    ("num_publishers", Kind::Number),
    ("active_recording", Kind::Flag),
    ("version", Kind::One(&TIMED_VERSION)),
]);

const PERMISSION: Shape = Shape(&[
    ("can_subscribe", Kind::Flag),
    ("can_publish", Kind::Flag),
    ("can_publish_data", Kind::Flag),
    ("can_publish_sources", Kind::List),
    ("hidden", Kind::Flag),
    ("recorder", Kind::Flag),
    ("can_update_metadata", Kind::Flag),
    ("agent", Kind::Flag),
    ("can_subscribe_metrics", Kind::Flag),
    ("can_manage_agent_session", Kind::Flag),
]);

const LAYER: Shape = Shape(&[
    ("quality", Kind::Choice("LOW")),
    ("width", Kind::Number),
    ("height", Kind::Number),
    ("bitrate", Kind::Number),
    ("ssrc", Kind::Number),
    ("spatial_layer", Kind::Number),
    ("rid", Kind::Text),
    ("repair_ssrc", Kind::Number),
]);

const TRACK_CODEC: Shape = Shape(&[
    ("mime_type", Kind::Text),
    ("mid", Kind::Text),
    ("cid", Kind::Text),
    ("layers", Kind::Many(&LAYER)),
    ("video_layer_mode", Kind::Choice("MODE_UNUSED")),
    ("sdp_cid", Kind::Text),
]);

const TRACK: Shape = Shape(&[
    ("sid", Kind::Text),
    ("type", Kind::Choice("AUDIO")),
    ("name", Kind::Text),
    ("muted", Kind::Flag),
    ("width", Kind::Number),
    ("height", Kind::Number),
    ("simulcast", Kind::Flag),
    ("disable_dtx", Kind::Flag),
    ("source", Kind::Choice("UNKNOWN")),
    ("layers", Kind::Many(&LAYER)),
    ("mime_type", Kind::Text),
    ("mid", Kind::Text),
    ("codecs", Kind::Many(&TRACK_CODEC)),
    ("stereo", Kind::Flag),
    ("disable_red", Kind::Flag),
    ("encryption", Kind::Choice("NONE")),
    ("stream", Kind::Text),
    ("version", Kind::One(&TIMED_VERSION)),
    ("audio_features", Kind::List),
    ("backup_codec_policy", Kind::Choice("PREFER_REGRESSION")),
    ("packet_trailer_features", Kind::List),
]);

const DATA_TRACK: Shape = Shape(&[
    ("pub_handle", Kind::Number),
    ("sid", Kind::Text),
    ("name", Kind::Text),
    ("encryption", Kind::Choice("NONE")),
]);

const PARTICIPANT: Shape = Shape(&[
    ("sid", Kind::Text),
    ("identity", Kind::Text),
    ("state", Kind::Choice("JOINING")),
    ("tracks", Kind::Many(&TRACK)),
    ("metadata", Kind::Text),
    ("joined_at", Kind::Long),
    ("joined_at_ms", Kind::Long),
    ("name", Kind::Text),
    ("version", Kind::Number),
    ("permission", Kind::One(&PERMISSION)),
    ("region", Kind::Text),
    ("is_publisher", Kind::Flag),
    ("kind", Kind::Choice("STANDARD")),
    ("attributes", Kind::Map),
    ("disconnect_reason", Kind::Choice("UNKNOWN_REASON")),
    ("kind_details", Kind::List),
    ("data_tracks", Kind::Many(&DATA_TRACK)),
    ("client_protocol", Kind::Number),
    ("capabilities", Kind::List),
]);

const JOB_STATE: Shape = Shape(&[
    ("status", Kind::Choice("JS_PENDING")),
    ("error", Kind::Text),
    ("started_at", Kind::Long),
    ("ended_at", Kind::Long),
    ("updated_at", Kind::Long),
    ("participant_identity", Kind::Text),
    ("worker_id", Kind::Text),
    ("agent_id", Kind::Text),
]);

const JOB: Shape = Shape(&[
    ("id", Kind::Text),
    ("dispatch_id", Kind::Text),
    ("type", Kind::Choice("JT_ROOM")),
    ("room", Kind::One(&ROOM)),
    ("participant", Kind::One(&PARTICIPANT)),
    ("namespace", Kind::Text),
    ("metadata", Kind::Text),
    ("agent_name", Kind::Text),
    ("state", Kind::One(&JOB_STATE)),
    ("enable_recording", Kind::Flag),
    ("deployment", Kind::Text),
    ("attributes", Kind::Map),
    ("enable_redaction", Kind::Flag),
]);

const DISPATCH_STATE: Shape = Shape(&[
    ("jobs", Kind::Many(&JOB)),
    ("created_at", Kind::Long),
    ("deleted_at", Kind::Long),
]);

const DISPATCH: Shape = Shape(&[
    ("id", Kind::Text),
    ("agent_name", Kind::Text),
    ("room", Kind::Text),
    ("metadata", Kind::Text),
    ("state", Kind::One(&DISPATCH_STATE)),
    ("restart_policy", Kind::Choice("JRP_ON_FAILURE")),
    ("deployment", Kind::Text),
    ("attributes", Kind::Map),
]);

const ROOMS: Shape = Shape(&[("rooms", Kind::Many(&ROOM))]);
const PARTICIPANTS: Shape = Shape(&[("participants", Kind::Many(&PARTICIPANT))]);
const MUTED: Shape = Shape(&[("track", Kind::One(&TRACK))]);
const RPC_ANSWER: Shape = Shape(&[("payload", Kind::Text)]);
const DISPATCHES: Shape = Shape(&[("agent_dispatches", Kind::Many(&DISPATCH))]);

impl Shown for Room {
    const SHAPE: &'static Shape = &ROOM;
}

impl Shown for ListRoomsResponse {
    const SHAPE: &'static Shape = &ROOMS;
}

impl Shown for DeleteRoomResponse {
    const SHAPE: &'static Shape = &NOTHING;
}

impl Shown for RemoveParticipantResponse {
    const SHAPE: &'static Shape = &NOTHING;
}

impl Shown for UpdateSubscriptionsResponse {
    const SHAPE: &'static Shape = &NOTHING;
}

impl Shown for SendDataResponse {
    const SHAPE: &'static Shape = &NOTHING;
}

impl Shown for ForwardParticipantResponse {
    const SHAPE: &'static Shape = &NOTHING;
}

impl Shown for MoveParticipantResponse {
    const SHAPE: &'static Shape = &NOTHING;
}

impl Shown for PerformRpcResponse {
    const SHAPE: &'static Shape = &RPC_ANSWER;
}

impl Shown for ParticipantInfo {
    const SHAPE: &'static Shape = &PARTICIPANT;

    fn drop_unknown(&mut self) {
        known::<State>(&mut self.state);
        known::<ParticipantKind>(&mut self.kind);
        known::<DisconnectReason>(&mut self.disconnect_reason);
        keep_known::<KindDetail>(&mut self.kind_details);
        keep_known::<client_info::Capability>(&mut self.capabilities);
        if let Some(permission) = &mut self.permission {
            keep_known::<TrackSource>(&mut permission.can_publish_sources);
        }
        for track in &mut self.data_tracks {
            known::<encryption::Type>(&mut track.encryption);
            // Free text and further enums of applications: shown to clients, not here.
            track.frame_encoding = None;
            track.schema = None;
        }
        self.tracks.iter_mut().for_each(Shown::drop_unknown);
    }
}

impl Shown for TrackInfo {
    const SHAPE: &'static Shape = &TRACK;

    #[expect(deprecated, reason = "older clients read `layers`")]
    fn drop_unknown(&mut self) {
        known::<TrackType>(&mut self.r#type);
        known::<TrackSource>(&mut self.source);
        known::<encryption::Type>(&mut self.encryption);
        known::<BackupCodecPolicy>(&mut self.backup_codec_policy);
        keep_known::<AudioTrackFeature>(&mut self.audio_features);
        keep_known::<PacketTrailerFeature>(&mut self.packet_trailer_features);
        for codec in &mut self.codecs {
            known::<Mode>(&mut codec.video_layer_mode);
            known_layers(&mut codec.layers);
        }
        known_layers(&mut self.layers);
    }
}

impl Shown for ListParticipantsResponse {
    const SHAPE: &'static Shape = &PARTICIPANTS;

    fn drop_unknown(&mut self) {
        self.participants.iter_mut().for_each(Shown::drop_unknown);
    }
}

impl Shown for MuteRoomTrackResponse {
    const SHAPE: &'static Shape = &MUTED;

    fn drop_unknown(&mut self) {
        self.track.iter_mut().for_each(Shown::drop_unknown);
    }
}

impl Shown for Job {
    const SHAPE: &'static Shape = &JOB;

    fn drop_unknown(&mut self) {
        self.participant.iter_mut().for_each(Shown::drop_unknown);
    }
}

impl Shown for AgentDispatch {
    const SHAPE: &'static Shape = &DISPATCH;

    fn drop_unknown(&mut self) {
        known::<livekit_protocol::JobRestartPolicy>(&mut self.restart_policy);
        let states = self.state.iter_mut();
        states
            .flat_map(|state| &mut state.jobs)
            .for_each(Shown::drop_unknown);
    }
}

impl Shown for ListAgentDispatchResponse {
    const SHAPE: &'static Shape = &DISPATCHES;

    fn drop_unknown(&mut self) {
        self.agent_dispatches
            .iter_mut()
            .for_each(Shown::drop_unknown);
    }
}

fn known_layers(layers: &mut [VideoLayer]) {
    for layer in layers {
        known::<VideoQuality>(&mut layer.quality);
    }
}

fn known<E: TryFrom<i32>>(value: &mut i32) {
    if E::try_from(*value).is_err() {
        *value = 0;
    }
}

fn keep_known<E: TryFrom<i32>>(values: &mut Vec<i32>) {
    values.retain(|value| E::try_from(*value).is_ok());
}
