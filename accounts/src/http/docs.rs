//! What tells about the interface: its description for programs and for people, and the public keys.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::Value;
use utoipa::Modify;
use utoipa::OpenApi as _;
use utoipa::openapi::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};

use crate::Accounts;
use crate::letters::escaped;

/// Seconds that others may keep our keys; a new key signs only after a start.
const KEYS_CACHE: &str = "public, max-age=300";

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Clapt",
        description = "Accounts. Errors are problems (RFC 9457) with a stable `code`; whoever is signed in sends the access token as `Authorization: Bearer …`.",
    ),
    modifiers(&AccessToken),
    tags(
        (name = "set-up", description = "The first start."),
        (name = "signing in", description = "Registering, signing in and out, forgotten passwords."),
        (name = "account", description = "One's own account."),
        (name = "administration", description = "Looking after people."),
        (name = "keys", description = "Verifying access tokens."),
    ),
)]
struct Description;

struct AccessToken;

impl Modify for AccessToken {
    fn modify(&self, api: &mut OpenApi) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("JWT")
            .build();
        let components = api.components.get_or_insert_default();
        components.add_security_scheme("access_token", SecurityScheme::Http(scheme));
    }
}

/// Returns the description without any route.
pub(super) fn description() -> OpenApi {
    Description::openapi()
}

/// Names each operation by its method and path, such as `get_account_sessions`: names have to be unique (`OpenAPI` 3.1,
/// section 4.8.10).
pub(super) fn name_operations(api: &mut OpenApi) {
    for (path, item) in &mut api.paths.paths {
        let words = path.split(|c: char| !c.is_ascii_alphanumeric());
        let words = words.filter(|word| !matches!(*word, "" | "api" | "v1"));
        let path = words.collect::<Vec<_>>().join("_");
        let operations = [
            ("get", &mut item.get),
            ("post", &mut item.post),
            ("put", &mut item.put),
            ("patch", &mut item.patch),
            ("delete", &mut item.delete),
        ];
        for (method, operation) in operations {
            if let Some(operation) = operation {
                operation.operation_id = Some(format!("{method}_{path}"));
            }
        }
    }
}

/// Returns the public keys that verify access tokens (RFC 7517).
#[utoipa::path(
    get,
    path = "/.well-known/jwks.json",
    tag = "keys",
    responses((status = 200, description = "The keys, the one that signs now first.", body = Value)),
)]
pub(crate) async fn jwks(State(state): State<Accounts>) -> impl IntoResponse {
    (
        [(header::CACHE_CONTROL, KEYS_CACHE)],
        Json(state.keys().jwks()),
    )
}

/// Returns the routes of the description.
pub(super) fn routes(api: &OpenApi) -> Router<Accounts> {
    let tree = serde_json::to_value(api).unwrap_or_default();
    let page: Arc<str> = page(&tree).into();
    let json: Arc<str> = tree.to_string().into();
    let description = move || {
        let json = Arc::clone(&json);
        async move { json_response(&json) }
    };
    let page = move || {
        let page = Arc::clone(&page);
        async move { Html(page.to_string()) }
    };
    Router::new()
        .route("/api/openapi.json", get(description))
        .route("/api/docs", get(page))
}

fn json_response(json: &str) -> Response {
    let content_type = [(header::CONTENT_TYPE, "application/json")];
    (content_type, json.to_owned()).into_response()
}

/// Style of the page; there is no script, so that the content security policy has nothing to allow.
const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:56rem;margin:2rem auto;padding:0 1rem;\
color:CanvasText;background:Canvas;color-scheme:light dark}code,pre{font:14px/1.45 ui-monospace,monospace}\
details{border:1px solid GrayText;border-radius:8px;margin:.5rem 0;padding:.5rem .75rem}\
summary{cursor:pointer}td,th{text-align:left;vertical-align:top;padding:.15rem .75rem .15rem 0}\
pre{overflow:auto;margin:.25rem 0}";

/// Writes the page for people.
fn page(api: &Value) -> String {
    let mut page = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>Clapt: HTTP interface</title>\
         <style>{STYLE}</style><main><h1>Clapt: HTTP interface</h1><p>{}</p>\
         <p>For programs: <a href=\"/api/openapi.json\">openapi.json</a>.</p>",
        text(&api["info"]["description"])
    );
    let none = serde_json::Map::new();
    let paths = api["paths"].as_object().unwrap_or(&none);
    for tag in api["tags"].as_array().into_iter().flatten() {
        let _ = write!(
            page,
            "<h2>{}</h2><p>{}</p>",
            text(&tag["name"]),
            text(&tag["description"])
        );
        for (path, methods) in paths {
            let methods = methods.as_object().into_iter().flatten();
            for (method, operation) in methods {
                if operation["tags"]
                    .as_array()
                    .is_some_and(|tags| tags.contains(&tag["name"]))
                {
                    write_operation(&mut page, path, method, operation);
                }
            }
        }
    }
    page.push_str("<h2>Bodies</h2>");
    let schemas = api["components"]["schemas"].as_object().unwrap_or(&none);
    for (name, schema) in schemas {
        let _ = write!(
            page,
            "<details id=\"{0}\"><summary><code>{0}</code> {1}</summary><table>",
            escaped(name),
            text(&schema["description"])
        );
        for (field, property) in schema["properties"].as_object().into_iter().flatten() {
            let _ = write!(
                page,
                "<tr><td><code>{}</code><td>{}<td>{}",
                escaped(field),
                kind(property),
                text(&property["description"])
            );
        }
        page.push_str("</table></details>");
    }
    page.push_str("</main></html>");
    page
}

fn write_operation(page: &mut String, path: &str, method: &str, operation: &Value) {
    let summary = operation["summary"]
        .as_str()
        .or(operation["description"].as_str());
    let _ = write!(
        page,
        "<details><summary><code>{} {}</code> {}</summary><table>",
        method.to_uppercase(),
        escaped(path),
        escaped(summary.unwrap_or_default())
    );
    for parameter in operation["parameters"].as_array().into_iter().flatten() {
        let _ = write!(
            page,
            "<tr><td><code>{}</code><td>{}<td>{}",
            text(&parameter["name"]),
            text(&parameter["in"]),
            text(&parameter["description"])
        );
    }
    let body = &operation["requestBody"]["content"]["application/json"]["schema"];
    if body.is_object() {
        let _ = write!(page, "<tr><td>body<td colspan=2>{}", kind(body));
    }
    for (status, response) in operation["responses"].as_object().into_iter().flatten() {
        let schema = &response["content"]["application/json"]["schema"];
        let _ = write!(
            page,
            "<tr><td>{}<td>{}<td>{}",
            escaped(status),
            kind(schema),
            text(&response["description"])
        );
    }
    page.push_str("</table></details>");
}

/// Names the type of a schema, with a link to it if it has one of its own.
fn kind(schema: &Value) -> String {
    if let Some(reference) = schema["$ref"].as_str() {
        let name = escaped(reference.rsplit('/').next().unwrap_or_default());
        return format!("<a href=\"#{name}\"><code>{name}</code></a>");
    }
    if schema["type"] == "array" {
        return format!("list of {}", kind(&schema["items"]));
    }
    let one_of = schema["oneOf"].as_array().into_iter().flatten();
    let parts: Vec<String> = one_of
        .filter(|one| one["$ref"].is_string())
        .map(kind)
        .collect();
    match &schema["type"] {
        Value::String(name) => escaped(name),
        Value::Array(names) => {
            let names: Vec<&str> = names.iter().filter_map(Value::as_str).collect();
            escaped(&names.join(" or "))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => parts.join(" or "),
    }
}

fn text(value: &Value) -> String {
    escaped(value.as_str().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    #[test]
    fn each_operation_has_a_name_of_its_own() {
        let api = serde_json::to_value(super::super::openapi()).unwrap();

        let paths = api["paths"].as_object().unwrap().values();
        let operations = paths.flat_map(|item| item.as_object().unwrap().values());
        let names: Vec<&str> = operations
            .map(|operation| operation["operationId"].as_str().unwrap())
            .collect();

        assert!(names.contains(&"get_account_sessions"), "{names:?}");
        assert_eq!(names.iter().collect::<HashSet<_>>().len(), names.len());
    }
}
