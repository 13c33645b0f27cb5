//! Verifying and signing tokens.
//!
//! The order of the checks is fixed: size, shape, header, key, signature, claims, time. Nothing
//! of the payload but the name of the key is looked at before the signature holds.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::Deserialize;
use thiserror::Error;

use crate::{ApiKeys, Claims};

/// Tokens longer than this are refused unread. Generous: names and attributes included.
pub const TOKEN_BYTES_MAX: usize = 8 * 1024;

/// How far the issuer's clock may be ahead of ours. LiveKit's server allows about as much.
pub const NOT_BEFORE_LEEWAY_SECONDS: u64 = 60;

/// How long a token outlives its end, for the time that a request is under way.
pub const EXPIRY_LEEWAY_SECONDS: u64 = 5;

/// Why a token does not pass. No variant carries any part of the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TokenError {
    /// Longer than [`TOKEN_BYTES_MAX`].
    #[error("the token has {actual_bytes} bytes, {TOKEN_BYTES_MAX} are allowed")]
    TooLong {
        /// Its length.
        actual_bytes: usize,
    },
    /// Not three parts of base64url with JSON inside.
    #[error("invalid authorization token")]
    Malformed,
    /// Not signed with HS256, or the header asks for something else that we do not do.
    #[error("the token's header is not that of an HS256 access token")]
    UnsupportedHeader,
    /// `iss` is no key of ours.
    #[error("invalid API key")]
    UnknownKey,
    /// The signature is not that of the key's secret.
    #[error("invalid token signature")]
    BadSignature,
    /// The signature holds, but a claim has the wrong type.
    #[error("the token's claims are not those of an access token")]
    BadClaims,
    /// There is no `exp`.
    #[error("the token has no expiry")]
    NoExpiry,
    /// `exp` has passed.
    #[error("the token expired {seconds} s ago")]
    Expired {
        /// For how long.
        seconds: u64,
    },
    /// `nbf` is still to come.
    #[error("the token is not valid for another {seconds} s")]
    NotYetValid {
        /// For how long.
        seconds: u64,
    },
}

/// The header members that an access token may have. Any other one is refused: it would ask for
/// something (`crit`, `jku`, `jwk`, `x5c`, `zip` …) that must not be ignored in silence.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenHeader {
    alg: String,
    typ: Option<String>,
    kid: Option<String>,
}

/// The one claim that is read before the signature: it says which secret to check with.
#[derive(Deserialize)]
struct Issuer {
    iss: String,
}

/// Checks `token` against `keys` at `now` (seconds since 1970) and returns what it claims.
///
/// A token that passes may still lack a room, an identity or a permission: that is for the caller
/// to ask of the claims.
///
/// # Errors
///
/// [`TokenError`] says why not; answer 401 to all of them.
pub fn verify(token: &str, keys: &ApiKeys, now: u64) -> Result<Claims, TokenError> {
    let actual_bytes = token.len();
    if actual_bytes > TOKEN_BYTES_MAX {
        return Err(TokenError::TooLong { actual_bytes });
    }
    let mut parts = token.split('.');
    let (Some(header), Some(payload), Some(_), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(TokenError::Malformed);
    };
    let header = decode_part(header)?;
    let header: TokenHeader =
        serde_json::from_slice(&header).map_err(|error| match error.classify() {
            serde_json::error::Category::Data => TokenError::UnsupportedHeader,
            serde_json::error::Category::Io
            | serde_json::error::Category::Syntax
            | serde_json::error::Category::Eof => TokenError::Malformed,
        })?;
    let payload = decode_part(payload)?;
    let Issuer { iss } = serde_json::from_slice(&payload).map_err(|_| TokenError::Malformed)?;
    check_header(&header, &iss)?;
    let secret = keys.secret(&iss).ok_or(TokenError::UnknownKey)?;
    let claims = verify_signature(token, secret.expose())?;
    check_time(&claims, now)?;
    Ok(claims)
}

fn decode_part(part: &str) -> Result<Vec<u8>, TokenError> {
    URL_SAFE_NO_PAD
        .decode(part)
        .map_err(|_| TokenError::Malformed)
}

/// `kid` is allowed only where it repeats the key: it never selects another one.
fn check_header(header: &TokenHeader, issuer: &str) -> Result<(), TokenError> {
    let is_jwt = |typ: &String| typ.eq_ignore_ascii_case("JWT");
    let is_supported = header.alg == "HS256"
        && header.typ.as_ref().is_none_or(is_jwt)
        && header.kid.as_ref().is_none_or(|kid| kid == issuer);
    is_supported
        .then_some(())
        .ok_or(TokenError::UnsupportedHeader)
}

/// Time is checked by us, because the library would read the system's clock.
fn verify_signature(token: &str, secret: &str) -> Result<Claims, TokenError> {
    let mut validation = Validation::new(Algorithm::HS256);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_nbf = false;
    let key = DecodingKey::from_secret(secret.as_bytes());
    match jsonwebtoken::decode::<Claims>(token, &key, &validation) {
        Ok(data) => Ok(data.claims),
        Err(error) if matches!(error.kind(), ErrorKind::InvalidSignature) => {
            Err(TokenError::BadSignature)
        }
        Err(_) => Err(TokenError::BadClaims),
    }
}

fn check_time(claims: &Claims, now: u64) -> Result<(), TokenError> {
    if claims.exp == 0 {
        return Err(TokenError::NoExpiry);
    }
    if now > claims.exp.saturating_add(EXPIRY_LEEWAY_SECONDS) {
        let seconds = now - claims.exp;
        return Err(TokenError::Expired { seconds });
    }
    if claims.nbf > now.saturating_add(NOT_BEFORE_LEEWAY_SECONDS) {
        let seconds = claims.nbf - now;
        return Err(TokenError::NotYetValid { seconds });
    }
    Ok(())
}

/// Signs `claims` in the name of the API key `key` with its `secret`.
///
/// # Panics
///
/// Never: claims are strings, numbers and JSON, which always serialise.
#[must_use]
pub fn sign(claims: &Claims, key: &str, secret: &str) -> String {
    let claims = Claims {
        api_key: key.to_owned(),
        ..claims.clone()
    };
    let secret = EncodingKey::from_secret(secret.as_bytes());
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &secret)
        .expect("claims serialise and HS256 takes any secret")
}

#[cfg(test)]
#[path = "token_tests.rs"]
mod tests;
