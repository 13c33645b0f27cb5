//! Mails that were made.

use jiff::{SignedDuration, Timestamp};
use store::{Db, DbError, Row, Tx, Value};

use crate::letters::Letter;

/// How many of them the outbox shows.
const SHOWN_MAX: i64 = 200;

store::statements! {
    /// One more.
    INSERT_MAIL = "INSERT INTO mails (id, recipient, subject, text_body, html_body, created_at) \
        VALUES ($1, $2, $3, $4, $5, $6)";
    /// Old ones go.
    FORGET_MAILS = "DELETE FROM mails WHERE created_at < $1";
    /// The newest ones.
    LIST_MAILS = "SELECT id, recipient, subject, text_body, html_body, created_at FROM mails \
        ORDER BY id DESC LIMIT $1";
}

/// A mail.
#[derive(Debug, Clone)]
pub(crate) struct Mail {
    pub(crate) id: uuid::Uuid,
    pub(crate) recipient: String,
    pub(crate) letter: Letter,
    pub(crate) created_at: Timestamp,
}

impl Mail {
    fn read(row: &Row) -> Result<Self, DbError> {
        Ok(Self {
            id: row.id("id")?,
            recipient: row.text("recipient")?,
            letter: Letter {
                subject: row.text("subject")?,
                text: row.text("text_body")?,
                html: row.text("html_body")?,
            },
            created_at: row.time("created_at")?,
        })
    }
}

/// Keeps a mail in the transaction of what it tells of; those older than `days` go.
pub(crate) async fn insert(
    tx: &mut Tx,
    recipient: &str,
    letter: &Letter,
    days: u32,
    now: Timestamp,
) -> Result<(), DbError> {
    let age_max = SignedDuration::from_hours(24 * i64::from(days));
    let oldest = now.checked_sub(age_max).unwrap_or(Timestamp::MIN);
    tx.execute(FORGET_MAILS, &[oldest.into()]).await?;
    let values: [Value; 6] = [
        store::new_id().into(),
        recipient.into(),
        (&letter.subject).into(),
        (&letter.text).into(),
        (&letter.html).into(),
        now.into(),
    ];
    tx.execute(INSERT_MAIL, &values).await.map(|_| ())
}

/// Lists the newest mails to whomever. For the outbox of development mode alone.
pub(crate) async fn list(db: &Db) -> Result<Vec<Mail>, DbError> {
    let rows = db.all(LIST_MAILS, &[SHOWN_MAX.into()]).await?;
    rows.iter().map(Mail::read).collect()
}
