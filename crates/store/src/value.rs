//! Values that are bound to a statement's parameters, NULL of a type among them.

use jiff::Timestamp;
use sqlx::Arguments;
use sqlx::error::BoxDynError;
use sqlx::postgres::PgArguments;
use sqlx::sqlite::SqliteArguments;
use uuid::Uuid;

use crate::error::DbError;
use crate::time::PgTime;

/// The type of a column, as both databases know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `BOOLEAN`; in SQLite an `INTEGER` that is 0 or 1.
    Bool,
    /// `BIGINT`, `INTEGER`.
    Int,
    /// `TEXT`.
    Text,
    /// `BYTEA`, `BLOB`.
    Bytes,
    /// `UUID`; in SQLite a `BLOB` of 16 bytes.
    Id,
    /// `TIMESTAMPTZ`; in SQLite an `INTEGER`, microseconds since 1970.
    Time,
    /// `JSONB`; in SQLite a `TEXT`.
    Json,
}

/// What is bound to `$1`, `$2` and so on.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Nothing, where something of this kind could be.
    Null(Kind),
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Text without NUL characters: PostgreSQL can't keep those.
    Text(String),
    /// Any bytes.
    Bytes(Vec<u8>),
    /// A key.
    Id(Uuid),
    /// An instant; what is finer than a microsecond is cut off.
    Time(Timestamp),
    /// A tree of JSON, its texts without NUL characters.
    Json(serde_json::Value),
}

/// What has a [`Kind`], so that its absence can be bound as well.
pub trait Typed: Into<Value> {
    /// The kind.
    const KIND: Kind;
}

macro_rules! values {
    ($($type:ty => $kind:ident, $value:ident -> $into:expr;)+) => {
        $(
            impl From<$type> for Value {
                fn from($value: $type) -> Self {
                    Self::$kind($into)
                }
            }

            impl Typed for $type {
                const KIND: Kind = Kind::$kind;
            }
        )+
    };
}

values! {
    bool => Bool, value -> value;
    i64 => Int, value -> value;
    i32 => Int, value -> i64::from(value);
    u32 => Int, value -> i64::from(value);
    &str => Text, value -> value.to_owned();
    &String => Text, value -> value.clone();
    String => Text, value -> value;
    &[u8] => Bytes, value -> value.to_vec();
    Vec<u8> => Bytes, value -> value;
    Uuid => Id, value -> value;
    Timestamp => Time, value -> value;
    serde_json::Value => Json, value -> value;
}

impl<T: Typed> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null(T::KIND), Into::into)
    }
}

/// Binds `values` for PostgreSQL.
pub(crate) fn postgres(values: &[Value]) -> Result<PgArguments, DbError> {
    let mut arguments = PgArguments::default();
    for value in values {
        check(value)?;
        let added = match value {
            Value::Null(kind) => null_postgres(&mut arguments, *kind),
            Value::Bool(value) => arguments.add(*value),
            Value::Int(value) => arguments.add(*value),
            Value::Text(value) => arguments.add(value.as_str()),
            Value::Bytes(value) => arguments.add(value.as_slice()),
            Value::Id(value) => arguments.add(*value),
            Value::Time(value) => arguments.add(PgTime(*value)),
            Value::Json(value) => arguments.add(value),
        };
        added.map_err(|_| DbError::Refused("a value can't be encoded"))?;
    }
    Ok(arguments)
}

fn null_postgres(arguments: &mut PgArguments, kind: Kind) -> Result<(), BoxDynError> {
    match kind {
        Kind::Bool => arguments.add(None::<bool>),
        Kind::Int => arguments.add(None::<i64>),
        Kind::Text => arguments.add(None::<String>),
        Kind::Bytes => arguments.add(None::<Vec<u8>>),
        Kind::Id => arguments.add(None::<Uuid>),
        Kind::Time => arguments.add(None::<PgTime>),
        Kind::Json => arguments.add(None::<serde_json::Value>),
    }
}

/// Binds `values` for SQLite.
pub(crate) fn sqlite(values: &[Value]) -> Result<SqliteArguments, DbError> {
    let mut arguments = SqliteArguments::default();
    for value in values {
        check(value)?;
        let added = match value {
            Value::Null(_) => arguments.add(None::<i64>),
            Value::Bool(value) => arguments.add(i64::from(*value)),
            Value::Int(value) => arguments.add(*value),
            Value::Text(value) => arguments.add(value.clone()),
            Value::Bytes(value) => arguments.add(value.clone()),
            Value::Id(value) => arguments.add(value.as_bytes().to_vec()),
            Value::Time(value) => arguments.add(value.as_microsecond()),
            Value::Json(value) => arguments.add(value.to_string()),
        };
        added.map_err(|_| DbError::Refused("a value can't be encoded"))?;
    }
    Ok(arguments)
}

/// Refuses on both what one of them could not keep.
fn check(value: &Value) -> Result<(), DbError> {
    let has_nul = match value {
        Value::Text(text) => text.contains('\0'),
        Value::Json(tree) => json_has_nul(tree),
        Value::Null(_)
        | Value::Bool(_)
        | Value::Int(_)
        | Value::Bytes(_)
        | Value::Id(_)
        | Value::Time(_) => false,
    };
    if has_nul {
        return Err(DbError::Refused("a text holds a NUL character"));
    }
    Ok(())
}

fn json_has_nul(tree: &serde_json::Value) -> bool {
    match tree {
        serde_json::Value::String(text) => text.contains('\0'),
        serde_json::Value::Array(items) => items.iter().any(json_has_nul),
        serde_json::Value::Object(members) => members
            .iter()
            .any(|(name, below)| name.contains('\0') || json_has_nul(below)),
        serde_json::Value::Null | serde_json::Value::Bool(_) | serde_json::Value::Number(_) => {
            false
        }
    }
}
