use std::io::Write;

use flate2::Compression as Level;
use flate2::write::GzEncoder;
use livekit_protocol::ConnectionSettings;
use proptest::prelude::*;

use super::*;

const BYTES_MAX: usize = 64 * 1024;

fn query(pairs: &[(&str, &str)]) -> Query {
    let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
    pairs.iter().map(owned).collect()
}

fn wrap(request: &[u8], compression: Compression) -> String {
    let wrapped = WrappedJoinRequest {
        compression: compression.into(),
        join_request: request.to_vec(),
    };
    BASE64.encode(wrapped.encode_to_vec())
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Level::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn read_v1(text: &str) -> Result<JoinWish, JoinRequestError> {
    JoinWish::read(&query(&[("join_request", text)]), "", true, BYTES_MAX)
}

#[test]
fn the_query_of_a_browser_is_understood() {
    let query = query(&[
        ("auto_subscribe", "1"),
        ("sdk", "js"),
        ("version", "2.23.0"),
        ("protocol", "17"),
        ("client_protocol", "2"),
        ("adaptive_stream", "1"),
        ("reconnect", "1"),
        ("sid", "PA_x"),
    ]);
    let agent = "Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0";

    let wish = JoinWish::read(&query, agent, false, BYTES_MAX).unwrap();

    assert_eq!(wish.mode, Mode::Dual);
    assert_eq!((wish.client.sdk(), wish.client.protocol), (Sdk::Js, 17));
    assert_eq!(wish.client.browser, "Firefox");
    assert!(wish.auto_subscribe && wish.adaptive_stream);
    assert_eq!(wish.resume.as_deref(), Some("PA_x"));
}

#[test]
fn tracks_are_subscribed_unless_the_query_says_no() {
    let auto_subscribe = |pairs: &[(&str, &str)]| {
        JoinWish::read(&query(pairs), "", false, BYTES_MAX)
            .unwrap()
            .auto_subscribe
    };

    assert!(auto_subscribe(&[]));
    assert!(auto_subscribe(&[("auto_subscribe", "true")]));
    assert!(!auto_subscribe(&[("auto_subscribe", "0")]));
}

#[test]
fn a_join_request_is_understood_plain_and_packed() {
    let request = JoinRequest {
        connection_settings: Some(ConnectionSettings {
            auto_subscribe: true,
            ..ConnectionSettings::default()
        }),
        metadata: "m".into(),
        ..JoinRequest::default()
    }
    .encode_to_vec();

    let plain = read_v1(&wrap(&request, Compression::None)).unwrap();
    let packed = read_v1(&wrap(&gzip(&request), Compression::Gzip)).unwrap();

    for wish in [plain, packed] {
        assert_eq!((wish.mode, wish.metadata.as_str()), (Mode::Single, "m"));
        assert!(wish.auto_subscribe && !wish.adaptive_stream);
    }
}

#[test]
fn the_v1_path_needs_a_join_request_and_v0_does_not() {
    assert_eq!(read_v1("").unwrap_err(), JoinRequestError::Missing);
    assert!(JoinWish::read(&query(&[]), "", false, BYTES_MAX).is_ok());
}

#[test]
fn a_compression_bomb_is_refused_at_the_limit() {
    let bomb = wrap(&gzip(&vec![0; 64 * 1024 * 1024]), Compression::Gzip);

    assert_eq!(read_v1(&bomb).unwrap_err(), JoinRequestError::TooLarge);
}

#[test]
fn each_way_to_be_unreadable_has_its_own_text() {
    let unreadable = [
        ("!".to_owned(), JoinRequestError::Base64),
        (BASE64.encode([0xff]), JoinRequestError::Wrapper),
        (wrap(b"x", Compression::Gzip), JoinRequestError::Gzip),
        (wrap(&[0xff], Compression::None), JoinRequestError::Request),
    ];
    for (text, error) in unreadable {
        assert_eq!(read_v1(&text).unwrap_err(), error);
    }
}

proptest! {
    #[test]
    fn no_text_at_all_makes_it_panic(text in ".{0,200}", agent in ".{0,40}") {
        let _ = JoinWish::read(&query(&[("join_request", &text)]), &agent, true, 1024);
        let _ = JoinWish::read(&query(&[("attributes", &text)]), &agent, false, 1024);
    }
}
