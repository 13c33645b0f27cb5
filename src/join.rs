//! Joining a room by name, for as long as there are no accounts: development mode only.

use auth::{Claims, VideoGrant};
use axum::Json;
use axum::extract::State;
use rand::Rng;
use serde::{Deserialize, Serialize};
use service::http::JsonBody;
use service::{ApiError, ErrorCode};

use crate::api::ApiState;
use crate::token;

/// How long a token from here is good.
const VALID_SECONDS: u64 = 6 * 3600;

const ROOM_CHARACTERS_MAX: usize = 64;
const NAME_CHARACTERS_MAX: usize = 64;
const IDENTITY_CHARACTERS_MAX: usize = 128;

/// Random characters behind the name, so that two people of one name don't replace each other.
const SUFFIX_CHARACTERS: usize = 6;

/// What to join and as whom.
#[derive(Debug, Deserialize)]
pub(crate) struct JoinRequest {
    room: String,
    name: String,
    /// Made from the name if missing. One who comes back with it replaces the earlier connection.
    identity: Option<String>,
}

/// A way into the room.
#[derive(Debug, Serialize)]
pub(crate) struct JoinResponse {
    token: String,
    identity: String,
    room: String,
}

/// `POST /api/v1/dev/join`
pub(crate) async fn join(
    State(state): State<ApiState>,
    JsonBody(request): JsonBody<JoinRequest>,
) -> Result<Json<JoinResponse>, ApiError> {
    let room = checked("room", &request.room, ROOM_CHARACTERS_MAX)?;
    let name = checked("name", &request.name, NAME_CHARACTERS_MAX)?;
    let identity = match &request.identity {
        Some(identity) => checked("identity", identity, IDENTITY_CHARACTERS_MAX)?,
        None => identity_for(&name),
    };
    let unavailable = || ApiError::client(ErrorCode::Unavailable, "The server has no API key.");
    let (key, secret) = state.config.keys.first().ok_or_else(unavailable)?;
    let claims = Claims {
        name,
        video: Some(VideoGrant {
            room_join: true,
            room: room.clone(),
            can_update_own_metadata: Some(true),
            ..VideoGrant::default()
        }),
        ..Claims::for_room(&identity, &room, token::now() + VALID_SECONDS)
    };
    let token = auth::sign(&claims, key, secret.expose());
    Ok(Json(JoinResponse {
        token,
        identity,
        room,
    }))
}

/// Trims `text` and refuses it if it is empty, too long, or has control characters.
fn checked(field: &str, text: &str, characters_max: usize) -> Result<String, ApiError> {
    let text = text.trim();
    let characters = text.chars().count();
    let reason = if text.is_empty() {
        "is empty".to_owned()
    } else if characters > characters_max {
        format!("has {characters} characters, {characters_max} are allowed")
    } else if text.chars().any(char::is_control) {
        "has control characters".to_owned()
    } else {
        return Ok(text.to_owned());
    };
    let detail = format!("`{field}` {reason}.");
    Err(ApiError::client(ErrorCode::InvalidArgument, detail))
}

/// Makes an identity such as `ana-maria-x7k2p9` for `Ana Maria`.
fn identity_for(name: &str) -> String {
    let dashed: String = name
        .chars()
        .map(|c| if c.is_alphanumeric() { c } else { '-' })
        .flat_map(char::to_lowercase)
        .collect();
    let words: Vec<&str> = dashed.split('-').filter(|word| !word.is_empty()).collect();
    let slug = if words.is_empty() {
        "guest".to_owned()
    } else {
        words.join("-")
    };
    let alphabet = b"abcdefghjkmnpqrstuvwxyz23456789";
    let mut random = rand::rng();
    let suffix: String = (0..SUFFIX_CHARACTERS)
        .map(|_| char::from(alphabet[random.random_range(0..alphabet.len())]))
        .collect();
    format!("{slug}-{suffix}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_is_made_of_the_name_and_something_random() {
        for (name, slug) in [
            ("Ana Maria", "ana-maria-"),
            ("  José!! ", "josé-"),
            ("Ünal", "ünal-"),
            ("...", "guest-"),
        ] {
            let identity = identity_for(name);

            assert!(identity.starts_with(slug), "{identity}");
            assert_eq!(identity.len(), slug.len() + SUFFIX_CHARACTERS);
            assert_ne!(identity, identity_for(name));
        }
    }

    #[test]
    fn texts_are_trimmed_and_bounded() {
        assert_eq!(checked("room", " yoga ", 4).unwrap(), "yoga");
        assert_eq!(checked("room", "ÄÖÜß", 4).unwrap(), "ÄÖÜß");
        for refused in ["", "  ", "yogas", "a\nb"] {
            assert!(checked("room", refused, 4).is_err(), "{refused:?}");
        }
    }
}
