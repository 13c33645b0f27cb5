//! Accounts: finding them, signing in to them, changing one's own.

use auth::{Actor, Permissions, Role, Scope, UserId};
use jiff::Timestamp;
use store::{Constraint, Db, DbError, Row, Tx, Value};

store::statements! {
    /// One account, as it is shown.
    FIND_USER = "SELECT id, email, name, about, country, time_zone, locale, version, totp_confirmed_at, \
        blocked_at, blocked_reason, created_at, \
        (SELECT string_agg(role, ' ') FROM user_roles WHERE user_id = users.id) AS roles \
        FROM users WHERE id = $1";
    /// What signing in needs, by e-mail address.
    FIND_BY_EMAIL = "SELECT id, email, name, locale, password_hash, totp_secret, totp_confirmed_at, \
        totp_last_step, blocked_at FROM users WHERE email_key = $1";
    /// The same, by id.
    FIND_CREDENTIALS = "SELECT id, email, name, locale, password_hash, totp_secret, totp_confirmed_at, \
        totp_last_step, blocked_at FROM users WHERE id = $1";
    /// A new account. Its address decides the race of two.
    INSERT_USER = "INSERT INTO users (id, email, email_key, email_verified_at, password_hash, name, name_key, \
        about, country, time_zone, locale, version, last_seen_visibility, photo_visibility, \
        about_visibility, read_receipts, created_at) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, '', '', $8, $9, 1, 'contacts', 'everyone', 'everyone', TRUE, $4)";
    /// One more role.
    INSERT_ROLE = "INSERT INTO user_roles (user_id, role) VALUES ($1, $2) ON CONFLICT DO NOTHING";
    /// A new profile, unless it changed since the version that was seen.
    UPDATE_PROFILE = "UPDATE users SET name = $3, name_key = $4, about = $5, country = $6, time_zone = $7, \
        locale = $8, version = version + 1 WHERE id = $1 AND version = $2";
    /// A new password, unless it was changed meanwhile.
    UPDATE_PASSWORD = "UPDATE users SET password_hash = $3 WHERE id = $1 AND password_hash = $2";
    /// A new password by a link.
    RESET_PASSWORD = "UPDATE users SET password_hash = $2 WHERE id = $1";
    /// Who sees what.
    FIND_PRIVACY = "SELECT last_seen_visibility, photo_visibility, about_visibility, read_receipts \
        FROM users WHERE id = $1";
    /// A new choice of it.
    UPDATE_PRIVACY = "UPDATE users SET last_seen_visibility = $2, photo_visibility = $3, \
        about_visibility = $4, read_receipts = $5 WHERE id = $1";
}

/// The unique e-mail address.
pub(crate) const EMAIL_TAKEN: Constraint = Constraint {
    postgres: "users_email_key",
    sqlite: "users.email_key",
};

/// An account, as it is shown.
#[derive(Debug, Clone)]
pub(crate) struct User {
    pub(crate) id: UserId,
    pub(crate) email: String,
    pub(crate) name: String,
    pub(crate) about: String,
    pub(crate) country: String,
    pub(crate) time_zone: String,
    pub(crate) locale: String,
    pub(crate) version: i64,
    pub(crate) two_factor: bool,
    pub(crate) blocked_at: Option<Timestamp>,
    pub(crate) blocked_reason: Option<String>,
    pub(crate) created_at: Timestamp,
    pub(crate) roles: Vec<Role>,
}

impl User {
    pub(super) fn read(row: &Row) -> Result<Self, DbError> {
        Ok(Self {
            id: UserId::new(row.id("id")?),
            email: row.text("email")?,
            name: row.text("name")?,
            about: row.text("about")?,
            country: row.text("country")?,
            time_zone: row.text("time_zone")?,
            locale: row.text("locale")?,
            version: row.int("version")?,
            two_factor: row.time_or_null("totp_confirmed_at")?.is_some(),
            blocked_at: row.time_or_null("blocked_at")?,
            blocked_reason: row.text_or_null("blocked_reason")?,
            created_at: row.time("created_at")?,
            roles: roles(row)?,
        })
    }

    /// Returns what the account may do.
    pub(crate) fn permissions(&self) -> Permissions {
        Role::permissions_of(self.roles.iter().copied())
    }

    /// Returns the account as one who asks for something.
    pub(crate) fn actor(&self) -> Actor {
        Actor::signed_in(self.id, self.permissions())
    }
}

/// Reads the roles of a row, the mightiest first. Names that this program doesn't know give nothing.
pub(super) fn roles(row: &Row) -> Result<Vec<Role>, DbError> {
    let names = row.text_or_null("roles")?.unwrap_or_default();
    let mut roles: Vec<Role> = names
        .split(' ')
        .filter_map(|name| name.parse().ok())
        .collect();
    roles.sort_unstable();
    Ok(roles)
}

/// What signing in needs to know.
#[derive(Clone)]
pub(crate) struct Credentials {
    pub(crate) id: UserId,
    pub(crate) email: String,
    pub(crate) name: String,
    pub(crate) locale: String,
    pub(crate) password_hash: String,
    /// The secret of the authenticator app, confirmed or not.
    pub(crate) totp_secret: Option<Vec<u8>>,
    pub(crate) two_factor: bool,
    pub(crate) totp_last_step: Option<i64>,
    pub(crate) blocked: bool,
}

impl Credentials {
    fn read(row: &Row) -> Result<Self, DbError> {
        Ok(Self {
            id: UserId::new(row.id("id")?),
            email: row.text("email")?,
            name: row.text("name")?,
            locale: row.text("locale")?,
            password_hash: row.text("password_hash")?,
            totp_secret: row.bytes_or_null("totp_secret")?,
            two_factor: row.time_or_null("totp_confirmed_at")?.is_some(),
            totp_last_step: row.int_or_null("totp_last_step")?,
            blocked: row.time_or_null("blocked_at")?.is_some(),
        })
    }
}

/// A new account.
#[derive(Debug, Clone)]
pub(crate) struct NewUser {
    pub(crate) email: String,
    pub(crate) email_key: String,
    pub(crate) password_hash: String,
    pub(crate) name: String,
    pub(crate) time_zone: String,
    pub(crate) locale: String,
    pub(crate) role: Role,
}

/// What people say of themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Profile {
    pub(crate) name: String,
    pub(crate) about: String,
    pub(crate) country: String,
    pub(crate) time_zone: String,
    pub(crate) locale: String,
}

/// Who sees what of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Privacy {
    pub(crate) last_seen: String,
    pub(crate) photo: String,
    pub(crate) about: String,
    pub(crate) read_receipts: bool,
}

/// Finds an account; `None` if there is none in `scope`.
pub(crate) async fn find(db: &Db, scope: Scope, id: UserId) -> Result<Option<User>, DbError> {
    if !scope.has(id) {
        return Ok(None);
    }
    let row = db.optional(FIND_USER, &[id.uuid().into()]).await?;
    row.as_ref().map(User::read).transpose()
}

/// Finds an account that a transaction is about.
pub(crate) async fn find_in(tx: &mut Tx, id: UserId) -> Result<User, DbError> {
    User::read(&tx.one(FIND_USER, &[id.uuid().into()]).await?)
}

/// Finds what signing in needs, for whoever says to have this address.
pub(crate) async fn by_email(db: &Db, email_key: &str) -> Result<Option<Credentials>, DbError> {
    let row = db.optional(FIND_BY_EMAIL, &[email_key.into()]).await?;
    row.as_ref().map(Credentials::read).transpose()
}

/// Finds an account for whoever was found to be allowed to ask: by a link, or by what they may do.
pub(crate) async fn by_id(db: &Db, id: UserId) -> Result<Option<Credentials>, DbError> {
    let row = db.optional(FIND_CREDENTIALS, &[id.uuid().into()]).await?;
    row.as_ref().map(Credentials::read).transpose()
}

/// Finds what proving oneself once more needs.
pub(crate) async fn credentials(
    db: &Db,
    scope: Scope,
    id: UserId,
) -> Result<Option<Credentials>, DbError> {
    if scope.has(id) {
        by_id(db, id).await
    } else {
        Ok(None)
    }
}

/// Makes an account and returns its id.
///
/// # Errors
///
/// A violation of [`EMAIL_TAKEN`] if somebody has the address.
pub(crate) async fn insert(tx: &mut Tx, user: &NewUser, now: Timestamp) -> Result<UserId, DbError> {
    let id = store::new_id();
    let values: [Value; 9] = [
        id.into(),
        (&user.email).into(),
        (&user.email_key).into(),
        now.into(),
        (&user.password_hash).into(),
        (&user.name).into(),
        crate::fields::search_key(&user.name).into(),
        (&user.time_zone).into(),
        (&user.locale).into(),
    ];
    tx.execute(INSERT_USER, &values).await?;
    add_role(tx, UserId::new(id), user.role).await?;
    Ok(UserId::new(id))
}

/// Gives an account a role, if it hasn't got it.
pub(crate) async fn add_role(tx: &mut Tx, id: UserId, role: Role) -> Result<(), DbError> {
    let values = [id.uuid().into(), role.as_str().into()];
    tx.execute(INSERT_ROLE, &values).await.map(|_| ())
}

/// Changes a profile whose `version` was seen; `false` if it changed since.
pub(crate) async fn update_profile(
    db: &Db,
    scope: Scope,
    id: UserId,
    version: i64,
    profile: &Profile,
) -> Result<bool, DbError> {
    let values: [Value; 8] = [
        id.uuid().into(),
        version.into(),
        (&profile.name).into(),
        crate::fields::search_key(&profile.name).into(),
        (&profile.about).into(),
        (&profile.country).into(),
        (&profile.time_zone).into(),
        (&profile.locale).into(),
    ];
    Ok(scope.has(id) && db.execute(UPDATE_PROFILE, &values).await? == 1)
}

/// Changes the password that hashes to `old`; `false` if it was changed meanwhile.
pub(crate) async fn change_password(
    tx: &mut Tx,
    id: UserId,
    old: &str,
    new: &str,
) -> Result<bool, DbError> {
    let values = [id.uuid().into(), old.into(), new.into()];
    Ok(tx.execute(UPDATE_PASSWORD, &values).await? == 1)
}

/// Sets a password, whatever it was.
pub(crate) async fn reset_password(tx: &mut Tx, id: UserId, new: &str) -> Result<(), DbError> {
    let values = [id.uuid().into(), new.into()];
    tx.execute(RESET_PASSWORD, &values).await.map(|_| ())
}

/// Finds who sees what; `None` if there is no such account in `scope`.
pub(crate) async fn privacy(db: &Db, scope: Scope, id: UserId) -> Result<Option<Privacy>, DbError> {
    if !scope.has(id) {
        return Ok(None);
    }
    let row = db.optional(FIND_PRIVACY, &[id.uuid().into()]).await?;
    row.map(|row| {
        Ok(Privacy {
            last_seen: row.text("last_seen_visibility")?,
            photo: row.text("photo_visibility")?,
            about: row.text("about_visibility")?,
            read_receipts: row.bool("read_receipts")?,
        })
    })
    .transpose()
}

/// Changes who sees what; `false` if there is no such account in `scope`.
pub(crate) async fn update_privacy(
    db: &Db,
    scope: Scope,
    id: UserId,
    privacy: &Privacy,
) -> Result<bool, DbError> {
    let values: [Value; 5] = [
        id.uuid().into(),
        (&privacy.last_seen).into(),
        (&privacy.photo).into(),
        (&privacy.about).into(),
        privacy.read_receipts.into(),
    ];
    Ok(scope.has(id) && db.execute(UPDATE_PRIVACY, &values).await? == 1)
}
