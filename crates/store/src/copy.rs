//! Copying a whole database into another one, of whichever kind: `clapt db copy`, backups, restores.
//!
//! The source is read in one snapshot, the target written in one transaction: it gets all or nothing. The
//! target must not have a single table, so that nothing of it can be lost or mixed.

use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use sqlx::{AssertSqlSafe, Postgres, SqlSafeStr, Sqlite, Transaction};
use thiserror::Error;

use crate::db::{Backend, Db, Pools};
use crate::error::{DbError, OpenError};
use crate::row::Row;
use crate::schema::{self, Tables};
use crate::value::{self, Kind, Value};

/// Rows that are written by one statement.
const BATCH_ROWS_MAX: usize = 500;

/// Parameters that one statement may have: SQLite's limit, which is the lower one.
const PARAMETERS_MAX: usize = 32_766;

/// Why a database was not copied. The target is as it was, but for tables that are empty.
#[derive(Debug, Error)]
pub enum CopyError {
    /// The target has tables already.
    #[error("the target is not empty: it has the table {0}")]
    NotEmpty(String),
    /// One of them can't be used.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The tables of both are not the same, or foreign keys lead in a circle.
    #[error("{0}")]
    Schema(String),
    /// Not all rows of a table arrived.
    #[error("{table}: {read} rows were read, {written} are in the target")]
    Count {
        /// The table.
        table: String,
        /// Rows that the source has.
        read: u64,
        /// Rows that the target has.
        written: u64,
    },
    /// Reading or writing failed.
    #[error("the table {table} can't be copied")]
    Table {
        /// The table.
        table: String,
        /// The reason.
        source: DbError,
    },
    /// The transaction failed.
    #[error("the databases can't be copied")]
    Database(#[from] DbError),
}

/// What was copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyReport {
    /// Tables with their numbers of rows, in the order in which they were copied.
    pub tables: Vec<(String, u64)>,
}

impl Db {
    /// Copies everything into `target`, which must have no tables. It is migrated first, and all of it is
    /// written in one transaction. Nobody may write to either meanwhile: what is written after the copy
    /// began stays behind.
    ///
    /// # Errors
    ///
    /// [`CopyError`] says what is wrong with which of them.
    pub async fn copy_to(&self, target: &Self) -> Result<CopyReport, CopyError> {
        self.check_migrated().await?;
        if let Some(name) = schema::read(target).await?.into_keys().next() {
            return Err(CopyError::NotEmpty(name));
        }
        target.migrate().await?;
        let tables = schema::read(self).await?;
        let there = schema::read(target).await?;
        let names = |tables: &Tables| tables.keys().cloned().collect::<Vec<_>>();
        if names(&tables) != names(&there) {
            return Err(CopyError::Schema(
                "their tables are not the same".to_owned(),
            ));
        }
        // The types of PostgreSQL say more.
        let (typed, backend) = match (self.backend(), target.backend()) {
            (Backend::Sqlite, Backend::Postgres) => (&there, Backend::Postgres),
            (backend, _) => (&tables, backend),
        };
        let circle = || CopyError::Schema("foreign keys lead in a circle".to_owned());
        let order = schema::in_order_of_references(&tables).ok_or_else(circle)?;

        let mut reader = Reader::begin(self).await.map_err(DbError::from)?;
        let mut writer = Writer::begin(target).await.map_err(DbError::from)?;
        // What migrations put in is in the source as well.
        for table in order.iter().rev() {
            let cleared = writer
                .execute(format!("DELETE FROM \"{table}\""), &[])
                .await;
            cleared.map_err(|source| at(table, source))?;
        }
        let mut report = CopyReport { tables: Vec::new() };
        for table in order {
            let plan = Plan::new(&table, typed, backend)?;
            let rows = copy_table(&plan, &mut reader, &mut writer).await;
            let read = rows.map_err(|source| at(&table, source))?;
            let written = writer
                .count(&table)
                .await
                .map_err(|source| at(&table, source))?;
            if read != written {
                return Err(CopyError::Count {
                    table,
                    read,
                    written,
                });
            }
            report.tables.push((table, read));
        }
        writer.commit().await.map_err(DbError::from)?;
        Ok(report)
    }
}

fn at(table: &str, source: DbError) -> CopyError {
    CopyError::Table {
        table: table.to_owned(),
        source,
    }
}

/// How a table is copied.
struct Plan {
    table: String,
    columns: Vec<(String, Kind)>,
    /// What rows are sorted by, so that those that others of the same table refer to, being older, come first.
    key: String,
}

impl Plan {
    fn new(name: &str, typed: &Tables, backend: Backend) -> Result<Self, CopyError> {
        let unknown = |column: &str, declared: &str| {
            CopyError::Schema(format!(
                "{name}.{column} is a {declared}, which can't be copied"
            ))
        };
        let table = &typed[name];
        let columns = table.columns.iter().map(|column| {
            let kind = schema::kind(backend, &column.declared);
            let kind = kind.ok_or_else(|| unknown(&column.name, &column.declared))?;
            Ok((column.name.clone(), kind))
        });
        let columns: Vec<(String, Kind)> = columns.collect::<Result<_, CopyError>>()?;
        let key = table.columns.first().map_or("", |column| &column.name);
        Ok(Self {
            table: name.to_owned(),
            key: format!("\"{key}\""),
            columns,
        })
    }

    fn names(&self) -> String {
        let quoted = self.columns.iter().map(|(name, _)| format!("\"{name}\""));
        quoted.collect::<Vec<_>>().join(", ")
    }

    fn select(&self) -> String {
        let (names, table, key) = (self.names(), &self.table, &self.key);
        format!("SELECT {names} FROM \"{table}\" ORDER BY {key}")
    }

    fn insert(&self, rows: usize) -> String {
        let width = self.columns.len();
        let row = |row: usize| {
            let parameters = (1..=width).map(|column| format!("${}", row * width + column));
            format!("({})", parameters.collect::<Vec<_>>().join(", "))
        };
        let rows = (0..rows).map(row).collect::<Vec<_>>().join(", ");
        format!(
            "INSERT INTO \"{}\" ({}) VALUES {rows}",
            self.table,
            self.names()
        )
    }

    fn read(&self, row: &Row) -> Result<Vec<Value>, DbError> {
        let value = |(name, kind): &(String, Kind)| {
            Ok(match kind {
                Kind::Bool => row.bool_or_null(name)?.into(),
                Kind::Int => row.int_or_null(name)?.into(),
                Kind::Text => row.text_or_null(name)?.into(),
                Kind::Bytes => row.bytes_or_null(name)?.into(),
                Kind::Id => row.id_or_null(name)?.into(),
                Kind::Time => row.time_or_null(name)?.into(),
                Kind::Json => row.json_or_null(name)?.into(),
            })
        };
        self.columns.iter().map(value).collect()
    }
}

/// Copies the rows of one table and returns how many there were.
async fn copy_table(plan: &Plan, from: &mut Reader, to: &mut Writer) -> Result<u64, DbError> {
    let width = plan.columns.len().max(1);
    let batch_rows = (PARAMETERS_MAX / width).clamp(1, BATCH_ROWS_MAX);
    let mut rows = from.rows(plan.select());
    let mut batch: Vec<Value> = Vec::new();
    let mut copied = 0;
    loop {
        let row = rows.next().await.transpose()?;
        let is_last = row.is_none();
        if let Some(row) = row {
            batch.extend(plan.read(&row)?);
            copied += 1;
        }
        let waiting = batch.len() / width;
        if waiting == batch_rows || (is_last && waiting > 0) {
            to.execute(plan.insert(waiting), &batch).await?;
            batch.clear();
        }
        if is_last {
            return Ok(copied);
        }
    }
}

/// A snapshot that is read, without the deadline that other operations have.
enum Reader {
    Postgres(Transaction<'static, Postgres>),
    Sqlite(Transaction<'static, Sqlite>),
}

impl Reader {
    async fn begin(db: &Db) -> Result<Self, sqlx::Error> {
        Ok(match &db.pools {
            Pools::Postgres(pool) => {
                let snapshot = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
                Self::Postgres(pool.begin_with(snapshot).await?)
            }
            Pools::Sqlite { read, .. } => Self::Sqlite(read.begin().await?),
        })
    }

    fn rows(&mut self, sql: String) -> BoxStream<'_, Result<Row, DbError>> {
        let query = AssertSqlSafe(sql).into_sql_str();
        match self {
            Self::Postgres(tx) => sqlx::query(query)
                .fetch(&mut **tx)
                .map(|row| Ok(Row::Postgres(row?)))
                .boxed(),
            Self::Sqlite(tx) => sqlx::query(query)
                .fetch(&mut **tx)
                .map(|row| Ok(Row::Sqlite(row?)))
                .boxed(),
        }
    }
}

/// The transaction that is written.
enum Writer {
    Postgres(Transaction<'static, Postgres>),
    Sqlite(Transaction<'static, Sqlite>),
}

impl Writer {
    async fn begin(db: &Db) -> Result<Self, sqlx::Error> {
        Ok(match &db.pools {
            Pools::Postgres(pool) => Self::Postgres(pool.begin().await?),
            Pools::Sqlite { write, .. } => Self::Sqlite(write.begin_with("BEGIN IMMEDIATE").await?),
        })
    }

    async fn execute(&mut self, sql: String, values: &[Value]) -> Result<(), DbError> {
        let sql = AssertSqlSafe(sql).into_sql_str();
        match self {
            Self::Postgres(tx) => {
                let arguments = value::postgres(values)?;
                sqlx::query_with(sql, arguments).execute(&mut **tx).await?;
            }
            Self::Sqlite(tx) => {
                let arguments = value::sqlite(values)?;
                sqlx::query_with(sql, arguments).execute(&mut **tx).await?;
            }
        }
        Ok(())
    }

    async fn count(&mut self, table: &str) -> Result<u64, DbError> {
        let sql = AssertSqlSafe(format!("SELECT COUNT(*) AS count FROM \"{table}\""));
        let row = match self {
            Self::Postgres(tx) => Row::Postgres(sqlx::query(sql).fetch_one(&mut **tx).await?),
            Self::Sqlite(tx) => Row::Sqlite(sqlx::query(sql).fetch_one(&mut **tx).await?),
        };
        Ok(u64::try_from(row.int("count")?).unwrap_or_default())
    }

    async fn commit(self) -> Result<(), sqlx::Error> {
        match self {
            Self::Postgres(tx) => tx.commit().await,
            Self::Sqlite(tx) => tx.commit().await,
        }
    }
}
