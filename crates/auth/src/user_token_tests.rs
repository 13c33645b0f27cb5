//! What passes, and a matrix of what does not.

use proptest::prelude::*;
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;

const NOW: u64 = 1_800_000_000;
const ISSUER: &str = "https://class.example";

fn key(number: u8) -> SigningKey {
    SigningKey::from_seed(&[number; 32])
}

fn keys() -> SigningKeys {
    SigningKeys::new(key(1), Some(key(2)))
}

fn claims() -> UserClaims {
    UserClaims {
        issuer: ISSUER.to_owned(),
        user: UserId::new(Uuid::from_u128(7)),
        session: SessionId::new(Uuid::from_u128(8)),
        generation: 3,
        issued_at: NOW,
        expires_at: NOW + 900,
    }
}

fn verify_at(token: &str, now: u64) -> Result<UserClaims, UserTokenError> {
    keys().verify(token, ISSUER, now)
}

/// Signs any header and payload with `key`.
fn forge(header: &Value, payload: &Value, key: &SigningKey) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!("{}.{}", part(header), part(payload));
    let signature =
        jsonwebtoken::crypto::sign(message.as_bytes(), &key.signer, Algorithm::EdDSA).unwrap();
    format!("{message}.{signature}")
}

#[test]
fn a_token_of_ours_passes_and_says_what_was_signed() {
    let token = keys().sign(&claims());

    assert_eq!(verify_at(&token, NOW), Ok(claims()));
    assert!(token.len() < USER_TOKEN_BYTES_MAX / 2, "{}", token.len());
}

#[test]
fn tokens_of_the_previous_key_pass_and_those_of_one_before_do_not() {
    let signed_with = |number| SigningKeys::new(key(number), None).sign(&claims());

    assert_eq!(verify_at(&signed_with(2), NOW), Ok(claims()));
    assert_eq!(
        verify_at(&signed_with(3), NOW),
        Err(UserTokenError::UnknownKey)
    );
}

#[test]
fn a_token_is_good_from_its_issue_to_its_end_and_hardly_longer() {
    let token = keys().sign(&claims());

    assert!(verify_at(&token, NOW + 900 + EXPIRY_LEEWAY_SECONDS).is_ok());
    assert_eq!(
        verify_at(&token, NOW + 901 + EXPIRY_LEEWAY_SECONDS),
        Err(UserTokenError::Expired { seconds: 906 - 900 })
    );
    assert!(verify_at(&token, NOW - NOT_BEFORE_LEEWAY_SECONDS).is_ok());
    assert_eq!(
        verify_at(&token, NOW - NOT_BEFORE_LEEWAY_SECONDS - 1),
        Err(UserTokenError::NotYetValid { seconds: 61 })
    );
}

#[test]
fn a_token_for_another_server_is_refused() {
    let token = keys().sign(&claims());

    let result = keys().verify(&token, "https://other.example", NOW);

    assert_eq!(result, Err(UserTokenError::WrongIssuer));
}

#[test]
fn a_key_signs_only_under_its_own_id() {
    let header = json!({"alg": "EdDSA", "typ": "JWT", "kid": key(1).id()});
    let payload = serde_json::to_value(claims()).unwrap();
    let with = |number| verify_at(&forge(&header, &payload, &key(number)), NOW);

    assert_eq!(with(1), Ok(claims()));
    assert_eq!(with(2), Err(UserTokenError::BadSignature));
    assert_eq!(with(3), Err(UserTokenError::BadSignature));
}

#[test]
fn headers_that_ask_for_something_else_are_refused_though_the_signature_holds() {
    let kid = key(1).id().to_owned();
    let payload = serde_json::to_value(claims()).unwrap();
    for header in [
        json!({"alg": "none", "typ": "JWT", "kid": kid}),
        json!({"alg": "HS256", "typ": "JWT", "kid": kid}),
        json!({"alg": "eddsa", "typ": "JWT", "kid": kid}),
        json!({"alg": "EdDSA", "typ": "JWT"}),
        json!({"alg": "EdDSA", "kid": kid}),
        json!({"alg": "EdDSA", "typ": "JWT", "kid": kid, "crit": ["b64"]}),
        json!({"alg": "EdDSA", "typ": "JWT", "kid": kid, "jku": "https://evil.example"}),
        json!({"alg": "EdDSA", "typ": "JWT", "kid": [kid]}),
    ] {
        let result = verify_at(&forge(&header, &payload, &key(1)), NOW);
        assert_eq!(result, Err(UserTokenError::Malformed), "{header}");
    }
}

#[test]
fn a_token_signed_with_the_public_key_as_a_shared_secret_is_refused() {
    let header = Header {
        kid: Some(key(1).id().to_owned()),
        ..Header::new(Algorithm::HS256)
    };
    let secret = EncodingKey::from_secret(key(1).public());

    let token = jsonwebtoken::encode(&header, &claims(), &secret).unwrap();

    assert_eq!(verify_at(&token, NOW), Err(UserTokenError::Malformed));
}

#[test]
fn claims_that_lack_something_or_have_another_type_are_refused() {
    let header = json!({"alg": "EdDSA", "typ": "JWT", "kid": key(1).id()});
    let whole = serde_json::to_value(claims()).unwrap();
    for name in ["iss", "sub", "sid", "gen", "iat", "exp"] {
        let mut without = whole.clone();
        without.as_object_mut().unwrap().remove(name);
        let mut other = whole.clone();
        other[name] = json!([1]);
        for payload in [without, other] {
            let result = verify_at(&forge(&header, &payload, &key(1)), NOW);
            assert_eq!(result, Err(UserTokenError::Malformed), "{payload}");
        }
    }
}

#[test]
fn access_tokens_of_rooms_and_of_accounts_are_not_taken_for_each_other() {
    let room = crate::Claims::for_room("ana", "yoga", NOW + 900);
    let room = crate::sign(&room, "devkey", "secret");
    let ours = keys().sign(&claims());
    let api_keys = crate::ApiKeys::from_iter([("devkey", "secret"), (ISSUER, "secret")]);

    assert_eq!(verify_at(&room, NOW), Err(UserTokenError::Malformed));
    assert!(crate::verify(&ours, &api_keys, NOW).is_err());
}

#[test]
fn debug_output_shows_no_seed() {
    let seed = *b"canary-canary-canary-canary-cana";

    let shown = format!("{:?}", SigningKeys::new(SigningKey::from_seed(&seed), None));

    assert!(
        !shown.contains("canary") && !shown.contains("99, 97"),
        "{shown}"
    );
}

proptest! {
    #[test]
    fn no_text_at_all_panics_or_passes(text in "\\PC{0,200}") {
        prop_assert!(verify_at(&text, NOW).is_err());
    }

    #[test]
    fn a_token_with_any_byte_changed_is_refused(at in 0_usize..400, to in "[A-Za-z0-9_.-]") {
        let token = keys().sign(&claims());
        let at = at % token.len();
        let changed = format!("{}{}{}", &token[..at], to, &token[at + 1..]);
        // The last character of a part carries bits that belong to no byte; they must be zero.
        prop_assert!(changed == token || verify_at(&changed, NOW).is_err());
    }
}
