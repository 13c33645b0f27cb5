//! STUN and TURN servers that clients are told of: reading, redacting, and what is refused.

use std::path::{Path, PathBuf};

use auth::Secret;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Config, ConfigError};

/// What stands for a credential where the configuration is shown.
const REDACTED: &str = "(redacted)";

/// One entry of `rtc.ice_servers`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IceServer {
    /// Its addresses as in RFC 7064 and 7065, such as `turn:turn.example:3478?transport=udp`.
    pub urls: Vec<String>,
    /// For TURN.
    #[serde(default)]
    pub username: String,
    /// For TURN: the password. Serialising never shows it.
    #[serde(default = "nothing", with = "credential")]
    pub credential: Secret,
    /// A file with the password, instead of `credential`; empty means none.
    #[serde(default)]
    pub credential_file: PathBuf,
}

fn nothing() -> Secret {
    Secret::new("")
}

pub(super) mod credential {
    use super::{Deserialize, Deserializer, REDACTED, Secret, Serialize, Serializer};

    pub(in super::super) fn serialize<S: Serializer>(
        secret: &Secret,
        into: S,
    ) -> Result<S::Ok, S::Error> {
        let is_set = !secret.expose().is_empty();
        let shown = if is_set { REDACTED } else { "" };
        shown.serialize(into)
    }

    /// By hand, since the usual errors would quote the value.
    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Secret, D::Error> {
        let value = serde_json::Value::deserialize(from)?;
        let text = value.as_str().map(Secret::new);
        let error = || serde::de::Error::custom("the credential is not a string; put it in quotes");
        text.ok_or_else(error)
    }
}

/// Reads the credential files and checks all servers.
pub(super) fn complete(config: &mut Config) -> Result<(), ConfigError> {
    for (index, server) in config.rtc.ice_servers.iter_mut().enumerate() {
        let refuse = |key: &str, reason: &str| ConfigError::Value {
            path: format!("rtc.ice_servers[{index}].{key}"),
            reason: reason.to_owned(),
        };
        if !server.credential_file.as_os_str().is_empty() {
            if !server.credential.expose().is_empty() {
                return Err(refuse("credential_file", "there is a `credential` already"));
            }
            server.credential = read(&server.credential_file)?;
        }
        check(server).map_err(|(key, reason)| refuse(key, reason))?;
    }
    Ok(())
}

pub(super) fn read(path: &Path) -> Result<Secret, ConfigError> {
    super::keys::must_be_private(path)?;
    let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Read {
        path: path.to_owned(),
        source,
    })?;
    Ok(Secret::new(text.trim_end_matches(['\r', '\n'])))
}

fn check(server: &IceServer) -> Result<(), (&'static str, &'static str)> {
    if server.urls.is_empty() {
        return Err(("urls", "at least one URL is needed"));
    }
    if !server.urls.iter().all(|url| is_url(url)) {
        return Err(("urls", "a URL is stun:, stuns:, turn: or turns: and a host"));
    }
    // They travel in header fields, too.
    let is_plain = |text: &str| text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    let credential = server.credential.expose();
    if !is_plain(&server.username) {
        return Err(("username", "only printable ASCII is allowed"));
    }
    if !is_plain(credential) {
        return Err(("credential", "only printable ASCII is allowed"));
    }
    let is_turn = server.urls.iter().any(|url| url.starts_with("turn"));
    if is_turn && (server.username.is_empty() || credential.is_empty()) {
        return Err(("credential", "TURN needs a username and a credential"));
    }
    Ok(())
}

fn is_url(url: &str) -> bool {
    let Some((scheme, rest)) = url.split_once(':') else {
        return false;
    };
    let host = rest.split(['?', ':']).next().unwrap_or_default();
    let is_clean = |byte: u8| byte.is_ascii_graphic() && !b"<>\"\\/,".contains(&byte);
    let is_known = ["stun", "stuns", "turn", "turns"].contains(&scheme);
    is_known && !host.is_empty() && rest.bytes().all(is_clean)
}
