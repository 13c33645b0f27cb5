//! The database as the configuration names it: opening, `clapt migrate`.

use std::error::Error;
use std::time::Duration;

use service::Config;
use store::{DatabaseConfig, Db, Url};

use crate::cli::ConfigArguments;

/// Translates the section `database`.
fn settings(config: &Config) -> DatabaseConfig {
    let database = &config.database;
    DatabaseConfig {
        url: Url::new(database.url.expose()),
        connections_max: database.connections_max,
        timeout: Duration::from_millis(database.timeout_ms),
        busy_timeout: Duration::from_millis(database.busy_timeout_ms),
    }
}

/// Opens the database for the server. SQLite is migrated, PostgreSQL as the configuration says.
pub(crate) async fn open(config: &Config) -> Result<Db, Box<dyn Error>> {
    let db = Db::open(&settings(config), &config.data).await?;
    let is_file = db.backend() == store::Backend::Sqlite;
    if is_file || config.dev || config.database.migrate_on_start {
        let report = db.migrate().await?;
        for step in &report.made {
            tracing::info!(migration = step, "migrated the database");
        }
    } else {
        db.check_migrated().await?;
    }
    Ok(db)
}

/// Makes the migrations that the database lacks, and says which.
pub(crate) fn migrate(arguments: &ConfigArguments) -> Result<(), Box<dyn Error>> {
    let config = arguments.load(Vec::new())?;
    run(async {
        let db = Db::open(&settings(&config), &config.data).await?;
        let report = db.migrate().await?;
        for step in &report.made {
            println!("made {step}");
        }
        println!("The database is at {}.", report.newest);
        db.close().await;
        Ok(())
    })
}

/// Runs a command that needs no more than one thread.
fn run(command: impl Future<Output = Result<(), Box<dyn Error>>>) -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(command)
}
