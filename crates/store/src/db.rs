//! The database: reading, single writing statements, and the beginning of transactions.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use prometheus::{IntCounterVec, IntGauge, Opts, Registry};
use sqlx::{PgPool, SqlitePool};
use tokio::sync::Notify;

use crate::config::DatabaseConfig;
use crate::error::{DbError, OpenError};
use crate::row::Row;
use crate::sql::Sql;
use crate::tx::Tx;
use crate::value::{self, Value};
use crate::{check, migrate};

/// Which of the two it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// PostgreSQL.
    Postgres,
    /// SQLite.
    Sqlite,
}

/// The connections. SQLite has one writer, and readers that can't write.
#[derive(Debug, Clone)]
pub(crate) enum Pools {
    Postgres(PgPool),
    Sqlite { read: SqlitePool, write: SqlitePool },
}

/// What all clones of a [`Db`] share.
#[derive(Debug)]
pub(crate) struct Shared {
    /// How long one operation may take.
    pub(crate) timeout: Duration,
    /// Wakes the runner of jobs of this process after a commit that has put one in.
    pub(crate) jobs: Notify,
    errors: IntCounterVec,
    connections: IntGauge,
}

/// The database. Cheap to clone; all clones share their connections.
#[derive(Debug, Clone)]
pub struct Db {
    pub(crate) pools: Pools,
    pub(crate) shared: Arc<Shared>,
}

impl Db {
    /// Connects, and checks that the database keeps what it acknowledges. An empty `config.url` means the
    /// file `clapt.db` in the directory `data`; both are made if they are missing.
    ///
    /// # Errors
    ///
    /// [`OpenError`] says in one line what to do about it.
    pub async fn open(config: &DatabaseConfig, data: &Path) -> Result<Self, OpenError> {
        let pools = if config.url.expose().is_empty() {
            check::open_sqlite(config, &data.join("clapt.db")).await?
        } else {
            check::open_postgres(config).await?
        };
        Ok(Self::of(pools, config.timeout))
    }

    /// Takes the SQLite file at `path` instead of the configured database.
    ///
    /// # Errors
    ///
    /// As for [`open`](Self::open).
    pub async fn open_file(config: &DatabaseConfig, path: &Path) -> Result<Self, OpenError> {
        let pools = check::open_sqlite(config, path).await?;
        Ok(Self::of(pools, config.timeout))
    }

    fn of(pools: Pools, timeout: Duration) -> Self {
        let options = Opts::new(
            "clapt_database_errors_total",
            "Operations of the database that failed.",
        );
        let errors = IntCounterVec::new(options, &["error"]).expect("name and label are valid");
        let about = "Connections to the database.";
        let connections =
            IntGauge::new("clapt_database_connections", about).expect("the name is valid");
        let shared = Shared {
            timeout,
            jobs: Notify::new(),
            errors,
            connections,
        };
        Self {
            pools,
            shared: Arc::new(shared),
        }
    }

    /// Adds the metrics of the database to `registry`.
    ///
    /// # Errors
    ///
    /// The registry's error, if they are in it already.
    pub fn register(&self, registry: &Registry) -> Result<(), prometheus::Error> {
        registry.register(Box::new(self.shared.errors.clone()))?;
        registry.register(Box::new(self.shared.connections.clone()))
    }

    /// Says which database it is.
    #[must_use]
    pub fn backend(&self) -> Backend {
        match self.pools {
            Pools::Postgres(_) => Backend::Postgres,
            Pools::Sqlite { .. } => Backend::Sqlite,
        }
    }

    /// Makes the migrations that are still missing.
    ///
    /// # Errors
    ///
    /// [`OpenError::Migrate`] if one fails (then nothing of it is left), or if the database has been
    /// migrated by a newer program.
    pub async fn migrate(&self) -> Result<migrate::MigrationReport, OpenError> {
        migrate::run(&self.pools).await
    }

    /// Checks that no migration is missing.
    ///
    /// # Errors
    ///
    /// [`OpenError::Pending`] if one is, [`OpenError::Migrate`] as for [`migrate`](Self::migrate).
    pub async fn check_migrated(&self) -> Result<(), OpenError> {
        migrate::check(&self.pools).await
    }

    /// Begins a transaction that writes. In SQLite it is the only one until it ends (`BEGIN IMMEDIATE`), so
    /// keep it short: no mail, no hashing of passwords inside.
    ///
    /// # Errors
    ///
    /// [`DbError::Unavailable`], or [`DbError::Retry`] if another process holds SQLite's lock.
    pub async fn begin(&self) -> Result<Tx, DbError> {
        Tx::begin(self).await
    }

    /// Reads all rows. The statement must not write: in SQLite it is run by a reader.
    ///
    /// # Errors
    ///
    /// Any [`DbError`] but `Constraint` and `Aborted`.
    pub async fn all(&self, sql: Sql, values: &[Value]) -> Result<Vec<Row>, DbError> {
        let operation = async {
            match &self.pools {
                Pools::Postgres(pool) => {
                    let arguments = value::postgres(values)?;
                    let query = sqlx::query_with(sql.postgres, arguments);
                    let rows = query.fetch_all(pool).await?;
                    Ok(rows.into_iter().map(Row::Postgres).collect())
                }
                Pools::Sqlite { read, .. } => {
                    let query = sqlx::query_with(sql.sqlite, value::sqlite(values)?);
                    let rows = query.fetch_all(read).await?;
                    Ok(rows.into_iter().map(Row::Sqlite).collect())
                }
            }
        };
        self.shared.within(operation).await
    }

    /// Reads the first row, if there is one. Otherwise like [`all`](Self::all).
    ///
    /// # Errors
    ///
    /// As for [`all`](Self::all).
    pub async fn optional(&self, sql: Sql, values: &[Value]) -> Result<Option<Row>, DbError> {
        let operation = async {
            match &self.pools {
                Pools::Postgres(pool) => {
                    let arguments = value::postgres(values)?;
                    let query = sqlx::query_with(sql.postgres, arguments);
                    Ok(query.fetch_optional(pool).await?.map(Row::Postgres))
                }
                Pools::Sqlite { read, .. } => {
                    let query = sqlx::query_with(sql.sqlite, value::sqlite(values)?);
                    Ok(query.fetch_optional(read).await?.map(Row::Sqlite))
                }
            }
        };
        self.shared.within(operation).await
    }

    /// Reads the first row, which has to be there. Otherwise like [`all`](Self::all).
    ///
    /// # Errors
    ///
    /// [`DbError::NotFound`] if there is none, else as for [`all`](Self::all).
    pub async fn one(&self, sql: Sql, values: &[Value]) -> Result<Row, DbError> {
        let row = self.optional(sql, values).await?;
        row.ok_or(DbError::NotFound)
    }

    /// Runs one writing statement as a transaction of its own and returns how many rows it touched.
    ///
    /// # Errors
    ///
    /// Any [`DbError`] but `NotFound` and `Aborted`.
    pub async fn execute(&self, sql: Sql, values: &[Value]) -> Result<u64, DbError> {
        let operation = async {
            match &self.pools {
                Pools::Postgres(pool) => {
                    let arguments = value::postgres(values)?;
                    let query = sqlx::query_with(sql.postgres, arguments);
                    Ok(query.execute(pool).await?.rows_affected())
                }
                Pools::Sqlite { write, .. } => {
                    let query = sqlx::query_with(sql.sqlite, value::sqlite(values)?);
                    Ok(query.execute(write).await?.rows_affected())
                }
            }
        };
        self.shared.within(operation).await
    }

    /// Closes all connections, after what they do now. SQLite puts its log back into the file.
    pub async fn close(&self) {
        match &self.pools {
            Pools::Postgres(pool) => pool.close().await,
            Pools::Sqlite { read, write } => {
                read.close().await;
                write.close().await;
            }
        }
    }

    /// Notes how many connections there are, for the metrics.
    pub(crate) fn count_connections(&self) {
        let open = match &self.pools {
            Pools::Postgres(pool) => pool.size(),
            Pools::Sqlite { read, write } => read.size() + write.size(),
        };
        self.shared.connections.set(i64::from(open));
    }
}

impl Shared {
    /// Runs an operation, but no longer than allowed, and counts how it fails.
    pub(crate) async fn within<T>(
        &self,
        operation: impl Future<Output = Result<T, DbError>>,
    ) -> Result<T, DbError> {
        let result = tokio::time::timeout(self.timeout, operation).await;
        let result = result.unwrap_or(Err(DbError::Unavailable(None)));
        if let Err(error) = &result {
            self.errors.with_label_values(&[error.label()]).inc();
        }
        result
    }
}
