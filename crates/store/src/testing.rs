//! For tests: a fresh, migrated database for each test, on SQLite and on PostgreSQL.
//!
//! SQLite is in a temporary directory. PostgreSQL is the server that `CLAPT_TEST_POSTGRES` names
//! (`tests/postgres.sh COMMAND` starts one); without it tests run on SQLite alone and say so, and with
//! `CI=1` they fail.

use std::ops::Deref;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection, Either, Executor, PgConnection, SqlSafeStr,
    Statement,
};
use tempfile::TempDir;
use tokio::sync::OnceCell;

use crate::config::{DatabaseConfig, Url};
use crate::db::{Backend, Db, Pools};
use crate::schema::{kind, read, sqlite_type};
use crate::sql::Statements;

/// The variable that names a server to make databases on, as a superuser.
pub const POSTGRES_VARIABLE: &str = "CLAPT_TEST_POSTGRES";

/// Held while the template is made, by whichever process is first.
const TEMPLATE_LOCK: i64 = 1_874_193_027;

/// Text that must not stand in a statement: instants are bound.
const CLOCKS: &[&str] = &[
    "now(",
    "current_timestamp",
    "current_date",
    "datetime(",
    "unixepoch(",
    "clock_timestamp(",
];

/// A database of one test, removed when it is dropped.
#[derive(Debug)]
pub struct TestDb {
    /// For messages: `sqlite` or `postgres`.
    pub name: &'static str,
    db: Db,
    config: DatabaseConfig,
    folder: TempDir,
    /// Where to remove the database, and its name.
    to_drop: Option<(PgConnectOptions, String)>,
}

impl TestDb {
    /// Opens it once more, as a second process would.
    ///
    /// # Panics
    ///
    /// If that fails.
    pub async fn open_again(&self) -> Db {
        let again = Db::open(&self.config, self.folder.path()).await;
        again.expect("what was opened once can be opened again")
    }

    /// Returns how it is reached.
    #[must_use]
    pub fn config(&self) -> &DatabaseConfig {
        &self.config
    }

    /// Returns its data directory.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

impl Deref for TestDb {
    type Target = Db;

    fn deref(&self) -> &Db {
        &self.db
    }
}

impl Drop for TestDb {
    fn drop(&mut self) {
        let Some((server, name)) = self.to_drop.take() else {
            return;
        };
        // A runtime of its own: that of the test may be ending.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime?.block_on(async {
                let mut connection = server.connect().await?;
                let sql = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
                connection.execute(AssertSqlSafe(sql)).await?;
                Ok::<(), sqlx::Error>(())
            })
        });
        if !matches!(dropping.join(), Ok(Ok(()))) {
            eprintln!("a test's database could not be dropped");
        }
    }
}

/// Makes a migrated database on SQLite, and one on PostgreSQL if there is a server.
///
/// # Panics
///
/// If one can't be made, or if there is no server although `CI` is set.
pub async fn databases() -> Vec<TestDb> {
    let mut all = vec![sqlite().await];
    all.extend(postgres().await);
    all
}

/// Makes a migrated database on SQLite.
///
/// # Panics
///
/// If it can't be made.
pub async fn sqlite() -> TestDb {
    let made = empty_sqlite().await;
    made.migrate().await.expect("the migrations of SQLite run");
    made
}

/// Makes a database on SQLite without any table.
///
/// # Panics
///
/// If it can't be made.
pub async fn empty_sqlite() -> TestDb {
    let folder = tempfile::tempdir().expect("there is room for a temporary directory");
    let config = patient(Url::default());
    let db = Db::open(&config, folder.path()).await;
    TestDb {
        name: "sqlite",
        db: db.expect("SQLite opens"),
        config,
        folder,
        to_drop: None,
    }
}

/// The name of the template, once it is there.
static TEMPLATE: OnceCell<String> = OnceCell::const_new();

/// Makes a migrated database on PostgreSQL, from a template that was migrated once; `None` without a server.
///
/// # Panics
///
/// If it can't be made, or if there is no server although `CI` is set.
pub async fn postgres() -> Option<TestDb> {
    let server = server()?;
    let template = TEMPLATE.get_or_init(|| make_template(&server)).await;
    Some(made_from(&server, template).await)
}

/// Makes a database on PostgreSQL without any table; `None` without a server.
///
/// # Panics
///
/// As for [`postgres`].
pub async fn empty_postgres() -> Option<TestDb> {
    Some(made_from(&server()?, "template0").await)
}

/// Finds the server.
fn server() -> Option<String> {
    let server = std::env::var(POSTGRES_VARIABLE).ok();
    if server.is_none() {
        assert!(
            std::env::var_os("CI").is_none(),
            "{POSTGRES_VARIABLE} is not set, and with CI it has to be: tests/postgres.sh sets it"
        );
        eprintln!("no PostgreSQL: {POSTGRES_VARIABLE} is not set; see tests/postgres.sh");
    }
    server
}

async fn made_from(server: &str, template: &str) -> TestDb {
    let name = format!("clapt_test_{}", uuid::Uuid::new_v4().simple());
    let options = PgConnectOptions::from_str(server).expect("the server's address is well-formed");
    let mut connection = options.connect().await.expect("PostgreSQL answers");
    let sql = format!("CREATE DATABASE {name} TEMPLATE {template}");
    connection
        .execute(AssertSqlSafe(sql))
        .await
        .expect("a database is made");
    connection.close().await.expect("the connection closes");

    let config = patient(Url::new(with_database(server, &name)));
    let folder = tempfile::tempdir().expect("there is room for a temporary directory");
    let db = Db::open(&config, folder.path()).await;
    TestDb {
        name: "postgres",
        db: db.expect("PostgreSQL opens"),
        config,
        folder,
        to_drop: Some((options, name)),
    }
}

/// Makes the template, unless there is one of the same migrations, and returns its name.
async fn make_template(server: &str) -> String {
    let options = PgConnectOptions::from_str(server).expect("the server's address is well-formed");
    let mut connection = options.connect().await.expect("PostgreSQL answers");
    let name = format!("clapt_template_{}", crate::migrate::fingerprint());
    lock_template(&mut connection).await;
    let exists = sqlx::query("SELECT 1 FROM pg_database WHERE datname = $1 AND datistemplate")
        .bind(&name)
        .fetch_optional(&mut connection)
        .await
        .expect("the catalogue can be read");
    if exists.is_none() {
        let run = async |connection: &mut PgConnection, sql: String| {
            let done = connection.execute(AssertSqlSafe(sql)).await;
            done.expect("the template is made");
        };
        // What a test run left that was killed.
        run(
            &mut connection,
            format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"),
        )
        .await;
        run(
            &mut connection,
            format!("CREATE DATABASE {name} TEMPLATE template0"),
        )
        .await;
        let config = patient(Url::new(with_database(server, &name)));
        let db = Db::open(&config, Path::new("")).await;
        let db = db.expect("the template opens");
        db.migrate()
            .await
            .expect("the migrations of PostgreSQL run");
        db.close().await;
        run(
            &mut connection,
            format!("ALTER DATABASE {name} IS_TEMPLATE true"),
        )
        .await;
    }
    connection.close().await.expect("the connection closes");
    name
}

async fn lock_template(connection: &mut PgConnection) {
    sqlx::query("SELECT pg_advisory_lock($1)")
        .bind(TEMPLATE_LOCK)
        .execute(connection)
        .await
        .expect("the lock is had");
}

/// Puts another database's name into an address. The path is between the host and the options.
fn with_database(server: &str, name: &str) -> String {
    let (address, options) = server.split_once('?').unwrap_or((server, ""));
    let host_at = address.find("://").map_or(0, |at| at + 3);
    let end = address[host_at..]
        .find('/')
        .map_or(address.len(), |at| host_at + at);
    format!("{}/{name}?{options}", &address[..end])
}

/// Few connections, since many tests run at once, and patience with a machine that is busy.
fn patient(url: Url) -> DatabaseConfig {
    DatabaseConfig {
        url,
        connections_max: 5,
        timeout: Duration::from_secs(20),
        busy_timeout: Duration::from_secs(15),
    }
}

/// Prepares every statement of a crate on both databases, and checks that both texts take as many
/// parameters and that neither asks for the time.
///
/// `folder` is the crate's (`env!("CARGO_MANIFEST_DIR")`): as many times as `statements!` stands in its
/// sources, so many lists have to be in `lists`.
///
/// # Panics
///
/// If a statement is wrong, with its name and the reason, or if a list is missing.
pub async fn prepare(folder: &str, lists: &[Statements]) {
    let declared = count_declarations(&Path::new(folder).join("src"));
    assert_eq!(
        lists.len(),
        declared,
        "as many lists as there are `statements!` in {folder}/src"
    );
    let databases = databases().await;
    let mut problems = Vec::new();
    for (name, sql) in lists.iter().copied().flatten() {
        for text in [sql.postgres, sql.sqlite] {
            let lower = text.to_lowercase();
            if let Some(clock) = CLOCKS.iter().find(|clock| lower.contains(**clock)) {
                problems.push(format!("{name}: {clock} in SQL, bind the instant"));
            }
        }
        let mut counts = Vec::new();
        for db in &databases {
            let text = match db.backend() {
                Backend::Postgres => sql.postgres,
                Backend::Sqlite => sql.sqlite,
            };
            match parameters(db, text).await {
                Ok(count) => counts.push(count),
                Err(error) => problems.push(format!("{name} on {}: {error}", db.name)),
            }
        }
        if counts.iter().any(|count| *count != counts[0]) {
            problems.push(format!(
                "{name}: not as many parameters on both: {counts:?}"
            ));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// Prepares a statement and returns how many parameters it takes.
async fn parameters(db: &Db, text: &'static str) -> Result<usize, sqlx::Error> {
    let count = |parameters: Option<Either<usize, usize>>| parameters.map_or(0, Either::into_inner);
    match &db.pools {
        Pools::Postgres(pool) => {
            let statement = pool.prepare(text.into_sql_str()).await?;
            let parameters = statement.parameters();
            Ok(count(parameters.map(|found| found.map_left(<[_]>::len))))
        }
        Pools::Sqlite { write, .. } => {
            let statement = write.prepare(text.into_sql_str()).await?;
            let parameters = statement.parameters();
            Ok(count(parameters.map(|found| found.map_left(<[_]>::len))))
        }
    }
}

/// Counts the uses of `statements!` in the sources below `folder`.
fn count_declarations(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| entry.path())
        .map(|path| {
            if path.is_dir() {
                return count_declarations(&path);
            }
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            let starts = |line: &&str| {
                let line = line.trim();
                [
                    "statements! {",
                    "store::statements! {",
                    "crate::statements! {",
                ]
                .contains(&line)
            };
            text.lines().filter(starts).count()
        })
        .sum()
}

/// Compares the schema of two databases, one of each kind, and lists what differs: tables, columns, their
/// types and whether they may be NULL, unique indexes, references.
///
/// # Panics
///
/// If a catalogue can't be read.
pub async fn differences(postgres: &Db, sqlite: &Db) -> Vec<String> {
    let there = read(postgres).await.expect("PostgreSQL's catalogue");
    let here = read(sqlite).await.expect("SQLite's catalogue");
    let mut found = Vec::new();
    let names = |tables: &crate::schema::Tables| tables.keys().cloned().collect::<Vec<_>>();
    if names(&there) != names(&here) {
        found.push(format!(
            "tables: {:?} and {:?}",
            names(&there),
            names(&here)
        ));
    }
    for (name, one) in &there {
        let Some(other) = here.get(name) else {
            continue;
        };
        let expected = one.columns.iter().map(|column| {
            let kind = kind(Backend::Postgres, &column.declared);
            let declared = kind.map_or("a type that is not ours", sqlite_type);
            (column.name.as_str(), declared, column.nullable)
        });
        let actual = other.columns.iter().map(|column| {
            let declared = column.declared.as_str();
            (column.name.as_str(), declared, column.nullable)
        });
        let (expected, actual): (Vec<_>, Vec<_>) = (expected.collect(), actual.collect());
        if expected != actual {
            found.push(format!("columns of {name}: {expected:?} and {actual:?}"));
        }
        if one.unique != other.unique {
            let (one, other) = (&one.unique, &other.unique);
            found.push(format!("unique in {name}: {one:?} and {other:?}"));
        }
        if one.references != other.references {
            let (one, other) = (&one.references, &other.references);
            found.push(format!("references of {name}: {one:?} and {other:?}"));
        }
    }
    found
}
