//! Reading and merging the sources of the configuration.

use std::io;
use std::path::PathBuf;

use serde_json::Value;
use thiserror::Error;

use super::tree::{UnknownKey, at_path, find, merge, unknown_key};
use super::{Config, SECRET_BYTES_MIN, accounts, ice, keys, storage};

/// Environment variables with this prefix are keys.
const ENVIRONMENT_PREFIX: &str = "CLAPT_";

/// Variables with the prefix that are no keys: they tell the project's tests which programs to use.
const NOT_KEYS: &[&str] = &["CLAPT_BINARY", "CLAPT_TEST_POSTGRES", "CLAPT_TEST_REDIS"];

/// Sound that waits on the server longer than this is heard to be late.
const GATHER_US_MAX: u64 = 5000;

/// The file in the data directory that holds API keys.
const KEY_FILE_NAME: &str = "keys.yaml";

/// Where the configuration comes from.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// Started with `--dev`.
    pub dev: bool,
    /// The YAML file.
    pub file: Option<PathBuf>,
    /// The data directory: a `keys.yaml` in it is the key file, unless another one is named.
    pub data: Option<PathBuf>,
    /// Environment variables; those without the prefix `CLAPT_` are ignored.
    pub environment: Vec<(String, String)>,
    /// Command-line flags: dotted key and value.
    pub flags: Vec<(String, Value)>,
}

/// Why the configuration can't be used. The texts name the key and where it came from.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// A file can't be read.
    #[error("{} can't be read", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// A source is not YAML.
    #[error("{origin} is not valid YAML: {reason}")]
    Syntax {
        /// File or environment variable.
        origin: String,
        /// What the parser says, with line and column; without the text itself.
        reason: String,
    },
    /// A source has a key that nothing reads.
    #[error("{origin}: unknown key `{path}`{}", did_you_mean(nearest.as_deref()))]
    UnknownKey {
        /// File or environment variable.
        origin: String,
        /// The key, dotted.
        path: String,
        /// A known key that looks like it.
        nearest: Option<String>,
    },
    /// A key has a value of the wrong type or out of range.
    #[error("`{path}`: {reason}")]
    Value {
        /// The key, dotted.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// There is no API key.
    #[error(
        "no API keys: set `keys` or `key_file` in the configuration, or start with --dev to try things out"
    )]
    NoKeys,
    /// The development key is used without `--dev`.
    #[error("the development key is known to everybody: it works with --dev only")]
    DevKey,
    /// A secret is too short.
    #[error(
        "the secret of the API key `{key}` has {actual_bytes} bytes, at least {SECRET_BYTES_MIN} are needed"
    )]
    ShortSecret {
        /// The key.
        key: String,
        /// The secret's length.
        actual_bytes: usize,
    },
    /// The key file is not a map of names to strings.
    #[error("{} is not a YAML map of API keys to secrets", path.display())]
    KeyFile {
        /// The file.
        path: PathBuf,
    },
    /// The key file can be read by everybody.
    #[error("{} can be read by other users: run chmod o-rwx on it", path.display())]
    KeyFileOpen {
        /// The file.
        path: PathBuf,
    },
}

fn did_you_mean(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |name| format!(", did you mean `{name}`?"))
}

impl Config {
    /// Merges `sources` over the defaults and checks the result.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] names the first thing that is wrong; show it and stop.
    ///
    /// # Panics
    ///
    /// Never: the defaults are plain values.
    pub fn load(sources: &Sources) -> Result<Self, ConfigError> {
        let defaults =
            serde_json::to_value(Self::default()).expect("the defaults are plain values");
        let mut tree = defaults.clone();
        if let Some(path) = &sources.file {
            let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Read {
                path: path.clone(),
                source,
            })?;
            let origin = path.display().to_string();
            lay_over(&mut tree, parse(&text, &origin)?, &defaults, origin)?;
        }
        for (name, text) in &sources.environment {
            if let Some(key) = name.strip_prefix(ENVIRONMENT_PREFIX)
                && !NOT_KEYS.contains(&name.as_str())
            {
                let origin = format!("environment variable {name}");
                let over = environment_tree(key, text, &origin, &defaults)?;
                lay_over(&mut tree, over, &defaults, origin)?;
            }
        }
        for (path, value) in &sources.flags {
            let path: Vec<String> = path.split('.').map(str::to_owned).collect();
            let over = at_path(&path, value.clone());
            lay_over(&mut tree, over, &defaults, "command line".to_owned())?;
        }
        let mut config: Self =
            serde_path_to_error::deserialize(tree).map_err(|error| ConfigError::Value {
                path: error.path().to_string(),
                reason: error.inner().to_string(),
            })?;
        config.dev = sources.dev;
        if let Some(data) = &sources.data {
            config.data.clone_from(data);
        }
        let key_file = sources.data.as_ref().map(|data| data.join(KEY_FILE_NAME));
        if let Some(path) = key_file.filter(|path| path.exists())
            && config.key_file.as_os_str().is_empty()
        {
            config.key_file = path;
        }
        keys::complete(&mut config)?;
        ice::complete(&mut config)?;
        accounts::check(&config)?;
        storage::complete(&mut config)?;
        config.check_ranges()?;
        Ok(config)
    }

    /// Prints the effective values as YAML, secrets redacted.
    ///
    /// # Panics
    ///
    /// Never: the tree consists of plain values.
    #[must_use]
    pub fn to_yaml(&self) -> String {
        serde_saphyr::to_string(self).expect("the configuration is a tree of plain values")
    }

    fn check_ranges(&self) -> Result<(), ConfigError> {
        let refuse = |path: &str, reason: &str| {
            Err(ConfigError::Value {
                path: path.to_owned(),
                reason: reason.to_owned(),
            })
        };
        let shards_max = usize::from(u16::MAX - self.rtc.udp_port) + 1;
        if self.rtc.shards > shards_max {
            return refuse(
                "rtc.shards",
                "there are not so many ports above rtc.udp_port",
            );
        }
        if self.rtc.batch_datagrams_max == 0 {
            return refuse("rtc.batch_datagrams_max", "at least 1 is needed");
        }
        if self.rtc.batch_forwards_max == 0 {
            return refuse("rtc.batch_forwards_max", "at least 1 is needed");
        }
        if self.rtc.gather_us > GATHER_US_MAX {
            return refuse("rtc.gather_us", "5000 at most: it delays sound");
        }
        if self.room.enabled_codecs.is_empty() {
            return refuse("room.enabled_codecs", "at least one codec is needed");
        }
        let webhook = &self.webhook;
        if !webhook.urls.is_empty() && self.keys.secret(&webhook.api_key).is_none() {
            return refuse("webhook.api_key", "webhooks are signed by one of `keys`");
        }
        let is_url = |url: &String| url.starts_with("http://") || url.starts_with("https://");
        if !webhook.urls.iter().all(is_url) {
            return refuse("webhook.urls", "a URL begins with http:// or https://");
        }
        if webhook.parallel_max == 0 || webhook.attempts_max == 0 {
            let path = "webhook.parallel_max, webhook.attempts_max";
            return refuse(path, "at least 1 is needed");
        }
        Ok(())
    }
}

fn lay_over(
    tree: &mut Value,
    over: Value,
    defaults: &Value,
    origin: String,
) -> Result<(), ConfigError> {
    if let Some(UnknownKey { path, nearest }) = unknown_key(&over, defaults) {
        return Err(ConfigError::UnknownKey {
            origin,
            path,
            nearest,
        });
    }
    merge(tree, over);
    Ok(())
}

/// Reads YAML. An empty file is an empty map.
fn parse(text: &str, origin: &str) -> Result<Value, ConfigError> {
    let syntax = |reason: String| ConfigError::Syntax {
        origin: origin.to_owned(),
        reason,
    };
    let options = serde_saphyr::options! { with_snippet: false };
    let value: Value = serde_saphyr::from_str_with_options(text, options)
        .map_err(|error| syntax(error.to_string()))?;
    match value {
        Value::Null => Ok(Value::Object(serde_json::Map::new())),
        Value::Object(_) => Ok(value),
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Err(syntax("it is not a map of keys".to_owned()))
        }
    }
}

/// Turns `RTC__UDP_PORT` with `7900` into `{rtc: {udp_port: 7900}}`.
///
/// Where the default is a string the text is taken as it is; else it is read as YAML. The names
/// below `KEYS__` keep their case.
fn environment_tree(
    key: &str,
    text: &str,
    origin: &str,
    defaults: &Value,
) -> Result<Value, ConfigError> {
    let secret_name = key.strip_prefix("KEYS__");
    let path: Vec<String> = match secret_name {
        Some(name) => vec!["keys".to_owned(), name.to_owned()],
        None => key.split("__").map(str::to_lowercase).collect(),
    };
    let is_text = secret_name.is_some() || matches!(find(defaults, &path), Some(Value::String(_)));
    let value = if is_text {
        Value::String(text.to_owned())
    } else {
        let options = serde_saphyr::options! { with_snippet: false };
        serde_saphyr::from_str_with_options(text, options).map_err(
            |error: serde_saphyr::Error| ConfigError::Syntax {
                origin: origin.to_owned(),
                reason: error.to_string(),
            },
        )?
    };
    Ok(at_path(&path, value))
}
