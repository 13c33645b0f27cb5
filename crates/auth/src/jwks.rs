//! The public keys of access tokens, for those who verify offline (RFC 7517, RFC 8037).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;

use crate::SigningKeys;

/// A set of public keys, as it stands at `/.well-known/jwks.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Jwks {
    /// The keys, the one that signs now first.
    pub keys: Vec<Jwk>,
}

/// A public key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Jwk {
    /// The kind of key: always `OKP`.
    pub kty: &'static str,
    /// The curve: always `Ed25519`.
    pub crv: &'static str,
    /// What it is for: always `sig`.
    pub r#use: &'static str,
    /// The algorithm: always `EdDSA`.
    pub alg: &'static str,
    /// Its id.
    pub kid: String,
    /// The key, in base64url.
    pub x: String,
}

impl SigningKeys {
    /// Returns the public keys.
    #[must_use]
    pub fn jwks(&self) -> Jwks {
        let jwk = |key: &crate::SigningKey| Jwk {
            kty: "OKP",
            crv: "Ed25519",
            r#use: "sig",
            alg: "EdDSA",
            kid: key.id().to_owned(),
            x: URL_SAFE_NO_PAD.encode(key.public()),
        };
        Jwks {
            keys: self.iter().map(jwk).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SigningKey;

    /// The private key of RFC 8037, appendix A.1.
    const SEED: &str = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A";

    #[test]
    fn the_example_of_the_rfc_has_the_public_key_and_thumbprint_that_it_says() {
        let seed = URL_SAFE_NO_PAD.decode(SEED).unwrap();
        let key = SigningKey::from_seed(&seed.try_into().unwrap());

        let jwks = SigningKeys::new(key, None).jwks();

        let json = serde_json::to_value(&jwks).unwrap();
        let expected = serde_json::json!({"keys": [{
            "kty": "OKP",
            "crv": "Ed25519",
            "use": "sig",
            "alg": "EdDSA",
            "kid": "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
            "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
        }]});
        assert_eq!(json, expected);
    }
}
