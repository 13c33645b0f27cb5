//! Instants as both databases keep them: whole microseconds.

use jiff::Timestamp;
use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::postgres::{PgArgumentBuffer, PgTypeInfo, PgValueFormat, PgValueRef};
use sqlx::{Decode, Encode, Postgres, Type};

/// Microseconds from 1970 to 2000, where PostgreSQL counts from.
const POSTGRES_EPOCH_MICROSECONDS: i64 = 946_684_800_000_000;

/// The OID of `TIMESTAMPTZ`, fixed in PostgreSQL's catalogue.
const TIMESTAMPTZ_OID: u32 = 1184;

/// Returns the present instant in whole microseconds, so that what is read later is equal to it.
///
/// # Panics
///
/// Never: the system's clock is within jiff's range.
#[must_use]
pub fn now() -> Timestamp {
    let microseconds = Timestamp::now().as_microsecond();
    Timestamp::from_microsecond(microseconds).expect("a clock that was in range still is")
}

/// An instant as PostgreSQL's binary format has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PgTime(pub(crate) Timestamp);

impl Type<Postgres> for PgTime {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(sqlx::postgres::types::Oid(TIMESTAMPTZ_OID))
    }
}

impl Encode<'_, Postgres> for PgTime {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        let since_2000 = self.0.as_microsecond() - POSTGRES_EPOCH_MICROSECONDS;
        Encode::<Postgres>::encode(since_2000, buffer)
    }
}

impl Decode<'_, Postgres> for PgTime {
    fn decode(value: PgValueRef<'_>) -> Result<Self, BoxDynError> {
        if value.format() != PgValueFormat::Binary {
            return Err("an instant came as text".into());
        }
        let since_2000 = <i64 as Decode<Postgres>>::decode(value)?;
        let microseconds = since_2000
            .checked_add(POSTGRES_EPOCH_MICROSECONDS)
            .ok_or("an infinite instant")?;
        Ok(Self(Timestamp::from_microsecond(microseconds)?))
    }
}
