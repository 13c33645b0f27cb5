//! Rows, read by column name and type.

use jiff::Timestamp;
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{Column as _, Row as _, TypeInfo as _};
use uuid::Uuid;

use crate::error::DbError;
use crate::time::PgTime;

/// One row. Each getter names a column of the statement and says what has to be in it; those in
/// `_or_null` give `None` for NULL.
#[derive(Debug)]
pub enum Row {
    /// Of PostgreSQL.
    Postgres(PgRow),
    /// Of SQLite.
    Sqlite(SqliteRow),
}

macro_rules! getters {
    ($($(#[$about:meta])* $name:ident, $or_null:ident: $type:ty;)+) => {
        $(
            $(#[$about])*
            ///
            /// # Errors
            ///
            /// [`DbError::Column`] if there is no such column, or something else in it, NULL included.
            pub fn $name(&self, column: &str) -> Result<$type, DbError> {
                self.$or_null(column)?.ok_or_else(|| DbError::Column {
                    column: column.to_owned(),
                    source: None,
                })
            }
        )+
    };
}

impl Row {
    getters! {
        /// Reads a text.
        text, text_or_null: String;
        /// Reads a whole number; in PostgreSQL a `BIGINT` or `INTEGER` (cast what `SUM` gives).
        int, int_or_null: i64;
        /// Reads true or false.
        bool, bool_or_null: bool;
        /// Reads bytes.
        bytes, bytes_or_null: Vec<u8>;
        /// Reads a key.
        id, id_or_null: Uuid;
        /// Reads an instant.
        time, time_or_null: Timestamp;
        /// Reads a tree of JSON. In PostgreSQL the JSON `null` is not NULL, and in SQLite neither.
        json, json_or_null: serde_json::Value;
    }

    /// Reads a text.
    ///
    /// # Errors
    ///
    /// [`DbError::Column`] if there is no such column, or something else in it.
    pub fn text_or_null(&self, column: &str) -> Result<Option<String>, DbError> {
        match self {
            Self::Postgres(row) => row.try_get(column),
            Self::Sqlite(row) => row.try_get(column),
        }
        .map_err(|error| refuse(column, error))
    }

    /// Reads a whole number.
    ///
    /// # Errors
    ///
    /// [`DbError::Column`] if there is no such column, or something else in it.
    pub fn int_or_null(&self, column: &str) -> Result<Option<i64>, DbError> {
        match self {
            Self::Postgres(row) if is_int4(row, column) => row
                .try_get::<Option<i32>, _>(column)
                .map(|value| value.map(i64::from)),
            Self::Postgres(row) => row.try_get(column),
            Self::Sqlite(row) => row.try_get(column),
        }
        .map_err(|error| refuse(column, error))
    }

    /// Reads true or false.
    ///
    /// # Errors
    ///
    /// [`DbError::Column`] if there is no such column, or something else in it.
    pub fn bool_or_null(&self, column: &str) -> Result<Option<bool>, DbError> {
        match self {
            Self::Postgres(row) => row.try_get(column),
            Self::Sqlite(row) => row
                .try_get::<Option<i64>, _>(column)
                .map(|value| value.map(|number| number != 0)),
        }
        .map_err(|error| refuse(column, error))
    }

    /// Reads bytes.
    ///
    /// # Errors
    ///
    /// [`DbError::Column`] if there is no such column, or something else in it.
    pub fn bytes_or_null(&self, column: &str) -> Result<Option<Vec<u8>>, DbError> {
        match self {
            Self::Postgres(row) => row.try_get(column),
            Self::Sqlite(row) => row.try_get(column),
        }
        .map_err(|error| refuse(column, error))
    }

    /// Reads a key.
    ///
    /// # Errors
    ///
    /// [`DbError::Column`] if there is no such column, or something else in it.
    pub fn id_or_null(&self, column: &str) -> Result<Option<Uuid>, DbError> {
        match self {
            Self::Postgres(row) => row.try_get(column).map_err(|error| refuse(column, error)),
            Self::Sqlite(row) => row
                .try_get::<Option<Vec<u8>>, _>(column)
                .map_err(|error| refuse(column, error))?
                .map(|bytes| Uuid::from_slice(&bytes).map_err(|error| refuse(column, error)))
                .transpose(),
        }
    }

    /// Reads an instant.
    ///
    /// # Errors
    ///
    /// [`DbError::Column`] if there is no such column, or something else in it.
    pub fn time_or_null(&self, column: &str) -> Result<Option<Timestamp>, DbError> {
        match self {
            Self::Postgres(row) => row
                .try_get::<Option<PgTime>, _>(column)
                .map(|value| value.map(|time| time.0))
                .map_err(|error| refuse(column, error)),
            Self::Sqlite(row) => row
                .try_get::<Option<i64>, _>(column)
                .map_err(|error| refuse(column, error))?
                .map(|microseconds| {
                    Timestamp::from_microsecond(microseconds).map_err(|error| refuse(column, error))
                })
                .transpose(),
        }
    }

    /// Reads a tree of JSON.
    ///
    /// # Errors
    ///
    /// [`DbError::Column`] if there is no such column, or something else in it.
    pub fn json_or_null(&self, column: &str) -> Result<Option<serde_json::Value>, DbError> {
        match self {
            Self::Postgres(row) => row.try_get(column).map_err(|error| refuse(column, error)),
            Self::Sqlite(row) => row
                .try_get::<Option<String>, _>(column)
                .map_err(|error| refuse(column, error))?
                .map(|text| serde_json::from_str(&text).map_err(|error| refuse(column, error)))
                .transpose(),
        }
    }
}

fn is_int4(row: &PgRow, column: &str) -> bool {
    row.try_column(column)
        .is_ok_and(|column| column.type_info().name() == "INT4")
}

fn refuse(column: &str, error: impl Into<sqlx::error::BoxDynError>) -> DbError {
    DbError::Column {
        column: column.to_owned(),
        source: Some(error.into()),
    }
}
