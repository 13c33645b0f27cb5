//! What the handlers share.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Instant;

use auth::{Actor, Role, SigningKeys, UserClaims, UserTokenError};
use jiff::{SignedDuration, Timestamp};
use prometheus::Registry;
use service::access::{Authenticate, Caller, unauthenticated};
use service::rate::{Rate, RateTable};
use service::{ApiError, Config, ErrorCode};
use store::{Db, DbError};
use thiserror::Error;

use crate::clock::{Clock, seconds};
use crate::failure::Failure;
use crate::letters::{self, About};
use crate::limits::Limits;
use crate::metrics::Metrics;
use crate::password::hasher::Hasher;
use crate::repo;
use crate::secrets::Token;

/// How often keys are looked up again because of a token that names an unknown one.
const KEY_LOOKUPS: Rate = Rate::per_minute(6);

/// Why accounts can't start.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The costs of a password's hash are no costs of argon2id.
    #[error("accounts.password_*: {0}")]
    Password(argon2::Error),
    /// The metrics are registered already.
    #[error("the metrics of accounts can't be registered")]
    Metrics(#[from] prometheus::Error),
    /// The database failed.
    #[error("accounts can't be read")]
    Store(#[from] DbError),
}

/// The accounts of this server. Cheap to clone.
#[derive(Clone)]
pub struct Accounts(Arc<Inner>);

/// What [`Accounts`] shares; nothing of it is for others.
pub struct Inner {
    pub(crate) db: Db,
    pub(crate) config: Arc<Config>,
    /// Where browsers find this server, without a slash at the end.
    pub(crate) public_url: String,
    pub(crate) hasher: Hasher,
    pub(crate) limits: Limits,
    pub(crate) metrics: Metrics,
    pub(crate) clock: Clock,
    keys: RwLock<SigningKeys>,
    key_lookups: RateTable,
}

impl std::ops::Deref for Accounts {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl Accounts {
    /// Loads what accounts need. `public_url` is where browsers find this server.
    ///
    /// # Errors
    ///
    /// [`OpenError`]; show it with its causes and stop.
    pub async fn open(
        db: Db,
        config: Arc<Config>,
        public_url: &str,
        registry: &Registry,
        clock: Clock,
    ) -> Result<Self, OpenError> {
        let metrics = Metrics::new(registry)?;
        let busy = metrics.refused.with_label_values(&["password-hashes"]);
        let counted = metrics.hashes.clone();
        let hasher = Hasher::new(&config.accounts, &config.limit, counted, busy)
            .map_err(OpenError::Password)?;
        let keys = repo::keys::load_or_make(&db, clock.now()).await?;
        Ok(Self(Arc::new(Inner {
            limits: Limits::new(&config.limit),
            public_url: public_url.trim_end_matches('/').to_owned(),
            keys: RwLock::new(keys),
            key_lookups: RateTable::new(1),
            db,
            config,
            hasher,
            metrics,
            clock,
        })))
    }

    /// Makes a link to set the server up, if nobody has done so yet: for the operator, who sees it once.
    ///
    /// # Errors
    ///
    /// The database's.
    pub async fn setup_link(&self) -> Result<Option<String>, DbError> {
        if repo::pending::is_set_up(&self.db).await? {
            return Ok(None);
        }
        let (token, now) = (Token::random(), self.clock.now());
        let hours = SignedDuration::from_hours(i64::from(self.config.accounts.setup_link_hours));
        let expires_at = later(now, hours);
        repo::pending::insert_setup_link(&self.db, token.hash(), now, expires_at).await?;
        Ok(Some(self.page("/setup", &token)))
    }
}

impl Inner {
    /// Returns the address of a page with a token.
    pub(crate) fn page(&self, path: &str, token: &Token) -> String {
        format!("{}{path}?token={}", self.public_url, token.expose())
    }

    /// Returns when a link that is made now runs out.
    pub(crate) fn link_expiry(&self, now: Timestamp) -> Timestamp {
        let minutes = i64::from(self.config.accounts.link_minutes);
        later(now, SignedDuration::from_mins(minutes))
    }

    /// Returns when a session that is used now ends unless it is used again.
    pub(crate) fn session_expiry(&self, now: Timestamp) -> Timestamp {
        let days = i64::from(self.config.accounts.session_days);
        later(now, SignedDuration::from_hours(24 * days))
    }

    /// Returns the keys of access tokens.
    pub(crate) fn keys(&self) -> SigningKeys {
        self.keys
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Writes a mail in the transaction of its cause.
    pub(crate) async fn mail(
        &self,
        tx: &mut store::Tx,
        to: (&str, &str, &str),
        about: About<'_>,
        now: Timestamp,
    ) -> Result<(), DbError> {
        let (address, name, locale) = to;
        let letter = letters::write(about, name, locale);
        let days = self.config.accounts.mail_days;
        repo::mails::insert(tx, address, &letter, days, now).await?;
        self.metrics.mails.inc();
        Ok(())
    }

    /// Verifies an access token. A key that is unknown here may be another process's new one.
    async fn verify(&self, token: &str, now: Timestamp) -> Result<UserClaims, Failure> {
        let verify = |keys: SigningKeys| keys.verify(token, &self.public_url, seconds(now));
        let mut result = verify(self.keys());
        if result == Err(UserTokenError::UnknownKey)
            && self
                .key_lookups
                .take((), KEY_LOOKUPS, Instant::now())
                .is_ok()
            && let Some((keys, _)) = repo::keys::load(&self.db).await?
        {
            *self.keys.write().unwrap_or_else(PoisonError::into_inner) = keys.clone();
            result = verify(keys);
        }
        result.map_err(|error| {
            tracing::debug!(%error, "an access token was refused");
            unauthenticated().into()
        })
    }

    /// Finds who sent an access token. The database has the last word: a session that has ended and an
    /// account that is blocked open nothing, on whichever node that happened.
    async fn caller(&self, token: &str) -> Result<Caller, Failure> {
        let now = self.clock.now();
        let claims = self.verify(token, now).await?;
        let row = repo::sessions::find_caller(&self.db, claims.session, now).await?;
        let Some(row) = row.filter(|row| row.is_live && row.user == claims.user) else {
            let detail = "The session has ended. Sign in again.";
            return Err(ApiError::client(ErrorCode::SessionEnded, detail).into());
        };
        if row.used_generation < claims.generation {
            // From now on an older refresh token is a stolen one.
            repo::sessions::mark_used(&self.db, claims.session, claims.generation, now).await?;
        }
        Ok(Caller {
            user: row.user,
            session: claims.session,
            actor: Actor::signed_in(row.user, Role::permissions_of(row.roles)),
        })
    }
}

/// Adds a span of time, up to the end of time.
fn later(now: Timestamp, span: SignedDuration) -> Timestamp {
    now.checked_add(span).unwrap_or(Timestamp::MAX)
}

impl Authenticate for Accounts {
    async fn authenticate(&self, token: &str) -> Result<Caller, ApiError> {
        self.caller(token).await.map_err(ApiError::from)
    }
}
