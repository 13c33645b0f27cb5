//! What Clapt keeps: one source of repositories on two databases, SQLite and PostgreSQL.
//!
//! A thin layer over sqlx's two concrete pools: [`Db`] and [`Tx`] run [`Sql`] with typed
//! [`Value`]s and give typed [`Row`]s. It knows no table but that of its own jobs. What is alike in
//! both databases is said once; where they differ, a statement has two texts ([`statements!`]).
//!
//! Invariants:
//! - no operation takes longer than `timeout`: a database that is away is [`DbError::Unavailable`];
//! - a conflict that a second attempt may win is [`DbError::Retry`] on both, and [`retry()`] makes it;
//! - a transaction in which a statement failed commits nothing, on both;
//! - there is no clock in SQL: instants are bound, keys are made here ([`new_id`]).

mod check;
mod config;
mod copy;
mod db;
mod error;
pub mod jobs;
mod migrate;
mod retry;
mod row;
mod schema;
mod sql;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod time;
mod tx;
mod value;

pub use config::{DatabaseConfig, Url};
pub use copy::{CopyError, CopyReport};
pub use db::{Backend, Db};
pub use error::{Constraint, DbError, OpenError};
pub use migrate::MigrationReport;
pub use retry::{Transient, retry};
pub use row::Row;
pub use sql::{Sql, Statements};
pub use time::now;
pub use tx::Tx;
pub use value::{Kind, Value};

/// Makes a key: a UUID of version 7, so that newer rows sort last.
#[must_use]
pub fn new_id() -> uuid::Uuid {
    uuid::Uuid::now_v7()
}
