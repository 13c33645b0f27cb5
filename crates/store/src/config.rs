//! How to reach the database.

use std::time::Duration;

/// Which database, and how patient one is with it.
#[derive(Debug, Clone)]
pub struct DatabaseConfig {
    /// `postgres://USER:PASSWORD@HOST/DATABASE`; empty means the file `clapt.db` in the data directory.
    ///
    /// It may hold a password: it stands in no error and no log.
    pub url: Url,
    /// Connections to PostgreSQL, or readers of the SQLite file beside its one writer. Who finds none
    /// free within `timeout` is told [`Unavailable`](crate::DbError::Unavailable).
    pub connections_max: u32,
    /// How long one operation may take, waiting for a connection included.
    pub timeout: Duration,
    /// How long a statement waits for a lock that another transaction holds, before it is
    /// [`Retry`](crate::DbError::Retry). Less than `timeout`, or that comes first.
    pub busy_timeout: Duration,
}

impl Default for DatabaseConfig {
    fn default() -> Self {
        Self {
            url: Url::default(),
            connections_max: 16,
            timeout: Duration::from_secs(2),
            busy_timeout: Duration::from_millis(1500),
        }
    }
}

/// An address that may hold a password; `Debug` doesn't show it.
#[derive(Clone, Default)]
pub struct Url(String);

impl Url {
    /// Takes an address.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Shows it to what connects.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Url {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Url(..)")
    }
}
