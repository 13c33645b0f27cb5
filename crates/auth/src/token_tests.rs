//! The matrix of promise 8: of all generated tokens, only the golden one passes.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;

const NOW: u64 = 1_800_000_000;
const KEY: &str = "api-key";
const SECRET: &str = "a secret of at least thirty-two bytes";

/// Signs any header and payload with HMAC-SHA-256, whatever the header says.
fn signed(header: &Value, payload: &Value, secret: &str) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!("{}.{}", part(header), part(payload));
    let key = EncodingKey::from_secret(secret.as_bytes());
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::HS256).unwrap();
    format!("{message}.{signature}")
}

fn keys() -> ApiKeys {
    ApiKeys::from_iter([
        (KEY, SECRET),
        ("other-key", "the secret of the other API key, as long"),
    ])
}

fn golden_header() -> Value {
    json!({"alg": "HS256", "typ": "JWT"})
}

fn golden_claims() -> Value {
    json!({
        "iss": KEY,
        "sub": "ana",
        "exp": NOW + 600,
        "nbf": NOW - 10,
        "video": {"roomJoin": true, "room": "yoga"},
    })
}

/// Returns `base` with `name` set to `value`, or removed if `value` is `None`.
fn with(base: &Value, name: &str, value: Option<Value>) -> Value {
    let mut map: Map<String, Value> = base.as_object().unwrap().clone();
    match value {
        Some(value) => map.insert(name.to_owned(), value),
        None => map.remove(name),
    };
    Value::Object(map)
}

/// Headers, each with whether it may pass.
fn headers() -> Vec<(Value, bool)> {
    let golden = golden_header();
    let mut all = vec![(golden.clone(), true)];
    for alg in [
        "none", "None", "NONE", "", "hs256", "HS384", "HS512", "RS256", "ES256", "PS256", "EdDSA",
    ] {
        all.push((with(&golden, "alg", Some(json!(alg))), false));
    }
    all.push((with(&golden, "alg", None), false));
    all.push((with(&golden, "alg", Some(json!(["HS256"]))), false));
    all.push((with(&golden, "typ", None), true)); // The JavaScript SDK sends none.
    all.push((with(&golden, "typ", Some(json!("jwt"))), true));
    for typ in [json!("at+jwt"), json!("JWE"), json!(1)] {
        all.push((with(&golden, "typ", Some(typ)), false));
    }
    all.push((with(&golden, "kid", Some(json!(KEY))), true));
    for kid in ["other-key", "../../dev/null", "", "' OR 1=1 --"] {
        all.push((with(&golden, "kid", Some(json!(kid))), false));
    }
    for (name, value) in [
        ("jku", json!("http://localhost/jwks.json")),
        ("jwk", json!({"kty": "oct", "k": "AAAA"})),
        ("x5u", json!("http://localhost/cert.pem")),
        ("x5c", json!(["AAAA"])),
        ("crit", json!(["exp"])),
        ("b64", json!(false)),
        ("zip", json!("DEF")),
        ("cty", json!("JWT")),
    ] {
        all.push((with(&golden, name, Some(value)), false));
    }
    all
}

/// Payloads, each with whether it may pass.
fn payloads() -> Vec<(Value, bool)> {
    let golden = golden_claims();
    let mut all = vec![(golden.clone(), true)];
    let cases = [
        ("iss", None, false),
        ("iss", Some(json!("")), false),
        ("iss", Some(json!("unknown")), false),
        ("iss", Some(json!("other-key")), false), // A key of ours, but not the one that signed.
        ("iss", Some(json!([KEY])), false),
        ("exp", None, false),
        ("exp", Some(json!(0)), false),
        ("exp", Some(json!(NOW - 6)), false),
        ("exp", Some(json!(NOW - 5)), true),
        ("exp", Some(json!((NOW + 600).to_string())), false),
        ("exp", Some(json!(-1)), false),
        ("exp", Some(Value::Null), false),
        ("nbf", None, true),
        ("nbf", Some(json!(NOW + 60)), true),
        ("nbf", Some(json!(NOW + 61)), false),
        ("nbf", Some(json!(NOW + 3600)), false),
        ("nbf", Some(json!("soon")), false),
        ("aud", Some(json!("another-service")), false),
        ("sub", Some(json!(7)), false),
        ("video", Some(json!("all")), false),
        ("video", Some(json!({"roomJoin": "yes"})), false),
        ("attributes", Some(json!({"a": 1})), false),
        ("unfamiliar", Some(json!({"a": 1})), true),
    ];
    for (name, value, passes) in cases {
        all.push((with(&golden, name, value), passes));
    }
    all
}

#[test]
fn of_the_matrix_of_headers_claims_and_secrets_only_golden_ones_pass() {
    let keys = keys();
    let secrets = [
        (SECRET, true),
        ("", false),
        ("a secret of at least thirty-two byteS", false),
        ("the secret of the other API key, as long", false),
        (KEY, false),
    ];
    let (mut passed, mut refused) = (0, 0);

    for (header, header_passes) in headers() {
        for (payload, payload_passes) in payloads() {
            for (secret, secret_passes) in secrets {
                let token = signed(&header, &payload, secret);
                let result = verify(&token, &keys, NOW);
                // A token of the other key, signed with the other key's secret, is golden too.
                let is_other = payload["iss"] == json!("other-key")
                    && secret.starts_with("the secret")
                    && (header["kid"].is_null() || header["kid"] == json!("other-key"));
                let other_header = header_passes || header["kid"] == json!("other-key");
                let expected = (header_passes && payload_passes && secret_passes)
                    || (is_other && other_header);

                assert_eq!(result.is_ok(), expected, "{header} {payload}: {result:?}");
                passed += usize::from(result.is_ok());
                refused += usize::from(result.is_err());
            }
        }
    }

    assert!(
        passed > 10 && refused > 2000,
        "{passed} passed, {refused} refused"
    );
}

#[test]
fn the_golden_token_gives_its_claims() {
    let token = signed(&golden_header(), &golden_claims(), SECRET);

    let claims = verify(&token, &keys(), NOW).unwrap();

    assert_eq!(claims.identity, "ana");
    assert_eq!(claims.api_key, KEY);
    assert_eq!(claims.video.unwrap().room, "yoga");
}

#[test]
fn a_token_of_our_own_passes_until_it_expires() {
    let token = sign(&Claims::for_room("ana", "yoga", NOW + 60), KEY, SECRET);

    assert!(verify(&token, &keys(), NOW).is_ok());
    assert_eq!(
        verify(&token, &keys(), NOW + 66),
        Err(TokenError::Expired { seconds: 6 })
    );
}

#[test]
fn reasons_are_told_apart() {
    let reason = |header: &Value, payload: &Value, secret: &str| {
        verify(&signed(header, payload, secret), &keys(), NOW).unwrap_err()
    };
    let (header, claims) = (golden_header(), golden_claims());

    let none = with(&header, "alg", Some(json!("none")));
    assert_eq!(
        reason(&none, &claims, SECRET),
        TokenError::UnsupportedHeader
    );
    let stranger = with(&claims, "iss", Some(json!("stranger")));
    assert_eq!(reason(&header, &stranger, SECRET), TokenError::UnknownKey);
    assert_eq!(reason(&header, &claims, "wrong"), TokenError::BadSignature);
    let endless = with(&claims, "exp", None);
    assert_eq!(reason(&header, &endless, SECRET), TokenError::NoExpiry);
    let early = with(&claims, "nbf", Some(json!(NOW + 3600)));
    let seconds = 3600;
    assert_eq!(
        reason(&header, &early, SECRET),
        TokenError::NotYetValid { seconds }
    );
}

#[test]
fn an_unsigned_token_is_refused() {
    let token = signed(&golden_header(), &golden_claims(), SECRET);
    let (unsigned, _) = token.rsplit_once('.').unwrap();

    assert_eq!(
        verify(&format!("{unsigned}."), &keys(), NOW),
        Err(TokenError::BadSignature)
    );
    assert_eq!(verify(unsigned, &keys(), NOW), Err(TokenError::Malformed));
    assert_eq!(
        verify(&format!("{token}.x"), &keys(), NOW),
        Err(TokenError::Malformed)
    );
}

#[test]
fn a_token_of_8_kib_passes_and_one_byte_more_is_refused() {
    let sized = |padding: usize| {
        let claims = with(
            &golden_claims(),
            "metadata",
            Some(json!("x".repeat(padding))),
        );
        signed(&golden_header(), &claims, SECRET)
    };
    let padding = (0..TOKEN_BYTES_MAX)
        .rev()
        .find(|&n| sized(n).len() <= TOKEN_BYTES_MAX)
        .unwrap();
    let token = sized(padding);

    assert!(token.len() + 2 > TOKEN_BYTES_MAX);
    assert!(verify(&token, &keys(), NOW).is_ok());
    let actual_bytes = TOKEN_BYTES_MAX + 1;
    assert_eq!(
        verify(
            &format!("{token}{}", "x".repeat(actual_bytes - token.len())),
            &keys(),
            NOW
        ),
        Err(TokenError::TooLong { actual_bytes })
    );
}

#[test]
fn no_key_means_no_entry() {
    let token = signed(&golden_header(), &golden_claims(), SECRET);

    assert_eq!(
        verify(&token, &ApiKeys::default(), NOW),
        Err(TokenError::UnknownKey)
    );
}

proptest! {
    #[test]
    fn any_text_is_refused_without_a_panic(text in "\\PC{0,200}") {
        prop_assert!(verify(&text, &keys(), NOW).is_err());
    }

    #[test]
    fn a_golden_token_with_any_one_byte_changed_is_refused(
        position in any::<prop::sample::Index>(),
        replacement in "[A-Za-z0-9_.=-]",
    ) {
        let token = signed(&golden_header(), &golden_claims(), SECRET);
        let position = position.index(token.len());
        let mut changed = token.clone();
        changed.replace_range(position..=position, &replacement);
        prop_assume!(changed != token);

        prop_assert!(verify(&changed, &keys(), NOW).is_err());
    }

    #[test]
    fn errors_do_not_repeat_the_token(text in "[A-Za-z0-9_.-]{20,80}") {
        let error = verify(&text, &keys(), NOW).unwrap_err();

        let shown = format!("{error} {error:?}");
        prop_assert!(!shown.contains(&text));
    }
}
