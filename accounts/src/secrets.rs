//! Secrets that people hold: refresh tokens, links in mails, recovery codes. What we keep is their
//! SHA-256, which is enough for secrets that nobody chose.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::Rng;
use sha2::{Digest, Sha256};

/// The SHA-256 of a secret, as the database has it.
pub(crate) type SecretHash = [u8; 32];

/// 256 random bits that somebody holds. `Debug` doesn't show them.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Token([u8; 32]);

impl Token {
    /// Makes a new one.
    pub(crate) fn random() -> Self {
        Self(rand::rng().random())
    }

    /// Reads what [`expose`](Self::expose) wrote; `None` if it is anything else.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        bytes.try_into().ok().map(Self)
    }

    /// Writes it for its holder: 43 characters that may stand in a URL or a cookie.
    pub(crate) fn expose(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// Returns what is kept of it.
    pub(crate) fn hash(&self) -> SecretHash {
        Sha256::digest(self.0).into()
    }

    /// Makes the refresh token that follows this one in a session with this key.
    ///
    /// It is always the same, so that a client whose answer got lost is given it again. Whoever has
    /// only the database, thus the key and the hashes, can't make it.
    pub(crate) fn successor(&self, chain_key: &[u8]) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"clapt refresh token");
        hash.update(chain_key);
        hash.update(self.0);
        Self(hash.finalize().into())
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(redacted)")
    }
}

/// How many recovery codes somebody gets.
pub(crate) const RECOVERY_CODES: usize = 10;

/// Characters of a recovery code, without the dashes: 80 bits.
const RECOVERY_CHARACTERS: usize = 16;

/// Crockford's alphabet: no I, L, O, U, which are mistaken for others.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Makes a recovery code, such as `7K2M-90QX-ZZ41-ABCD`.
pub(crate) fn recovery_code() -> String {
    let mut random = rand::rng();
    let mut code = String::new();
    for at in 0..RECOVERY_CHARACTERS {
        if at > 0 && at % 4 == 0 {
            code.push('-');
        }
        code.push(char::from(ALPHABET[random.random_range(0..ALPHABET.len())]));
    }
    code
}

/// Returns what is kept of a recovery code, however it was typed; `None` if it can't be one.
pub(crate) fn recovery_hash(typed: &str) -> Option<SecretHash> {
    let mut code = String::new();
    for letter in typed.chars().filter(|c| !c.is_whitespace() && *c != '-') {
        let letter = match letter.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            other => other,
        };
        let is_known = u8::try_from(letter).is_ok_and(|byte| ALPHABET.contains(&byte));
        if !is_known || code.len() == RECOVERY_CHARACTERS {
            return None;
        }
        code.push(letter);
    }
    (code.len() == RECOVERY_CHARACTERS).then(|| Sha256::digest(code).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_as_it_was_written_and_nothing_else_is() {
        let token = Token::random();
        let text = token.expose();

        assert_eq!(text.len(), 43);
        assert_eq!(Token::parse(&text), Some(token.clone()));
        assert_ne!(Token::random(), token);
        for other in [
            "",
            "x",
            &text[1..],
            &format!("{text}A"),
            &format!("{text}="),
        ] {
            assert_eq!(Token::parse(other), None, "{other}");
        }
        assert!(!format!("{token:?}").contains(&text));
    }

    #[test]
    fn the_successor_needs_the_token_and_the_key() {
        let (token, other) = (Token::random(), Token::random());
        let (key, other_key) = ([1; 32], [2; 32]);

        assert_eq!(token.successor(&key), token.successor(&key));
        assert_ne!(token.successor(&key), token.successor(&other_key));
        assert_ne!(token.successor(&key), other.successor(&key));
        assert_ne!(token.successor(&key).hash(), token.hash());
    }

    #[test]
    fn a_recovery_code_may_be_typed_in_many_ways() {
        let code = recovery_code();
        let hash = recovery_hash(&code);

        assert_eq!(code.len(), 19);
        assert!(hash.is_some());
        assert_eq!(recovery_hash(&code.to_lowercase().replace('-', " ")), hash);
        assert_eq!(
            recovery_hash(&code.replace('0', "o").replace('1', "l")),
            hash
        );
        assert_ne!(recovery_hash(&recovery_code()), hash);
        for other in [
            "",
            "123456",
            &code[1..],
            &format!("{code}0"),
            "ÄÄÄÄ-0000-0000-0000",
        ] {
            assert_eq!(recovery_hash(other), None, "{other}");
        }
    }
}
