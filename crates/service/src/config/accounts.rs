//! Section `accounts`.

use serde::{Deserialize, Serialize};

use super::{Config, ConfigError};

/// The least memory of a password's hash outside `--dev`, as OWASP advises for two iterations.
const PASSWORD_MEMORY_KIB_MIN: u32 = 19_456;

/// Section `accounts`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AccountsConfig {
    /// Whether everybody may register.
    pub registration: bool,
    /// Memory that one argon2id hash takes, in KiB.
    pub password_memory_kib: u32,
    /// Passes of argon2id over that memory.
    pub password_iterations: u32,
    /// Lanes of argon2id.
    pub password_parallelism: u32,
    /// Minutes that an access token is good.
    pub access_token_minutes: u32,
    /// Days after which an unused session ends.
    pub session_days: u32,
    /// Minutes that a link in a mail is good.
    pub link_minutes: u32,
    /// Hours that the link to set the server up is good.
    pub setup_link_hours: u32,
    /// Days that mails are kept.
    pub mail_days: u32,
}

impl Default for AccountsConfig {
    fn default() -> Self {
        Self {
            registration: true,
            password_memory_kib: PASSWORD_MEMORY_KIB_MIN,
            password_iterations: 2,
            password_parallelism: 1,
            access_token_minutes: 15,
            session_days: 30,
            link_minutes: 30,
            setup_link_hours: 24,
            mail_days: 7,
        }
    }
}

/// Refuses what would make accounts unsafe or unusable.
pub(super) fn check(config: &Config) -> Result<(), ConfigError> {
    let accounts = &config.accounts;
    let limit = &config.limit;
    let url = &config.public_url;
    let is_web = url.starts_with("http://") || url.starts_with("https://");
    let positive = [
        accounts.session_days,
        accounts.link_minutes,
        accounts.setup_link_hours,
        accounts.mail_days,
    ];
    let (path, reason) = if accounts.password_memory_kib < PASSWORD_MEMORY_KIB_MIN && !config.dev {
        ("accounts.password_memory_kib", "at least 19456 is needed")
    } else if accounts.password_iterations < 2 && !config.dev {
        ("accounts.password_iterations", "at least 2 is needed")
    } else if accounts.password_parallelism == 0 {
        ("accounts.password_parallelism", "at least 1 is needed")
    } else if !(1..=60).contains(&accounts.access_token_minutes) {
        ("accounts.access_token_minutes", "1 to 60 are allowed")
    } else if positive.contains(&0) {
        ("accounts", "times are at least 1")
    } else if limit.password_hashes_at_once == 0 || limit.sessions_per_account_max == 0 {
        (
            "limit.password_hashes_at_once, limit.sessions_per_account_max",
            "at least 1 is needed",
        )
    } else if !url.is_empty() && (!is_web || url.ends_with('/')) {
        let reason = "it begins with http:// or https:// and does not end with a slash";
        ("public_url", reason)
    } else {
        return Ok(());
    };
    Err(ConfigError::Value {
        path: path.to_owned(),
        reason: reason.to_owned(),
    })
}
