//! Authenticator apps and recovery codes.
//!
//! Invariant: a code works once. Taking it is one guarded statement, which two can't both win.

use auth::UserId;
use jiff::Timestamp;
use store::{Db, DbError, Tx, Value};

use crate::secrets::SecretHash;

store::statements! {
    /// A secret that is to be confirmed; not over one that is.
    SET_SECRET = "UPDATE users SET totp_secret = $2, totp_last_step = NULL \
        WHERE id = $1 AND totp_confirmed_at IS NULL";
    /// The secret is confirmed by a first code.
    CONFIRM_SECRET = "UPDATE users SET totp_confirmed_at = $3, totp_last_step = $4 \
        WHERE id = $1 AND totp_secret = $2 AND totp_confirmed_at IS NULL";
    /// A code was used.
    TAKE_STEP = "UPDATE users SET totp_last_step = $2 \
        WHERE id = $1 AND (totp_last_step < $2 OR totp_last_step IS NULL)";
    /// No second factor any more.
    CLEAR_SECRET = "UPDATE users SET totp_secret = NULL, totp_confirmed_at = NULL, totp_last_step = NULL \
        WHERE id = $1";
    /// A recovery code.
    INSERT_CODE = "INSERT INTO recovery_codes (user_id, hash) VALUES ($1, $2)";
    /// A recovery code was used.
    TAKE_CODE = "UPDATE recovery_codes SET used_at = $3 WHERE user_id = $1 AND hash = $2 AND used_at IS NULL";
    /// No recovery code any more.
    CLEAR_CODES = "DELETE FROM recovery_codes WHERE user_id = $1";
}

/// Keeps a secret that is to be confirmed; `false` if one is confirmed already.
pub(crate) async fn set_secret(db: &Db, user: UserId, secret: &[u8]) -> Result<bool, DbError> {
    let values = [user.uuid().into(), secret.into()];
    Ok(db.execute(SET_SECRET, &values).await? == 1)
}

/// Confirms a secret with the step of its first code, and keeps the recovery codes; `false` if that was
/// done before.
pub(crate) async fn confirm(
    tx: &mut Tx,
    user: UserId,
    secret: &[u8],
    step: i64,
    codes: &[SecretHash],
    now: Timestamp,
) -> Result<bool, DbError> {
    let id: Value = user.uuid().into();
    let values = [id.clone(), secret.into(), now.into(), step.into()];
    if tx.execute(CONFIRM_SECRET, &values).await? != 1 {
        return Ok(false);
    }
    tx.execute(CLEAR_CODES, std::slice::from_ref(&id)).await?;
    for code in codes {
        tx.execute(INSERT_CODE, &[id.clone(), code.as_slice().into()])
            .await?;
    }
    Ok(true)
}

/// Takes the code of a step; `false` if it, or a newer one, was used.
pub(crate) async fn take_step(db: &Db, user: UserId, step: i64) -> Result<bool, DbError> {
    let values = [user.uuid().into(), step.into()];
    Ok(db.execute(TAKE_STEP, &values).await? == 1)
}

/// Takes a recovery code; `false` if there is none such, or it was used.
pub(crate) async fn take_code(
    db: &Db,
    user: UserId,
    hash: SecretHash,
    now: Timestamp,
) -> Result<bool, DbError> {
    let values = [user.uuid().into(), hash.as_slice().into(), now.into()];
    Ok(db.execute(TAKE_CODE, &values).await? == 1)
}

/// Removes the second factor.
pub(crate) async fn clear(tx: &mut Tx, user: UserId) -> Result<(), DbError> {
    tx.execute(CLEAR_SECRET, &[user.uuid().into()]).await?;
    tx.execute(CLEAR_CODES, &[user.uuid().into()])
        .await
        .map(|_| ())
}
