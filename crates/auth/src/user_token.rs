//! Access tokens of accounts: JWTs signed with Ed25519 (RFC 8037), good for minutes.
//!
//! They say who signed in, and in which session; what that account may do is looked up, since it
//! may change. They can be verified offline with the keys of the server's JWKS.
//!
//! Invariants:
//! - only a token signed with `EdDSA` by one of our keys, for us and inside its validity passes;
//! - no error and no `Debug` output contains a token or a private key.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::{EXPIRY_LEEWAY_SECONDS, NOT_BEFORE_LEEWAY_SECONDS, SessionId, UserId};

/// Tokens longer than this are refused unread; ours have some 350 bytes.
pub const USER_TOKEN_BYTES_MAX: usize = 1024;

/// What stands before the seed in the PKCS #8 form of a private key (RFC 8410, section 7).
const PKCS8_HEAD: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];

/// What the access token of an account says. Times are whole seconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserClaims {
    /// Who issued it: the server's public address.
    #[serde(rename = "iss")]
    pub issuer: String,
    /// Whose it is.
    #[serde(rename = "sub")]
    pub user: UserId,
    /// The session that it was issued in.
    #[serde(rename = "sid")]
    pub session: SessionId,
    /// Which refresh of the session issued it; 1 is the sign-in itself.
    #[serde(rename = "gen")]
    pub generation: u32,
    /// Issued at.
    #[serde(rename = "iat")]
    pub issued_at: u64,
    /// Good until.
    #[serde(rename = "exp")]
    pub expires_at: u64,
}

/// Why the access token of an account does not pass. No variant carries any part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum UserTokenError {
    /// Too long, or not a JWT with the header and the claims that ours have.
    #[error("the access token is malformed")]
    Malformed,
    /// `kid` names no key of ours.
    #[error("the access token is signed with an unknown key")]
    UnknownKey,
    /// The signature is not that of the key.
    #[error("the access token's signature is wrong")]
    BadSignature,
    /// Another server issued it.
    #[error("the access token is another server's")]
    WrongIssuer,
    /// `exp` has passed: refresh it.
    #[error("the access token expired {seconds} s ago")]
    Expired {
        /// For how long.
        seconds: u64,
    },
    /// It was issued in the future.
    #[error("the access token is not valid for another {seconds} s")]
    NotYetValid {
        /// For how long.
        seconds: u64,
    },
}

/// An Ed25519 key that signs access tokens. `Debug` shows its id only.
#[derive(Clone)]
pub struct SigningKey {
    id: String,
    public: [u8; 32],
    signer: EncodingKey,
    verifier: DecodingKey,
}

impl SigningKey {
    /// Makes the key of a `seed`: 32 bytes from a secure random generator, which are the secret.
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        let public = ed25519_dalek::SigningKey::from_bytes(seed)
            .verifying_key()
            .to_bytes();
        let der = [&PKCS8_HEAD[..], seed].concat();
        Self {
            id: thumbprint(&public),
            public,
            signer: EncodingKey::from_ed_der(&der),
            verifier: DecodingKey::from_ed_der(&public),
        }
    }

    /// Returns its id, `kid`: the thumbprint of the public key (RFC 7638).
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns the public key.
    #[must_use]
    pub fn public(&self) -> &[u8; 32] {
        &self.public
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.id)
    }
}

/// RFC 7638, section 3, with the members that RFC 8037, section 2, requires.
fn thumbprint(public: &[u8; 32]) -> String {
    let x = URL_SAFE_NO_PAD.encode(public);
    let json = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
    URL_SAFE_NO_PAD.encode(Sha256::digest(json))
}

/// The keys that access tokens may be signed with: the one that signs, and the one before it,
/// whose tokens pass until they end. So a key is replaced without signing anybody out.
#[derive(Debug, Clone)]
pub struct SigningKeys {
    current: SigningKey,
    previous: Option<SigningKey>,
}

impl SigningKeys {
    /// Makes the pair.
    #[must_use]
    pub fn new(current: SigningKey, previous: Option<SigningKey>) -> Self {
        Self { current, previous }
    }

    /// Iterates over the keys, the one that signs first.
    pub fn iter(&self) -> impl Iterator<Item = &SigningKey> {
        std::iter::once(&self.current).chain(&self.previous)
    }

    /// Signs `claims` with the current key.
    ///
    /// # Panics
    ///
    /// Never: claims are strings and numbers, which always serialise, and the key was made by us.
    #[must_use]
    pub fn sign(&self, claims: &UserClaims) -> String {
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = Some(self.current.id.clone());
        jsonwebtoken::encode(&header, claims, &self.current.signer)
            .expect("claims serialise and the key is an Ed25519 key")
    }

    /// Checks `token` at `now` (seconds since 1970) and returns what it says. `issuer` is ours.
    ///
    /// # Errors
    ///
    /// [`UserTokenError`] says why not; answer 401 to all of them.
    pub fn verify(
        &self,
        token: &str,
        issuer: &str,
        now: u64,
    ) -> Result<UserClaims, UserTokenError> {
        if token.len() > USER_TOKEN_BYTES_MAX {
            return Err(UserTokenError::Malformed);
        }
        let id = key_id(token)?;
        let key = self.iter().find(|key| key.id == id);
        let claims = verify_signature(token, key.ok_or(UserTokenError::UnknownKey)?)?;
        if claims.issuer != issuer {
            return Err(UserTokenError::WrongIssuer);
        }
        check_time(&claims, now)?;
        Ok(claims)
    }
}

/// The header members that a token of ours has; any other one would ask for something else.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenHeader {
    alg: String,
    typ: String,
    kid: String,
}

/// Reads the key's id from the header, if that is one of ours in all else.
fn key_id(token: &str) -> Result<String, UserTokenError> {
    let mut parts = token.split('.');
    let (Some(header), Some(_), Some(_), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(UserTokenError::Malformed);
    };
    let header = URL_SAFE_NO_PAD.decode(header).ok();
    let header = header.and_then(|json| serde_json::from_slice::<TokenHeader>(&json).ok());
    header
        .filter(|header| header.alg == "EdDSA" && header.typ == "JWT")
        .map(|header| header.kid)
        .ok_or(UserTokenError::Malformed)
}

/// Time is checked by us, because the library would read the system's clock.
fn verify_signature(token: &str, key: &SigningKey) -> Result<UserClaims, UserTokenError> {
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_nbf = false;
    jsonwebtoken::decode::<UserClaims>(token, &key.verifier, &validation)
        .map(|data| data.claims)
        .map_err(|error| {
            if matches!(error.kind(), ErrorKind::InvalidSignature) {
                UserTokenError::BadSignature
            } else {
                UserTokenError::Malformed
            }
        })
}

fn check_time(claims: &UserClaims, now: u64) -> Result<(), UserTokenError> {
    if now > claims.expires_at.saturating_add(EXPIRY_LEEWAY_SECONDS) {
        let seconds = now - claims.expires_at;
        return Err(UserTokenError::Expired { seconds });
    }
    if claims.issued_at > now.saturating_add(NOT_BEFORE_LEEWAY_SECONDS) {
        let seconds = claims.issued_at - now;
        return Err(UserTokenError::NotYetValid { seconds });
    }
    Ok(())
}

#[cfg(test)]
#[path = "user_token_tests.rs"]
mod tests;
