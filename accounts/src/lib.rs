//! Accounts: registering, signing in, sessions, profiles, roles, and who did what.
//!
//! What decides is small and pure (`rotation`, `password`, `totp`, `fields`), what keeps is in
//! `repo`, and `http` routes between the two. Who may call what stands in one table
//! (`http::RULES`) that is enforced before any handler runs; what one account may do to another is
//! decided by `auth::can`.
//!
//! Invariants:
//! - answers to those who are not signed in don't tell whether an account exists, and cost as much
//!   hashing either way;
//! - a secret that somebody holds (refresh token, link, recovery code) is kept as SHA-256 only, and works
//!   once;
//! - a session that has ended, or whose account is blocked, opens nothing, its access tokens included;
//! - nobody is told of something before it is committed.

mod clock;
mod failure;
mod fields;
mod http;
mod letters;
mod limits;
mod metrics;
mod password;
mod repo;
mod rotation;
mod secrets;
mod state;
mod totp;

pub use clock::Clock;
pub use http::{openapi, routes, rules};
pub use state::{Accounts, OpenError};
