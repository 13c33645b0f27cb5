//! The paths of WHIP and WHEP.
//!
//! A request is checked in this order: token, type of the body, body, room. So whoever has no token
//! learns nothing.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use auth::Claims;
use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, Path, Query as QueryExtractor, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, post};
use service::ErrorCode;
use service::network::client_address;
use tokio::sync::oneshot;
use tokio::time::timeout;
use tower_http::cors::{Any, CorsLayer};

use super::problem::{ACCEPT_PATCH, ACCEPT_POST, FRAGMENT, Problem, SDP};
use super::session::{Held, Opening};
use super::{Role, fragment, link, offer};
use crate::admission::{self, Refusal, now};
use crate::ids;
use crate::join_request::Query;
use crate::room::{Command, OpenError, Opened, Patched, ResourceCommand, RoomHandle, SessionFacts};
use crate::room_settings::RoomSettings;
use crate::routes::{Door, Peer, check_origin, readers, refuse_socket};
use crate::shared::Shared;

/// A room may close while somebody comes; then the next one is opened.
const OPEN_ATTEMPTS: usize = 3;

/// What scripts of other sites may read.
const EXPOSED: [HeaderName; 7] = [
    header::LOCATION,
    header::LINK,
    header::ETAG,
    header::RETRY_AFTER,
    header::WWW_AUTHENTICATE,
    ACCEPT_POST,
    ACCEPT_PATCH,
];

/// Makes the routes. `/whip/v1` is where LiveKit's server has it.
pub(crate) fn router(door: Door) -> Router {
    let config = &door.shared.config;
    let cors = CorsLayer::new()
        .allow_origin(readers(&config.allowed_origins))
        .allow_methods(Any)
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            header::IF_MATCH,
        ])
        .expose_headers(EXPOSED);
    let body_limit = DefaultBodyLimit::max(config.limit.sdp_bytes_max);
    let endpoints = Router::new()
        .route("/whip", publish())
        .route("/whip/{room}", publish())
        .route("/whep", play())
        .route("/whep/{room}", play());
    let sessions = Router::new()
        .route("/whip/{room}/{session}", session(Role::Publish))
        .route("/whep/{room}/{session}", session(Role::Play));
    endpoints
        .merge(sessions)
        .layer(body_limit)
        .layer(cors)
        .layer(middleware::from_fn_with_state(door.clone(), note))
        .with_state(door)
}

fn publish() -> MethodRouter<Door> {
    post(|door, request| create(door, request, Role::Publish))
        .get(nothing_to_get)
        .options(preflight)
}

/// Players tell an endpoint by the content type of `HEAD` (draft-ietf-wish-whep, section 4.2).
fn play() -> MethodRouter<Door> {
    post(|door, request| create(door, request, Role::Play))
        .get(async || [(header::CONTENT_TYPE, SDP)])
        .options(preflight)
}

fn session(role: Role) -> MethodRouter<Door> {
    axum::routing::patch(move |door, path, headers, body| change(door, path, headers, body, role))
        .delete(move |door, path, headers| end(door, path, headers, role))
        .get(nothing_to_get)
        .options(preflight)
}

/// `GET` succeeds and says nothing (RFC 9725, section 4.1).
async fn nothing_to_get() -> StatusCode {
    StatusCode::NO_CONTENT
}

/// The layer of CORS answers preflight requests itself; the route has to exist for it.
async fn preflight() -> StatusCode {
    StatusCode::OK
}

/// Counts a request, and says on `OPTIONS` which bodies are taken.
async fn note(State(door): State<Door>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let role = if path.starts_with("/whip") {
        Role::Publish
    } else {
        Role::Play
    };
    let is_session = path.trim_matches('/').split('/').count() > 2;
    let method = request.method().clone();
    // A preflight has no token, and says what may be asked, not what is there.
    let is_question = method == Method::OPTIONS && !is_session;
    let may_know = is_question && verify(&door.shared, request.headers(), now()).is_ok();
    let mut response = next.run(request).await;
    if may_know {
        link::append(response.headers_mut(), &door.shared.config.rtc.ice_servers);
    }
    if method == Method::OPTIONS {
        let (name, value) = if is_session {
            (ACCEPT_PATCH, FRAGMENT)
        } else {
            (ACCEPT_POST, SDP)
        };
        response.headers_mut().insert(name, value);
    }
    let method = match method {
        Method::POST => "post",
        Method::PATCH => "patch",
        Method::DELETE => "delete",
        _ => "other",
    };
    let status = response.status();
    let labels = [role.as_str(), method, status.as_str()];
    let requests = &door.shared.metrics.http_requests;
    requests.with_label_values(&labels).inc();
    response
}

/// What a `POST` brings.
struct Creation {
    address: IpAddr,
    room: Option<String>,
    watched: Option<String>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
}

impl axum::extract::FromRequest<Door> for Creation {
    type Rejection = Response;

    async fn from_request(request: Request, door: &Door) -> Result<Self, Response> {
        use axum::extract::FromRequestParts as _;
        let (mut parts, body) = request.into_parts();
        let Ok(Peer(peer)) = Peer::from_request_parts(&mut parts, door).await;
        let room = Path::<String>::from_request_parts(&mut parts, door).await;
        let query = QueryExtractor::<Query>::from_request_parts(&mut parts, door).await;
        let watched = query.ok().and_then(|mut query| query.remove("participant"));
        let headers = parts.headers.clone();
        let proxies = &door.shared.config.trusted_proxies;
        let address = client_address(peer, &headers, proxies);
        let request = Request::from_parts(parts, body);
        Ok(Self {
            address,
            room: room.ok().map(|Path(room)| room),
            watched,
            headers,
            body: Bytes::from_request(request, door).await,
        })
    }
}

async fn create(State(door): State<Door>, creation: Creation, role: Role) -> Response {
    let deadline = Duration::from_millis(door.shared.config.limit.handshake_timeout_ms);
    match timeout(deadline, try_create(&door, creation, role)).await {
        Ok(Ok(response)) => response,
        Ok(Err(problem)) => refuse(&door, problem),
        Err(_) => {
            let detail = "The session took too long to begin.";
            let problem = Problem::new(ErrorCode::Unavailable, "join-timeout", detail);
            refuse(&door, problem)
        }
    }
}

async fn try_create(door: &Door, creation: Creation, role: Role) -> Result<Response, Problem> {
    let shared = &door.shared;
    check_origin(&shared.config.allowed_origins, &creation.headers)?;
    let mut claims = verify(shared, &creation.headers, now())?;
    let room = admission::room_name(shared, &claims)?;
    check_room(creation.room.as_deref(), &room)?;
    check_type(&creation.headers, ACCEPT_POST, SDP)?;
    let text = body_text(creation.body)?;
    let sections = offer::read(&text, role)?;
    admission::check_draining(shared)?;
    let settings = admission::room_settings(shared, &claims)?;
    admission::check_revoked(shared, &room, &mut claims)?;
    admission::ask_policy(shared, &claims, &room).await?;
    admission::check_place(shared, &room, &claims).await?;
    let place = door.sockets.take(creation.address).map_err(refuse_socket)?;
    let sessions = &shared.metrics.http_sessions;
    let sessions = sessions.with_label_values(&[role.as_str()]);
    let opening = Opening {
        id: ids::http_session(),
        role,
        started_at: now(),
        watched: creation.watched,
        sections,
        offer: text,
        claims: restricted(claims, role),
        user_agent: admission::user_agent(&creation.headers).to_owned(),
        held: Arc::new(Held::new(place, sessions)),
    };
    let location = format!("/{}/{}/{}", role.as_str(), encoded(&room), opening.id);
    let opened = open(shared, &room, &settings, opening).await?;
    let mut response = (StatusCode::CREATED, opened.answer).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, SDP);
    headers.insert(header::LOCATION, header_value(&location));
    headers.insert(header::ETAG, header_value(&opened.entity_tag));
    headers.insert(ACCEPT_PATCH, FRAGMENT);
    link::append(headers, &shared.config.rtc.ice_servers);
    Ok(response)
}

/// The room of the path, if there is one, is that of the token.
fn check_room(of_path: Option<&str>, of_token: &str) -> Result<(), Problem> {
    const LIVEKIT_VERSION: &str = "v1";
    match of_path {
        Some(room) if room != of_token && room != LIVEKIT_VERSION => Err(Problem::new(
            ErrorCode::PermissionDenied,
            "other-room",
            "The token is for another room.",
        )),
        Some(_) | None => Ok(()),
    }
}

/// A publisher does nothing but publish, and a player is not seen by anybody. Publishers are ingress
/// unless the token says what they are, as the streams of LiveKit's ingress are.
fn restricted(mut claims: Claims, role: Role) -> Claims {
    if let Some(grant) = &mut claims.video {
        grant.can_publish_data = Some(false);
        grant.can_update_own_metadata = Some(false);
        match role {
            Role::Publish => grant.can_subscribe = Some(false),
            Role::Play => {
                grant.can_publish = Some(false);
                grant.hidden = true;
            }
        }
    }
    if role == Role::Publish && claims.kind.is_empty() {
        "ingress".clone_into(&mut claims.kind);
    }
    claims
}

async fn open(
    shared: &Arc<Shared>,
    room: &str,
    settings: &RoomSettings,
    opening: Opening,
) -> Result<Opened, OpenError> {
    for _ in 0..OPEN_ATTEMPTS {
        let handle = shared.open_room(room, settings);
        let opening = Box::new(opening.clone());
        let (reply, answer) = oneshot::channel();
        let command = ResourceCommand::Open { opening, reply };
        if handle.send(Command::Resource(command)).await.is_ok()
            && let Ok(result) = answer.await
        {
            return result;
        }
    }
    Err(sfu::SfuError::Down.into())
}

type SessionPath = Path<(String, String)>;

async fn change(
    State(door): State<Door>,
    path: SessionPath,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
    role: Role,
) -> Response {
    match try_change(&door, path, &headers, body, role).await {
        Ok(response) => response,
        Err(problem) => refuse(&door, problem),
    }
}

async fn try_change(
    door: &Door,
    Path((room, id)): SessionPath,
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
    role: Role,
) -> Result<Response, Problem> {
    let (handle, claims) = find(door, &room, &id, headers, role).await?;
    check_type(headers, ACCEPT_PATCH, FRAGMENT)?;
    let malformed = || {
        let detail = "The body is no SDP fragment with ICE credentials and candidates.";
        Problem::new(ErrorCode::InvalidArgument, "fragment", detail)
    };
    let fragment = fragment::read(&body_text(body)?).ok_or_else(malformed)?;
    let mut claims = claims;
    admission::check_revoked(&door.shared, &room, &mut claims)?;
    admission::ask_policy(&door.shared, &claims, &room).await?;
    let if_match = headers.get(header::IF_MATCH);
    let if_match = if_match.map(|value| value.to_str().unwrap_or_default().to_owned());
    let (reply, answer) = oneshot::channel();
    let command = ResourceCommand::Patch {
        id,
        fragment,
        if_match,
        reply,
    };
    let sent = handle.send(Command::Resource(command)).await;
    sent.map_err(|_| Problem::no_session())?;
    let patched = answer.await.map_err(|_| Problem::no_session())?;
    match patched.ok_or_else(Problem::no_session)?? {
        Patched::Trickled => Ok(StatusCode::NO_CONTENT.into_response()),
        Patched::Restarted {
            fragment,
            entity_tag,
        } => {
            let mut response = fragment.into_response();
            let headers = response.headers_mut();
            headers.insert(header::CONTENT_TYPE, FRAGMENT);
            headers.insert(header::ETAG, header_value(&entity_tag));
            Ok(response)
        }
    }
}

async fn end(
    State(door): State<Door>,
    Path((room, id)): SessionPath,
    headers: HeaderMap,
    role: Role,
) -> Response {
    let ended = async {
        let (handle, _) = find(&door, &room, &id, &headers, role).await?;
        let (reply, answer) = oneshot::channel();
        let command = ResourceCommand::Close { id, reply };
        let sent = handle.send(Command::Resource(command)).await;
        sent.map_err(|_| Problem::no_session())?;
        let was_there = answer.await.unwrap_or(false);
        was_there.then_some(()).ok_or_else(Problem::no_session)
    };
    match ended.await {
        Ok(()) => StatusCode::OK.into_response(),
        Err(problem) => refuse(&door, problem),
    }
}

/// Finds a session and checks that the request comes from its participant. A token that was good when
/// the session began is good for it, so that a long stream can still be ended.
async fn find(
    door: &Door,
    room: &str,
    id: &str,
    headers: &HeaderMap,
    role: Role,
) -> Result<(RoomHandle, Claims), Problem> {
    check_origin(&door.shared.config.allowed_origins, headers)?;
    let found = facts(&door.shared, room, id).await;
    let since = found.as_ref().map(|(_, facts)| facts.started_at);
    let claims = match verify(&door.shared, headers, now()) {
        Ok(claims) => claims,
        Err(refusal) => verify(&door.shared, headers, since.ok_or(refusal)?)?,
    };
    let of_token = admission::room_name(&door.shared, &claims)?;
    let is_own = |facts: &SessionFacts| {
        facts.role == role && facts.identity == claims.identity && of_token == room
    };
    match found {
        Some((handle, facts)) if is_own(&facts) => Ok((handle, claims)),
        Some(_) | None => Err(Problem::no_session()),
    }
}

async fn facts(shared: &Shared, room: &str, id: &str) -> Option<(RoomHandle, SessionFacts)> {
    let handle = shared.rooms.find(room)?;
    let (reply, answer) = oneshot::channel();
    let id = id.to_owned();
    let command = ResourceCommand::Find { id, reply };
    handle.send(Command::Resource(command)).await.ok()?;
    Some((handle, answer.await.ok()??))
}

/// Verifies the bearer token. Unlike for sockets it never stands in the query: every client can set
/// headers, and addresses end up in logs.
fn verify(shared: &Shared, headers: &HeaderMap, now: u64) -> Result<Claims, Refusal> {
    admission::verify(shared, admission::token(&Query::new(), headers)?, now)
}

/// Compares the type of the body, parameters aside.
fn check_type(headers: &HeaderMap, name: HeaderName, accepted: HeaderValue) -> Result<(), Problem> {
    let value = headers.get(header::CONTENT_TYPE);
    let value = value.and_then(|value| value.to_str().ok());
    let essence = value
        .and_then(|value| value.split(';').next())
        .map(str::trim);
    let wanted = accepted.to_str().unwrap_or_default();
    let fits = essence.is_some_and(|essence| essence.eq_ignore_ascii_case(wanted));
    fits.then_some(())
        .ok_or_else(|| Problem::media_type(name, accepted))
}

fn body_text(body: Result<Bytes, BytesRejection>) -> Result<String, Problem> {
    let bytes = body.map_err(|rejection| {
        let code = match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => ErrorCode::PayloadTooLarge,
            _ => ErrorCode::InvalidArgument,
        };
        Problem::new(code, "body", rejection.body_text())
    })?;
    String::from_utf8(bytes.into()).map_err(|_| {
        let detail = "The body is not UTF-8.";
        Problem::new(ErrorCode::InvalidArgument, "body", detail)
    })
}

fn refuse(door: &Door, problem: Problem) -> Response {
    door.shared.metrics.refuse(problem.reason);
    tracing::debug!(reason = problem.reason, "refused a WHIP or WHEP request");
    problem.into_response()
}

/// Percent-encodes a segment of a path (RFC 3986, section 2.3).
fn encoded(segment: &str) -> String {
    use std::fmt::Write as _;
    let mut written = String::with_capacity(segment.len());
    for byte in segment.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            written.push(char::from(byte));
        } else {
            write!(written, "%{byte:02X}").expect("writing to memory does not fail");
        }
    }
    written
}

/// Our own texts are ASCII without controls; what a library made is checked all the same.
fn header_value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_rooms_fit_into_a_path() {
        assert_eq!(encoded("yoga-1_a.b~"), "yoga-1_a.b~");
        assert_eq!(encoded("a b/ü?#"), "a%20b%2F%C3%BC%3F%23");
    }

    #[test]
    fn a_content_type_is_compared_without_case_and_parameters() {
        let check = |value: &'static str| {
            let value = HeaderValue::from_static(value);
            let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, value)]);
            check_type(&headers, ACCEPT_POST, SDP).is_ok()
        };

        assert!(check("application/sdp"));
        assert!(check("Application/SDP; charset=utf-8"));
        assert!(!check("text/plain"));
        assert!(!check("application/sdpx"));
        assert!(check_type(&HeaderMap::new(), ACCEPT_POST, SDP).is_err());
    }

    #[test]
    fn a_publisher_is_ingress_and_a_player_is_hidden() {
        let claims = Claims::for_room("obs", "yoga", 1);

        let publisher = restricted(claims.clone(), Role::Publish);
        let player = restricted(claims, Role::Play);

        assert_eq!(publisher.kind, "ingress");
        let grant = publisher.video.unwrap();
        assert!(grant.may_publish() && !grant.may_subscribe() && !grant.may_publish_data());
        assert!(!grant.hidden);
        let grant = player.video.unwrap();
        assert!(grant.hidden && grant.may_subscribe() && !grant.may_publish());
    }
}
