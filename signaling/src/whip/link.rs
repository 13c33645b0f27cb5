//! STUN and TURN servers in header fields (RFC 9725, section 4.6).

use axum::http::{HeaderMap, HeaderValue, header};
use service::config::IceServer;

/// Adds one `Link` for each URL of each server.
pub(super) fn append(headers: &mut HeaderMap, servers: &[IceServer]) {
    for server in servers {
        for url in &server.urls {
            // The configuration allows printable ASCII only.
            if let Ok(mut link) = HeaderValue::from_str(&link(server, url)) {
                link.set_sensitive(url.starts_with("turn"));
                headers.append(header::LINK, link);
            }
        }
    }
}

fn link(server: &IceServer, url: &str) -> String {
    let plain = format!("<{url}>; rel=\"ice-server\"");
    if !url.starts_with("turn") {
        return plain;
    }
    let (username, credential) = (quoted(&server.username), quoted(server.credential.expose()));
    format!("{plain}; username={username}; credential={credential}; credential-type=\"password\"")
}

/// A quoted string (RFC 9110, section 5.6.4).
fn quoted(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{escaped}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_server_has_its_credentials_quoted_and_a_stun_server_none() {
        let server = IceServer {
            urls: vec![
                "stun:a.example".into(),
                "turns:a.example?transport=tcp".into(),
            ],
            username: "ana".into(),
            credential: auth::Secret::new("a\"b\\c"),
            credential_file: std::path::PathBuf::new(),
        };
        let mut headers = HeaderMap::new();

        append(&mut headers, &[server]);

        let links: Vec<_> = headers.get_all(header::LINK).iter().collect();
        assert_eq!(links[0], "<stun:a.example>; rel=\"ice-server\"");
        assert_eq!(
            links[1],
            "<turns:a.example?transport=tcp>; rel=\"ice-server\"; username=\"ana\"; \
             credential=\"a\\\"b\\\\c\"; credential-type=\"password\""
        );
        assert!(!format!("{headers:?}").contains("ana"));
    }
}
