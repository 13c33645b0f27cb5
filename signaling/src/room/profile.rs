//! What a participant says about itself, and the token that keeps up with it.

use std::time::Instant;

use livekit_protocol::UpdateParticipantMetadata;
use livekit_protocol::request_response::{Reason, Request};
use livekit_protocol::signal_response::Message;
use service::config::LimitConfig;

use super::{Room, unix_seconds};
use crate::ids::ParticipantKey;
use crate::participant::Participant;

/// How long a token is good that a client gets to come back with.
const TOKEN_LIFETIME_SECONDS: u64 = 10 * 60;

/// Longest display name.
const NAME_BYTES_MAX: usize = 256;

impl Room {
    /// Changes name, metadata and attributes, as far as the token allows.
    pub(super) fn update_metadata(
        &mut self,
        key: ParticipantKey,
        update: UpdateParticipantMetadata,
    ) {
        let sizes = Sizes::of(&self.shared.config.limit);
        let Some(participant) = self.participants.get_mut(&key) else {
            return;
        };
        let result = if participant.permissions.may_update_own_metadata() {
            apply(participant, &update, sizes).map_err(|message| (Reason::LimitExceeded, message))
        } else {
            let message = "does not have permission to update own metadata";
            Err((Reason::NotAllowed, message))
        };
        if result == Ok(true) {
            self.announce(key);
            self.refresh_token(key);
        } else if result.is_err() {
            self.shared.metrics.refuse("metadata");
        }
        let (reason, message) = result.err().unwrap_or((Reason::Ok, ""));
        let request_id = update.request_id;
        self.respond(
            key,
            request_id,
            reason,
            message,
            Some(Request::UpdateMetadata(update)),
        );
    }

    /// Gives a client a fresh token, so that it can come back even after a long stay.
    pub(super) fn refresh_token(&mut self, key: ParticipantKey) {
        let Some(participant) = self.participants.get_mut(&key) else {
            return;
        };
        participant.token_sent_at = Instant::now();
        let mut claims = participant.claims.clone();
        claims.name.clone_from(&participant.name);
        claims.metadata.clone_from(&participant.metadata);
        claims.attributes.clone_from(&participant.attributes);
        let now = unix_seconds();
        claims.nbf = now;
        claims.exp = now + TOKEN_LIFETIME_SECONDS;
        if let Some(secret) = self.shared.config.keys.secret(&claims.api_key) {
            let token = auth::sign(&claims, &claims.api_key, secret.expose());
            participant.tell(Message::RefreshToken(token));
        }
    }
}

/// Limits on what a participant says about itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sizes {
    metadata_bytes_max: usize,
    attributes_bytes_max: usize,
}

impl Sizes {
    pub(super) fn of(limit: &LimitConfig) -> Self {
        Self {
            metadata_bytes_max: limit.metadata_bytes_max,
            attributes_bytes_max: limit.attributes_bytes_max,
        }
    }
}

/// Applies an update whole or not at all, and tells whether anything changed. Empty values mean "as
/// before"; an attribute with an empty value goes away. The error says which limit is exceeded.
pub(super) fn apply(
    participant: &mut Participant,
    update: &UpdateParticipantMetadata,
    sizes: Sizes,
) -> Result<bool, &'static str> {
    if update.name.len() > NAME_BYTES_MAX {
        return Err("name length exceeds limits");
    }
    if update.metadata.len() > sizes.metadata_bytes_max {
        return Err("metadata size exceeds limits");
    }
    let mut attributes = participant.attributes.clone();
    attributes.extend(update.attributes.clone());
    attributes.retain(|_, value| !value.is_empty());
    let attributes_bytes: usize = attributes
        .iter()
        .map(|(key, value)| key.len() + value.len())
        .sum();
    if attributes_bytes > sizes.attributes_bytes_max {
        return Err("attribute size exceeds limits");
    }
    let mut changed = replace(&mut participant.attributes, attributes);
    if !update.name.is_empty() {
        changed |= replace(&mut participant.name, update.name.clone());
    }
    if !update.metadata.is_empty() {
        changed |= replace(&mut participant.metadata, update.metadata.clone());
    }
    Ok(changed)
}

fn replace<T: PartialEq>(place: &mut T, value: T) -> bool {
    let is_new = *place != value;
    *place = value;
    is_new
}
