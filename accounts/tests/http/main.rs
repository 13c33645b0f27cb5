//! Accounts through their HTTP interface, each test on SQLite and on PostgreSQL.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests fail as loudly as tests do"
)]

mod admin;
mod journeys;
mod kit;
mod limits;
mod passwords;
mod secrecy;
mod sessions;
mod table;
mod two_factor;
