//! What a participant may do, from the grant of its token.

use auth::{Claims, PublishSource, VideoGrant};
use livekit_protocol::participant_info::Kind;
use livekit_protocol::{ParticipantPermission, TrackSource};

/// The permissions of one participant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Permissions {
    grant: VideoGrant,
    kind: Kind,
}

impl Permissions {
    /// Takes the permissions out of verified claims. Claims without a grant allow nothing.
    pub(crate) fn of(claims: &Claims) -> Self {
        let grant = claims.video.clone().unwrap_or_else(|| VideoGrant {
            can_publish: Some(false),
            can_subscribe: Some(false),
            ..VideoGrant::default()
        });
        let kind = kind(&claims.kind, &grant);
        Self { grant, kind }
    }

    /// Takes over what a server API call or another token says, and tells whether it is news.
    pub(crate) fn replace(&mut self, wanted: &ParticipantPermission) -> bool {
        if self.to_wire() == *wanted {
            return false;
        }
        let sources = wanted.can_publish_sources().map(publish_source);
        #[expect(deprecated, reason = "older servers write `recorder` and `agent`")]
        let (recorder, agent) = (wanted.recorder, wanted.agent);
        self.grant = VideoGrant {
            can_publish: Some(wanted.can_publish),
            can_publish_data: Some(wanted.can_publish_data),
            can_publish_sources: sources.map(|source| source.as_str().to_owned()).collect(),
            can_subscribe: Some(wanted.can_subscribe),
            can_update_own_metadata: Some(wanted.can_update_metadata),
            can_subscribe_metrics: Some(wanted.can_subscribe_metrics),
            hidden: wanted.hidden,
            recorder,
            agent,
            ..self.grant.clone()
        };
        true
    }

    /// Returns the grant, as tokens carry it.
    pub(crate) fn grant(&self) -> &VideoGrant {
        &self.grant
    }

    /// Asks whether anything at all may be published.
    pub(crate) fn may_publish_anything(&self) -> bool {
        self.grant.may_publish()
    }

    /// Tells whether this one is here for the others: it takes no place and keeps no room open.
    pub(crate) fn is_dependent(&self) -> bool {
        matches!(self.kind, Kind::Agent | Kind::Egress) || self.grant.agent || self.grant.recorder
    }

    /// Tells whether this one records. Publishers' rules about subscribers don't bind it.
    pub(crate) fn is_recorder(&self) -> bool {
        self.grant.recorder
    }

    /// Asks whether sound comes to the participant also while others are louder: those who record or transcribe
    /// miss nobody.
    pub(crate) fn hears_all(&self) -> bool {
        self.is_recorder() || matches!(self.kind, Kind::Agent | Kind::Egress)
    }

    /// Asks whether a track of `source` may be published.
    pub(crate) fn may_publish(&self, source: TrackSource) -> bool {
        self.grant.may_publish_source(publish_source(source))
    }

    /// Asks whether tracks of others may be received.
    pub(crate) fn may_subscribe(&self) -> bool {
        self.grant.may_subscribe()
    }

    /// Asks whether data packets may be sent.
    pub(crate) fn may_publish_data(&self) -> bool {
        self.grant.may_publish_data()
    }

    /// Asks whether metrics of others may be received.
    pub(crate) fn may_subscribe_metrics(&self) -> bool {
        self.grant.may_subscribe_metrics()
    }

    /// Asks whether name, metadata and attributes may be changed by their owner.
    pub(crate) fn may_update_own_metadata(&self) -> bool {
        self.grant.may_update_own_metadata()
    }

    /// Tells whether others must not learn of this participant.
    pub(crate) fn is_hidden(&self) -> bool {
        self.grant.hidden
    }

    /// Tells what kind of participant this is.
    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    /// Writes the permissions as clients read them.
    pub(crate) fn to_wire(&self) -> ParticipantPermission {
        let source = |source| match source {
            PublishSource::Unknown => TrackSource::Unknown,
            PublishSource::Camera => TrackSource::Camera,
            PublishSource::Microphone => TrackSource::Microphone,
            PublishSource::ScreenShare => TrackSource::ScreenShare,
            PublishSource::ScreenShareAudio => TrackSource::ScreenShareAudio,
        };
        #[expect(deprecated, reason = "older clients read `recorder` and `agent`")]
        ParticipantPermission {
            can_subscribe: self.may_subscribe(),
            can_publish: self.grant.may_publish(),
            can_publish_data: self.may_publish_data(),
            can_publish_sources: self
                .grant
                .publish_sources()
                .into_iter()
                .map(|name| source(name).into())
                .collect(),
            hidden: self.grant.hidden,
            recorder: self.grant.recorder,
            can_update_metadata: self.may_update_own_metadata(),
            agent: self.kind == Kind::Agent,
            can_subscribe_metrics: self.may_subscribe_metrics(),
            can_manage_agent_session: false,
        }
    }
}

fn publish_source(source: TrackSource) -> PublishSource {
    match source {
        TrackSource::Unknown => PublishSource::Unknown,
        TrackSource::Camera => PublishSource::Camera,
        TrackSource::Microphone => PublishSource::Microphone,
        TrackSource::ScreenShare => PublishSource::ScreenShare,
        TrackSource::ScreenShareAudio => PublishSource::ScreenShareAudio,
    }
}

fn kind(name: &str, grant: &VideoGrant) -> Kind {
    match name.to_ascii_lowercase().as_str() {
        "agent" => Kind::Agent,
        "egress" => Kind::Egress,
        "ingress" => Kind::Ingress,
        "sip" => Kind::Sip,
        "connector" => Kind::Connector,
        "bridge" => Kind::Bridge,
        _ if grant.agent => Kind::Agent,
        _ if grant.recorder => Kind::Egress,
        _ => Kind::Standard,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permissions(grant: VideoGrant) -> Permissions {
        Permissions::of(&Claims {
            video: Some(grant),
            ..Claims::default()
        })
    }

    #[test]
    fn a_plain_grant_allows_media_and_data_but_not_own_metadata() {
        let permissions = permissions(VideoGrant::default());

        assert!(permissions.may_publish(TrackSource::Camera));
        assert!(permissions.may_subscribe() && permissions.may_publish_data());
        assert!(!permissions.may_update_own_metadata() && !permissions.is_hidden());
        assert_eq!(permissions.kind(), Kind::Standard);
    }

    #[test]
    fn only_listed_sources_may_be_published() {
        let permissions = permissions(VideoGrant {
            can_publish_sources: vec!["microphone".into()],
            ..VideoGrant::default()
        });

        assert!(permissions.may_publish(TrackSource::Microphone));
        assert!(!permissions.may_publish(TrackSource::ScreenShare));
        let wire = permissions.to_wire();
        assert_eq!(
            wire.can_publish_sources,
            [i32::from(TrackSource::Microphone)]
        );
    }

    #[test]
    fn claims_without_a_grant_allow_nothing() {
        let permissions = Permissions::of(&Claims::default());

        assert!(!permissions.may_publish(TrackSource::Camera));
        assert!(!permissions.may_subscribe() && !permissions.may_publish_data());
    }

    #[test]
    fn a_replaced_permission_reads_back_as_it_was_written() {
        let mut permissions = permissions(VideoGrant::default());
        let wanted = ParticipantPermission {
            can_publish: true,
            can_publish_sources: vec![TrackSource::Microphone.into()],
            can_update_metadata: true,
            hidden: true,
            ..ParticipantPermission::default()
        };

        assert!(permissions.replace(&wanted));

        assert_eq!(permissions.to_wire(), wanted);
        assert!(!permissions.replace(&wanted), "it is no news any more");
        assert!(!permissions.may_publish(TrackSource::Camera));
        assert!(!permissions.may_publish_data() && !permissions.may_subscribe());
    }

    #[test]
    fn agents_and_recorders_are_told_apart_from_people() {
        let agent = VideoGrant {
            agent: true,
            ..VideoGrant::default()
        };
        let recorder = VideoGrant {
            recorder: true,
            ..VideoGrant::default()
        };

        assert_eq!(permissions(agent).kind(), Kind::Agent);
        assert_eq!(permissions(recorder).kind(), Kind::Egress);
    }
}
