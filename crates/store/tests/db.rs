//! The layer on real databases: what is said of both holds on both.

#![expect(clippy::unwrap_used, reason = "a test that can't go on has failed")]

use jiff::Timestamp;
use serde_json::json;
use store::testing::{TestDb, databases};
use store::{Backend, Constraint, Db, DbError, Kind, Sql, Value, new_id, now, retry};

const CREATE: Sql = Sql {
    postgres: "CREATE TABLE things (id UUID PRIMARY KEY, flag BOOLEAN, number BIGINT, \
               name TEXT CONSTRAINT short CHECK (length(name) < 9) UNIQUE, data BYTEA, at TIMESTAMPTZ, \
               tree JSONB, parent UUID REFERENCES things)",
    sqlite: "CREATE TABLE things (id BLOB PRIMARY KEY, flag INTEGER, number INTEGER, \
             name TEXT CONSTRAINT short CHECK (length(name) < 9) UNIQUE, data BLOB, at INTEGER, \
             tree TEXT, parent BLOB REFERENCES things) STRICT",
};
const INSERT: Sql = Sql::same(
    "INSERT INTO things (id, flag, number, name, data, at, tree, parent) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
);
const INSERT_NAME: Sql = Sql::same("INSERT INTO things (id, name) VALUES ($1, $2)");
const SET_NUMBER: Sql = Sql::same("UPDATE things SET number = $2 WHERE name = $1");
const ALL: Sql = Sql::same("SELECT * FROM things ORDER BY id");
const COUNT: Sql = Sql::same("SELECT COUNT(*) AS count FROM things");

async fn with_things() -> Vec<TestDb> {
    let all = databases().await;
    for db in &all {
        db.execute(CREATE, &[]).await.unwrap();
    }
    all
}

async fn insert(db: &Db, name: &str) -> Result<u64, DbError> {
    db.execute(INSERT_NAME, &[new_id().into(), name.into()])
        .await
}

async fn count(db: &Db) -> i64 {
    let row = db.one(COUNT, &[]).await.unwrap();
    row.int("count").unwrap()
}

#[tokio::test]
async fn values_of_every_kind_come_back_as_they_went_in() {
    for db in with_things().await {
        let (id, at) = (new_id(), now());
        let tree = json!({"a": [1, 2.5, "ü", null, true]});
        let values = [
            id.into(),
            true.into(),
            i64::MIN.into(),
            "Zoë 🎓".into(),
            vec![0_u8, 255].into(),
            at.into(),
            tree.clone().into(),
            id.into(),
        ];

        db.execute(INSERT, &values).await.unwrap();

        let row = db.one(ALL, &[]).await.unwrap();
        assert_eq!(row.id("id").unwrap(), id, "{}", db.name);
        assert!(row.bool("flag").unwrap());
        assert_eq!(row.int("number").unwrap(), i64::MIN);
        assert_eq!(row.text("name").unwrap(), "Zoë 🎓");
        assert_eq!(row.bytes("data").unwrap(), [0, 255]);
        assert_eq!(row.time("at").unwrap(), at);
        assert_eq!(row.json("tree").unwrap(), tree);
        assert_eq!(row.id_or_null("parent").unwrap(), Some(id));
    }
}

#[tokio::test]
async fn nulls_of_every_kind_are_null_and_nothing_else() {
    for db in with_things().await {
        let kinds = [
            Kind::Bool,
            Kind::Int,
            Kind::Text,
            Kind::Bytes,
            Kind::Time,
            Kind::Json,
            Kind::Id,
        ];
        let nulls = kinds.map(Value::Null);
        let values: Vec<Value> = [Value::from(new_id())].into_iter().chain(nulls).collect();

        db.execute(INSERT, &values).await.unwrap();

        let row = db.one(ALL, &[]).await.unwrap();
        assert_eq!(row.bool_or_null("flag").unwrap(), None, "{}", db.name);
        assert_eq!(row.int_or_null("number").unwrap(), None);
        assert_eq!(row.text_or_null("name").unwrap(), None);
        assert_eq!(row.bytes_or_null("data").unwrap(), None);
        assert_eq!(row.time_or_null("at").unwrap(), None);
        assert_eq!(row.json_or_null("tree").unwrap(), None);
        assert_eq!(row.id_or_null("parent").unwrap(), None);
        let refused = row.text("name").unwrap_err();
        assert!(matches!(refused, DbError::Column { column, source: None } if column == "name"));
        assert!(row.text("no such column").is_err());
        assert!(row.text("id").is_err());
    }
}

#[tokio::test]
async fn instants_are_cut_to_microseconds_before_and_after_2000() {
    for db in with_things().await {
        for text in [
            "1969-07-20T20:17:40.123456789Z",
            "2026-11-21T23:59:59.999999999Z",
            "9999-12-30T00:00:00Z",
        ] {
            let at: Timestamp = text.parse().unwrap();
            db.execute(Sql::same("DELETE FROM things"), &[])
                .await
                .unwrap();
            let insert = Sql::same("INSERT INTO things (id, at) VALUES ($1, $2)");
            db.execute(insert, &[new_id().into(), at.into()])
                .await
                .unwrap();

            let row = db.one(ALL, &[]).await.unwrap();

            let kept = Timestamp::from_microsecond(at.as_microsecond()).unwrap();
            assert_eq!(row.time("at").unwrap(), kept, "{} {text}", db.name);
        }
    }
}

#[tokio::test]
async fn constraints_are_told_apart_by_their_names() {
    let unique = Constraint {
        postgres: "things_name_key",
        sqlite: "things.name",
    };
    let check = Constraint {
        postgres: "short",
        sqlite: "short",
    };
    let foreign = Constraint {
        postgres: "things_parent_fkey",
        sqlite: "FOREIGN KEY",
    };
    for db in with_things().await {
        insert(&db, "one").await.unwrap();

        let twice = insert(&db, "one").await.unwrap_err();
        let long = insert(&db, "far too long").await.unwrap_err();
        let orphan = Sql::same("UPDATE things SET parent = $1");
        let orphan = db.execute(orphan, &[new_id().into()]).await.unwrap_err();

        assert!(twice.violates(unique) && !twice.violates(check), "{twice}");
        assert!(long.violates(check) && !long.violates(unique), "{long}");
        assert!(orphan.violates(foreign), "{orphan}");
    }
}

#[tokio::test]
async fn what_is_not_committed_is_gone() {
    for db in with_things().await {
        let mut dropped = db.begin().await.unwrap();
        let values = [new_id().into(), "dropped".into()];
        dropped.execute(INSERT_NAME, &values).await.unwrap();
        drop(dropped);
        let mut back = db.begin().await.unwrap();
        let values = [new_id().into(), "back".into()];
        back.execute(INSERT_NAME, &values).await.unwrap();
        back.rollback().await.unwrap();
        let mut kept = db.begin().await.unwrap();
        let values = [new_id().into(), "kept".into()];
        kept.execute(INSERT_NAME, &values).await.unwrap();
        kept.commit().await.unwrap();

        assert_eq!(count(&db).await, 1, "{}", db.name);
        let row = db.one(ALL, &[]).await.unwrap();
        assert_eq!(row.text("name").unwrap(), "kept");
    }
}

#[tokio::test]
async fn a_transaction_in_which_a_statement_failed_commits_nothing() {
    for db in with_things().await {
        let mut tx = db.begin().await.unwrap();
        tx.execute(INSERT_NAME, &[new_id().into(), "a".into()])
            .await
            .unwrap();
        let twice = tx
            .execute(INSERT_NAME, &[new_id().into(), "a".into()])
            .await;
        assert!(matches!(twice, Err(DbError::Constraint(_))), "{twice:?}");

        let more = tx
            .execute(INSERT_NAME, &[new_id().into(), "b".into()])
            .await;
        let committed = tx.commit().await;

        assert!(matches!(more, Err(DbError::Aborted)), "{more:?}");
        assert!(matches!(committed, Err(DbError::Aborted)), "{committed:?}");
        assert_eq!(count(&db).await, 0, "{}", db.name);
    }
}

#[tokio::test]
async fn a_row_that_is_not_there_aborts_nothing() {
    for db in with_things().await {
        let mut tx = db.begin().await.unwrap();

        let missing = tx.one(ALL, &[]).await;

        assert!(matches!(missing, Err(DbError::NotFound)), "{missing:?}");
        tx.execute(INSERT_NAME, &[new_id().into(), "a".into()])
            .await
            .unwrap();
        tx.commit().await.unwrap();
        assert_eq!(count(&db).await, 1, "{}", db.name);
    }
}

#[tokio::test]
async fn returning_gives_rows_in_a_transaction() {
    for db in with_things().await {
        insert(&db, "a").await.unwrap();
        insert(&db, "b").await.unwrap();
        let mut tx = db.begin().await.unwrap();

        let update = Sql::same("UPDATE things SET number = 1 RETURNING name");
        let rows = tx.all(update, &[]).await.unwrap();

        tx.commit().await.unwrap();
        assert_eq!(rows.len(), 2, "{}", db.name);
        let read = Sql::same("SELECT name FROM things WHERE number = $1");
        let row = db.optional(read, &[1_i64.into()]).await;
        assert!(row.unwrap().is_some());
    }
}

#[tokio::test]
async fn texts_that_one_database_can_not_keep_are_refused_by_both() {
    for db in with_things().await {
        let text = insert(&db, "a\0b").await;
        let insert = Sql::same("INSERT INTO things (id, tree) VALUES ($1, $2)");
        let tree = json!({"deep": [{"a\0": 1}]});
        let tree = db.execute(insert, &[new_id().into(), tree.into()]).await;

        assert!(matches!(text, Err(DbError::Refused(_))), "{text:?}");
        assert!(matches!(tree, Err(DbError::Refused(_))), "{tree:?}");
    }
}

#[tokio::test]
async fn reading_does_not_write_in_sqlite() {
    let db = store::testing::sqlite().await;
    db.execute(CREATE, &[]).await.unwrap();

    let sneaky = Sql::same("INSERT INTO things (id, name) VALUES ($1, 'x') RETURNING name");
    let refused = db.all(sneaky, &[new_id().into()]).await;

    assert!(refused.is_err());
    assert_eq!(count(&db).await, 0);
}

#[tokio::test]
async fn counters_lose_no_increment_when_many_transactions_race() {
    const RACERS: i64 = 8;
    const ROUNDS: i64 = 10;
    for db in with_things().await {
        insert(&db, "counter").await.unwrap();
        db.execute(SET_NUMBER, &["counter".into(), 0_i64.into()])
            .await
            .unwrap();
        let race = (0..RACERS).map(|_| {
            let db = Db::clone(&db);
            tokio::spawn(async move {
                for _ in 0..ROUNDS {
                    retry(|| increment(&db)).await.unwrap();
                }
            })
        });
        for racer in race.collect::<Vec<_>>() {
            racer.await.unwrap();
        }

        let row = db.one(ALL, &[]).await.unwrap();
        assert_eq!(row.int("number").unwrap(), RACERS * ROUNDS, "{}", db.name);
    }
}

async fn increment(db: &Db) -> Result<(), DbError> {
    const READ: Sql = Sql {
        postgres: "SELECT number FROM things WHERE name = $1 FOR UPDATE",
        sqlite: "SELECT number FROM things WHERE name = $1",
    };
    let mut tx = db.begin().await?;
    let number = tx.one(READ, &["counter".into()]).await?.int("number")?;
    tx.execute(SET_NUMBER, &["counter".into(), (number + 1).into()])
        .await?;
    tx.commit().await
}

#[tokio::test]
async fn a_deadlock_is_a_reason_to_try_again() {
    let Some(db) = store::testing::postgres().await else {
        return;
    };
    db.execute(CREATE, &[]).await.unwrap();
    insert(&db, "a").await.unwrap();
    insert(&db, "b").await.unwrap();
    let mut one = db.begin().await.unwrap();
    let mut other = db.begin().await.unwrap();
    one.execute(SET_NUMBER, &["a".into(), 1_i64.into()])
        .await
        .unwrap();
    other
        .execute(SET_NUMBER, &["b".into(), 2_i64.into()])
        .await
        .unwrap();

    let (first, second) = tokio::join!(
        async {
            let values = ["b".into(), 1_i64.into()];
            let result = one.execute(SET_NUMBER, &values).await;
            drop(one);
            result
        },
        async {
            let values = ["a".into(), 2_i64.into()];
            let result = other.execute(SET_NUMBER, &values).await;
            drop(other);
            result
        },
    );

    let losers = [&first, &second];
    let losers = losers
        .iter()
        .filter(|result| matches!(result, Err(DbError::Retry(_))));
    assert_eq!(losers.count(), 1, "{first:?} {second:?}");
}

#[tokio::test]
async fn a_second_process_waits_for_the_lock_and_then_is_told_to_try_again() {
    let db = store::testing::sqlite().await;
    let config = store::DatabaseConfig {
        busy_timeout: std::time::Duration::from_millis(50),
        ..db.config().clone()
    };
    let other = Db::open(&config, db.folder()).await.unwrap();
    let tx = db.begin().await.unwrap();

    let refused = other.begin().await;

    assert!(matches!(refused, Err(DbError::Retry(_))), "{refused:?}");
    tx.rollback().await.unwrap();
    other.begin().await.unwrap();
}

#[tokio::test]
async fn both_trees_of_migrations_end_in_the_same_tables() {
    let Some(postgres) = store::testing::postgres().await else {
        return;
    };
    let sqlite = store::testing::sqlite().await;
    assert_eq!(
        store::testing::differences(&postgres, &sqlite).await,
        [""; 0]
    );

    for (sql, word) in [
        ("ALTER TABLE jobs ADD extra TEXT", "columns of jobs"),
        ("CREATE TABLE more (id BLOB)", "tables"),
        ("CREATE UNIQUE INDEX one ON jobs (kind)", "unique in jobs"),
    ] {
        let changed = store::testing::sqlite().await;
        changed.execute(Sql::same(sql), &[]).await.unwrap();

        let found = store::testing::differences(&postgres, &changed).await;

        assert!(found.len() == 1 && found[0].starts_with(word), "{found:?}");
    }
}

#[tokio::test]
async fn migrating_twice_and_by_two_processes_at_once_is_migrating_once() {
    let mut all = vec![store::testing::empty_sqlite().await];
    all.extend(store::testing::empty_postgres().await);
    for db in all {
        let other = db.open_again().await;
        assert!(db.check_migrated().await.is_err(), "{}", db.name);

        let (one, two) = tokio::join!(db.migrate(), other.migrate());

        let (one, two) = (one.unwrap(), two.unwrap());
        assert_eq!(one.newest, two.newest);
        db.check_migrated().await.unwrap();
        assert_eq!(db.migrate().await.unwrap().made, [""; 0]);
    }
}

#[tokio::test]
async fn every_sqlite_table_is_strict_and_the_file_is_for_its_owner_only() {
    let db = store::testing::sqlite().await;
    assert_eq!(db.backend(), Backend::Sqlite);
    let loose = Sql::same(
        "SELECT name FROM pragma_table_list WHERE type = 'table' AND strict = 0 \
         AND name NOT LIKE 'sqlite_%' AND name <> '_sqlx_migrations'",
    );
    let loose = db.all(loose, &[]).await.unwrap();
    let names: Vec<String> = loose.iter().map(|row| row.text("name").unwrap()).collect();
    assert_eq!(names, [""; 0]);

    #[cfg(unix)]
    for entry in std::fs::read_dir(db.folder()).unwrap() {
        use std::os::unix::fs::PermissionsExt;
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{}", entry.path().display());
    }
}
