//! What accounts keep, and the only place that knows their tables.
//!
//! Functions about rows that somebody owns take a [`Scope`](auth::Scope) or are called before there is
//! anybody to ask: while somebody signs in.

pub(crate) mod audit;
pub(crate) mod keys;
pub(crate) mod mails;
pub(crate) mod pending;
pub(crate) mod people;
pub(crate) mod second_factor;
pub(crate) mod sessions;
pub(crate) mod users;

#[cfg(test)]
mod tests {
    #[tokio::test]
    async fn every_statement_can_be_prepared_on_both_databases() {
        let lists = [
            super::audit::STATEMENTS,
            super::keys::STATEMENTS,
            super::mails::STATEMENTS,
            super::pending::STATEMENTS,
            super::people::STATEMENTS,
            super::second_factor::STATEMENTS,
            super::sessions::STATEMENTS,
            super::users::STATEMENTS,
        ];
        store::testing::prepare(env!("CARGO_MANIFEST_DIR"), &lists).await;
    }
}
