//! The outbox of development mode: mails that were made, secrets included. No such route exists
//! otherwise.

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::Accounts;
use crate::failure::Failure;
use crate::repo::mails;

/// Returns the routes.
pub(super) fn routes() -> Router<Accounts> {
    Router::new().route("/api/v1/dev/mails", get(list))
}

/// `GET /api/v1/dev/mails`: the newest mails first.
async fn list(State(state): State<Accounts>) -> Result<Json<Value>, Failure> {
    let mails = mails::list(&state.db).await?;
    let items: Vec<Value> = mails
        .into_iter()
        .map(|mail| {
            json!({
                "id": mail.id,
                "to": mail.recipient,
                "subject": mail.letter.subject,
                "text": mail.letter.text,
                "html": mail.letter.html,
                "created_at": mail.created_at,
            })
        })
        .collect();
    Ok(Json(json!({ "items": items })))
}
