//! API keys in the configuration: reading, redacting, and what is refused.

use std::collections::BTreeMap;
use std::path::Path;

use auth::ApiKeys;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Config, ConfigError};

/// The API key that `--dev` starts with. Known to everybody, so refused without `--dev`.
pub const DEV_KEY: &str = "devkey";

/// The secret of [`DEV_KEY`].
pub const DEV_SECRET: &str = "secret";

/// The least length of a secret outside `--dev`.
pub const SECRET_BYTES_MIN: usize = 32;

/// Shows the names of the keys; each secret becomes `(redacted)`.
pub(super) fn serialize<S: Serializer>(keys: &ApiKeys, serializer: S) -> Result<S::Ok, S::Error> {
    let redacted: BTreeMap<&str, &str> = keys.iter().map(|(key, _)| (key, "(redacted)")).collect();
    redacted.serialize(serializer)
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ApiKeys, D::Error> {
    // Read by hand, since the usual errors would quote the value, which may be a secret.
    let not_a_map = "not a map of API keys to secrets";
    let serde_json::Value::Object(keys) = serde_json::Value::deserialize(deserializer)? else {
        return Err(serde::de::Error::custom(not_a_map));
    };
    keys.into_iter()
        .map(|(key, secret)| match secret {
            serde_json::Value::String(secret) => Ok((key, secret)),
            serde_json::Value::Null
            | serde_json::Value::Bool(_)
            | serde_json::Value::Number(_)
            | serde_json::Value::Array(_)
            | serde_json::Value::Object(_) => Err(serde::de::Error::custom(format!(
                "the secret of `{key}` is not a string; put it in quotes"
            ))),
        })
        .collect()
}

/// Adds the keys of `key_file`, gives `--dev` its key, and checks all of them.
pub(super) fn complete(config: &mut Config) -> Result<(), ConfigError> {
    if !config.key_file.as_os_str().is_empty() {
        let more = read_key_file(&config.key_file)?;
        let both = more.iter().chain(config.keys.iter());
        config.keys = both.map(|(key, secret)| (key, secret.expose())).collect();
    }
    if config.dev {
        if config.keys.is_empty() {
            config.keys = ApiKeys::from_iter([(DEV_KEY, DEV_SECRET)]);
        }
        return Ok(());
    }
    if config.keys.is_empty() {
        return Err(ConfigError::NoKeys);
    }
    for (key, secret) in config.keys.iter() {
        if key == DEV_KEY || secret.expose() == DEV_SECRET {
            return Err(ConfigError::DevKey);
        }
        let actual_bytes = secret.expose().len();
        if actual_bytes < SECRET_BYTES_MIN {
            let key = key.to_owned();
            return Err(ConfigError::ShortSecret { key, actual_bytes });
        }
    }
    Ok(())
}

/// Refuses a file with secrets that other users can read.
pub(super) fn must_be_private(path: &Path) -> Result<(), ConfigError> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let metadata = std::fs::metadata(path).map_err(|source| ConfigError::Read {
            path: path.to_owned(),
            source,
        })?;
        if metadata.permissions().mode() & 0o007 != 0 {
            let path = path.to_owned();
            return Err(ConfigError::KeyFileOpen { path });
        }
    }
    Ok(())
}

fn read_key_file(path: &Path) -> Result<ApiKeys, ConfigError> {
    must_be_private(path)?;
    let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Read {
        path: path.to_owned(),
        source,
    })?;
    let keys: BTreeMap<String, String> =
        serde_saphyr::from_str(&text).map_err(|_| ConfigError::KeyFile {
            path: path.to_owned(),
        })?;
    Ok(keys.into_iter().collect())
}
