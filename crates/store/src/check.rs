//! Opening a database, and what is checked of it before anything is entrusted to it.

use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, PgConnection, Row, SqliteConnection};

use crate::config::DatabaseConfig;
use crate::db::Pools;
use crate::error::OpenError;

/// PostgreSQL 14.
const POSTGRES_VERSION_MIN: i32 = 140_000;

/// Milliseconds after which PostgreSQL ends a transaction in which nothing happens, so that a process that
/// hangs holds no locks for ever.
const IDLE_IN_TRANSACTION_MS: &str = "60000";

/// Connects to PostgreSQL once, to check it and to have a clear error, and makes the pool.
pub(crate) async fn open_postgres(config: &DatabaseConfig) -> Result<Pools, OpenError> {
    let text = config.url.expose();
    if !text.starts_with("postgres://") && !text.starts_with("postgresql://") {
        return Err(OpenError::Url);
    }
    let options = PgConnectOptions::from_str(text).map_err(|_| OpenError::Url)?;
    let lock_timeout = config.busy_timeout.as_millis().max(1).to_string();
    let options = options.application_name("clapt").options([
        ("lock_timeout", lock_timeout.as_str()),
        (
            "idle_in_transaction_session_timeout",
            IDLE_IN_TRANSACTION_MS,
        ),
        ("timezone", "UTC"),
    ]);

    let look = async {
        let mut connection = options.connect().await.map_err(OpenError::Connect)?;
        check_postgres(&mut connection).await?;
        connection.close().await.map_err(OpenError::Connect)
    };
    let looked = tokio::time::timeout(config.timeout, look).await;
    looked.map_err(|_| OpenError::Slow(config.timeout.as_millis()))??;

    let pool = PgPoolOptions::new()
        .max_connections(config.connections_max.max(1))
        .acquire_timeout(config.timeout)
        .connect_lazy_with(options);
    Ok(Pools::Postgres(pool))
}

async fn check_postgres(connection: &mut PgConnection) -> Result<(), OpenError> {
    let look = "SELECT current_setting('server_version_num')::INTEGER AS version, \
                current_setting('server_version') AS version_text, \
                current_setting('synchronous_commit') AS synchronous_commit, \
                current_setting('server_encoding') AS encoding, \
                current_setting('fsync') AS fsync, \
                pg_is_in_recovery() AS is_standby";
    let row = sqlx::query(look)
        .fetch_one(connection)
        .await
        .map_err(OpenError::Connect)?;
    let text = |column: &str| -> Result<String, OpenError> {
        row.try_get(column).map_err(OpenError::Connect)
    };
    let version: i32 = row.try_get("version").map_err(OpenError::Connect)?;
    let is_standby: bool = row.try_get("is_standby").map_err(OpenError::Connect)?;
    let found = PostgresFacts {
        version,
        version_text: text("version_text")?,
        synchronous_commit: text("synchronous_commit")?,
        encoding: text("encoding")?,
        is_standby,
    };
    if text("fsync")? == "off" {
        tracing::warn!("fsync is off in PostgreSQL: a power failure destroys the database");
    }
    found.check().map_err(OpenError::Unfit)
}

/// What PostgreSQL says of itself.
#[derive(Debug, Clone)]
struct PostgresFacts {
    version: i32,
    version_text: String,
    synchronous_commit: String,
    encoding: String,
    is_standby: bool,
}

impl PostgresFacts {
    /// Says why it can't be used.
    fn check(&self) -> Result<(), String> {
        if self.version < POSTGRES_VERSION_MIN {
            let version = &self.version_text;
            return Err(format!("PostgreSQL {version} is too old, 14 is needed"));
        }
        if self.synchronous_commit == "off" {
            return Err(
                "synchronous_commit is off, so that a crash loses what was acknowledged; set it to on"
                    .to_owned(),
            );
        }
        if self.encoding != "UTF8" {
            let encoding = &self.encoding;
            return Err(format!("its encoding is {encoding}, UTF8 is needed"));
        }
        if self.is_standby {
            return Err("it is a standby, which can't be written".to_owned());
        }
        Ok(())
    }
}

/// Opens a file of SQLite, made if missing, with one writer and several readers.
pub(crate) async fn open_sqlite(config: &DatabaseConfig, path: &Path) -> Result<Pools, OpenError> {
    make_private(path)?;
    let options = SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(config.busy_timeout);
    let mut connection = options.connect().await.map_err(OpenError::Connect)?;
    check_sqlite(&mut connection).await?;
    connection.close().await.map_err(OpenError::Connect)?;

    let pool = |connections: u32| {
        SqlitePoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(config.timeout)
            .idle_timeout(None::<Duration>)
            .max_lifetime(None::<Duration>)
    };
    // One writer is all that SQLite allows; those who want to write wait for it in order.
    let write = pool(1).connect_lazy_with(options.clone());
    let read = pool(config.connections_max.max(1)).connect_lazy_with(options.read_only(true));
    Ok(Pools::Sqlite { read, write })
}

async fn check_sqlite(connection: &mut SqliteConnection) -> Result<(), OpenError> {
    let row = sqlx::query("PRAGMA journal_mode")
        .fetch_one(connection)
        .await
        .map_err(OpenError::Connect)?;
    let mode: String = row.try_get(0).map_err(OpenError::Connect)?;
    if mode != "wal" {
        return Err(OpenError::Unfit(format!(
            "SQLite keeps the journal mode {mode} instead of wal; is it on a network file system?"
        )));
    }
    Ok(())
}

/// Makes the directory and the file, readable by nobody else. SQLite gives its log the file's mode.
fn make_private(path: &Path) -> Result<(), OpenError> {
    let refuse = |at: &Path, source| OpenError::Directory {
        path: at.to_owned(),
        source,
    };
    if let Some(folder) = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        std::fs::create_dir_all(folder).map_err(|source| refuse(folder, source))?;
    }
    let mut options = std::fs::OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map_err(|source| refuse(path, source))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> PostgresFacts {
        PostgresFacts {
            version: 140_000,
            version_text: "14.0".to_owned(),
            synchronous_commit: "on".to_owned(),
            encoding: "UTF8".to_owned(),
            is_standby: false,
        }
    }

    #[test]
    fn a_postgres_that_loses_or_refuses_what_it_is_given_is_refused() {
        assert_eq!(facts().check(), Ok(()));
        let remote = PostgresFacts {
            synchronous_commit: "remote_apply".to_owned(),
            ..facts()
        };
        assert_eq!(remote.check(), Ok(()));

        let old = PostgresFacts {
            version: 139_999,
            ..facts()
        };
        let lossy = PostgresFacts {
            synchronous_commit: "off".to_owned(),
            ..facts()
        };
        let latin = PostgresFacts {
            encoding: "LATIN1".to_owned(),
            ..facts()
        };
        let standby = PostgresFacts {
            is_standby: true,
            ..facts()
        };
        for (refused, word) in [
            (old, "too old"),
            (lossy, "synchronous_commit"),
            (latin, "UTF8"),
            (standby, "standby"),
        ] {
            let reason = refused.check().unwrap_err();
            assert!(reason.contains(word), "{reason}");
        }
    }
}
