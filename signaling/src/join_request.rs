//! What a client asks for when it connects: query parameters (v0) or a join request (v1).
//!
//! Invariant: whatever the text, nothing larger than the limit is held in memory.

use std::collections::{BTreeMap, HashMap};
use std::io::Read;

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use flate2::read::GzDecoder;
use livekit_protocol::client_info::{Capability, Sdk};
use livekit_protocol::wrapped_join_request::Compression;
use livekit_protocol::{
    AddTrackRequest, ClientInfo, JoinRequest, SessionDescription, SyncState, WrappedJoinRequest,
};
use prost::Message as _;
use thiserror::Error;

/// Base64 for URLs; SDKs differ in whether they pad.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// How many peer connections the client has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// One to publish and one to subscribe (v0).
    Dual,
    /// One for both (v1).
    Single,
}

/// The wishes of a connecting client.
#[derive(Debug, Clone)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "the fields are those of the wire format"
)]
pub(crate) struct JoinWish {
    pub(crate) mode: Mode,
    pub(crate) client: ClientInfo,
    pub(crate) auto_subscribe: bool,
    /// Data tracks come without being asked for, too.
    pub(crate) auto_subscribe_data: bool,
    /// The client tells the size of each picture it shows, so tracks start paused until it does.
    pub(crate) adaptive_stream: bool,
    pub(crate) disable_ice_lite: bool,
    /// The participant to resume.
    pub(crate) resume: Option<String>,
    /// Replaces the metadata of the token if not empty.
    pub(crate) metadata: String,
    /// Laid over the attributes of the token.
    pub(crate) attributes: BTreeMap<String, String>,
    pub(crate) add_tracks: Vec<AddTrackRequest>,
    pub(crate) publisher_offer: Option<SessionDescription>,
    pub(crate) sync_state: Option<SyncState>,
}

impl JoinWish {
    /// The wishes of somebody who has no socket, and so can't have any.
    pub(crate) fn of_nobody(client: ClientInfo) -> Self {
        Self {
            mode: Mode::Single,
            client,
            auto_subscribe: false,
            auto_subscribe_data: false,
            adaptive_stream: false,
            disable_ice_lite: false,
            resume: None,
            metadata: String::new(),
            attributes: BTreeMap::new(),
            add_tracks: Vec::new(),
            publisher_offer: None,
            sync_state: None,
        }
    }
}

/// Why the wishes can't be read; answer 400 with the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum JoinRequestError {
    #[error("join_request is required")]
    Missing,
    #[error("cannot base64 decode wrapped join request")]
    Base64,
    #[error("cannot unmarshal wrapped join request")]
    Wrapper,
    #[error("cannot read decompressed join request")]
    Gzip,
    #[error("join request too large")]
    TooLarge,
    #[error("cannot unmarshal join request")]
    Request,
    #[error("cannot decode attributes")]
    Attributes,
}

/// The query parameters of a request.
pub(crate) type Query = HashMap<String, String>;

impl JoinWish {
    /// Reads `query`. With `needs_request`, on the v1 path, a join request has to be there.
    ///
    /// # Errors
    ///
    /// [`JoinRequestError`] says what can't be read.
    pub(crate) fn read(
        query: &Query,
        user_agent: &str,
        needs_request: bool,
        bytes_max: usize,
    ) -> Result<Self, JoinRequestError> {
        match query.get("join_request").filter(|text| !text.is_empty()) {
            Some(text) => Ok(Self::from_request(decode(text, bytes_max)?, user_agent)),
            None if needs_request => Err(JoinRequestError::Missing),
            None => Self::from_query(query, user_agent),
        }
    }

    fn from_request(request: JoinRequest, user_agent: &str) -> Self {
        let settings = request.connection_settings.unwrap_or_default();
        let mut client = request.client_info.unwrap_or_default();
        add_browser(&mut client, user_agent);
        Self {
            mode: Mode::Single,
            client,
            auto_subscribe: settings.auto_subscribe,
            auto_subscribe_data: settings.auto_subscribe_data_track.unwrap_or(false),
            adaptive_stream: settings.adaptive_stream,
            disable_ice_lite: settings.disable_ice_lite,
            resume: request.reconnect.then_some(request.participant_sid),
            metadata: request.metadata,
            attributes: request.participant_attributes.into_iter().collect(),
            add_tracks: request.add_track_requests,
            publisher_offer: request.publisher_offer,
            sync_state: request.sync_state,
        }
    }

    fn from_query(query: &Query, user_agent: &str) -> Result<Self, JoinRequestError> {
        let text = |key: &str| query.get(key).map(String::as_str).unwrap_or_default();
        let is_set = |key: &str| is_true(text(key));
        let attributes = match text("attributes") {
            "" => BTreeMap::new(),
            encoded => attributes(encoded).ok_or(JoinRequestError::Attributes)?,
        };
        Ok(Self {
            mode: Mode::Dual,
            client: client_of_query(query, user_agent),
            auto_subscribe: text("auto_subscribe").is_empty() || is_set("auto_subscribe"),
            auto_subscribe_data: is_set("auto_subscribe_data_track"),
            adaptive_stream: is_set("adaptive_stream"),
            disable_ice_lite: is_set("disable_ice_lite"),
            resume: is_set("reconnect").then(|| text("sid").to_owned()),
            metadata: String::new(),
            attributes,
            add_tracks: Vec::new(),
            publisher_offer: None,
            sync_state: None,
        })
    }
}

fn is_true(text: &str) -> bool {
    matches!(text, "1" | "true" | "TRUE" | "True" | "t" | "T")
}

fn attributes(encoded: &str) -> Option<BTreeMap<String, String>> {
    let json = BASE64.decode(encoded).ok()?;
    serde_json::from_slice(&json).ok()
}

fn decode(text: &str, bytes_max: usize) -> Result<JoinRequest, JoinRequestError> {
    let wrapped = BASE64.decode(text).map_err(|_| JoinRequestError::Base64)?;
    let wrapped =
        WrappedJoinRequest::decode(wrapped.as_slice()).map_err(|_| JoinRequestError::Wrapper)?;
    let request = match wrapped.compression() {
        Compression::None => wrapped.join_request,
        Compression::Gzip => inflate(&wrapped.join_request, bytes_max)?,
    };
    if request.len() > bytes_max {
        return Err(JoinRequestError::TooLarge);
    }
    JoinRequest::decode(request.as_slice()).map_err(|_| JoinRequestError::Request)
}

/// Unpacks at most one byte more than allowed, so that a compression bomb costs nothing.
fn inflate(packed: &[u8], bytes_max: usize) -> Result<Vec<u8>, JoinRequestError> {
    let limit = u64::try_from(bytes_max)
        .unwrap_or(u64::MAX)
        .saturating_add(1);
    let mut unpacked = Vec::new();
    GzDecoder::new(packed)
        .take(limit)
        .read_to_end(&mut unpacked)
        .map_err(|_| JoinRequestError::Gzip)?;
    Ok(unpacked)
}

fn client_of_query(query: &Query, user_agent: &str) -> ClientInfo {
    let text = |key: &str| query.get(key).cloned().unwrap_or_default();
    let number = |key: &str| text(key).parse().unwrap_or(0);
    let sdk = match text("sdk").to_ascii_lowercase().as_str() {
        "js" => Sdk::Js,
        "swift" | "ios" => Sdk::Swift,
        "android" => Sdk::Android,
        "flutter" => Sdk::Flutter,
        "go" => Sdk::Go,
        "unity" => Sdk::Unity,
        "reactnative" => Sdk::ReactNative,
        "rust" => Sdk::Rust,
        "python" => Sdk::Python,
        "cpp" => Sdk::Cpp,
        "unityweb" => Sdk::UnityWeb,
        "node" => Sdk::Node,
        "unreal" => Sdk::Unreal,
        "esp32" => Sdk::Esp32,
        "dotnet" => Sdk::Dotnet,
        _ => Sdk::Unknown,
    };
    let capabilities = text("capabilities")
        .split(',')
        .filter_map(Capability::from_str_name)
        .map(i32::from)
        .collect();
    let mut client = ClientInfo {
        sdk: sdk.into(),
        version: text("version"),
        protocol: number("protocol"),
        os: text("os"),
        os_version: text("os_version"),
        device_model: text("device_model"),
        browser: text("browser"),
        browser_version: text("browser_version"),
        network: text("network"),
        other_sdks: text("other_sdks"),
        client_protocol: number("client_protocol"),
        capabilities,
        ..ClientInfo::default()
    };
    add_browser(&mut client, user_agent);
    client
}

/// Names the browser where the client did not; only those with a quirk are told apart.
pub(crate) fn add_browser(client: &mut ClientInfo, user_agent: &str) {
    if client.browser.is_empty() {
        let browser = if user_agent.contains("Firefox/") {
            "Firefox"
        } else if user_agent.contains("Chrome/") {
            "Chrome"
        } else if user_agent.contains("Safari/") {
            "Safari"
        } else {
            ""
        };
        browser.clone_into(&mut client.browser);
    }
}

#[cfg(test)]
#[path = "join_request_tests.rs"]
mod tests;
