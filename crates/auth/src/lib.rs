//! Access tokens: who may enter which room, and what they may do there.
//!
//! The format is the JWT dialect of LiveKit's SDKs (HS256, `iss` is the API key, `sub` the identity,
//! permissions under `video`), so that their token generators work against Clapt unchanged.
//!
//! Pure: no clock, no I/O. The caller says what time it is, in whole seconds since 1970.
//!
//! Invariants:
//! - only a token signed with HS256 by a known key and inside its validity passes [`verify`];
//! - no error and no `Debug` output contains a token or a secret.

mod claims;
mod grant;
mod keys;
mod token;

pub use claims::Claims;
pub use grant::{PublishSource, VideoGrant};
pub use keys::{ApiKeys, Secret};
pub use token::{
    EXPIRY_LEEWAY_SECONDS, NOT_BEFORE_LEEWAY_SECONDS, TOKEN_BYTES_MAX, TokenError, sign, verify,
};
