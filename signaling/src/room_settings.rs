//! How a room is set up: by the configuration, by its creator, or by the token that opens it.

use auth::Claims;
use livekit_protocol::{CreateRoomRequest, Room as RoomInfo, RoomAgentDispatch};
use serde::Deserialize;

/// What a room was asked to be; 0 and the empty text mean "as configured".
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct RoomSettings {
    /// Seconds that the room waits for its first participant.
    #[serde(alias = "empty_timeout")]
    pub(crate) empty_timeout: u32,
    /// Seconds that the room stays open after its last participant left.
    #[serde(alias = "departure_timeout")]
    pub(crate) departure_timeout: u32,
    /// Participants that fit in, agents and recorders not counted.
    #[serde(alias = "max_participants")]
    pub(crate) max_participants: u32,
    /// Plays sound and pictures of one source in sync.
    #[serde(alias = "sync_streams")]
    pub(crate) sync_streams: bool,
    /// Free text of the application.
    pub(crate) metadata: String,
    /// Agents that come when the room opens; none means those without a name.
    pub(crate) agents: Vec<RoomAgentDispatch>,
}

/// The claim `roomConfig` can't be used; answer 400 with the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RoomSettingsError {
    /// It has another shape than a room configuration.
    #[error("invalid room configuration")]
    Shape,
    /// Its metadata is longer than `limit.metadata_bytes_max`.
    #[error("metadata size exceeds limits")]
    Metadata,
}

impl From<&CreateRoomRequest> for RoomSettings {
    fn from(request: &CreateRoomRequest) -> Self {
        Self {
            empty_timeout: request.empty_timeout,
            departure_timeout: request.departure_timeout,
            max_participants: request.max_participants,
            sync_streams: request.sync_streams,
            metadata: request.metadata.clone(),
            agents: request.agents.clone(),
        }
    }
}

impl RoomSettings {
    /// Reads the claim `roomConfig`, which counts for a room that its holder opens.
    ///
    /// # Errors
    ///
    /// [`RoomSettingsError`] says what is wrong with it.
    pub(crate) fn of(
        claims: &Claims,
        metadata_bytes_max: usize,
    ) -> Result<Self, RoomSettingsError> {
        let Some(json) = &claims.room_config else {
            return Ok(Self::default());
        };
        let settings = Self::deserialize(json).map_err(|_| RoomSettingsError::Shape)?;
        if settings.metadata.len() > metadata_bytes_max {
            return Err(RoomSettingsError::Metadata);
        }
        Ok(settings)
    }

    /// Writes what is asked for into the description of a room.
    pub(crate) fn apply(&self, info: &mut RoomInfo) {
        let take = |wanted: u32, value: &mut u32| {
            if wanted > 0 {
                *value = wanted;
            }
        };
        take(self.empty_timeout, &mut info.empty_timeout);
        take(self.departure_timeout, &mut info.departure_timeout);
        take(self.max_participants, &mut info.max_participants);
        if !self.metadata.is_empty() {
            info.metadata.clone_from(&self.metadata);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(json: &str) -> Result<RoomSettings, RoomSettingsError> {
        let claims = Claims {
            room_config: Some(serde_json::from_str(json).unwrap()),
            ..Claims::default()
        };
        RoomSettings::of(&claims, 8)
    }

    #[test]
    fn a_claim_is_read_in_both_spellings_and_other_fields_are_passed_over() {
        let expected = RoomSettings {
            empty_timeout: 9,
            departure_timeout: 4,
            max_participants: 2,
            sync_streams: true,
            metadata: "m".into(),
            agents: Vec::new(),
        };
        let agent = RoomAgentDispatch {
            agent_name: "a".into(),
            ..RoomAgentDispatch::default()
        };
        for json in [
            r#"{"emptyTimeout":9,"departureTimeout":4,"maxParticipants":2,"syncStreams":true,"metadata":"m","agents":[{"agentName":"a"}]}"#,
            r#"{"empty_timeout":9,"departure_timeout":4,"max_participants":2,"sync_streams":true,"metadata":"m"}"#,
        ] {
            let mut settings = settings(json).unwrap();
            assert!(settings.agents.drain(..).all(|other| other == agent));
            assert_eq!(settings, expected, "{json}");
        }
    }

    #[test]
    fn what_is_no_configuration_or_too_long_is_refused() {
        for json in [r#"{"emptyTimeout":-1}"#, r#"{"metadata":7}"#, "7"] {
            assert_eq!(settings(json), Err(RoomSettingsError::Shape), "{json}");
        }
        let long = r#"{"metadata":"123456789"}"#;
        assert_eq!(settings(long), Err(RoomSettingsError::Metadata));
    }

    #[test]
    fn only_what_is_asked_for_replaces_the_configuration() {
        let mut info = RoomInfo {
            empty_timeout: 300,
            departure_timeout: 20,
            max_participants: 7,
            metadata: "old".into(),
            ..RoomInfo::default()
        };
        let before = info.clone();

        RoomSettings::default().apply(&mut info);
        assert_eq!(info, before);
        let wanted = RoomSettings {
            departure_timeout: 1,
            ..RoomSettings::default()
        };
        wanted.apply(&mut info);

        assert_eq!((info.empty_timeout, info.departure_timeout), (300, 1));
    }
}
