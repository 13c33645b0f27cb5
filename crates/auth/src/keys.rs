//! API keys and their secrets.

use std::collections::BTreeMap;
use std::fmt;

/// A shared secret. `Debug` never shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps `secret`.
    pub fn new(secret: impl Into<String>) -> Self {
        Self(secret.into())
    }

    /// Shows the secret, for signing and for nothing else.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(redacted)")
    }
}

/// The API keys that this server accepts, each with its secret.
///
/// More than one may be active, so that keys can be rotated without a gap.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ApiKeys(BTreeMap<String, Secret>);

impl ApiKeys {
    /// Finds the secret of `key`.
    #[must_use]
    pub fn secret(&self, key: &str) -> Option<&Secret> {
        self.0.get(key)
    }

    /// Returns the alphabetically first key with its secret, which signs the tokens that we make.
    #[must_use]
    pub fn first(&self) -> Option<(&str, &Secret)> {
        self.iter().next()
    }

    /// Iterates over keys and secrets, sorted by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Secret)> {
        self.0.iter().map(|(key, secret)| (key.as_str(), secret))
    }

    /// Says whether there is no key, so that no token can pass.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<K: Into<String>, S: Into<String>> FromIterator<(K, S)> for ApiKeys {
    fn from_iter<T: IntoIterator<Item = (K, S)>>(pairs: T) -> Self {
        let pairs = pairs.into_iter();
        Self(
            pairs
                .map(|(key, secret)| (key.into(), Secret::new(secret)))
                .collect(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_never_contains_a_secret() {
        let keys = ApiKeys::from_iter([("devkey", "canary-secret")]);

        let shown = format!("{keys:?}");

        assert!(shown.contains("devkey"), "{shown}");
        assert!(!shown.contains("canary"), "{shown}");
    }
}
