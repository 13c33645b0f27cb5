//! What can go wrong, as callers have to treat it.

use std::io;
use std::path::PathBuf;

use sqlx::error::DatabaseError;
use sqlx::migrate::MigrateError;
use thiserror::Error;

/// Why a statement did not do what it should. The texts hold no values.
#[derive(Debug, Error)]
pub enum DbError {
    /// The database is away, too slow or full. Answer 503; nothing was done, except if it was the commit
    /// that failed: then nobody knows, and what is tried again must be safe to repeat.
    #[error("the database is not available")]
    Unavailable(#[source] Option<sqlx::Error>),
    /// Another transaction was in the way (serialisation failure, deadlock, a lock not had in time). Run
    /// the whole transaction again: [`retry`](crate::retry()).
    #[error("another transaction was in the way")]
    Retry(#[source] sqlx::Error),
    /// A constraint was violated, this one; see [`violates`](DbError::violates).
    #[error("the constraint {0} was violated")]
    Constraint(String),
    /// There is no row where there has to be one.
    #[error("no row was found")]
    NotFound,
    /// An earlier statement of this transaction failed, so it was rolled back.
    #[error("an earlier statement of the transaction failed")]
    Aborted,
    /// A value that one of the databases can't keep. Callers check what users send before.
    #[error("a value was refused: {0}")]
    Refused(&'static str),
    /// A column is missing, NULL or of another type: statement and code don't fit together.
    #[error("the column {column} can't be read")]
    Column {
        /// Its name.
        column: String,
        /// What is wrong; `None` if it is NULL.
        source: Option<sqlx::error::BoxDynError>,
    },
    /// Anything else: a bug in a statement, or a broken database.
    #[error("the statement failed")]
    Other(#[source] sqlx::Error),
}

/// A constraint by the names that the two databases give it in their errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Constraint {
    /// Its name in PostgreSQL, such as `users_email_key_key`.
    pub postgres: &'static str,
    /// What SQLite says: the columns (`users.email_key`; several parted by a comma and a space) of a unique
    /// constraint, the name of a CHECK, the text that a trigger raises, or `FOREIGN KEY`.
    pub sqlite: &'static str,
}

impl DbError {
    /// Says whether this is a violation of that constraint.
    #[must_use]
    pub fn violates(&self, constraint: Constraint) -> bool {
        match self {
            Self::Constraint(name) => name == constraint.postgres || name == constraint.sqlite,
            Self::Unavailable(_)
            | Self::Retry(_)
            | Self::NotFound
            | Self::Aborted
            | Self::Refused(_)
            | Self::Column { .. }
            | Self::Other(_) => false,
        }
    }

    /// Names the case for metrics.
    pub(crate) fn label(&self) -> &'static str {
        match self {
            Self::Unavailable(_) => "unavailable",
            Self::Retry(_) => "retry",
            Self::Constraint(_) => "constraint",
            Self::NotFound => "not_found",
            Self::Aborted | Self::Refused(_) | Self::Column { .. } | Self::Other(_) => "other",
        }
    }
}

impl From<sqlx::Error> for DbError {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "sqlx's enum may grow, and what it grows by is unexpected here"
    )]
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::RowNotFound => Self::NotFound,
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::BeginFailed => Self::Unavailable(Some(error)),
            sqlx::Error::Database(reported) => {
                let code = reported.code().unwrap_or_default();
                let verdict = match code.parse::<u32>() {
                    // SQLSTATE has five characters, SQLite's codes have at most four.
                    Ok(number) if code.len() < 5 => sqlite_verdict(number),
                    _ => postgres_verdict(&code),
                };
                match verdict {
                    Verdict::Unavailable => Self::Unavailable(Some(error)),
                    Verdict::Retry => Self::Retry(error),
                    Verdict::Constraint => Self::Constraint(match reported.constraint() {
                        Some(name) => name.to_owned(),
                        None => constraint_of_message(reported.message()).to_owned(),
                    }),
                    Verdict::Other => Self::Other(error),
                }
            }
            _ => Self::Other(error),
        }
    }
}

/// What an error code means to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Unavailable,
    Retry,
    Constraint,
    Other,
}

/// Judges a SQLSTATE (PostgreSQL's manual, appendix A).
fn postgres_verdict(code: &str) -> Verdict {
    match code {
        // serialization_failure, deadlock_detected, lock_not_available
        "40001" | "40P01" | "55P03" => Verdict::Retry,
        // query_canceled; read_only_sql_transaction: the server has become a standby
        "57014" | "25006" => Verdict::Unavailable,
        // connection_exception, insufficient_resources, operator_intervention, system_error
        _ if ["08", "53", "57", "58"].contains(&code.get(..2).unwrap_or_default()) => {
            Verdict::Unavailable
        }
        _ if code.starts_with("23") => Verdict::Constraint,
        _ => Verdict::Other,
    }
}

/// Judges an extended result code, whose low byte is the primary one (sqlite.org/rescode.html).
fn sqlite_verdict(code: u32) -> Verdict {
    match code & 0xff {
        // SQLITE_BUSY, SQLITE_LOCKED
        5 | 6 => Verdict::Retry,
        // SQLITE_NOMEM, SQLITE_IOERR, SQLITE_FULL, SQLITE_CANTOPEN
        7 | 10 | 13 | 14 => Verdict::Unavailable,
        19 => Verdict::Constraint,
        _ => Verdict::Other,
    }
}

/// Says whether another process holds the lock of an SQLite file.
pub(crate) fn is_locked(error: &sqlx::Error) -> bool {
    let reported = error.as_database_error().and_then(DatabaseError::code);
    let code = reported.and_then(|code| code.parse().ok());
    code.is_some_and(|code| sqlite_verdict(code) == Verdict::Retry)
}

/// Reads from SQLite's message which constraint it was: `UNIQUE constraint failed: users.email_key`,
/// `FOREIGN KEY constraint failed`, or what a trigger raised.
fn constraint_of_message(message: &str) -> &str {
    match message.split_once(" constraint failed") {
        Some((_, rest)) if rest.starts_with(": ") => &rest[2..],
        Some((kind, _)) => kind,
        None => message,
    }
}

/// Why the database can't be used at all. Show it with its source and stop.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The address is neither empty nor one of PostgreSQL.
    #[error("`database.url` is not of the form postgres://USER:PASSWORD@HOST/DATABASE")]
    Url,
    /// The data directory, or the file in it, can't be made.
    #[error("{} can't be written", path.display())]
    Directory {
        /// The directory or file.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// There is no connection.
    #[error("the database can't be reached")]
    Connect(#[source] sqlx::Error),
    /// There was no connection in time.
    #[error("the database did not answer within {0} ms")]
    Slow(u128),
    /// The database is not set up as it has to be.
    #[error("the database can't be used: {0}")]
    Unfit(String),
    /// The migrations don't fit or fail.
    #[error("the database can't be migrated")]
    Migrate(#[source] MigrateError),
    /// The program needs migrations that were not made.
    #[error("the database lacks {0} migrations: run `clapt migrate`")]
    Pending(usize),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_postgres_are_judged_by_what_a_caller_can_do() {
        for (code, expected) in [
            ("40001", Verdict::Retry),
            ("40P01", Verdict::Retry),
            ("55P03", Verdict::Retry),
            ("57P01", Verdict::Unavailable),
            ("57014", Verdict::Unavailable),
            ("53300", Verdict::Unavailable),
            ("08006", Verdict::Unavailable),
            ("25006", Verdict::Unavailable),
            ("23505", Verdict::Constraint),
            ("23P01", Verdict::Constraint),
            ("42601", Verdict::Other),
            ("25P02", Verdict::Other),
            ("", Verdict::Other),
        ] {
            assert_eq!(postgres_verdict(code), expected, "{code}");
        }
    }

    #[test]
    fn codes_of_sqlite_are_judged_by_their_low_byte() {
        for (code, expected) in [
            (5, Verdict::Retry),
            (517, Verdict::Retry),
            (262, Verdict::Retry),
            (13, Verdict::Unavailable),
            (778, Verdict::Unavailable),
            (2067, Verdict::Constraint),
            (1811, Verdict::Constraint),
            (1, Verdict::Other),
            (8, Verdict::Other),
        ] {
            assert_eq!(sqlite_verdict(code), expected, "{code}");
        }
    }

    #[test]
    fn the_constraint_is_read_from_what_sqlite_says() {
        for (message, name) in [
            (
                "UNIQUE constraint failed: users.email_key",
                "users.email_key",
            ),
            ("UNIQUE constraint failed: a.x, a.y", "a.x, a.y"),
            ("CHECK constraint failed: short", "short"),
            ("FOREIGN KEY constraint failed", "FOREIGN KEY"),
            ("slot-taken", "slot-taken"),
        ] {
            assert_eq!(constraint_of_message(message), name);
        }
    }
}
