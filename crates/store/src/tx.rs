//! A transaction: the same behaviour on both databases.
//!
//! Invariant: after a statement has failed, nothing of the transaction is kept. PostgreSQL would answer
//! `COMMIT` with a silent rollback, SQLite would commit the rest; here both refuse.

use std::sync::Arc;

use sqlx::{Postgres, Sqlite, Transaction};

use crate::db::{Db, Pools, Shared};
use crate::error::DbError;
use crate::row::Row;
use crate::sql::Sql;
use crate::value::{self, Value};

#[derive(Debug)]
enum Inner {
    Postgres(Transaction<'static, Postgres>),
    Sqlite(Transaction<'static, Sqlite>),
}

/// A transaction that writes; dropped without [`commit`](Self::commit) it is rolled back.
#[derive(Debug)]
pub struct Tx {
    inner: Inner,
    shared: Arc<Shared>,
    /// A statement failed.
    failed: bool,
    /// A job was put in, so that the runner is to be woken after the commit.
    pub(crate) has_jobs: bool,
}

impl Tx {
    pub(crate) async fn begin(db: &Db) -> Result<Self, DbError> {
        let begin = async {
            Ok(match &db.pools {
                Pools::Postgres(pool) => Inner::Postgres(pool.begin().await?),
                Pools::Sqlite { write, .. } => {
                    Inner::Sqlite(write.begin_with("BEGIN IMMEDIATE").await?)
                }
            })
        };
        let inner = db.shared.within(begin).await?;
        db.count_connections();
        Ok(Self {
            inner,
            shared: Arc::clone(&db.shared),
            failed: false,
            has_jobs: false,
        })
    }

    /// Runs a statement and returns its rows, for instance those of `RETURNING`.
    ///
    /// # Errors
    ///
    /// Any [`DbError`] but `NotFound`; afterwards the transaction is [`Aborted`](DbError::Aborted).
    pub async fn all(&mut self, sql: Sql, values: &[Value]) -> Result<Vec<Row>, DbError> {
        self.check()?;
        let inner = &mut self.inner;
        let operation = async {
            match inner {
                Inner::Postgres(tx) => {
                    let arguments = value::postgres(values)?;
                    let query = sqlx::query_with(sql.postgres, arguments);
                    let rows = query.fetch_all(&mut **tx).await?;
                    Ok(rows.into_iter().map(Row::Postgres).collect())
                }
                Inner::Sqlite(tx) => {
                    let query = sqlx::query_with(sql.sqlite, value::sqlite(values)?);
                    let rows = query.fetch_all(&mut **tx).await?;
                    Ok(rows.into_iter().map(Row::Sqlite).collect())
                }
            }
        };
        let result = self.shared.within(operation).await;
        self.failed = result.is_err();
        result
    }

    /// Runs a statement and returns its first row, if there is one.
    ///
    /// # Errors
    ///
    /// As for [`all`](Self::all).
    pub async fn optional(&mut self, sql: Sql, values: &[Value]) -> Result<Option<Row>, DbError> {
        // All of them, since SQLite stops a statement whose rows nobody asks for.
        let rows = self.all(sql, values).await?;
        Ok(rows.into_iter().next())
    }

    /// Runs a statement and returns its first row, which has to be there.
    ///
    /// # Errors
    ///
    /// [`DbError::NotFound`] if there is none, which does not abort the transaction; else as for
    /// [`all`](Self::all).
    pub async fn one(&mut self, sql: Sql, values: &[Value]) -> Result<Row, DbError> {
        let row = self.optional(sql, values).await?;
        row.ok_or(DbError::NotFound)
    }

    /// Runs a statement and returns how many rows it touched.
    ///
    /// # Errors
    ///
    /// As for [`all`](Self::all).
    pub async fn execute(&mut self, sql: Sql, values: &[Value]) -> Result<u64, DbError> {
        self.check()?;
        let inner = &mut self.inner;
        let operation = async {
            match inner {
                Inner::Postgres(tx) => {
                    let arguments = value::postgres(values)?;
                    let query = sqlx::query_with(sql.postgres, arguments);
                    Ok(query.execute(&mut **tx).await?.rows_affected())
                }
                Inner::Sqlite(tx) => {
                    let query = sqlx::query_with(sql.sqlite, value::sqlite(values)?);
                    Ok(query.execute(&mut **tx).await?.rows_affected())
                }
            }
        };
        let result = self.shared.within(operation).await;
        self.failed = result.is_err();
        result
    }

    /// Keeps what was done. Only after this may anybody be told of it.
    ///
    /// # Errors
    ///
    /// [`DbError::Aborted`] if a statement failed before; [`DbError::Retry`] if nothing was kept;
    /// [`DbError::Unavailable`] if nobody knows whether it was.
    pub async fn commit(self) -> Result<(), DbError> {
        self.check()?;
        let Self {
            inner,
            shared,
            has_jobs,
            ..
        } = self;
        let operation = async {
            match inner {
                Inner::Postgres(tx) => tx.commit().await?,
                Inner::Sqlite(tx) => tx.commit().await?,
            }
            Ok(())
        };
        shared.within(operation).await?;
        if has_jobs {
            shared.jobs.notify_one();
        }
        Ok(())
    }

    /// Takes everything back. Dropping does so too, but only when the connection is next used; this waits.
    ///
    /// # Errors
    ///
    /// [`DbError::Unavailable`]; what was not committed is gone even so.
    pub async fn rollback(self) -> Result<(), DbError> {
        let operation = async {
            match self.inner {
                Inner::Postgres(tx) => tx.rollback().await?,
                Inner::Sqlite(tx) => tx.rollback().await?,
            }
            Ok(())
        };
        self.shared.within(operation).await
    }

    fn check(&self) -> Result<(), DbError> {
        if self.failed {
            Err(DbError::Aborted)
        } else {
            Ok(())
        }
    }
}
