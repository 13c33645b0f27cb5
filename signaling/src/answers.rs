//! Messages to clients that are more than one field.

use livekit_protocol::leave_request::Action;
use livekit_protocol::request_response::{Reason, Request};
use livekit_protocol::signal_response::Message;
use livekit_protocol::{
    Codec, DisconnectReason, LeaveRequest, ParticipantInfo, ParticipantUpdate, RequestResponse,
    ServerInfo, SessionDescription,
};

use service::config::IceServer;

use crate::codecs;
use crate::quirks::Quirks;

/// The version that SDKs compare to find out what a server can do. It says which release of
/// LiveKit's server behaves as we do.
const COMPATIBLE_VERSION: &str = "1.9.11";

/// The protocol version that goes with it.
const COMPATIBLE_PROTOCOL: i32 = 16;

/// Describes the server.
pub(crate) fn server_info(node_id: &str) -> ServerInfo {
    ServerInfo {
        version: COMPATIBLE_VERSION.to_owned(),
        protocol: COMPATIBLE_PROTOCOL,
        node_id: node_id.to_owned(),
        agent_protocol: 1,
        ..ServerInfo::default()
    }
}

/// Asks a client to go. Clients before protocol 13 read `can_reconnect` instead of the action; they
/// can't be told to resume, which they try by themselves.
pub(crate) fn leave(quirks: Quirks, reason: DisconnectReason, action: Action) -> Message {
    Message::Leave(LeaveRequest {
        can_reconnect: !quirks.leave_action && action == Action::Reconnect,
        reason: reason.into(),
        action: action.into(),
        regions: None,
    })
}

/// Tells of one participant.
pub(crate) fn update(info: ParticipantInfo) -> Message {
    Message::Update(ParticipantUpdate {
        participants: vec![info],
    })
}

/// Answers a request that carries an id or is repeated in the answer.
pub(crate) fn request_response(
    request_id: u32,
    reason: Reason,
    message: &str,
    request: Option<Request>,
) -> Message {
    Message::RequestResponse(RequestResponse {
        request_id,
        reason: reason.into(),
        message: message.to_owned(),
        request,
    })
}

/// Wraps an SDP; `kind` is `offer` or `answer`.
pub(crate) fn description(
    kind: &str,
    sdp: String,
    id: u32,
    mid_to_track_id: impl IntoIterator<Item = (String, String)>,
) -> SessionDescription {
    SessionDescription {
        r#type: kind.to_owned(),
        sdp,
        id,
        mid_to_track_id: mid_to_track_id.into_iter().collect(),
    }
}

/// Lists the STUN and TURN servers that are configured.
pub(crate) fn ice_servers(servers: &[IceServer]) -> Vec<livekit_protocol::IceServer> {
    let server = |server: &IceServer| livekit_protocol::IceServer {
        urls: server.urls.clone(),
        username: server.username.clone(),
        credential: server.credential.expose().to_owned(),
    };
    servers.iter().map(server).collect()
}

/// Lists codecs by mime type.
pub(crate) fn codecs(codecs: &[sfu::Codec]) -> Vec<Codec> {
    let codec = |codec: &sfu::Codec| Codec {
        mime: codecs::mime_type(*codec).to_owned(),
        fmtp_line: String::new(),
    };
    codecs.iter().map(codec).collect()
}
