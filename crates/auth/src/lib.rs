//! Who is who and may do what: access tokens of rooms and of accounts, permissions and roles.
//!
//! Tokens of rooms are in the JWT dialect of LiveKit's SDKs (HS256, `iss` is the API key, `sub` the
//! identity, permissions under `video`), so that their token generators work against Clapt
//! unchanged. Tokens of accounts are signed with Ed25519, see [`SigningKeys`]. What an account may
//! do is decided by [`can`] alone.
//!
//! Pure: no clock, no I/O. The caller says what time it is, in whole seconds since 1970.
//!
//! Invariants:
//! - only a token signed with HS256 by a known key and inside its validity passes [`verify`];
//! - only a token signed with `EdDSA` by one of our keys passes [`SigningKeys::verify`];
//! - no error and no `Debug` output contains a token or a secret.

mod access;
mod claims;
mod grant;
mod ids;
mod jwks;
mod keys;
mod permission;
mod token;
mod user_token;

pub use access::{Action, Actor, Resource, Scope, can};
pub use claims::Claims;
pub use grant::{PublishSource, VideoGrant};
pub use ids::{SessionId, UserId};
pub use jwks::{Jwk, Jwks};
pub use keys::{ApiKeys, Secret};
pub use permission::{Permission, Permissions, Role, UnknownPermission, UnknownRole};
pub use token::{
    EXPIRY_LEEWAY_SECONDS, NOT_BEFORE_LEEWAY_SECONDS, TOKEN_BYTES_MAX, TokenError, sign, verify,
};
pub use user_token::{SigningKey, SigningKeys, USER_TOKEN_BYTES_MAX, UserClaims, UserTokenError};
