//! What the fuzz target of access tokens does with its bytes. A test of `auth` replays the corpus through
//! the same function.

use auth::{ApiKeys, verify};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey};

const NOW: u64 = 1_800_000_000;
const KEY: &str = "api-key";
const SECRET: &str = "a secret of at least thirty-two bytes";

/// Verifies a token. With an even first byte the rest is its text, which nobody with the secret has
/// signed. With an odd one the rest is header and payload, parted by a zero byte, and signed with
/// HMAC-SHA-256: by us, or if the byte is above 127 by somebody else.
pub fn token(bytes: &[u8]) {
    let Some((&choice, content)) = bytes.split_first() else {
        return;
    };
    let keys = ApiKeys::from_iter([(KEY, SECRET)]);
    if choice % 2 == 0 {
        let text = String::from_utf8_lossy(content);
        assert!(verify(&text, &keys, NOW).is_err(), "nobody signed it");
        return;
    }
    let mut parts = content.splitn(2, |byte| *byte == 0);
    let (header, payload) = (
        parts.next().unwrap_or_default(),
        parts.next().unwrap_or_default(),
    );
    let message = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(header),
        URL_SAFE_NO_PAD.encode(payload)
    );
    let secret = if choice > 127 {
        "the secret of somebody else, as long"
    } else {
        SECRET
    };
    let key = EncodingKey::from_secret(secret.as_bytes());
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::HS256)
        .expect("HS256 takes any secret");
    if let Ok(claims) = verify(&format!("{message}.{signature}"), &keys, NOW) {
        assert!(choice < 128, "somebody else signed it");
        assert_eq!(claims.api_key, KEY);
        assert!(claims.exp.saturating_add(auth::EXPIRY_LEEWAY_SECONDS) >= NOW);
        let header: serde_json::Value = serde_json::from_slice(header).expect("it was read");
        assert_eq!(header["alg"], "HS256");
    }
}
