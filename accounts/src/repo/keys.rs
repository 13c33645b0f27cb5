//! The keys that sign access tokens.

use auth::{SigningKey, SigningKeys};
use jiff::{SignedDuration, Timestamp};
use store::{Db, DbError};

/// Days that a key signs before another one takes over when the server starts.
const ROTATE_AFTER_DAYS: i64 = 30;

store::statements! {
    /// The newest two.
    NEWEST_KEYS = "SELECT id, seed, created_at FROM signing_keys ORDER BY created_at DESC, id DESC LIMIT 2";
    /// A new one.
    INSERT_KEY = "INSERT INTO signing_keys (id, seed, created_at) VALUES ($1, $2, $3)";
}

/// Loads the key that signs and the one before it; `None` if there is none yet.
pub(crate) async fn load(db: &Db) -> Result<Option<(SigningKeys, Timestamp)>, DbError> {
    let mut keys = Vec::new();
    for row in db.all(NEWEST_KEYS, &[]).await? {
        // A seed of another length was not written by us: it counts as none.
        if let Ok(seed) = <[u8; 32]>::try_from(row.bytes("seed")?) {
            keys.push((SigningKey::from_seed(&seed), row.time("created_at")?));
        }
    }
    let mut keys = keys.into_iter();
    Ok(keys.next().map(|(current, since)| {
        let previous = keys.next().map(|(previous, _)| previous);
        (SigningKeys::new(current, previous), since)
    }))
}

/// Loads the keys, after making a new one if there is none or the newest has signed for a month.
pub(crate) async fn load_or_make(db: &Db, now: Timestamp) -> Result<SigningKeys, DbError> {
    let age_max = SignedDuration::from_hours(24 * ROTATE_AFTER_DAYS);
    if let Some((keys, since)) = load(db).await?
        && now.duration_since(since) < age_max
    {
        return Ok(keys);
    }
    let seed: [u8; 32] = rand::random();
    let key = SigningKey::from_seed(&seed);
    let values = [key.id().into(), seed.as_slice().into(), now.into()];
    db.execute(INSERT_KEY, &values).await?;
    // Another process may have made one at the same time: the newest one counts, for all.
    let keys = load(db).await?;
    keys.map(|(keys, _)| keys).ok_or(DbError::NotFound)
}
