//! Migrations of both trees, embedded into the program.

use std::time::{Duration, Instant};

use sqlx::migrate::{Migrate, MigrateError, Migration, MigrationType, Migrator};
use sqlx::{
    Connection, PgConnection, SqlSafeStr, Sqlite, SqliteConnection, SqlitePool, Transaction,
};

use crate::db::Pools;
use crate::error::{OpenError, is_locked};

/// Where sqlx notes what has been done.
pub(crate) const TABLE: &str = "_sqlx_migrations";

/// Another process may be migrating, and a table may be in use.
const PATIENCE: Duration = Duration::from_mins(5);

/// One step, for each of the databases.
struct Step {
    /// `NNNN_name`, as its files are named.
    name: &'static str,
    postgres: &'static str,
    sqlite: &'static str,
}

macro_rules! steps {
    ($($name:literal),+ $(,)?) => {
        &[$(Step {
            name: $name,
            postgres: include_str!(concat!("../../../migrations/postgres/", $name, ".sql")),
            sqlite: include_str!(concat!("../../../migrations/sqlite/", $name, ".sql")),
        }),+]
    };
}

/// All steps in order. What has been released is never edited: a further step puts it right.
const STEPS: &[Step] = steps!["0001_accounts", "0002_jobs"];

/// What a migration did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigrationReport {
    /// The steps that were made, by name; none if there was nothing to do.
    pub made: Vec<&'static str>,
    /// The last step that there is.
    pub newest: &'static str,
}

/// A text that changes with the migrations, to tell old template databases from new ones.
#[cfg(any(test, feature = "testing"))]
pub(crate) fn fingerprint() -> String {
    use std::fmt::Write as _;
    let all = migrator(|step| step.postgres);
    let mut text = String::new();
    for byte in all
        .iter()
        .flat_map(|migration| migration.checksum.iter().take(4))
    {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn number(name: &str) -> i64 {
    let digits = name.split('_').next().unwrap_or_default();
    digits
        .parse()
        .expect("a migration's name begins with its number")
}

fn migrator(text: fn(&Step) -> &'static str) -> Migrator {
    let migrations = STEPS.iter().map(|step| {
        let kind = MigrationType::Simple;
        let sql = text(step).into_sql_str();
        Migration::new(number(step.name), step.name.into(), kind, sql, false)
    });
    Migrator::with_migrations(migrations.collect())
}

/// Makes the steps that are missing. Several processes may try at once: one does it, the others wait.
pub(crate) async fn run(pools: &Pools) -> Result<MigrationReport, OpenError> {
    let made = match pools {
        Pools::Postgres(pool) => {
            // One of its own, so that sqlx's lock ends with it, whatever happens.
            let connection = pool.acquire().await.map_err(OpenError::Connect)?;
            let mut connection = connection.detach();
            sqlx::query("SELECT set_config('lock_timeout', $1, FALSE)")
                .bind(PATIENCE.as_millis().to_string())
                .execute(&mut connection)
                .await
                .map_err(OpenError::Connect)?;
            let steps = migrator(|step| step.postgres);
            let made = run_on::<PgConnection>(&mut connection, &steps).await;
            connection.close().await.map_err(OpenError::Connect)?;
            made
        }
        Pools::Sqlite { write, .. } => {
            // sqlx takes no lock in SQLite; its own transactions become savepoints within this one.
            let mut tx = lock_sqlite(write).await.map_err(OpenError::Connect)?;
            let steps = migrator(|step| step.sqlite);
            let made = run_on::<SqliteConnection>(&mut tx, &steps).await;
            if made.is_ok() {
                tx.commit().await.map_err(OpenError::Connect)?;
            }
            made
        }
    };
    let newest = STEPS.last().map_or("", |step| step.name);
    let made = made.map_err(OpenError::Migrate)?;
    Ok(MigrationReport { made, newest })
}

/// Begins a transaction when no other process has one, after some minutes at most.
async fn lock_sqlite(write: &SqlitePool) -> Result<Transaction<'static, Sqlite>, sqlx::Error> {
    let started = Instant::now();
    loop {
        match write.begin_with("BEGIN IMMEDIATE").await {
            Err(error) if is_locked(&error) && started.elapsed() < PATIENCE => {}
            result => return result,
        }
    }
}

async fn run_on<C: Migrate>(
    connection: &mut C,
    steps: &Migrator,
) -> Result<Vec<&'static str>, MigrateError> {
    let before = applied(connection).await?;
    steps.run_direct(None, connection, false).await?;
    let names = STEPS.iter().map(|step| step.name);
    Ok(names
        .filter(|name| !before.contains(&number(name)))
        .collect())
}

/// Fails if a step is missing.
pub(crate) async fn check(pools: &Pools) -> Result<(), OpenError> {
    let applied = match pools {
        Pools::Postgres(pool) => {
            let mut connection = pool.acquire().await.map_err(OpenError::Connect)?;
            applied::<PgConnection>(&mut connection).await
        }
        Pools::Sqlite { write, .. } => {
            let mut connection = write.acquire().await.map_err(OpenError::Connect)?;
            applied::<SqliteConnection>(&mut connection).await
        }
    };
    let applied = applied.map_err(OpenError::Migrate)?;
    let missing = STEPS
        .iter()
        .filter(|step| !applied.contains(&number(step.name)));
    match missing.count() {
        0 => Ok(()),
        count => Err(OpenError::Pending(count)),
    }
}

async fn applied<C: Migrate>(connection: &mut C) -> Result<Vec<i64>, MigrateError> {
    connection.ensure_migrations_table(TABLE).await?;
    let applied = connection.list_applied_migrations(TABLE).await?;
    Ok(applied
        .into_iter()
        .map(|migration| migration.version)
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names of the files of one tree, without `.sql`.
    fn files(tree: &str) -> Vec<String> {
        let folder = format!("{}/../../migrations/{tree}", env!("CARGO_MANIFEST_DIR"));
        let entries = std::fs::read_dir(folder).unwrap();
        let name = |entry: std::io::Result<std::fs::DirEntry>| {
            let name = entry.unwrap().file_name().into_string().unwrap();
            name.strip_suffix(".sql").unwrap().to_owned()
        };
        let mut names: Vec<String> = entries.map(name).collect();
        names.sort();
        names
    }

    #[test]
    fn every_file_of_both_trees_is_a_step_and_they_are_in_order() {
        let steps: Vec<&str> = STEPS.iter().map(|step| step.name).collect();

        assert_eq!(files("postgres"), steps);
        assert_eq!(files("sqlite"), steps);
        assert!(steps.is_sorted_by_key(|name| number(name)));
    }
}
