//! The claims of an access token.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::VideoGrant;

/// What a token says, in the names of LiveKit's JSON.
///
/// Times are whole seconds since 1970. Unknown claims are ignored.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Claims {
    /// `iss`: the API key. [`sign`](crate::sign) sets it.
    #[serde(rename = "iss", skip_serializing_if = "String::is_empty")]
    pub api_key: String,
    /// `sub`: the identity. Empty in tokens that only call the server API.
    #[serde(rename = "sub", skip_serializing_if = "String::is_empty")]
    pub identity: String,
    /// The display name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Free text that the application attaches to the participant.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub metadata: String,
    /// Key-value pairs that the application attaches to the participant.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
    /// The kind of participant: empty or `standard`, `agent`, `egress`, `ingress`, `sip`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// The token is good until then; 0 when it was missing.
    #[serde(deserialize_with = "numeric_date")]
    pub exp: u64,
    /// The token is good from then on; 0 when it was missing.
    #[serde(deserialize_with = "numeric_date", skip_serializing_if = "is_zero")]
    pub nbf: u64,
    /// The token's own id.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub jti: String,
    /// The room and the permissions in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub video: Option<VideoGrant>,
    /// Settings for a room that the join creates, as raw JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub room_config: Option<Value>,
    /// Base64 of the SHA-256 of a body that the token vouches for (webhooks).
    #[serde(skip_serializing_if = "String::is_empty")]
    pub sha256: String,
}

impl Claims {
    /// Makes the claims of a participant who may join `room` until `exp`.
    pub fn for_room(identity: impl Into<String>, room: impl Into<String>, exp: u64) -> Self {
        Self {
            identity: identity.into(),
            exp,
            video: Some(VideoGrant {
                room_join: true,
                room: room.into(),
                ..VideoGrant::default()
            }),
            ..Self::default()
        }
    }
}

/// Reads a `NumericDate` (RFC 7519, section 2): whole or fractional seconds, not negative.
fn numeric_date<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let number = serde_json::Number::deserialize(deserializer)?;
    let text = number.to_string();
    let whole = text
        .split_once('.')
        .map_or(text.as_str(), |(whole, _)| whole);
    whole
        .parse()
        .map_err(|_| serde::de::Error::custom("a time is not a number of seconds since 1970"))
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes fields by reference"
)]
fn is_zero(value: &u64) -> bool {
    *value == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_keep_the_names_of_the_wire_format() {
        let mut claims = Claims::for_room("ana", "yoga", 7);
        claims.attributes.insert("seat".into(), "4".into());

        let json = serde_json::to_string(&claims).unwrap();

        let expected = r#"{"sub":"ana","attributes":{"seat":"4"},"exp":7,"video":{"roomJoin":true,"room":"yoga"}}"#;
        assert_eq!(json, expected);
        assert_eq!(serde_json::from_str::<Claims>(&json).unwrap(), claims);
    }

    #[test]
    fn times_are_whole_or_fractional_but_never_negative_or_text() {
        let exp = |json: &str| serde_json::from_str::<Claims>(json).map(|claims| claims.exp);

        assert_eq!(exp(r#"{"exp": 1700000000}"#).unwrap(), 1_700_000_000);
        assert_eq!(exp(r#"{"exp": 1700000000.75}"#).unwrap(), 1_700_000_000);
        for refused in [
            r#"{"exp": -1}"#,
            r#"{"exp": "99"}"#,
            r#"{"exp": 1e99}"#,
            r#"{"exp": null}"#,
        ] {
            assert!(exp(refused).is_err(), "{refused}");
        }
    }
}
