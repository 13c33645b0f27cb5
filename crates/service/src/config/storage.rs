//! Sections `database` and `redis`: where things are kept, and how processes tell each other.

use std::path::PathBuf;

use auth::Secret;
use serde::{Deserialize, Serialize};

use super::{Config, ConfigError, ice};

/// Section `database`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DatabaseConfig {
    /// PostgreSQL's address; empty means SQLite in the data directory. Serialising never shows it.
    #[serde(with = "ice::credential")]
    pub url: Secret,
    /// A file with the address, instead of `url`; empty means none.
    pub url_file: PathBuf,
    /// Connections at most.
    pub connections_max: u32,
    /// Milliseconds that one operation may take.
    pub timeout_ms: u64,
    /// Milliseconds that a statement waits for a lock that another transaction holds.
    pub busy_timeout_ms: u64,
    /// Make missing migrations when the server starts.
    pub migrate_on_start: bool,
}

impl Default for DatabaseConfig {
    fn default() -> Self {
        Self {
            url: Secret::new(""),
            url_file: PathBuf::new(),
            connections_max: 16,
            timeout_ms: 2000,
            busy_timeout_ms: 1500,
            migrate_on_start: true,
        }
    }
}

/// Reads the file with the address and checks the numbers.
pub(super) fn complete(config: &mut Config) -> Result<(), ConfigError> {
    let refuse = |path: &str, reason: &str| {
        Err(ConfigError::Value {
            path: path.to_owned(),
            reason: reason.to_owned(),
        })
    };
    let database = &mut config.database;
    if !database.url_file.as_os_str().is_empty() {
        if !database.url.expose().is_empty() {
            return refuse("database.url_file", "there is a `url` already");
        }
        database.url = ice::read(&database.url_file)?;
    }
    if database.connections_max == 0 {
        return refuse("database.connections_max", "at least 1 is needed");
    }
    if database.busy_timeout_ms == 0 || database.busy_timeout_ms >= database.timeout_ms {
        let reason = "it has to be more than 0 and less than `database.timeout_ms`";
        return refuse("database.busy_timeout_ms", reason);
    }
    Ok(())
}
