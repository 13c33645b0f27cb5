//! `/account/privacy`: who sees what.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use service::access::{Caller, unauthenticated};
use service::http::JsonBody;
use utoipa::ToSchema;

use super::body::Problem;
use crate::Accounts;
use crate::failure::Failure;
use crate::repo::users;

/// Who sees something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Visibility {
    /// Whoever is signed in.
    Everyone,
    /// Those whom the person knows here.
    Contacts,
    /// The person alone.
    Nobody,
}

impl Visibility {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Everyone => "everyone",
            Self::Contacts => "contacts",
            Self::Nobody => "nobody",
        }
    }

    /// Reads what is stored; what is unknown shows nothing.
    fn stored(text: &str) -> Self {
        match text {
            "everyone" => Self::Everyone,
            "contacts" => Self::Contacts,
            _ => Self::Nobody,
        }
    }
}

/// Who sees what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Privacy {
    /// When the person was last here.
    last_seen: Visibility,
    /// The picture.
    photo: Visibility,
    /// What the person says of themselves.
    about: Visibility,
    /// Whether others see that a message was read; then one sees theirs.
    read_receipts: bool,
}

/// Shows who sees what.
#[utoipa::path(
    get,
    path = "/api/v1/account/privacy",
    tag = "account",
    responses((status = 200, description = "Who sees what.", body = Privacy)),
    security(("access_token" = [])),
)]
pub(crate) async fn show(
    State(state): State<Accounts>,
    caller: Caller,
) -> Result<Json<Privacy>, Failure> {
    let own = caller.actor.own().ok_or_else(unauthenticated)?;
    let privacy = users::privacy(&state.db, own, caller.user).await?;
    let privacy = privacy.ok_or_else(unauthenticated)?;
    Ok(Json(Privacy {
        last_seen: Visibility::stored(&privacy.last_seen),
        photo: Visibility::stored(&privacy.photo),
        about: Visibility::stored(&privacy.about),
        read_receipts: privacy.read_receipts,
    }))
}

/// Changes who sees what.
#[utoipa::path(
    put,
    path = "/api/v1/account/privacy",
    tag = "account",
    request_body = Privacy,
    responses(
        (status = 200, description = "Who sees what now.", body = Privacy),
        (status = 400, description = "`invalid-argument`", body = Problem),
    ),
    security(("access_token" = [])),
)]
pub(crate) async fn update(
    State(state): State<Accounts>,
    caller: Caller,
    JsonBody(body): JsonBody<Privacy>,
) -> Result<Json<Privacy>, Failure> {
    let own = caller.actor.own().ok_or_else(unauthenticated)?;
    let privacy = users::Privacy {
        last_seen: body.last_seen.as_str().to_owned(),
        photo: body.photo.as_str().to_owned(),
        about: body.about.as_str().to_owned(),
        read_receipts: body.read_receipts,
    };
    if !users::update_privacy(&state.db, own, caller.user, &privacy).await? {
        return Err(unauthenticated().into());
    }
    Ok(Json(body))
}
