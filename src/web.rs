//! The web client's files, embedded in release builds and read from disk in debug builds.
//!
//! Every page of the client is `index.html`, so a browser that asks for a page gets that. Programs
//! that ask for something unknown get a problem instead.

use std::collections::HashMap;
use std::io::Write;
use std::sync::{Mutex, OnceLock, PoisonError};

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{Html, IntoResponse, Response};
use flate2::Compression;
use flate2::write::GzEncoder;
use rust_embed::{EmbeddedFile, RustEmbed};
use service::http::nothing_at;

const INDEX: &str = "index.html";

/// Files below have their hash in their name, so they never change.
const HASHED: &str = "assets/";

/// Paths below never lead to a page.
const NOT_PAGES: &[&str] = &["api/", "rtc", "whip/", "whep/", "twirp/", "assets/"];

/// Shorter files are not worth compressing.
const COMPRESS_BYTES_MIN: usize = 1024;

const NOT_BUILT: &str = "<!doctype html><html lang=en><meta charset=utf-8><title>Clapt</title>\
<body><h1>The web client is not built</h1><p>The server runs, but this program was built without \
the web client. Run <code>./run</code>, which builds both, or <code>npm ci && npm run build</code> \
in <code>web/</code> and build again.</p>";

#[derive(RustEmbed)]
#[folder = "web/dist/"]
#[allow_missing = true]
struct Files;

/// Answers whatever no other route does.
pub(crate) async fn fallback(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    let path = uri.path().trim_start_matches('/');
    if method != Method::GET && method != Method::HEAD {
        return nothing_at(uri.path()).into_response();
    }
    if !path.is_empty()
        && let Some(file) = Files::get(path)
    {
        return respond(path, &file, &headers);
    }
    if !is_page(path, &headers) {
        return nothing_at(uri.path()).into_response();
    }
    match Files::get(INDEX) {
        Some(file) => respond(INDEX, &file, &headers),
        None => (StatusCode::SERVICE_UNAVAILABLE, Html(NOT_BUILT)).into_response(),
    }
}

fn is_page(path: &str, headers: &HeaderMap) -> bool {
    let wants_html = path.is_empty() || contains(headers, header::ACCEPT, "text/html");
    wants_html && !NOT_PAGES.iter().any(|prefix| path.starts_with(prefix))
}

fn contains(headers: &HeaderMap, name: header::HeaderName, word: &str) -> bool {
    let value = headers.get(name).and_then(|value| value.to_str().ok());
    value.is_some_and(|value| value.contains(word))
}

fn respond(path: &str, file: &EmbeddedFile, request: &HeaderMap) -> Response {
    let tag = etag(file);
    let caching = if path.starts_with(HASHED) {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    let mut response = if contains(request, header::IF_NONE_MATCH, &tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        content(path, file, &tag, request)
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{tag}\"")) {
        headers.insert(header::ETAG, tag);
    }
    response
}

/// Half of the SHA-256 is plenty to tell versions apart.
fn etag(file: &EmbeddedFile) -> String {
    let hash = file.metadata.sha256_hash();
    let (half, _) = hash
        .split_first_chunk::<16>()
        .expect("a SHA-256 has 32 bytes");
    format!("{:032x}", u128::from_be_bytes(*half))
}

fn content(path: &str, file: &EmbeddedFile, tag: &str, request: &HeaderMap) -> Response {
    let mime = file.metadata.mimetype();
    let is_text = mime.starts_with("text/")
        || ["javascript", "json", "svg", "wasm"]
            .iter()
            .any(|kind| mime.contains(kind));
    let compress = is_text
        && file.data.len() >= COMPRESS_BYTES_MIN
        && contains(request, header::ACCEPT_ENCODING, "gzip");
    let charset = if mime.starts_with("text/") {
        "; charset=utf-8"
    } else {
        ""
    };
    let content_type = [(header::CONTENT_TYPE, format!("{mime}{charset}"))];
    if compress {
        let encoding = [(header::CONTENT_ENCODING, "gzip")];
        (content_type, encoding, compressed(path, tag, &file.data)).into_response()
    } else {
        (content_type, Body::from(file.data.to_vec())).into_response()
    }
}

/// Compresses each version of a file once. Holds at most one version of each file.
fn compressed(path: &str, tag: &str, data: &[u8]) -> Bytes {
    static CACHE: OnceLock<Mutex<HashMap<String, (String, Bytes)>>> = OnceLock::new();
    let cache = CACHE.get_or_init(Mutex::default);
    let mut cache = cache.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((cached_tag, bytes)) = cache.get(path)
        && cached_tag == tag
    {
        return bytes.clone();
    }
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder
        .write_all(data)
        .expect("writing to memory does not fail");
    let bytes = Bytes::from(encoder.finish().expect("writing to memory does not fail"));
    cache.insert(path.to_owned(), (tag.to_owned(), bytes.clone()));
    bytes
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;
    use std::io::Read;

    use super::*;

    fn headers(pairs: &[(header::HeaderName, &str)]) -> HeaderMap {
        let pair =
            |(name, value): &(header::HeaderName, &str)| (name.clone(), value.parse().unwrap());
        pairs.iter().map(pair).collect()
    }

    fn file(data: &'static [u8], mime: &'static str) -> EmbeddedFile {
        let metadata = rust_embed::Metadata::__rust_embed_new([7; 32], None, None, mime);
        EmbeddedFile {
            data: Cow::Borrowed(data),
            metadata,
        }
    }

    async fn body(response: Response) -> Vec<u8> {
        let bytes = axum::body::to_bytes(response.into_body(), 1_000_000).await;
        bytes.unwrap().to_vec()
    }

    #[tokio::test]
    async fn files_with_a_hash_in_their_name_are_kept_for_ever_and_others_are_asked_for() {
        let hashed = respond(
            "assets/app-1a2b.js",
            &file(b"1", "text/javascript"),
            &headers(&[]),
        );
        let index = respond(INDEX, &file(b"1", "text/html"), &headers(&[]));

        assert!(
            hashed.headers()["cache-control"]
                .to_str()
                .unwrap()
                .contains("immutable")
        );
        assert_eq!(index.headers()["cache-control"], "no-cache");
        assert_eq!(index.headers()["content-type"], "text/html; charset=utf-8");
    }

    #[tokio::test]
    async fn a_browser_that_has_the_version_gets_304() {
        let file = file(b"1", "text/html");
        let first = respond(INDEX, &file, &headers(&[]));
        let tag = first.headers()["etag"].to_str().unwrap().to_owned();

        let second = respond(INDEX, &file, &headers(&[(header::IF_NONE_MATCH, &tag)]));

        assert_eq!(second.status(), 304);
        assert!(body(second).await.is_empty());
    }

    #[tokio::test]
    async fn text_is_compressed_for_those_who_can_read_it() {
        static LONG: [u8; 5000] = [b'x'; 5000];
        let file = file(&LONG, "text/javascript");
        let gzip = headers(&[(header::ACCEPT_ENCODING, "br, gzip")]);

        let plain = respond("assets/a.js", &file, &headers(&[]));
        let small = respond("assets/a.js", &file, &gzip);

        assert!(!plain.headers().contains_key("content-encoding"));
        assert_eq!(body(plain).await, LONG);
        assert_eq!(small.headers()["content-encoding"], "gzip");
        let mut text = Vec::new();
        let bytes = body(small).await;
        flate2::read::GzDecoder::new(&bytes[..])
            .read_to_end(&mut text)
            .unwrap();
        assert!(bytes.len() < 500);
        assert_eq!(text, LONG);
    }

    #[tokio::test]
    async fn only_browsers_that_ask_for_a_page_get_one() {
        let html = headers(&[(header::ACCEPT, "text/html,*/*")]);
        let any = headers(&[(header::ACCEPT, "*/*")]);

        assert!(is_page("", &any));
        assert!(is_page("room/yoga", &html));
        assert!(!is_page("room/yoga", &any));
        for path in ["api/v1/nothing", "rtc/v2", "twirp/x", "assets/gone.js"] {
            assert!(!is_page(path, &html), "{path}");
            let uri = Uri::try_from(format!("/{path}")).unwrap();
            assert_eq!(fallback(Method::GET, uri, html.clone()).await.status(), 404);
        }
        let posted = fallback(Method::POST, Uri::from_static("/room/yoga"), html).await;
        assert_eq!(posted.status(), 404);
    }

    #[tokio::test]
    async fn a_path_does_not_lead_out_of_the_folder() {
        for path in ["/../Cargo.toml", "/..%2fCargo.toml", "//etc/passwd"] {
            let answer = fallback(Method::GET, Uri::try_from(path).unwrap(), headers(&[])).await;
            assert_eq!(answer.status(), 404, "{path}");
        }
    }
}
