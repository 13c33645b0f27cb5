//! Accounts as those see them who look after them.

use auth::{Role, Scope, UserId};
use jiff::Timestamp;
use store::{Db, DbError, Tx, Value};
use uuid::Uuid;

use super::users::User;

store::statements! {
    /// A page of accounts, the newest first. Keys grow with time, so they are the order and the cursor.
    LIST_USERS = "SELECT id, email, name, about, country, time_zone, locale, version, totp_confirmed_at, \
        blocked_at, blocked_reason, created_at, \
        (SELECT string_agg(role, ' ') FROM user_roles WHERE user_id = users.id) AS roles \
        FROM users WHERE (email_key LIKE $1 ESCAPE '!' OR name_key LIKE $1 ESCAPE '!') AND id < $2 \
        ORDER BY id DESC LIMIT $3";
    /// How many there are in all.
    COUNT_USERS = "SELECT COUNT(*) AS total FROM users \
        WHERE email_key LIKE $1 ESCAPE '!' OR name_key LIKE $1 ESCAPE '!'";
    /// The owners who can sign in. Two who change that wait for each other.
    LOCK_OWNERS =
        postgres "SELECT u.id FROM users u JOIN user_roles r ON r.user_id = u.id \
            WHERE r.role = 'owner' AND u.blocked_at IS NULL ORDER BY u.id FOR UPDATE"
        sqlite "SELECT u.id FROM users u JOIN user_roles r ON r.user_id = u.id \
            WHERE r.role = 'owner' AND u.blocked_at IS NULL ORDER BY u.id";
    /// An account is blocked; not twice.
    BLOCK = "UPDATE users SET blocked_at = $2, blocked_reason = $3 WHERE id = $1 AND blocked_at IS NULL";
    /// It is not any more.
    UNBLOCK = "UPDATE users SET blocked_at = NULL, blocked_reason = NULL \
        WHERE id = $1 AND blocked_at IS NOT NULL";
    /// All roles are taken.
    CLEAR_ROLES = "DELETE FROM user_roles WHERE user_id = $1";
}

/// Returns the pattern for what contains `query`.
fn pattern(query: &str) -> String {
    let mut pattern = "%".to_owned();
    for letter in crate::fields::search_key(query.trim()).chars() {
        if matches!(letter, '%' | '_' | '!') {
            pattern.push('!');
        }
        pattern.push(letter);
    }
    pattern.push('%');
    pattern
}

/// Finds the accounts in whose name or address `query` is, older than `before`, and how many there are in
/// all. A scope of one account has no list.
pub(crate) async fn list(
    db: &Db,
    scope: Scope,
    query: &str,
    before: Option<UserId>,
    limit: u32,
) -> Result<(Vec<User>, i64), DbError> {
    if scope.owner().is_some() {
        return Ok((Vec::new(), 0));
    }
    let pattern = pattern(query);
    let before = before.map_or(Uuid::max(), UserId::uuid);
    let values: [Value; 3] = [(&pattern).into(), before.into(), limit.into()];
    let rows = db.all(LIST_USERS, &values).await?;
    let users = rows.iter().map(User::read).collect::<Result<_, _>>()?;
    let total = db
        .one(COUNT_USERS, &[(&pattern).into()])
        .await?
        .int("total")?;
    Ok((users, total))
}

/// Finds the owners who can sign in, and keeps others from changing who that is.
pub(crate) async fn lock_owners(tx: &mut Tx) -> Result<Vec<UserId>, DbError> {
    let rows = tx.all(LOCK_OWNERS, &[]).await?;
    rows.iter()
        .map(|row| row.id("id").map(UserId::new))
        .collect()
}

/// Blocks an account; `false` if it is blocked already.
pub(crate) async fn block(
    tx: &mut Tx,
    id: UserId,
    reason: &str,
    now: Timestamp,
) -> Result<bool, DbError> {
    let values = [id.uuid().into(), now.into(), reason.into()];
    Ok(tx.execute(BLOCK, &values).await? == 1)
}

/// Lifts a block; `false` if there is none.
pub(crate) async fn unblock(tx: &mut Tx, id: UserId) -> Result<bool, DbError> {
    Ok(tx.execute(UNBLOCK, &[id.uuid().into()]).await? == 1)
}

/// Gives an account these roles and no others.
pub(crate) async fn set_roles(tx: &mut Tx, id: UserId, roles: &[Role]) -> Result<(), DbError> {
    tx.execute(CLEAR_ROLES, &[id.uuid().into()]).await?;
    for role in roles {
        super::users::add_role(tx, id, *role).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_searched_stands_for_itself() {
        assert_eq!(pattern(" Ana "), "%ana%");
        assert_eq!(pattern("50%_!"), "%50!%!_!!%");
        assert_eq!(pattern(""), "%%");
    }
}
