//! What waits for somebody to follow a link: registrations, new passwords, the set-up of the server.
//!
//! Invariant: a link works once. Taking it is a DELETE, whose winner is told what it was about.

use auth::{Role, UserId};
use jiff::Timestamp;
use store::{Constraint, Db, DbError, Tx, Value};

use super::users::NewUser;
use crate::secrets::SecretHash;

store::statements! {
    /// A registration whose address is to be verified.
    INSERT_REGISTRATION = "INSERT INTO registrations (token_hash, email, email_key, password_hash, name, \
        time_zone, locale, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    /// Registrations that nobody came back to.
    FORGET_REGISTRATIONS = "DELETE FROM registrations WHERE expires_at <= $1";
    /// The newest registration of an address, for one who tries to sign in before following the link.
    FIND_REGISTRATION = "SELECT password_hash FROM registrations WHERE email_key = $1 AND expires_at > $2 \
        ORDER BY created_at DESC LIMIT 1";
    /// The link of a registration is followed.
    TAKE_REGISTRATION = "DELETE FROM registrations WHERE token_hash = $1 AND expires_at > $2 \
        RETURNING email, email_key, password_hash, name, time_zone, locale";
    /// The address is verified: other registrations of it are void.
    VOID_REGISTRATIONS = "DELETE FROM registrations WHERE email_key = $1";
    /// A link to set a new password.
    INSERT_RESET = "INSERT INTO password_resets (token_hash, user_id, created_at, expires_at) \
        VALUES ($1, $2, $3, $4)";
    /// Links that nobody followed.
    FORGET_RESETS = "DELETE FROM password_resets WHERE expires_at <= $1";
    /// Whose link it is.
    FIND_RESET = "SELECT user_id FROM password_resets WHERE token_hash = $1 AND expires_at > $2";
    /// The link is followed.
    TAKE_RESET = "DELETE FROM password_resets WHERE token_hash = $1 AND expires_at > $2 RETURNING user_id";
    /// A new password is set: other links of the account are void.
    VOID_RESETS = "DELETE FROM password_resets WHERE user_id = $1";
    /// A link to set the server up.
    INSERT_SETUP_LINK = "INSERT INTO setup_links (token_hash, created_at, expires_at) VALUES ($1, $2, $3)";
    /// Is the server set up?
    COUNT_SETUP = "SELECT COUNT(*) AS done FROM setup";
    /// Is there such a link?
    FIND_SETUP_LINK = "SELECT COUNT(*) AS found FROM setup_links WHERE token_hash = $1 AND expires_at > $2";
    /// The server is set up. The row decides the race of two.
    INSERT_SETUP = "INSERT INTO setup (only_row, user_id, completed_at) VALUES (1, $1, $2)";
    /// No link is left.
    FORGET_SETUP_LINKS = "DELETE FROM setup_links";
}

/// Only one sets the server up.
pub(crate) const SETUP_DONE: Constraint = Constraint {
    postgres: "setup_pkey",
    sqlite: "setup.only_row",
};

/// Keeps a registration until its link is followed or runs out.
pub(crate) async fn insert_registration(
    tx: &mut Tx,
    hash: SecretHash,
    user: &NewUser,
    (now, expires_at): (Timestamp, Timestamp),
) -> Result<(), DbError> {
    tx.execute(FORGET_REGISTRATIONS, &[now.into()]).await?;
    let values: [Value; 9] = [
        hash.as_slice().into(),
        (&user.email).into(),
        (&user.email_key).into(),
        (&user.password_hash).into(),
        (&user.name).into(),
        (&user.time_zone).into(),
        (&user.locale).into(),
        now.into(),
        expires_at.into(),
    ];
    tx.execute(INSERT_REGISTRATION, &values).await.map(|_| ())
}

/// Finds the hash of the password that was chosen with the newest registration of an address.
pub(crate) async fn registration_password(
    db: &Db,
    email_key: &str,
    now: Timestamp,
) -> Result<Option<String>, DbError> {
    let row = db
        .optional(FIND_REGISTRATION, &[email_key.into(), now.into()])
        .await?;
    row.map(|row| row.text("password_hash")).transpose()
}

/// Takes a registration whose link is followed, and makes the others of its address void.
pub(crate) async fn take_registration(
    tx: &mut Tx,
    hash: SecretHash,
    now: Timestamp,
) -> Result<Option<NewUser>, DbError> {
    let values = [hash.as_slice().into(), now.into()];
    let Some(row) = tx.optional(TAKE_REGISTRATION, &values).await? else {
        return Ok(None);
    };
    let email_key = row.text("email_key")?;
    tx.execute(VOID_REGISTRATIONS, &[(&email_key).into()])
        .await?;
    Ok(Some(NewUser {
        email: row.text("email")?,
        email_key,
        password_hash: row.text("password_hash")?,
        name: row.text("name")?,
        time_zone: row.text("time_zone")?,
        locale: row.text("locale")?,
        role: Role::Client,
    }))
}

/// Keeps a link to set a new password.
pub(crate) async fn insert_reset(
    tx: &mut Tx,
    hash: SecretHash,
    user: UserId,
    (now, expires_at): (Timestamp, Timestamp),
) -> Result<(), DbError> {
    tx.execute(FORGET_RESETS, &[now.into()]).await?;
    let values: [Value; 4] = [
        hash.as_slice().into(),
        user.uuid().into(),
        now.into(),
        expires_at.into(),
    ];
    tx.execute(INSERT_RESET, &values).await.map(|_| ())
}

/// Finds whose link it is, without taking it.
pub(crate) async fn find_reset(
    db: &Db,
    hash: SecretHash,
    now: Timestamp,
) -> Result<Option<UserId>, DbError> {
    let row = db
        .optional(FIND_RESET, &[hash.as_slice().into(), now.into()])
        .await?;
    row.map(|row| row.id("user_id").map(UserId::new))
        .transpose()
}

/// Takes a link to set a new password, and makes the others of its account void.
pub(crate) async fn take_reset(
    tx: &mut Tx,
    hash: SecretHash,
    now: Timestamp,
) -> Result<Option<UserId>, DbError> {
    let values = [hash.as_slice().into(), now.into()];
    let Some(row) = tx.optional(TAKE_RESET, &values).await? else {
        return Ok(None);
    };
    let user = row.id("user_id")?;
    tx.execute(VOID_RESETS, &[user.into()]).await?;
    Ok(Some(UserId::new(user)))
}

/// Keeps a link to set the server up.
pub(crate) async fn insert_setup_link(
    db: &Db,
    hash: SecretHash,
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<(), DbError> {
    let values = [hash.as_slice().into(), now.into(), expires_at.into()];
    db.execute(INSERT_SETUP_LINK, &values).await.map(|_| ())
}

/// Says whether the server is set up.
pub(crate) async fn is_set_up(db: &Db) -> Result<bool, DbError> {
    Ok(db.one(COUNT_SETUP, &[]).await?.int("done")? > 0)
}

/// Says whether a link to set the server up is good.
pub(crate) async fn has_setup_link(
    db: &Db,
    hash: SecretHash,
    now: Timestamp,
) -> Result<bool, DbError> {
    let row = db
        .one(FIND_SETUP_LINK, &[hash.as_slice().into(), now.into()])
        .await?;
    Ok(row.int("found")? > 0)
}

/// Notes that `owner` has set the server up.
///
/// # Errors
///
/// A violation of [`SETUP_DONE`] if somebody else has.
pub(crate) async fn complete_setup(
    tx: &mut Tx,
    owner: UserId,
    now: Timestamp,
) -> Result<(), DbError> {
    tx.execute(INSERT_SETUP, &[owner.uuid().into(), now.into()])
        .await?;
    tx.execute(FORGET_SETUP_LINKS, &[]).await.map(|_| ())
}
