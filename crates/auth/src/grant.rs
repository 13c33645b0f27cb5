//! What a token allows inside a room.

use serde::{Deserialize, Serialize};

/// Where a published track comes from, as far as permissions tell sources apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PublishSource {
    /// The client named no source.
    Unknown,
    /// A camera.
    Camera,
    /// A microphone.
    Microphone,
    /// The picture of a shared screen, window or tab.
    ScreenShare,
    /// The sound of a shared screen, window or tab.
    ScreenShareAudio,
}

impl PublishSource {
    /// Returns the name that tokens use in `canPublishSources`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Camera => "camera",
            Self::Microphone => "microphone",
            Self::ScreenShare => "screen_share",
            Self::ScreenShareAudio => "screen_share_audio",
        }
    }

    /// Reads the name that tokens use; an unfamiliar one is `None`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [
            Self::Unknown,
            Self::Camera,
            Self::Microphone,
            Self::ScreenShare,
            Self::ScreenShareAudio,
        ]
        .into_iter()
        .find(|source| source.as_str().eq_ignore_ascii_case(name))
    }
}

/// The `video` claim: the room and the permissions in it.
///
/// Ask the `may_*` methods rather than the `can_*` fields: a missing field has a default that is
/// not always "no".
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "the fields are those of the wire format"
)]
pub struct VideoGrant {
    /// May create and delete rooms through the server API.
    #[serde(skip_serializing_if = "is_false")]
    pub room_create: bool,
    /// May list rooms through the server API.
    #[serde(skip_serializing_if = "is_false")]
    pub room_list: bool,
    /// May start recordings.
    #[serde(skip_serializing_if = "is_false")]
    pub room_record: bool,
    /// May administer the room named in `room`.
    #[serde(skip_serializing_if = "is_false")]
    pub room_admin: bool,
    /// May join the room named in `room`.
    #[serde(skip_serializing_if = "is_false")]
    pub room_join: bool,
    /// The room that `room_join` and `room_admin` are about.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub room: String,
    /// The room that participants may be forwarded or moved to.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub destination_room: String,
    /// May publish tracks; see [`may_publish`](Self::may_publish).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub can_publish: Option<bool>,
    /// May subscribe to tracks; see [`may_subscribe`](Self::may_subscribe).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub can_subscribe: Option<bool>,
    /// May send data; see [`may_publish_data`](Self::may_publish_data).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub can_publish_data: Option<bool>,
    /// The sources that may be published; empty means all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub can_publish_sources: Vec<String>,
    /// May change own name, metadata and attributes; see
    /// [`may_update_own_metadata`](Self::may_update_own_metadata).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub can_update_own_metadata: Option<bool>,
    /// May subscribe to metrics; see [`may_subscribe_metrics`](Self::may_subscribe_metrics).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub can_subscribe_metrics: Option<bool>,
    /// May administer ingress.
    #[serde(skip_serializing_if = "is_false")]
    pub ingress_admin: bool,
    /// Invisible to the other participants.
    #[serde(skip_serializing_if = "is_false")]
    pub hidden: bool,
    /// Is a recorder.
    #[serde(skip_serializing_if = "is_false")]
    pub recorder: bool,
    /// Is an agent.
    #[serde(skip_serializing_if = "is_false")]
    pub agent: bool,
}

impl VideoGrant {
    /// Says whether tracks may be published at all. A missing `canPublish` means yes.
    #[must_use]
    pub fn may_publish(&self) -> bool {
        self.can_publish.unwrap_or(true)
    }

    /// Says whether a track from `source` may be published.
    ///
    /// An empty `canPublishSources` allows every source.
    #[must_use]
    pub fn may_publish_source(&self, source: PublishSource) -> bool {
        let is_listed = |name: &String| PublishSource::from_name(name) == Some(source);
        self.may_publish()
            && (self.can_publish_sources.is_empty()
                || self.can_publish_sources.iter().any(is_listed))
    }

    /// Returns the sources that the token limits publishing to; empty means all.
    #[must_use]
    pub fn publish_sources(&self) -> Vec<PublishSource> {
        self.can_publish_sources
            .iter()
            .filter_map(|name| PublishSource::from_name(name))
            .collect()
    }

    /// Says whether data may be sent. A missing `canPublishData` follows `canPublish`.
    #[must_use]
    pub fn may_publish_data(&self) -> bool {
        self.can_publish_data.unwrap_or_else(|| self.may_publish())
    }

    /// Says whether tracks may be received. A missing `canSubscribe` means yes.
    #[must_use]
    pub fn may_subscribe(&self) -> bool {
        self.can_subscribe.unwrap_or(true)
    }

    /// Says whether own name, metadata and attributes may be changed.
    ///
    /// A missing `canUpdateOwnMetadata` means no, as in LiveKit's own server.
    #[must_use]
    pub fn may_update_own_metadata(&self) -> bool {
        self.can_update_own_metadata.unwrap_or(false)
    }

    /// Says whether metrics may be received. A missing `canSubscribeMetrics` means no.
    #[must_use]
    pub fn may_subscribe_metrics(&self) -> bool {
        self.can_subscribe_metrics.unwrap_or(false)
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes fields by reference"
)]
fn is_false(value: &bool) -> bool {
    !*value
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(json: &str) -> VideoGrant {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_grant_without_can_fields_allows_publishing_subscribing_and_data() {
        let grant = grant("{}");

        assert!(grant.may_publish() && grant.may_subscribe() && grant.may_publish_data());
        assert!(grant.may_publish_source(PublishSource::Unknown));
    }

    #[test]
    fn a_grant_without_can_fields_allows_neither_own_metadata_nor_metrics() {
        let grant = grant("{}");

        assert!(!grant.may_update_own_metadata() && !grant.may_subscribe_metrics());
    }

    #[test]
    fn data_follows_publishing_unless_it_is_named() {
        assert!(!grant(r#"{"canPublish": false}"#).may_publish_data());
        assert!(grant(r#"{"canPublish": false, "canPublishData": true}"#).may_publish_data());
    }

    #[test]
    fn a_list_of_sources_excludes_the_others() {
        let grant = grant(r#"{"canPublishSources": ["microphone", "SCREEN_SHARE", "telepathy"]}"#);

        assert!(grant.may_publish_source(PublishSource::Microphone));
        assert!(grant.may_publish_source(PublishSource::ScreenShare));
        assert!(!grant.may_publish_source(PublishSource::Camera));
        assert!(!grant.may_publish_source(PublishSource::ScreenShareAudio));
        assert!(!grant.may_publish_source(PublishSource::Unknown));
    }

    #[test]
    fn a_list_of_unfamiliar_sources_allows_nothing() {
        let grant = grant(r#"{"canPublishSources": ["telepathy"]}"#);

        assert!(!grant.may_publish_source(PublishSource::Camera));
    }

    #[test]
    fn sources_do_not_override_a_refused_publish() {
        let grant = grant(r#"{"canPublish": false, "canPublishSources": ["camera"]}"#);

        assert!(!grant.may_publish_source(PublishSource::Camera));
    }
}
