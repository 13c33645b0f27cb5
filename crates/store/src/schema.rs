//! The tables of a database as its catalogue has them: for comparing both, and for copying.

use std::collections::{BTreeMap, BTreeSet};

use crate::db::{Backend, Db};
use crate::error::DbError;
use crate::migrate;
use crate::sql::Sql;
use crate::value::Kind;

/// A column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) name: String,
    /// The type, as the catalogue names it.
    pub(crate) declared: String,
    pub(crate) nullable: bool,
}

/// A table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Table {
    /// In the order of their creation; generated ones are left out.
    pub(crate) columns: Vec<Column>,
    /// Tables that its foreign keys lead to.
    pub(crate) references: BTreeSet<String>,
    /// The columns of each unique index, that of the primary key among them.
    pub(crate) unique: BTreeSet<Vec<String>>,
}

/// Tables by name.
pub(crate) type Tables = BTreeMap<String, Table>;

const COLUMNS: Sql = Sql {
    postgres: "SELECT c.table_name::TEXT AS table_name, c.column_name::TEXT AS column_name, \
               c.data_type::TEXT AS declared, c.is_nullable = 'YES' AS nullable \
               FROM information_schema.columns c JOIN information_schema.tables t \
               ON t.table_schema = c.table_schema AND t.table_name = c.table_name \
               WHERE c.table_schema = current_schema() AND t.table_type = 'BASE TABLE' \
               AND c.is_generated = 'NEVER' ORDER BY c.table_name, c.ordinal_position",
    sqlite: "SELECT t.name AS table_name, c.name AS column_name, c.type AS declared, \
             c.\"notnull\" = 0 AND c.pk = 0 AS nullable \
             FROM sqlite_schema t JOIN pragma_table_info(t.name) c \
             WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite\\_%' ESCAPE '\\' \
             ORDER BY t.name, c.cid",
};

const REFERENCES: Sql = Sql {
    postgres: "SELECT own.relname::TEXT AS table_name, other.relname::TEXT AS referenced \
               FROM pg_constraint k JOIN pg_class own ON own.oid = k.conrelid \
               JOIN pg_class other ON other.oid = k.confrelid \
               JOIN pg_namespace n ON n.oid = own.relnamespace \
               WHERE k.contype = 'f' AND n.nspname = current_schema()",
    sqlite: "SELECT t.name AS table_name, f.\"table\" AS referenced \
             FROM sqlite_schema t JOIN pragma_foreign_key_list(t.name) f WHERE t.type = 'table'",
};

const UNIQUE: Sql = Sql {
    postgres: "SELECT t.relname::TEXT AS table_name, i.relname::TEXT AS index_name, \
               a.attname::TEXT AS column_name \
               FROM pg_index x JOIN pg_class t ON t.oid = x.indrelid \
               JOIN pg_class i ON i.oid = x.indexrelid \
               JOIN pg_namespace n ON n.oid = t.relnamespace \
               CROSS JOIN LATERAL unnest(x.indkey) WITH ORDINALITY AS k(attnum, position) \
               JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.attnum \
               WHERE x.indisunique AND n.nspname = current_schema() \
               ORDER BY t.relname, i.relname, k.position",
    sqlite: "SELECT t.name AS table_name, i.name AS index_name, c.name AS column_name \
             FROM sqlite_schema t JOIN pragma_index_list(t.name) i \
             JOIN pragma_index_info(i.name) c \
             WHERE t.type = 'table' AND i.\"unique\" = 1 ORDER BY t.name, i.name, c.seqno",
};

/// Reads all tables but that of the migrations.
pub(crate) async fn read(db: &Db) -> Result<Tables, DbError> {
    let mut tables = Tables::new();
    for row in db.all(COLUMNS, &[]).await? {
        let table = tables.entry(row.text("table_name")?).or_default();
        table.columns.push(Column {
            name: row.text("column_name")?,
            declared: row.text("declared")?,
            nullable: row.bool("nullable")?,
        });
    }
    for row in db.all(REFERENCES, &[]).await? {
        let table = tables.entry(row.text("table_name")?).or_default();
        table.references.insert(row.text("referenced")?);
    }
    let mut indexes: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    for row in db.all(UNIQUE, &[]).await? {
        let index = (row.text("table_name")?, row.text("index_name")?);
        let columns = indexes.entry(index).or_default();
        columns.push(row.text("column_name")?);
    }
    for ((table, _), columns) in indexes {
        tables.entry(table).or_default().unique.insert(columns);
    }
    tables.remove(migrate::TABLE);
    Ok(tables)
}

/// Says what kind a column is, or nothing if it is of a type that we don't use. SQLite's types don't tell
/// an instant from a number; what is read and written is the same for both there.
pub(crate) fn kind(backend: Backend, declared: &str) -> Option<Kind> {
    let known: &[(&str, Kind)] = match backend {
        Backend::Postgres => &[
            ("boolean", Kind::Bool),
            ("bigint", Kind::Int),
            ("text", Kind::Text),
            ("bytea", Kind::Bytes),
            ("uuid", Kind::Id),
            ("timestamp with time zone", Kind::Time),
            ("jsonb", Kind::Json),
        ],
        Backend::Sqlite => &[
            ("INTEGER", Kind::Int),
            ("TEXT", Kind::Text),
            ("BLOB", Kind::Bytes),
        ],
    };
    let found = known.iter().find(|(name, _)| *name == declared);
    found.map(|(_, kind)| *kind)
}

/// Returns the type that a kind has in SQLite.
#[cfg(any(test, feature = "testing"))]
pub(crate) fn sqlite_type(kind: Kind) -> &'static str {
    match kind {
        Kind::Bool | Kind::Int | Kind::Time => "INTEGER",
        Kind::Text | Kind::Json => "TEXT",
        Kind::Bytes | Kind::Id => "BLOB",
    }
}

/// Orders tables so that each comes after those that its foreign keys lead to. `None` if they lead in a
/// circle; to itself a table may lead.
pub(crate) fn in_order_of_references(tables: &Tables) -> Option<Vec<String>> {
    let mut ordered: Vec<String> = Vec::new();
    while ordered.len() < tables.len() {
        let is_free = |name: &String, table: &Table| {
            let mut others = table.references.iter().filter(|other| *other != name);
            others.all(|other| ordered.contains(other))
        };
        let next: Vec<String> = tables
            .iter()
            .filter(|(name, table)| !ordered.contains(name) && is_free(name, table))
            .map(|(name, _)| name.clone())
            .collect();
        if next.is_empty() {
            return None;
        }
        ordered.extend(next);
    }
    Some(ordered)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tables(references: &[(&str, &[&str])]) -> Tables {
        let table = |names: &[&str]| Table {
            references: names.iter().map(|&name| name.to_owned()).collect(),
            ..Table::default()
        };
        references
            .iter()
            .map(|(name, names)| ((*name).to_owned(), table(names)))
            .collect()
    }

    #[test]
    fn tables_come_after_those_they_refer_to() {
        let all = tables(&[
            ("a_member", &["user", "room"]),
            ("room", &["user"]),
            ("user", &["user"]),
        ]);

        let ordered = in_order_of_references(&all).unwrap();

        assert_eq!(ordered, ["user", "room", "a_member"]);
    }

    #[test]
    fn tables_that_refer_to_each_other_have_no_order() {
        assert_eq!(
            in_order_of_references(&tables(&[("a", &["b"]), ("b", &["a"])])),
            None
        );
    }
}
