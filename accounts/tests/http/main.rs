//! Accounts through their HTTP interface, each test on SQLite and on PostgreSQL.

mod admin;
mod journeys;
mod kit;
mod limits;
mod passwords;
mod secrecy;
mod sessions;
mod table;
mod two_factor;
